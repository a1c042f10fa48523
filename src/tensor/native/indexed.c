/* Rows by index: gather, segment sums (its gradient), segment maxima and means, softmax within segments, CSR products. */

static int all_below(const int32_t *index, int64_t count, int64_t limit) {
  int outside = 0;
  for (int64_t i = 0; i < count; i++) outside |= index[i] < 0 || index[i] >= limit;
  return !outside;
}

/* f x [batch, outer, rows, width], i index [batch, count], F y [batch, outer, count, width];
 * batch, outer, rows, width, count, lenient. Each index must be in [0, rows), or gives a row of zeros where that is lenient. */
KERNEL(gather_kernel) {
  UNUSED_COUNTS;
  SIZE(batch, 0) SIZE(outer, 1) SIZE(rows, 2) SIZE(width, 3) SIZE(count, 4)
  LENGTH(0, area(area(batch, outer), area(rows, width)), "x");
  LENGTH(1, area(batch, count), "index");
  LENGTH(2, area(area(batch, outer), area(count, width)), "out");
  const int lenient = params[5] != 0;
  REQUIRE(lenient || all_below(INTS(1), arrays[1].length, rows), "an index is outside the gathered axis");
  if (arrays[2].length == 0) return 0;
  float *to = FLOATS(2);
  for (int64_t b = 0; b < batch; b++)
    for (int64_t o = 0; o < outer; o++) {
      const float *from = FLOATS(0) + (b * outer + o) * rows * width;
      const int32_t *index = INTS(1) + b * count;
      for (int64_t i = 0; i < count; i++, to += width)
        if (lenient && (index[i] < 0 || index[i] >= rows)) zero_floats(to, width);
        else copy_row(to, from + index[i] * width, width);
    }
  return 0;
}

/* to[index[i], :] += from[i, :]; rows of `from` with an index outside [0, rows) are left out. */
static void add_rows(float *to, int64_t rows, const float *from, const int32_t *index, int64_t count, int64_t width) {
  for (int64_t i = 0; i < count; i++)
    if (index[i] >= 0 && index[i] < rows) add_row(to + index[i] * width, from + i * width, width);
}

/* The most rows that one segment has; -1 where there is no memory to count them. */
static int64_t largest_segment(const int32_t *segment, int64_t count, int64_t segments) {
  const size_t mark = mg_scratch_mark();
  int32_t *members = mg_scratch((size_t)segments * sizeof(int32_t));
  if (!members) return -1;
  int32_t most = 0;
  for (int64_t s = 0; s < segments; s++) members[s] = 0;
  for (int64_t i = 0; i < count; i++)
    if (segment[i] >= 0 && segment[i] < segments && ++members[segment[i]] > most) most = members[segment[i]];
  mg_scratch_release(mark);
  return most;
}

/* As add_rows, in double precision: a single float that takes up a million rows keeps three digits. */
static int add_rows_in_double(float *to, int64_t rows, const float *from, const int32_t *index, int64_t count,
                              int64_t width) {
  const size_t mark = mg_scratch_mark();
  double *sums = mg_scratch((size_t)(rows * width) * sizeof(double));
  if (!sums) return 1;
  for (int64_t i = 0; i < rows * width; i++) sums[i] = 0;
  for (int64_t i = 0; i < count; i++) {
    if (index[i] < 0 || index[i] >= rows) continue;
    double *restrict sum = sums + index[i] * width;
    const float *restrict row = from + i * width;
    for (int64_t k = 0; k < width; k++) sum[k] += (double)row[k];
  }
  for (int64_t i = 0; i < rows * width; i++) to[i] = (float)sums[i];
  mg_scratch_release(mark);
  return 0;
}

/* f x [count, width], i segment [count], F y [segments, width]; segments, width, mean.
 * Rows with a segment outside [0, segments) are left out, as in TensorFlow. A mean over no rows is 0. */
