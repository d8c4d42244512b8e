#include "reports/format.h"

const struct report_format *const report_formats[] = {
	&report_format_html,
	&report_format_json,
	&report_format_hgrm,
	&report_format_hlog,
	&report_format_audit,
	&report_format_junit,
	&report_format_summary,
	&report_format_metrics,
	&report_format_csv,
	NULL,
};
