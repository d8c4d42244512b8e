/*
 * html_parts: what the files that write report.html share: the page, and its sections in the order
 * in which they stand there.
 */
#ifndef REPORTS_HTML_PARTS_H
#define REPORTS_HTML_PARTS_H

#include "reports/format.h"
#include "reports/html_write.h"
#include "reports/series.h"

enum { HTML_ROWS_MAX = 200 };

struct page {
	struct buffer *out;
	const struct report *report;
	const struct series *series;  /* for lines */
	const struct series *rows;    /* for tables: coarser */
	const struct series *columns; /* for the heatmap: coarser, too */
};

void html_head(struct page *page);        /* up to <body>, and the bar on top */
void html_verdict(struct page *page);     /* what came of it, why, and the figures in short */
void html_gates(struct page *page);
void html_errors(struct page *page);
void html_sagas(struct page *page);
void html_requests(struct page *page);
void html_timeline(struct page *page);
void html_spread(struct page *page);      /* latency by percentile */
void html_faults(struct page *page);
void html_environment(struct page *page);
void html_end(struct page *page);

/* A saga that shows a violation: its story, line by line. */
void html_witness(struct page *page, const json_t *witness);

/* "... and 12 more in report.json" below a table; nothing when there are no more. */
void html_add_more(struct page *page, size_t more);

#endif
