/* Layers of few units for message.c: matrix products along a handful of columns cost more than their work, so a tile of rows is
 * turned round, one NarrowRow a column, and every loop runs across rows. Each number is a sum in a fixed order. */

enum { NARROW_TILE = 96, NARROW_WIDTH = 16 }; /* rows, a multiple of every LANES; the widest layer that goes this way */

typedef float NarrowRow[NARROW_TILE];

INLINE void turn_narrow(NarrowRow *restrict to, const float *restrict from, int64_t rows, const int64_t width) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < width; c++) to[c][r] = from[r * width + c];
}
INLINE void turn_narrow_back(float *restrict to, NarrowRow *restrict from, int64_t rows, const int64_t width) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < width; c++) to[r * width + c] = from[c][r];
}

/* [rows, width] as columns; rows beyond the last are 0. Widths 2 and 4 as constants become shuffles of vectors. */
static void load_narrow(NarrowRow *to, const float *from, int64_t rows, int64_t width) {
  if (rows == NARROW_TILE && width == 2) turn_narrow(to, from, NARROW_TILE, 2);
  else if (rows == NARROW_TILE && width == 4) turn_narrow(to, from, NARROW_TILE, 4);
  else {
    if (rows < NARROW_TILE) zero_floats(to[0], width * NARROW_TILE);
    turn_narrow(to, from, rows, width);
  }
}

static void store_narrow(float *to, NarrowRow *from, int64_t rows, int64_t width) {
  if (rows == NARROW_TILE && width == 2) turn_narrow_back(to, from, NARROW_TILE, 2);
  else if (rows == NARROW_TILE && width == 4) turn_narrow_back(to, from, NARROW_TILE, 4);
  else turn_narrow_back(to, from, rows, width);
}

/* y[j] = bias[j] + sum over i of x[i] weight[i iStep + j jStep]; no bias: 0. */
static void narrow_product(NarrowRow *y, NarrowRow *x, const float *weight, int64_t iStep, int64_t jStep, int64_t from,
                           int64_t to, const float *bias) {
  for (int64_t j = 0; j < to; j++)
    for (int64_t at = 0; at < NARROW_TILE; at += 2 * LANES) {
      Vector first = splat(bias ? bias[j] : 0), second = first;
      for (int64_t i = 0; i < from; i++) {
        const Vector w = splat(weight[i * iStep + j * jStep]);
        first += w * load(x[i] + at);
        second += w * load(x[i] + at + LANES);
      }
      store(y[j] + at, first);
      store(y[j] + at + LANES, second);
    }
}

/* sums[i, j] += x[i] . gradient[j], and after them sums[j] += the sum of gradient[j], still by lanes. */
static void add_narrow_gradients(Vector *restrict sums, NarrowRow *x, NarrowRow *gradient, int64_t from, int64_t to) {
  for (int64_t j = 0; j < to; j++) {
    Vector sum = splat(0);
    for (int64_t at = 0; at < NARROW_TILE; at += LANES) sum += load(gradient[j] + at);
    sums[from * to + j] += sum;
    for (int64_t i = 0; i < from; i++) {
      Vector product = sums[i * to + j];
      for (int64_t at = 0; at < NARROW_TILE; at += LANES) product += load(x[i] + at) * load(gradient[j] + at);
      sums[i * to + j] = product;
    }
  }
}

/* Memory for a tile in each layer: values[l], l < layers; values[-1] holds the input. 0: there is none. */
static int narrow_scratch(const Message *m, NarrowRow **values) {
  values[-1] = mg_scratch((size_t)m->inputWidth * sizeof(NarrowRow));
  int got = values[-1] != 0;
  for (int l = 0; l < m->layers; l++) {
    values[l] = mg_scratch((size_t)m->layer[l].to * sizeof(NarrowRow));
    got = got && values[l];
  }
  return got;
}

static void run_narrow_layers(const Message *m, NarrowRow **values) {
  for (int l = 0; l < m->layers; l++) {
    const int64_t from = m->layer[l].from, to = m->layer[l].to;
    narrow_product(values[l], values[l - 1], m->layer[l].weight, to, 1, from, to, m->layer[l].bias);
    activate(values[l][0], to * NARROW_TILE, l == m->layers - 1 ? m->last : m->hidden);
  }
}

static int narrow_range(void *context, int64_t from, int64_t to) {
  const Message *m = context;
  const size_t mark = mg_scratch_mark();
  NarrowRow *all[MOST_LAYERS + 1], **values = all + 1;
  float *input = mg_scratch((size_t)(NARROW_TILE * m->inputWidth) * sizeof(float));
  REQUIRE(narrow_scratch(m, values) && input, "no memory for a tile");
  const int64_t outWidth = m->layer[m->layers - 1].to;
  for (int64_t at = from; at < to; at += NARROW_TILE) {
    const int64_t rows = MIN(NARROW_TILE, to - at);
    load_narrow(values[-1], tile_input(m, at, rows, input), rows, m->inputWidth);
    run_narrow_layers(m, values);
    store_narrow(m->y + at * outWidth, values[m->layers - 1], rows, outWidth);
  }
  mg_scratch_release(mark);
  return 0;
}

static int narrow_gradient_range(void *context, int64_t from, int64_t to) {
  const Message *m = context;
  const size_t mark = mg_scratch_mark();
  const int64_t outWidth = m->layer[m->layers - 1].to;
  NarrowRow *all[MOST_LAYERS + 1], **values = all + 1;
  float *flat = mg_scratch((size_t)(NARROW_TILE * MAX(m->inputWidth, outWidth)) * sizeof(float));
  NarrowRow *gradient = mg_scratch((size_t)m->widest * sizeof(NarrowRow)), *other = mg_scratch((size_t)m->widest * sizeof(NarrowRow));
  Vector *sums = mg_scratch((size_t)m->weights * sizeof(Vector));
  REQUIRE(narrow_scratch(m, values) && flat && gradient && other && sums, "no memory for a tile");
  for (int64_t w = 0; w < m->weights; w++) sums[w] = splat(0);
  for (int64_t at = from; at < to; at += NARROW_TILE) {
    const int64_t rows = MIN(NARROW_TILE, to - at);
    load_narrow(values[-1], tile_input(m, at, rows, flat), rows, m->inputWidth);
    run_narrow_layers(m, values);
    load_narrow(gradient, output_gradient(m, at, rows, flat), rows, outWidth);
    int64_t offset = m->weights;
    for (int l = m->layers - 1; l >= 0; l--) {
      const int64_t width = m->layer[l].from, units = m->layer[l].to;
      activation_gradient(gradient[0], values[l][0], units * NARROW_TILE, l == m->layers - 1 ? m->last : m->hidden);
      offset -= width * units + units;
      add_narrow_gradients(sums + offset, values[l - 1], gradient, width, units);
      narrow_product(other, gradient, m->layer[l].weight, 1, units, units, width, 0);
      NarrowRow *swap = gradient;
      gradient = other;
      other = swap;
    }
    store_narrow(m->dinput + at * m->inputWidth, gradient, rows, m->inputWidth);
  }
  float *dweights = m->partial + from / PIECE * m->weights;
  for (int64_t w = 0; w < m->weights; w++) {
    dweights[w] = 0;
    for (int lane = 0; lane < LANES; lane++) dweights[w] += sums[w][lane];
  }
  mg_scratch_release(mark);
  return 0;
}
