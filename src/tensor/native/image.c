/* Pooling and resizing of images [batch, height, width, channels] with their gradients, and batch normalisation. */

/* Pooling has the sizes of a convolution without filter values: outChannels is unused. */
typedef struct {
  Convolution c;
  int average;
  const float *x, *dy;
  float *out;
} Pooling;

static int pool_range(void *context, int64_t from, int64_t to) {
  const Pooling *p = context;
  const Convolution *c = &p->c;
  const int64_t channels = c->inChannels;
  for (int64_t pixel = from; pixel < to; pixel++) {
    float *restrict y = p->out + pixel * channels;
    for (int64_t k = 0; k < channels; k++) y[k] = p->average ? 0.0f : -INFINITY_F;
    int64_t image, top, left, count = 0;
    corner_of(c, pixel, &image, &top, &left);
    for (int64_t i = 0; i < c->height; i++)
      for (int64_t j = 0; j < c->width; j++) {
        const int64_t row = top + i * c->dilationY, column = left + j * c->dilationX;
        if (row < 0 || row >= c->inHeight || column < 0 || column >= c->inWidth) continue;
        const float *restrict x = p->x + ((image * c->inHeight + row) * c->inWidth + column) * channels;
        count++;
        if (p->average)
          for (int64_t k = 0; k < channels; k++) y[k] += x[k];
        else
          for (int64_t k = 0; k < channels; k++) y[k] = x[k] > y[k] ? x[k] : y[k];
      }
    if (p->average)
      for (int64_t k = 0; k < channels; k++) y[k] /= (float)count;
  }
  return 0;
}

/* f x, F y; the sizes, average. */
KERNEL(pool_kernel) {
  UNUSED_COUNTS;
  Pooling p;
  if (read_convolution(&p.c, params)) return 1;
  p.average = params[CONVOLUTION_PARAMS] != 0;
  LENGTH(0, input_size(&p.c), "x");
  LENGTH(1, area(p.c.pixels, p.c.inChannels), "y");
  p.x = FLOATS(0);
  p.out = FLOATS(1);
  if (arrays[1].length == 0) return 0;
  return parallel_range(p.c.pixels, 65536 / (p.c.patch + 1) + 1, pool_range, &p);
}

enum { CHANNELS = 64 };

/* Adds dy to the first largest element of a window, for `count` channels side by side; NaN is never the largest. */
static void send_to_largest(const Pooling *p, int64_t first, int64_t top, int64_t bottom, int64_t left, int64_t right,
                            const float *restrict dy, int64_t count) {
  const Convolution *c = &p->c;
  float best[CHANNELS];
  int32_t where[CHANNELS], position = 0;
  for (int64_t k = 0; k < count; k++) best[k] = -INFINITY_F, where[k] = -1;
  for (int64_t row = top; row < bottom; row += c->dilationY)
    for (int64_t column = left; column < right; column += c->dilationX, position++) {
      const float *restrict x = p->x + first + (row * c->inWidth + column) * c->inChannels;
      for (int64_t k = 0; k < count; k++) {
        where[k] = x[k] > best[k] ? position : where[k];
        best[k] = x[k] > best[k] ? x[k] : best[k];
      }
    }
  position = 0;
  for (int64_t row = top; row < bottom; row += c->dilationY)
    for (int64_t column = left; column < right; column += c->dilationX, position++) {
      float *restrict dx = p->out + first + (row * c->inWidth + column) * c->inChannels;
      for (int64_t k = 0; k < count; k++) dx[k] += where[k] == position ? dy[k] : 0.0f;
    }
}

