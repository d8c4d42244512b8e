#include "reports/html_assets.h"

/* The assembler reads the files; paths are from the root of the tree, where make runs. */
#define ASSET(name, file)                     \
	__asm__(".pushsection .rodata\n"      \
		#name ":\n"                   \
		".incbin \"" file "\"\n"      \
		#name "_end:\n"               \
		".popsection\n");             \
	extern const char name[] __asm__(#name); \
	extern const char name##_end[] __asm__(#name "_end")

ASSET(sagastorm_page_css, "reports/page.css");
ASSET(sagastorm_page_js, "reports/page.js");

struct text html_style(void)
{
	return (struct text){ sagastorm_page_css,
			      (size_t)(sagastorm_page_css_end - sagastorm_page_css) };
}

struct text html_script(void)
{
	return (struct text){ sagastorm_page_js,
			      (size_t)(sagastorm_page_js_end - sagastorm_page_js) };
}
