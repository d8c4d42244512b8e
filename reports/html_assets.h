/*
 * html_assets: reports/page.css and reports/page.js, as they are, in the program.
 */
#ifndef REPORTS_HTML_ASSETS_H
#define REPORTS_HTML_ASSETS_H

#include "lib/text.h"

struct text html_style(void);
struct text html_script(void);

#endif
