/* C = act(beta C + op(A) op(B) + bias), row-major C, any strides for A and B.
 *
 * B is packed into panels of 2 LANES columns (the last one of LANES, if that is enough), padded with zeros; a tile of
 * TILE_ROWS x panel stays in registers while it runs along K. Each element is summed over k in order, in blocks of
 * DEPTH: its value depends neither on its row's place in a tile nor on the number of threads. */

#define PANEL (2 * LANES)
#ifndef DEPTH
#define DEPTH 256
#endif

static inline int64_t packed_size(int64_t depth, int64_t columns) {
  return depth * ((columns + LANES - 1) / LANES * LANES);
}

/* B[k, j] = from[k rowStride + j columnStride] for depth x columns. */
static void pack_panels(float *to, const float *from, int64_t rowStride, int64_t columnStride, int64_t depth,
                        int64_t columns) {
  for (int64_t j = 0; j < columns;) {
    const int64_t width = columns - j > LANES ? PANEL : LANES;
    const int64_t filled = MIN(width, columns - j);
    const float *source = from + j * columnStride;
    if (columnStride == 1 && filled == PANEL)
      for (int64_t k = 0; k < depth; k++) {
        store(to + k * PANEL, load(source + k * rowStride));
        store(to + k * PANEL + LANES, load(source + k * rowStride + LANES));
      }
    else
      for (int64_t k = 0; k < depth; k++) {
        for (int64_t c = 0; c < filled; c++) to[k * width + c] = source[k * rowStride + c * columnStride];
        for (int64_t c = filled; c < width; c++) to[k * width + c] = 0;
      }
    to += depth * width;
    j += width;
  }
}

/* What a tile sums over: `stretches` runs of `depth` steps each. A's run s starts at `offset[s]`, B's runs follow each other in
 * the panel. A matrix product is one run; a convolution has one for each row of the filter. */
typedef struct {
  int64_t stretches, depth, aRow, aColumn;
  const int64_t *offset;
} Sum;

static const int64_t atStart[1] = {0};

/* One tile: rows x (vectors LANES) of the sum, added to C or stored into it; columns beyond `filled` are dropped. */
static inline __attribute__((always_inline)) void tile(const int rows, const int vectors, const Sum *along, const float *a,
                                                       const float *panel, float *c, int64_t cRow, int64_t filled, int add,
                                                       const float *bias) {
  Vector sum[TILE_ROWS][2];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) sum[r][v] = splat(0);
  const int64_t depth = along->depth, aRow = along->aRow, aColumn = along->aColumn;
  for (int64_t s = 0; s < along->stretches; s++) {
    const float *from = a + along->offset[s];
    for (int64_t k = 0; k < depth; k++) {
      Vector b[2];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) b[v] = load(panel + v * LANES);
      panel += vectors * LANES;
#pragma GCC unroll 12
      for (int r = 0; r < rows; r++) {
        const Vector value = splat(from[r * aRow]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) sum[r][v] += value * b[v];
      }
      from += aColumn;
    }
  }
  if (filled == vectors * LANES) {
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) {
        float *to = c + r * cRow + v * LANES;
        Vector value = sum[r][v];
        if (bias) value += load(bias + v * LANES);
        if (add) value += load(to);
        store(to, value);
      }
    return;
  }
  const int64_t some = filled % LANES; /* the last vector is not full */
  const Vector shift = bias ? load_some(bias + filled - some, some) : splat(0);
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++) {
    float *to = c + r * cRow;
    if (vectors == 2) {
      Vector value = sum[r][0];
      if (bias) value += load(bias);
      if (add) value += load(to);
      store(to, value);
      to += LANES;
    }
    Vector value = sum[r][vectors - 1] + shift;
    if (add) value += load_some(to, some);
    store_some(to, value, some);
  }
}

#define TILE_CASE(count)                                                                                     \
  case count:                                                                                                \
    if (vectors == 2) tile(count, 2, along, a, panel, c, cRow, filled, add, bias);                             \
    else tile(count, 1, along, a, panel, c, cRow, filled, add, bias);                                          \
    break;

static __attribute__((noinline)) void any_tile(int rows, int vectors, const Sum *along, const float *a, const float *panel,
                                               float *c, int64_t cRow, int64_t filled, int add, const float *bias) {
  switch (rows) {
    TILE_CASE(1) TILE_CASE(2) TILE_CASE(3) TILE_CASE(4) TILE_CASE(5) TILE_CASE(6)
#if TILE_ROWS > 6
    TILE_CASE(7) TILE_CASE(8)
#endif
#if TILE_ROWS > 8
    TILE_CASE(9) TILE_CASE(10) TILE_CASE(11) TILE_CASE(12)
#endif
  }
}

/* With B packed over the whole depth (depth <= DEPTH, or any depth when A is read along contiguous rows or columns). */
static void matmul_packed(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t aRow, int64_t aColumn,
                          const float *packed, float *c, int64_t cRow, int add, const float *bias) {
  const Sum along = {1, depth, aRow, aColumn, atStart};
  for (int64_t j = 0; j < columns;) {
    const int64_t width = columns - j > LANES ? PANEL : LANES;
    const int64_t filled = MIN(width, columns - j);
    int64_t i = 0;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
      any_tile(TILE_ROWS, (int)(width / LANES), &along, a + i * aRow, packed, c + i * cRow + j, cRow, filled, add,
               bias ? bias + j : 0);
    if (i < rows)
      any_tile((int)(rows - i), (int)(width / LANES), &along, a + i * aRow, packed, c + i * cRow + j, cRow, filled, add,
               bias ? bias + j : 0);
    packed += depth * width;
    j += width;
  }
}

