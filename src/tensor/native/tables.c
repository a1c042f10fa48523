/* Small tables of one shape, many at once. A table has a few entries, so loops along it cost more than their work; here a tile of
 * TABLES tables is turned round, one Row an entry, and every loop runs across tables. Natural logs throughout: ln 0 is -Infinity, and
 * a sum of zeros alone is -Infinity, never NaN. */

enum { TABLES = 64, MOST_VARIABLES = 5, MOST_STATES = 65536 };

typedef float Row[TABLES];

#define EACH_TABLE for (int t = 0; t < TABLES; t++)

/* Axes of a table over variables, last axis fastest; a table's messages stand side by side, one number a state of each axis. */
typedef struct {
  int axes;
  int64_t states, width, size[MOST_VARIABLES], offset[MOST_VARIABLES], stride[MOST_VARIABLES];
} Shape;

/* From parameters: the size of each axis. */
static int read_shape(Shape *shape, const double *params, int paramCount) {
  *shape = (Shape){.axes = paramCount, .states = 1};
  REQUIRE(paramCount >= 1 && paramCount <= MOST_VARIABLES, "a factor has 1 to 5 variables");
  for (int axis = 0; axis < paramCount; axis++) {
    SIZE(size, axis)
    shape->size[axis] = size;
    shape->offset[axis] = shape->width;
    shape->width += size;
    shape->states = area(shape->states, size);
    REQUIRE(size > 0 && shape->states > 0 && shape->states <= MOST_STATES, "a factor has 1 to 65536 states");
  }
  int64_t stride = 1;
  for (int axis = paramCount - 1; axis >= 0; axis--) {
    shape->stride[axis] = stride;
    stride *= shape->size[axis];
  }
  return 0;
}

#define EACH_STATE(shape, axis, state, entry)                                                                \
  for (int64_t base = 0; base < (shape)->states; base += (shape)->stride[axis] * (shape)->size[axis])        \
    for (int64_t state = 0; state < (shape)->size[axis]; state++)                                            \
      for (int64_t entry = base + state * (shape)->stride[axis]; entry < base + (state + 1) * (shape)->stride[axis]; entry++)

static Row *scratch_rows(int64_t count) { return mg_scratch((size_t)count * sizeof(Row)); }

/* A full tile, for widths known when this is compiled: then the loops become shuffles of vectors. */
INLINE void turn_into_rows(Row *restrict to, const float *restrict from, const int width) {
  EACH_TABLE for (int entry = 0; entry < width; entry++) to[entry][t] = from[t * width + entry];
}
INLINE void turn_into_tables(float *restrict to, Row *restrict from, const int width) {
  EACH_TABLE for (int entry = 0; entry < width; entry++) to[t * width + entry] = from[entry][t];
}

/* Tables [tables, width] as rows; lanes without a table are 0. */
static void load_rows(Row *restrict to, const float *restrict from, int64_t tables, int64_t width) {
  if (tables == TABLES && width == 2) turn_into_rows(to, from, 2);
  else if (tables == TABLES && width == 4) turn_into_rows(to, from, 4);
  else {
    if (tables < TABLES) zero_floats(to[0], width * TABLES);
    for (int64_t t = 0; t < tables; t++)
      for (int64_t entry = 0; entry < width; entry++) to[entry][t] = from[t * width + entry];
  }
}

static void store_rows(float *restrict to, Row *restrict from, int64_t tables, int64_t width) {
  if (tables == TABLES && width == 2) turn_into_tables(to, from, 2);
  else if (tables == TABLES && width == 4) turn_into_tables(to, from, 4);
  else
    for (int64_t t = 0; t < tables; t++)
      for (int64_t entry = 0; entry < width; entry++) to[t * width + entry] = from[entry][t];
}

static inline void add_to_row(float *restrict to, const float *restrict from) { EACH_TABLE to[t] += from[t]; }

