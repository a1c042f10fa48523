/* What every kernel family shares: the boundary's types, validation, vector width, scratch memory, parallel loops.
 *
 * A kernel is `int kernel(const Array *arrays, const double *params)`. Before it runs, the boundary (boundary.c) has
 * checked the number and the element types of its arrays and the number of its parameters against its signature; the
 * kernel itself then checks every length and index against what it is going to touch, and only then touches it.
 * Signature letters: f float32, i int32, b uint8 (lower case is read, F I B written, x float32 read and written).
 *
 * kernels.c includes every family and is compiled once for each instruction set, so all of this is static there. */
#ifndef MARGINALIA_H
#define MARGINALIA_H

#include <stddef.h>
#include <stdint.h>

#ifdef MARGINALIA_DOUBLE /* all kernels in double precision, for tests: FLOAT32 stands for Float64Array then */
#define float double
#endif

enum { FLOAT32, INT32, UINT8 };

typedef struct {
  void *data;
  int64_t length; /* elements */
  int type;
} Array;

typedef struct {
  const char *name;
  const char *signature; /* one letter an array; "a*" at the end: any number of arrays of that letter */
  int params;            /* least number of parameters */
  int (*run)(const Array *arrays, int arrayCount, const double *params, int paramCount);
} Operation;

/* platform.c (native) or wasm.c */
int mg_fail(const char *message); /* remembers the message, returns 1 */
const char *mg_message(void);
int mg_parallel(int tasks, int (*run)(void *context, int task), void *context); /* 0 when every task returned 0 */
int mg_thread_count(void);
void *mg_scratch(size_t bytes); /* this thread's, 64-byte aligned, until released; 0 when there is no memory */
size_t mg_scratch_mark(void);
void mg_scratch_release(size_t mark);

#define REQUIRE(condition, message) \
  do {                              \
    if (!(condition)) return mg_fail(message); \
  } while (0)

#define LARGEST_SIZE 2147483647.0

/* A size or offset out of a parameter: -1 unless it is an integer in [0, 2^31). */
static inline int64_t size_of(double value) {
  return value >= 0 && value <= LARGEST_SIZE && value == (double)(int64_t)value ? (int64_t)value : -1;
}

/* Product of sizes, -1 when a factor is invalid or the product exceeds 2^31: no length can match it then. */
static inline int64_t area(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return -1;
  if (a == 0 || b == 0) return 0;
  return a > (int64_t)LARGEST_SIZE / b ? -1 : a * b;
}

#define SIZE(name, index)                    \
  const int64_t name = size_of(params[index]); \
  REQUIRE(name >= 0, "parameter " #name " must be a size");

#define LENGTH(index, expected, what) \
  REQUIRE((expected) >= 0 && arrays[index].length == (expected), what " has the wrong length")

#define FLOATS(index) ((float *)arrays[index].data)
#define INTS(index) ((int32_t *)arrays[index].data)
#define BYTES(index) ((uint8_t *)arrays[index].data)

#define KERNEL(name) static int name(const Array *arrays, int arrayCount, const double *params, int paramCount)
#define UNUSED_COUNTS (void)arrayCount, (void)paramCount

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A loop over [0, count) in parallel: fixed pieces, so that results never depend on how many threads there are. */
typedef struct {
  int64_t count, piece;
  int (*run)(void *context, int64_t from, int64_t to);
  void *context;
} RangeLoop;

static int range_task(void *context, int task) {
  const RangeLoop *loop = context;
  const int64_t from = task * loop->piece;
  return loop->run(loop->context, from, MIN(loop->count, from + loop->piece));
}

static inline int parallel_range(int64_t count, int64_t piece, int (*run)(void *, int64_t, int64_t), void *context) {
  if (count <= piece) return count > 0 ? run(context, 0, count) : 0;
  while (count / piece > 64) piece *= 2;
  RangeLoop loop = {count, piece, run, context};
  return mg_parallel((int)((count + piece - 1) / piece), range_task, &loop);
}

#endif