typedef struct {
  int64_t rows, columns, depth;
  const float *a, *b;
  int64_t aRow, aColumn, bRow, bColumn;
  float *c;
  int64_t cRow;
  int add, activation;
  const float *bias;
} MatMul;

#define ROW_BLOCK (TILE_ROWS * 8)
#ifndef COLUMN_BLOCK
#define COLUMN_BLOCK 512
#endif

/* Copies a block of A so that a tile reads it in one stream: blocks of TILE_ROWS rows, k by k. */
static void pack_rows(float *to, const float *a, int64_t aRow, int64_t aColumn, int64_t rows, int64_t depth) {
  for (int64_t i = 0; i < rows; i += TILE_ROWS) {
    const int64_t count = MIN(TILE_ROWS, rows - i);
    if (aColumn == 1)
      for (int64_t r = 0; r < count; r++)
        for (int64_t k = 0; k < depth; k++) to[k * count + r] = a[(i + r) * aRow + k];
    else
      for (int64_t k = 0; k < depth; k++)
        for (int64_t r = 0; r < count; r++) to[k * count + r] = a[(i + r) * aRow + k * aColumn];
    to += count * depth;
  }
}

static int matmul_rows(void *context, int64_t from, int64_t to) {
  const MatMul *m = context;
  const size_t mark = mg_scratch_mark();
  const int64_t deepest = MIN(DEPTH, m->depth), widest = MIN(COLUMN_BLOCK, m->columns);
  const int packA = m->columns > 128 && m->depth > 64;
  float *panels = mg_scratch((size_t)packed_size(deepest, widest) * sizeof(float));
  float *block = packA ? mg_scratch((size_t)(ROW_BLOCK * deepest) * sizeof(float)) : 0;
  if (!panels || (packA && !block)) return mg_fail("no memory to pack a matrix");
  if (m->depth == 0) {
    for (int64_t i = from; i < to; i++)
      for (int64_t j = 0; j < m->columns; j++)
        m->c[i * m->cRow + j] = (m->add ? m->c[i * m->cRow + j] : 0) + (m->bias ? m->bias[j] : 0);
  }
  for (int64_t j = 0; j < m->columns; j += COLUMN_BLOCK) {
    const int64_t columns = MIN(COLUMN_BLOCK, m->columns - j);
    for (int64_t k = 0; k < m->depth; k += DEPTH) {
      const int64_t depth = MIN(DEPTH, m->depth - k);
      const int add = m->add || k > 0;
      const float *bias = m->bias && k == 0 ? m->bias + j : 0;
      pack_panels(panels, m->b + k * m->bRow + j * m->bColumn, m->bRow, m->bColumn, depth, columns);
      if (!packA) {
        matmul_packed(to - from, columns, depth, m->a + from * m->aRow + k * m->aColumn, m->aRow, m->aColumn, panels,
                      m->c + from * m->cRow + j, m->cRow, add, bias);
        continue;
      }
      for (int64_t i = from; i < to; i += ROW_BLOCK) {
        const int64_t rows = MIN(ROW_BLOCK, to - i), whole = rows / TILE_ROWS * TILE_ROWS;
        pack_rows(block, m->a + i * m->aRow + k * m->aColumn, m->aRow, m->aColumn, rows, depth);
        const float *panel = panels;
        for (int64_t p = 0; p < columns;) {
          const int64_t width = columns - p > LANES ? PANEL : LANES, filled = MIN(width, columns - p);
          for (int64_t r = 0; r < rows; r += TILE_ROWS) {
            const int count = (int)(r < whole ? TILE_ROWS : rows - whole);
            const Sum along = {1, depth, 1, count, atStart};
            any_tile(count, (int)(width / LANES), &along, block + r * depth, panel, m->c + (i + r) * m->cRow + j + p,
                     m->cRow, filled, add, bias ? bias + p : 0);
          }
          panel += depth * width;
          p += width;
        }
      }
    }
  }
  if (m->activation != LINEAR)
    for (int64_t i = from; i < to; i++) activate(m->c + i * m->cRow, m->columns, m->activation);
  mg_scratch_release(mark);
  return 0;
}

static int matmul(MatMul m) {
  const double work = 2.0 * (double)m.rows * (double)m.columns * (double)m.depth;
  if (m.rows == 0 || m.columns == 0) return 0;
  /* Pieces of at least 4 Mflop are worth waking a thread for; rows in whole tiles. */
  int64_t piece = work < 8e6 ? m.rows : (int64_t)(4e6 / (work / (double)m.rows)) / TILE_ROWS * TILE_ROWS;
  const int64_t half = (m.rows / 4 + TILE_ROWS) / TILE_ROWS * TILE_ROWS;
  piece = MAX(piece, MAX(half, TILE_ROWS));
  return parallel_range(m.rows, piece, matmul_rows, &m);
}
