#include "reports/html_assets.h"

/* The assembler reads the files; paths are from the root of the tree, where make runs. */
#define ASSET(name, file)                 \
	__asm__(".pushsection .rodata\n"  \
		name ":\n"                \
		".incbin \"" file "\"\n"  \
		".byte 0\n"               \
		".popsection\n")

ASSET("sagastorm_page_css", "reports/page.css");
ASSET("sagastorm_page_js", "reports/page.js");

extern const char sagastorm_page_css[], sagastorm_page_js[];

struct text html_style(void)
{
	return text_of(sagastorm_page_css);
}

struct text html_script(void)
{
	return text_of(sagastorm_page_js);
}
