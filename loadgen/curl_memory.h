/*
 * curl_memory: memory for libcurl, which asks for some seventy pieces per request and gives them
 * back. A tenth of the instructions of a request go into malloc(3) if it is asked each time.
 *
 * Pieces that libcurl gives back are kept by size, as many as a batch of requests needs, and given
 * out again, the warmest first. Each is one of malloc's. Only the thread that called
 * curl_memory_init() keeps pieces: libcurl resolves names in threads of its own, which go to
 * malloc. With AddressSanitizer all do, so that it sees what libcurl and we do wrong.
 */
#ifndef LOADGEN_CURL_MEMORY_H
#define LOADGEN_CURL_MEMORY_H

#include <curl/curl.h>

/* In the place of curl_global_init(). Of no effect on memory if libcurl is initialised already. */
CURLcode curl_memory_init(void);

/* What libcurl gets, to be tested. */
void *curl_memory_new(size_t bytes);
void curl_memory_free(void *memory);
void *curl_memory_resize(void *memory, size_t bytes);
void *curl_memory_new_zeroed(size_t count, size_t each);
char *curl_memory_copy_string(const char *string);

#endif