/* values += the axis' message, spread over the table. */
static void add_message(const Shape *shape, int axis, Row *restrict values, Row *restrict message) {
  EACH_STATE(shape, axis, state, entry) add_to_row(values[entry], message[shape->offset[axis] + state]);
}

/* The sums over all other axes, added to `sums`, which has a row for each state of each axis. */
static void add_sums(const Shape *shape, int axis, Row *restrict sums, Row *restrict values) {
  EACH_STATE(shape, axis, state, entry) add_to_row(sums[shape->offset[axis] + state], values[entry]);
}

static inline float if_finite(float x) { return absolute(x) <= FLT_MAX ? x : 0.0f; }

static inline void raise_row(float *restrict largest, const float *restrict x) {
  EACH_TABLE largest[t] = x[t] > largest[t] || x[t] != x[t] ? x[t] : largest[t];
}

/* x becomes exp(x - shift), and is added to sum. */
static inline void exponentiate_row(float *restrict x, const float *restrict shift, float *restrict sum) {
  EACH_TABLE x[t] = exponential(x[t] - if_finite(shift[t]));
  EACH_TABLE sum[t] += x[t];
}

static inline void add_logarithm(float *restrict largest, const float *restrict sum) {
  EACH_TABLE {
    const float added = logarithm(sum[t]); /* computed in any case, so that the loop has no branch */
    largest[t] += absolute(largest[t]) <= FLT_MAX ? added : 0.0f;
  }
}

/* ln of the sums over all other axes: out and sum [size of the axis]. values become exp(values - the largest of their sum), which
 * over `sum` are the derivatives of out. */
static void log_sums(const Shape *shape, int axis, Row *restrict values, Row *restrict out, Row *restrict sum) {
  for (int64_t s = 0; s < shape->size[axis]; s++) EACH_TABLE out[s][t] = -INFINITY_F, sum[s][t] = 0;
  EACH_STATE(shape, axis, state, entry) raise_row(out[state], values[entry]);
  EACH_STATE(shape, axis, state, entry) exponentiate_row(values[entry], out[state], sum[state]);
  for (int64_t s = 0; s < shape->size[axis]; s++) add_logarithm(out[s], sum[s]);
}

/* Rows shifted so that their exponentials add up to 1, then kept at `floor` or above. Nothing but zeros becomes the floor. */
static void normalise_rows(Row *restrict x, int64_t count, float floor) {
  Row largest, sum;
  EACH_TABLE largest[t] = -INFINITY_F, sum[t] = 0;
  for (int64_t s = 0; s < count; s++) raise_row(largest, x[s]);
  for (int64_t s = 0; s < count; s++) EACH_TABLE sum[t] += exponential(x[s][t] - if_finite(largest[t]));
  add_logarithm(largest, sum);
  for (int64_t s = 0; s < count; s++)
    EACH_TABLE {
      const float shifted = x[s][t] - if_finite(largest[t]);
      x[s][t] = shifted < floor ? floor : shifted;
    }
}

/* The gradient through normalise_rows: `gradient`, of the result y, becomes that of x. An entry at the floor has
 * none of its own, nor a share in the others': the floor is so low that its exponential is as good as 0. */
static void normalise_gradient_rows(Row *restrict y, Row *restrict gradient, int64_t count, float floor) {
  Row total;
  EACH_TABLE total[t] = 0;
  for (int64_t s = 0; s < count; s++)
    EACH_TABLE {
      gradient[s][t] = y[s][t] > floor ? gradient[s][t] : 0.0f;
      total[t] += gradient[s][t];
    }
  for (int64_t s = 0; s < count; s++) EACH_TABLE gradient[s][t] -= exponential(y[s][t]) * total[t];
}

/* Tables a thread takes at once: a multiple of a tile, so that tiles are the same however many threads there are. */
static int64_t tables_piece(const Shape *shape) {
  const int64_t tiles = 16384 / (shape->states * shape->axes * TABLES);
  return TABLES * MAX(tiles, 1);
}
