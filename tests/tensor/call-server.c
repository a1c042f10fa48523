/* Makes the kernel calls that it reads from standard input and writes every array back: so kernels run on another processor,
 * in an emulator that has no Node. A call: index, parameters, arrays (int32), the parameters (double), then for each array its
 * type and length (int32) and its elements. The answer: 0 or 1 (int32), then the elements of each array. */
#include <stdio.h>
#include <stdlib.h>

#include "boundary.h"

extern const Operation operations_baseline[];

static int get(void *to, size_t size, size_t count) { return fread(to, size, count, stdin) == count; }

int main(void) {
  int32_t header[3];
  while (get(header, sizeof *header, 3)) {
    double params[256];
    Array arrays[MOST_ARRAYS];
    if (header[1] > 256 || header[2] > MOST_ARRAYS || !get(params, sizeof *params, (size_t)header[1])) return 2;
    for (int i = 0; i < header[2]; i++) {
      int32_t shape[2];
      if (!get(shape, sizeof *shape, 2)) return 2;
      const size_t size = shape[0] == UINT8 ? 1 : 4;
      arrays[i] = (Array){malloc((size_t)shape[1] * size + 1), shape[1], shape[0]};
      if (!arrays[i].data || !get(arrays[i].data, size, (size_t)shape[1])) return 2;
    }
    const int32_t failed = run_operation(&operations_baseline[header[0]], arrays, header[2], params, header[1]);
    fwrite(&failed, sizeof failed, 1, stdout);
    for (int i = 0; i < header[2]; i++) {
      fwrite(arrays[i].data, arrays[i].type == UINT8 ? 1 : 4, (size_t)arrays[i].length, stdout);
      free(arrays[i].data);
    }
  }
  return 0;
}