KERNEL(segment_sum_kernel) {
  UNUSED_COUNTS;
  SIZE(segments, 0) SIZE(width, 1)
  const int64_t count = arrays[1].length;
  LENGTH(0, area(count, width), "x");
  LENGTH(2, area(segments, width), "out");
  const float *x = FLOATS(0);
  const int32_t *segment = INTS(1);
  float *y = FLOATS(2);
  zero_floats(y, arrays[2].length);
  if (width == 0) return 0;
  /* short sums, the usual case, are done sooner in single precision */
  const int isLong = count > 1024 && largest_segment(segment, count, segments) > 512;
  if (!isLong || add_rows_in_double(y, segments, x, segment, count, width))
    add_rows(y, segments, x, segment, count, width);
  if (params[2] == 0) return 0;
  const size_t mark = mg_scratch_mark();
  int32_t *members = mg_scratch((size_t)segments * sizeof(int32_t));
  REQUIRE(members, "no memory to count segments");
  for (int64_t s = 0; s < segments; s++) members[s] = 0;
  for (int64_t i = 0; i < count; i++)
    if (segment[i] >= 0 && segment[i] < segments) members[segment[i]]++;
  for (int64_t s = 0; s < segments; s++)
    for (int64_t k = 0; k < width; k++) y[s * width + k] /= (float)MAX(members[s], 1);
  mg_scratch_release(mark);
  return 0;
}

/* f x [count, width], i segment [count], F y [segments, width], I from [segments, width]: the row that won, -1 for none;
 * segments, width. An empty segment's maximum is -Infinity; of equal values the first row wins; NaN wins. */
KERNEL(segment_max_kernel) {
  UNUSED_COUNTS;
  SIZE(segments, 0) SIZE(width, 1)
  const int64_t count = arrays[1].length;
  LENGTH(0, area(count, width), "x");
  LENGTH(2, area(segments, width), "out");
  LENGTH(3, area(segments, width), "from");
  const int32_t *segment = INTS(1);
  for (int64_t i = 0; i < arrays[2].length; i++) {
    FLOATS(2)[i] = -INFINITY_F;
    INTS(3)[i] = -1;
  }
  for (int64_t i = 0; i < count; i++) {
    if (segment[i] < 0 || segment[i] >= segments) continue;
    const float *restrict x = FLOATS(0) + i * width;
    float *restrict best = FLOATS(2) + segment[i] * width;
    int32_t *restrict from = INTS(3) + segment[i] * width;
    for (int64_t k = 0; k < width; k++)
      if (x[k] > best[k] || (x[k] != x[k] && best[k] == best[k]) || from[k] < 0) {
        best[k] = x[k];
        from[k] = (int32_t)i;
      }
  }
  return 0;
}

/* f x [count, width], i segment [count], F y [count, width]; segments, width: exp(x) / sum of exp over the segment. A
 * segment of -Infinity alone gives zeros; a row outside every segment gives zeros. */
KERNEL(segment_softmax_kernel) {
  UNUSED_COUNTS;
  SIZE(segments, 0) SIZE(width, 1)
  const int64_t count = arrays[1].length, size = area(segments, width);
  LENGTH(0, area(count, width), "x");
  LENGTH(2, arrays[0].length, "out");
  REQUIRE(size >= 0, "segments are too many");
  const int32_t *segment = INTS(1);
  const float *x = FLOATS(0);
  float *y = FLOATS(2);
  const size_t mark = mg_scratch_mark();
  float *largest = mg_scratch((size_t)size * 2 * sizeof(float)), *sum = largest + size;
  REQUIRE(largest, "no memory for the segments' sums");
  for (int64_t i = 0; i < size; i++) largest[i] = -INFINITY_F;
  zero_floats(sum, size);
  for (int64_t i = 0; i < count; i++) {
    if (segment[i] < 0 || segment[i] >= segments) continue;
    float *best = largest + segment[i] * width;
    for (int64_t k = 0; k < width; k++) best[k] = x[i * width + k] > best[k] ? x[i * width + k] : best[k];
  }
  for (int64_t i = 0; i < count; i++) {
    const int outside = segment[i] < 0 || segment[i] >= segments;
    for (int64_t k = 0; k < width; k++) {
      const float best = outside ? -INFINITY_F : largest[segment[i] * width + k], value = x[i * width + k];
      y[i * width + k] = best == -INFINITY_F && value == value ? 0.0f : exponential(value - best);
    }
    if (!outside) add_floats(sum + segment[i] * width, y + i * width, width);
  }
  for (int64_t i = 0; i < count; i++) {
    if (segment[i] < 0 || segment[i] >= segments) continue;
    const float *total = sum + segment[i] * width;
    for (int64_t k = 0; k < width; k++) y[i * width + k] = total[k] == 0 ? 0.0f : y[i * width + k] / total[k];
  }
  mg_scratch_release(mark);
  return 0;
}

