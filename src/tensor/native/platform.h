#ifndef PLATFORM_H
#define PLATFORM_H
#include <stddef.h>
#include <stdint.h>

int mg_fail(const char *message);
const char *mg_message(void);
int mg_parallel(int tasks, int (*run)(void *context, int task), void *context);
int mg_thread_count(void);
void mg_set_threads(int count); /* bounded by the machine's cores */
void *mg_scratch(size_t bytes);
size_t mg_scratch_mark(void);
void mg_scratch_release(size_t mark);

#endif