/* Each window's gradient goes to its first largest element, or evenly to those of its elements that lie in the image. */
static int pool_gradient_range(void *context, int64_t from, int64_t to) {
  const Pooling *p = context;
  const Convolution *c = &p->c;
  const int64_t channels = c->inChannels, image = c->inHeight * c->inWidth * channels;
  zero_floats(p->out + from * image, (to - from) * image);
  for (int64_t pixel = from * c->outHeight * c->outWidth; pixel < to * c->outHeight * c->outWidth; pixel++) {
    int64_t at, top, left;
    corner_of(c, pixel, &at, &top, &left);
    const float *dy = p->dy + pixel * channels;
    const int64_t bottom = MIN(c->inHeight, top + (c->height - 1) * c->dilationY + 1);
    const int64_t right = MIN(c->inWidth, left + (c->width - 1) * c->dilationX + 1);
    while (top < 0) top += c->dilationY;
    while (left < 0) left += c->dilationX;
    const int64_t rows = bottom > top ? (bottom - top - 1) / c->dilationY + 1 : 0;
    const int64_t columns = right > left ? (right - left - 1) / c->dilationX + 1 : 0;
    if (rows * columns == 0) continue;
    if (p->average) {
      const float share = 1.0f / (float)(rows * columns);
      for (int64_t row = top; row < bottom; row += c->dilationY)
        for (int64_t column = left; column < right; column += c->dilationX) {
          float *restrict dx = p->out + at * image + (row * c->inWidth + column) * channels;
          for (int64_t k = 0; k < channels; k++) dx[k] += dy[k] * share;
        }
      continue;
    }
    for (int64_t k = 0; k < channels; k += CHANNELS)
      send_to_largest(p, at * image + k, top, bottom, left, right, dy + k, MIN(CHANNELS, channels - k));
  }
  return 0;
}

/* f dy, f x (none for an average), F dx; the sizes, average. */
KERNEL(pool_gradient_kernel) {
  UNUSED_COUNTS;
  Pooling p;
  if (read_convolution(&p.c, params)) return 1;
  p.average = params[CONVOLUTION_PARAMS] != 0;
  LENGTH(0, area(p.c.pixels, p.c.inChannels), "dy");
  if (!p.average) LENGTH(1, input_size(&p.c), "x");
  LENGTH(2, input_size(&p.c), "dx");
  p.dy = FLOATS(0);
  p.x = FLOATS(1);
  p.out = FLOATS(2);
  if (arrays[0].length == 0 || arrays[2].length == 0) {
    zero_floats(p.out, arrays[2].length);
    return 0;
  }
  return parallel_range(p.c.batch, 1, pool_gradient_range, &p);
}

typedef struct {
  int64_t inHeight, inWidth, outHeight, outWidth, channels;
  int alignCorners, halfPixel, bilinear, gradient;
  const float *from;
  float *to;
} Resize;

/* Where output row or column `at` lies in the input: two neighbours and the weight of the second. */
static void source_of(const Resize *r, int64_t at, int64_t in, int64_t out, int64_t *low, int64_t *high, float *weight) {
  const int corners = r->alignCorners && out > 1; /* doubles, as in tfjs: floor(scale at) must not slip below */
  const double scale = corners ? (double)(in - 1) / (double)(out - 1) : (double)in / (double)out;
  if (!r->bilinear) {
    const double place = scale * ((double)at + (r->halfPixel ? 0.5 : 0.0));
    *low = *high = MIN(in - 1, (int64_t)(r->alignCorners ? place + 0.5 : place));
    *weight = 0;
    return;
  }
  const double exact = r->halfPixel ? MAX(0.0, scale * ((double)at + 0.5) - 0.5) : scale * (double)at;
  *low = MIN(in - 1, (int64_t)exact);
  *high = MIN(in - 1, *low + (exact > (double)*low));
  *weight = (float)(exact - (double)*low);
}

