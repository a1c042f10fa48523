/* The WebAssembly build of the same kernels: one thread, memory as a stack that JavaScript and the kernels share. */
#include "boundary.h"

extern const Operation operations_wasm[];
extern unsigned char __heap_base;

#define EXPORT(name) __attribute__((export_name(#name))) name

static const char *message = "";
int mg_fail(const char *text) {
  message = text;
  return 1;
}
const char *mg_message(void) { return message; }

int mg_thread_count(void) { return 1; }
int mg_parallel(int tasks, int (*run)(void *, int), void *context) {
  int failed = 0;
  for (int task = 0; task < tasks; task++) failed |= run(context, task);
  return failed;
}

static size_t top = 0;

/* Aligned memory above all that is in use; grows the memory, which detaches JavaScript's views. 0: there is no more. */
void *mg_scratch(size_t bytes) {
  if (!top) top = ((size_t)&__heap_base + 63) / 64 * 64;
  const size_t rounded = (bytes + 127) / 64 * 64;
  if (rounded < bytes || top + rounded < top) return 0;
  const size_t end = top + rounded, pages = (end + 65535) / 65536, have = __builtin_wasm_memory_size(0);
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == (size_t)-1) return 0;
  void *found = (void *)top;
  top = end;
  return found;
}
size_t mg_scratch_mark(void) { return top; }
void mg_scratch_release(size_t mark) { top = mark; }

void *EXPORT(allocate)(size_t bytes) { return mg_scratch(bytes); }
size_t EXPORT(mark)(void) {
  if (!top) mg_scratch(0);
  return mg_scratch_mark();
}
void EXPORT(release)(size_t to) { mg_scratch_release(to); }
const char *EXPORT(lastMessage)(void) { return message; }

static int count_operations(void) {
  int count = 0;
  while (operations_wasm[count].name) count++;
  return count;
}
const char *EXPORT(operationName)(int index) {
  return index >= 0 && index < count_operations() ? operations_wasm[index].name : 0;
}
const char *EXPORT(operationSignature)(int index) {
  return index >= 0 && index < count_operations() ? operations_wasm[index].signature : 0;
}

/* table: for each array its address, length and type, as three 32-bit integers. */
int EXPORT(call)(int index, int arrayCount, const int32_t *table, int paramCount, const double *params) {
  Array arrays[MOST_ARRAYS];
  if (index < 0 || index >= count_operations()) return mg_fail("unknown operation");
  if (arrayCount < 0 || arrayCount > MOST_ARRAYS) return mg_fail("from 0 to 256 arrays");
  for (int i = 0; i < arrayCount; i++)
    arrays[i] = (Array){(void *)(size_t)table[3 * i], table[3 * i + 1], table[3 * i + 2]};
  return run_operation(&operations_wasm[index], arrays, arrayCount, params, paramCount);
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  __asm__ volatile("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.copy 0, 0" ::"r"(to), "r"(from), "r"(count) : "memory");
  return to;
}
void *memset(void *to, int value, size_t count) {
  __asm__ volatile("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.fill 0" ::"r"(to), "r"(value), "r"(count) : "memory");
  return to;
}
