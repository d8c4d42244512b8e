/*
 * flush: in MODE=cov, a process that ends by _exit() writes its counters first, as workers do.
 * Linked with --wrap=_exit.
 */
void __gcov_dump(void);
void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));

void __wrap__exit(int code)
{
	__gcov_dump();
	__real__exit(code);
}