static int resize_range(void *context, int64_t from, int64_t to) {
  const Resize *r = context;
  const int64_t channels = r->channels, inSize = r->inHeight * r->inWidth * channels;
  for (int64_t image = from; image < to; image++)
    for (int64_t i = 0; i < r->outHeight; i++) {
      int64_t top, bottom, left, right;
      float down, across;
      source_of(r, i, r->inHeight, r->outHeight, &top, &bottom, &down);
      for (int64_t j = 0; j < r->outWidth; j++) {
        source_of(r, j, r->inWidth, r->outWidth, &left, &right, &across);
        const int64_t out = ((image * r->outHeight + i) * r->outWidth + j) * channels;
        const int64_t at[4] = {image * inSize + (top * r->inWidth + left) * channels,
                               image * inSize + (top * r->inWidth + right) * channels,
                               image * inSize + (bottom * r->inWidth + left) * channels,
                               image * inSize + (bottom * r->inWidth + right) * channels};
        const float share[4] = {(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across};
        if (r->gradient) {
          for (int corner = 0; corner < (r->bilinear ? 4 : 1); corner++) {
            float *restrict dx = r->to + at[corner];
            const float *restrict dy = r->from + out;
            for (int64_t k = 0; k < channels; k++) dx[k] += dy[k] * share[corner];
          }
        } else if (!r->bilinear) copy_row(r->to + out, r->from + at[0], channels);
        else {
          const float *restrict a = r->from + at[0], *restrict b = r->from + at[1];
          const float *restrict c = r->from + at[2], *restrict d = r->from + at[3];
          float *restrict y = r->to + out;
          for (int64_t k = 0; k < channels; k++) {
            const float upper = a[k] + (b[k] - a[k]) * across, lower = c[k] + (d[k] - c[k]) * across;
            y[k] = upper + (lower - upper) * down;
          }
        }
      }
    }
  return 0;
}

/* f x, F y, or f dy, F dx; batch, inHeight, inWidth, outHeight, outWidth, channels, alignCorners, halfPixelCenters,
 * bilinear (else nearest), gradient. */
KERNEL(resize_kernel) {
  UNUSED_COUNTS;
  SIZE(batch, 0) SIZE(inHeight, 1) SIZE(inWidth, 2) SIZE(outHeight, 3) SIZE(outWidth, 4) SIZE(channels, 5)
  REQUIRE(MAX(MAX(inHeight, inWidth), MAX(outHeight, outWidth)) <= MOST_SIDE, "an image's side is at most 65536");
  const int gradient = params[9] != 0;
  LENGTH(gradient, area(area(batch, channels), area(inHeight, inWidth)), "the input");
  LENGTH(!gradient, area(area(batch, channels), area(outHeight, outWidth)), "the output");
  Resize r = {inHeight, inWidth, outHeight, outWidth, channels, params[6] != 0, params[7] != 0, params[8] != 0,
              gradient, FLOATS(0), FLOATS(1)};
  if (gradient) zero_floats(FLOATS(1), arrays[1].length);
  if (arrays[0].length == 0 || arrays[1].length == 0) {
    REQUIRE(gradient || arrays[1].length == 0, "an empty image cannot be resized");
    return 0;
  }
  return parallel_range(batch, 1, resize_range, &r);
}

/* f x [rows, channels], f mean, f variance, f offset, f scale (channels; the last two may be none), F y;
 * rows, channels, epsilon: y = (x - mean) scale / sqrt(variance + epsilon) + offset */
KERNEL(batch_norm_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(channels, 1)
  LENGTH(0, area(rows, channels), "x");
  LENGTH(1, channels, "mean");
  LENGTH(2, channels, "variance");
  if (arrays[3].length) LENGTH(3, channels, "offset");
  if (arrays[4].length) LENGTH(4, channels, "scale");
  LENGTH(5, arrays[0].length, "y");
  const size_t mark = mg_scratch_mark();
  float *restrict factor = mg_scratch((size_t)channels * 2 * sizeof(float)), *restrict shift = factor + channels;
  REQUIRE(factor, "no memory for the channels");
  for (int64_t k = 0; k < channels; k++) {
    factor[k] = (arrays[4].length ? FLOATS(4)[k] : 1.0f) / square_root(FLOATS(2)[k] + (float)params[2]);
    shift[k] = arrays[3].length ? FLOATS(3)[k] : 0.0f;
  }
  const float *restrict mean = FLOATS(1);
  for (int64_t row = 0; row < rows; row++) {
    const float *restrict x = FLOATS(0) + row * channels;
    float *restrict y = FLOATS(5) + row * channels;
    for (int64_t k = 0; k < channels; k++) y[k] = (x[k] - mean[k]) * factor[k] + shift[k];
  }
  mg_scratch_release(mark);
  return 0;
}
