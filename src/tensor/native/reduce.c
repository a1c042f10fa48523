/* Reductions of [outer, middle, inner] over the middle: sum, mean, maximum, minimum, product; softmax, log-sum-exp and
 * arg max likewise. Sums run in a fixed order in double precision over partial sums in single precision: of at most 32 terms a
 * lane, so that the rounding of a long sum is that of a short one. */

enum { SUM, MEAN, MAXIMUM_OF, MINIMUM_OF, PRODUCT, LOG_SUM_EXP, REDUCTIONS };

typedef struct {
  int reduction;
  int64_t middle, inner;
  const float *x;
  float *y;
} Reduction;

static float sum_of_block(const float *x, int64_t count) {
  Vector first = splat(0), second = splat(0);
  int64_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES) {
    first += load(x + i);
    second += load(x + i + LANES);
  }
  first += second;
  float sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += first[lane];
  for (; i < count; i++) sum += x[i];
  return sum;
}

static double sum_of(const float *x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i += 512) sum += (double)sum_of_block(x + i, MIN(512, count - i));
  return sum;
}

/* Largest value, NaN if there is one. */
static float largest_of(const float *restrict x, int64_t count) {
  float largest = -INFINITY_F;
  int undefined = 0;
  for (int64_t i = 0; i < count; i++) {
    largest = x[i] > largest ? x[i] : largest;
    undefined |= x[i] != x[i];
  }
  return undefined ? NAN_F : largest;
}

/* Sum of exp(x - shift); shift finite. */
static double sum_of_exponentials(const float *restrict x, int64_t count, float shift, float *restrict values) {
  double sum = 0;
  for (int64_t i = 0; i < count; i += 512) {
    const int64_t block = MIN(512, count - i);
    for (int64_t k = 0; k < block; k++) values[k] = exponential(x[i + k] - shift);
    sum += (double)sum_of_block(values, block);
  }
  return sum;
}

static float reduce_run(int reduction, const float *x, int64_t count) {
  switch (reduction) {
    case SUM: return (float)sum_of(x, count);
    case MEAN: return (float)(sum_of(x, count) / (double)count);
    case MAXIMUM_OF: return largest_of(x, count);
    case MINIMUM_OF: {
      float least = INFINITY_F;
      int undefined = 0;
      for (int64_t i = 0; i < count; i++) {
        least = x[i] < least ? x[i] : least;
        undefined |= x[i] != x[i];
      }
      return undefined ? NAN_F : least;
    }
    case PRODUCT: {
      double product = 1;
      for (int64_t i = 0; i < count; i++) product *= (double)x[i];
      return (float)product;
    }
    default: { /* of no terms, or of terms that are all -Infinity: -Infinity */
      const float largest = largest_of(x, count);
      if (!(absolute(largest) <= FLT_MAX)) return largest;
      float values[512];
      return largest + logarithm((float)sum_of_exponentials(x, count, largest, values));
    }
  }
}

/* sums[i] += sum over rows of x[row stride + i], for the first LANES columns of `width`. */
static void add_columns(float *sums, const float *x, int64_t rows, int64_t stride, int64_t width) {
  Vector sum = splat(0);
  if (width >= LANES)
    for (int64_t row = 0; row < rows; row++) sum += load(x + row * stride);
  else
    for (int64_t row = 0; row < rows; row++) sum += load_some(x + row * stride, width);
  for (int64_t i = 0; i < MIN(width, LANES); i++) sums[i] += sum[i];
}