typedef struct {
  int64_t width;
  const int32_t *start, *column;
  const float *value, *x;
  float *y;
} Sparse;

static int sparse_range(void *context, int64_t from, int64_t to) {
  const Sparse *s = context;
  for (int64_t row = from; row < to; row++) {
    float *restrict y = s->y + row * s->width;
    zero_floats(y, s->width);
    for (int64_t at = s->start[row]; at < s->start[row + 1]; at++) {
      const float value = s->value[at];
      const float *restrict x = s->x + s->column[at] * s->width;
      for (int64_t k = 0; k < s->width; k++) y[k] += value * x[k];
    }
  }
  return 0;
}

static int valid_rows(const int32_t *start, int64_t rows, int64_t entries) {
  int bad = start[0] != 0 || start[rows] != entries;
  for (int64_t i = 0; i < rows; i++) bad |= start[i] > start[i + 1];
  return !bad;
}

/* Sparse [rows, columns] in CSR times dense [columns, width]: i start [rows + 1], i column, f value, f x, F y;
 * rows, columns, width. */
KERNEL(sparse_matmul_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(columns, 1) SIZE(width, 2)
  LENGTH(0, rows + 1, "start");
  LENGTH(2, arrays[1].length, "value");
  LENGTH(3, area(columns, width), "x");
  LENGTH(4, area(rows, width), "out");
  REQUIRE(valid_rows(INTS(0), rows, arrays[1].length), "row starts must rise from 0 to the number of entries");
  REQUIRE(all_below(INTS(1), arrays[1].length, columns), "a column is outside the matrix");
  Sparse s = {width, INTS(0), INTS(1), FLOATS(2), FLOATS(3), FLOATS(4)};
  const int64_t work = width * (arrays[1].length / (rows + 1) + 1) + 1;
  return parallel_range(rows, 131072 / work + 1, sparse_range, &s);
}

/* Gradient by the entries' values: i start, i column, f x [columns, width], f dy [rows, width], F dvalue;
 * rows, columns, width. */
KERNEL(sparse_value_gradient_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(columns, 1) SIZE(width, 2)
  LENGTH(0, rows + 1, "start");
  LENGTH(2, area(columns, width), "x");
  LENGTH(3, area(rows, width), "dy");
  LENGTH(4, arrays[1].length, "out");
  REQUIRE(valid_rows(INTS(0), rows, arrays[1].length), "row starts must rise from 0 to the number of entries");
  REQUIRE(all_below(INTS(1), arrays[1].length, columns), "a column is outside the matrix");
  for (int64_t row = 0; row < rows; row++)
    for (int64_t at = INTS(0)[row]; at < INTS(0)[row + 1]; at++) {
      const float *x = FLOATS(2) + INTS(1)[at] * width, *dy = FLOATS(3) + row * width;
      float sum = 0;
      for (int64_t k = 0; k < width; k++) sum += x[k] * dy[k];
      FLOATS(4)[at] = sum;
    }
  return 0;
}
