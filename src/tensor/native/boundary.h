/* The one door to every kernel: types and counts are checked here, lengths and indices by the kernel itself. */
#ifndef BOUNDARY_H
#define BOUNDARY_H
#include "marginalia.h"

enum { MOST_ARRAYS = 256 };

static int letter_type(char letter) {
  switch (letter) {
    case 'f': case 'F': case 'x': return FLOAT32;
    case 'i': case 'I': return INT32;
    case 'b': case 'B': return UINT8;
    default: return -1;
  }
}

/* 0 when the kernel ran; otherwise mg_message() says why not, and nothing beyond the arrays was read or written. */
static int run_operation(const Operation *operation, const Array *arrays, int arrayCount, const double *params,
                         int paramCount) {
  const char *signature = operation->signature;
  if (paramCount < operation->params) return mg_fail("too few parameters");
  if (signature[0] != '@') {
    int at = 0;
    char letter = 0;
    for (; at < arrayCount; at++) {
      if (*signature && *signature != '*') letter = *signature++;
      else if (*signature != '*') return mg_fail("too many arrays");
      if (arrays[at].type != letter_type(letter)) return mg_fail("an array has the wrong element type");
    }
    if (*signature && *signature != '*' && signature[1] != '*') return mg_fail("too few arrays");
  }
  const size_t mark = mg_scratch_mark();
  const int failed = operation->run(arrays, arrayCount, params, paramCount);
  mg_scratch_release(mark);
  return failed;
}

#endif
