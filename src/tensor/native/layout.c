/* Moving elements without changing them: concat and split, slice, pad, transpose, one-hot, tile. Elements of 4 bytes. */

/* Copies blocks: rows of `width` between arrays whose rows start `stride` apart. */
static void copy_blocks(float *to, int64_t toStride, const float *from, int64_t fromStride, int64_t rows, int64_t width) {
  if (width < 256)
    for (int64_t r = 0; r < rows; r++) copy_row(to + r * toStride, from + r * fromStride, width);
  else
    for (int64_t r = 0; r < rows; r++) copy_floats(to + r * toStride, from + r * fromStride, width);
}

/* F out [outer, sum of widths], f* parts [outer, width]; outer, then each width. */
KERNEL(concat_kernel) {
  SIZE(outer, 0)
  int64_t total = 0;
  REQUIRE(paramCount >= arrayCount, "a width is missing");
  for (int i = 1; i < arrayCount; i++) {
    SIZE(width, i)
    LENGTH(i, area(outer, width), "a part");
    total += width;
  }
  LENGTH(0, area(outer, total), "out");
  int64_t at = 0;
  for (int i = 1; i < arrayCount; i++) {
    const int64_t width = size_of(params[i]);
    copy_blocks(FLOATS(0) + at, total, FLOATS(i), width, outer, width);
    at += width;
  }
  return 0;
}

/* The walk that slice, pad and transpose share: element (i0, i1, ...) of a box is at `from + sum i strideFrom` and goes to
 * `to + sum i strideTo`. */
typedef struct {
  int axes;
  int64_t size[MOST_AXES], from[MOST_AXES], to[MOST_AXES];
  const float *source;
  float *target;
  int64_t inner; /* elements below the outermost axis */
} Walk;

static void walk_axis(const Walk *w, int axis, const float *source, float *target) {
  const int64_t size = w->size[axis], from = w->from[axis], to = w->to[axis];
  if (axis == w->axes - 1) {
    if (from == 1 && to == 1) size < 256 ? copy_row(target, source, size) : copy_floats(target, source, size);
    else
      for (int64_t i = 0; i < size; i++) target[i * to] = source[i * from];
    return;
  }
  if (axis == w->axes - 2 && to != 1 && from == 1 && w->to[axis + 1] == 1) { /* a transpose: in squares, for the cache */
    const int64_t columns = w->size[axis + 1], stride = w->from[axis + 1];
    for (int64_t i = 0; i < size; i += 16)
      for (int64_t j = 0; j < columns; j += 16)
        for (int64_t k = i; k < MIN(size, i + 16); k++)
          for (int64_t l = j; l < MIN(columns, j + 16); l++) target[k * to + l] = source[k + l * stride];
    return;
  }
  for (int64_t i = 0; i < size; i++) walk_axis(w, axis + 1, source + i * from, target + i * to);
}

static int walk_range(void *context, int64_t from, int64_t to) {
  const Walk *w = context;
  Walk part = *w;
  part.size[0] = to - from;
  walk_axis(&part, 0, w->source + from * w->from[0], w->target + from * w->to[0]);
  return 0;
}

/* f source, x target; axes, offset in source, offset in target, then size, source stride, target stride for each axis.
 * Elements of the target outside the box keep their values. */
KERNEL(copy_box_kernel) {
  (void)arrayCount;
  SIZE(axes, 0) SIZE(sourceAt, 1) SIZE(targetAt, 2)
  REQUIRE(axes >= 1 && axes <= MOST_AXES && paramCount >= 3 + 3 * axes, "between 1 and 8 axes are needed");
  Walk w = {.axes = (int)axes, .source = FLOATS(0), .target = FLOATS(1)};
  int64_t count = 1, sourceLast = sourceAt, targetLast = targetAt;
  for (int axis = 0; axis < axes; axis++) {
    w.size[axis] = size_of(params[3 + 3 * axis]);
    w.from[axis] = size_of(params[4 + 3 * axis]);
    w.to[axis] = size_of(params[5 + 3 * axis]);
    REQUIRE(w.size[axis] >= 0 && w.from[axis] >= 0 && w.to[axis] >= 0, "sizes and strides must be sizes");
    count = area(count, w.size[axis]);
    const int64_t fromSpan = area(MAX(w.size[axis] - 1, 0), w.from[axis]);
    const int64_t toSpan = area(MAX(w.size[axis] - 1, 0), w.to[axis]);
    REQUIRE(count >= 0 && fromSpan >= 0 && toSpan >= 0, "sizes are too large");
    sourceLast += fromSpan;
    targetLast += toSpan;
  }
  if (count == 0) return 0;
  REQUIRE(sourceLast < arrays[0].length, "the box reaches beyond the source");
  REQUIRE(targetLast < arrays[1].length, "the box reaches beyond the target");
  w.source += sourceAt;
  w.target += targetAt;
  w.inner = count / w.size[0];
  return parallel_range(w.to[0] > 0 ? w.size[0] : 0, 131072 / (w.inner + 1) + 1, walk_range, &w);
}

/* i index, F out [count, depth]; depth, value on, value off. An index outside [0, depth) gives a row of `off`. */
KERNEL(one_hot_kernel) {
  UNUSED_COUNTS;
  SIZE(depth, 0)
  const float on = (float)params[1], off = (float)params[2];
  LENGTH(1, area(arrays[0].length, depth), "out");
  float *out = FLOATS(1);
  for (int64_t i = 0; i < arrays[1].length; i++) out[i] = off;
  for (int64_t i = 0; i < arrays[0].length; i++) {
    const int64_t index = INTS(0)[i];
    if (index >= 0 && index < depth) out[i * depth + index] = on;
  }
  return 0;
}
