/* Matrix products: batch x op(A) op(B), fused with a bias for each column and an activation. */
#include "matmul-core.h"

typedef struct {
  MatMul one;
  int64_t aSize, bSize, cSize, aBatch, bBatch;
} Batch;

static int batch_range(void *context, int64_t from, int64_t to) {
  const Batch *batch = context;
  for (int64_t i = from; i < to; i++) {
    MatMul m = batch->one;
    m.a += (i % batch->aBatch) * batch->aSize;
    m.b += (i % batch->bBatch) * batch->bSize;
    m.c += i * batch->cSize;
    if (matmul_rows(&m, 0, m.rows)) return 1;
  }
  return 0;
}

/* f a, f b, f bias (columns or none), F out; batch, rows, columns, depth, transposeA, transposeB, batches of a, of b,
 * activation. Batches of a and b divide `batch`. */
KERNEL(matmul_kernel) {
  UNUSED_COUNTS;
  SIZE(batch, 0) SIZE(rows, 1) SIZE(columns, 2) SIZE(depth, 3) SIZE(aBatch, 6) SIZE(bBatch, 7) SIZE(activation, 8)
  const int transposeA = params[4] != 0, transposeB = params[5] != 0;
  REQUIRE(batch == 0 || (aBatch > 0 && bBatch > 0), "matrices are missing");
  REQUIRE(activation < ACTIVATIONS, "unknown activation");
  const int64_t aSize = area(rows, depth), bSize = area(depth, columns), cSize = area(rows, columns);
  LENGTH(0, area(aBatch, aSize), "a");
  LENGTH(1, area(bBatch, bSize), "b");
  LENGTH(3, area(batch, cSize), "out");
  const float *bias = arrays[2].length ? FLOATS(2) : 0;
  if (bias) LENGTH(2, columns, "bias");
  if (batch == 0 || cSize == 0) return 0;
  Batch all = {.one = {.rows = rows,
                       .columns = columns,
                       .depth = depth,
                       .a = FLOATS(0),
                       .b = FLOATS(1),
                       .aRow = transposeA ? 1 : depth,
                       .aColumn = transposeA ? rows : 1,
                       .bRow = transposeB ? 1 : columns,
                       .bColumn = transposeB ? depth : 1,
                       .c = FLOATS(3),
                       .cRow = columns,
                       .activation = (int)activation,
                       .bias = bias},
               .aSize = aSize,
               .bSize = bSize,
               .cSize = cSize,
               .aBatch = aBatch,
               .bBatch = bBatch};
  if (batch == 1) return matmul(all.one);
  const double work = 2.0 * (double)cSize * (double)depth;
  return parallel_range(batch, (int64_t)(4e6 / (work + 1000)) + 1, batch_range, &all);
}