/* Columns side by side: the inner axis vectorises, partial sums of PARTIAL terms pass into doubles. */
static void reduce_columns(const Reduction *r, const float *x, float *y) {
  const int64_t inner = r->inner, middle = r->middle;
  enum { WIDTH = 64, PARTIAL = 32 };
  for (int64_t at = 0; at < inner; at += WIDTH) {
    const int64_t width = MIN(WIDTH, inner - at);
    if (r->reduction == SUM || r->reduction == MEAN) {
      double total[WIDTH] = {0};
      for (int64_t m = 0; m < middle; m += PARTIAL) {
        float part[WIDTH] = {0};
        const int64_t rows = MIN(PARTIAL, middle - m);
        for (int64_t i = 0; i < width; i += LANES) add_columns(part + i, x + m * inner + at + i, rows, inner, width - i);
        for (int64_t i = 0; i < width; i++) total[i] += (double)part[i];
      }
      const double scale = r->reduction == MEAN ? (double)middle : 1;
      for (int64_t i = 0; i < width; i++) y[at + i] = (float)(total[i] / scale);
    } else if (r->reduction == PRODUCT) {
      for (int64_t i = 0; i < width; i++) {
        double product = 1;
        for (int64_t k = 0; k < middle; k++) product *= (double)x[k * inner + at + i];
        y[at + i] = (float)product;
      }
    } else {
      const int least = r->reduction == MINIMUM_OF;
      float best[WIDTH];
      for (int64_t i = 0; i < width; i++) best[i] = least ? INFINITY_F : -INFINITY_F;
      for (int64_t k = 0; k < middle; k++) {
        const float *row = x + k * inner + at;
        if (least)
          for (int64_t i = 0; i < width; i++) best[i] = row[i] < best[i] || row[i] != row[i] ? row[i] : best[i];
        else
          for (int64_t i = 0; i < width; i++) best[i] = row[i] > best[i] || row[i] != row[i] ? row[i] : best[i];
        /* a NaN already held fails every comparison and stays */
      }
      if (r->reduction == LOG_SUM_EXP)
        for (int64_t i = 0; i < width; i++) {
          if (!(absolute(best[i]) <= FLT_MAX)) continue;
          double sum = 0;
          for (int64_t k = 0; k < middle; k++) sum += (double)exponential(x[k * inner + at + i] - best[i]);
          best[i] += logarithm((float)sum);
        }
      copy_floats(y + at, best, width);
    }
  }
}

static int reduce_range(void *context, int64_t from, int64_t to) {
  const Reduction *r = context;
  if (r->inner == 1)
    for (int64_t o = from; o < to; o++) r->y[o] = reduce_run(r->reduction, r->x + o * r->middle, r->middle);
  else
    for (int64_t o = from; o < to; o++)
      reduce_columns(r, r->x + o * r->middle * r->inner, r->y + o * r->inner);
  return 0;
}

/* f x [outer, middle, inner], F y [outer, inner]; reduction, outer, middle, inner. */
KERNEL(reduce_kernel) {
  UNUSED_COUNTS;
  SIZE(reduction, 0) SIZE(outer, 1) SIZE(middle, 2) SIZE(inner, 3)
  REQUIRE(reduction < REDUCTIONS, "unknown reduction");
  LENGTH(0, area(outer, area(middle, inner)), "x");
  LENGTH(1, area(outer, inner), "out");
  Reduction r = {(int)reduction, middle, inner, FLOATS(0), FLOATS(1)};
  return parallel_range(outer, 65536 / (middle * inner + 1) + 1, reduce_range, &r);
}

/* f x [rows, columns], F y; rows, columns, logarithmic. A row whose largest entry is infinite gives NaN, as tfjs's. */
KERNEL(softmax_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(columns, 1)
  const int logarithmic = params[2] != 0;
  LENGTH(0, area(rows, columns), "x");
  LENGTH(1, arrays[0].length, "out");
  for (int64_t row = 0; row < rows; row++) {
    const float *x = FLOATS(0) + row * columns;
    float *y = FLOATS(1) + row * columns;
    const float largest = largest_of(x, columns);
    double sum = 0;
    float values[512];
    for (int64_t i = 0; i < columns; i += 512) {
      const int64_t block = MIN(512, columns - i);
      for (int64_t k = 0; k < block; k++) values[k] = exponential(x[i + k] - largest);
      sum += (double)sum_of_block(values, block);
      if (!logarithmic) copy_floats(y + i, values, block);
    }
    if (logarithmic) {
      const float shift = largest + logarithm((float)sum);
      for (int64_t i = 0; i < columns; i++) y[i] = x[i] - shift;
    } else {
      const float scale = (float)(1 / sum);
      for (int64_t i = 0; i < columns; i++) y[i] *= scale;
    }
  }
  return 0;
}

/* f x [rows, columns], I index of the first largest (or least) entry; rows, columns, least. */
KERNEL(arg_extreme_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(columns, 1)
  const int least = params[2] != 0;
  LENGTH(0, area(rows, columns), "x");
  LENGTH(1, rows, "out");
  REQUIRE(columns > 0 || rows == 0, "arg max of nothing");
  for (int64_t row = 0; row < rows; row++) {
    const float *x = FLOATS(0) + row * columns;
    int64_t best = 0;
    for (int64_t i = 1; i < columns; i++) best = (least ? x[i] < x[best] : x[i] > x[best]) ? i : best;
    INTS(1)[row] = (int32_t)best;
  }
  return 0;
}
