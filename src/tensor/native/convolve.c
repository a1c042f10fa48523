/* Convolutions of images [batch, height, width, channels] with filters [height, width, channels, out], and their gradients:
 * patches are copied side by side (im2col) for a strip of output pixels at a time, and multiplied as matrices. Depthwise
 * ones, one filter a channel, go pixel by pixel, vectorised along the channels. */

typedef struct {
  int64_t batch, inHeight, inWidth, inChannels, height, width, outChannels, outHeight, outWidth;
  int64_t strideY, strideX, dilationY, dilationX, padTop, padLeft;
  int64_t pixels, patch; /* output pixels of the whole batch; floats of a patch */
  const float *x, *filter, *dy;
  float *y, *dx, *partial;
  int64_t strip;
} Convolution;

enum { CONVOLUTION_PARAMS = 15, MOST_SIDE = 65536 };

static int read_convolution(Convolution *c, const double *params) {
  int64_t sizes[CONVOLUTION_PARAMS];
  for (int i = 0; i < CONVOLUTION_PARAMS; i++) {
    sizes[i] = size_of(params[i]);
    REQUIRE(sizes[i] >= 0 && sizes[i] <= (i == 0 || i == 3 || i == 6 ? (int64_t)LARGEST_SIZE : MOST_SIDE),
            "a size is out of range");
  }
  *c = (Convolution){sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8],
                     sizes[9], sizes[10], sizes[11], sizes[12], sizes[13], sizes[14], 0, 0, 0, 0, 0, 0, 0, 0, 0};
  REQUIRE(c->strideY > 0 && c->strideX > 0 && c->dilationY > 0 && c->dilationX > 0, "strides must be positive");
  c->pixels = area(c->batch, area(c->outHeight, c->outWidth));
  c->patch = area(area(c->height, c->width), c->inChannels);
  REQUIRE(c->pixels >= 0 && c->patch >= 0 && area(c->patch, MAX(c->outChannels, 1)) >= 0, "sizes are too large");
  return 0;
}

static int64_t input_size(const Convolution *c) {
  return area(area(c->batch, c->inChannels), area(c->inHeight, c->inWidth));
}

/* Corner of the patch of an output pixel, in input coordinates; may lie outside the image. */
static void corner_of(const Convolution *c, int64_t pixel, int64_t *image, int64_t *top, int64_t *left) {
  *left = pixel % c->outWidth * c->strideX - c->padLeft;
  pixel /= c->outWidth;
  *top = pixel % c->outHeight * c->strideY - c->padTop;
  *image = pixel / c->outHeight;
}

static void patches(const Convolution *c, int64_t from, int64_t to, float *patch) {
  const int64_t channels = c->inChannels;
  for (int64_t pixel = from; pixel < to; pixel++) {
    int64_t image, top, left;
    corner_of(c, pixel, &image, &top, &left);
    for (int64_t i = 0; i < c->height; i++) {
      const int64_t row = top + i * c->dilationY;
      const float *line = c->x + (image * c->inHeight + row) * c->inWidth * channels;
      if (row >= 0 && row < c->inHeight && c->dilationX == 1 && left >= 0 && left + c->width <= c->inWidth) {
        copy_row(patch, line + left * channels, c->width * channels);
        patch += c->width * channels;
        continue;
      }
      for (int64_t j = 0; j < c->width; j++, patch += channels) {
        const int64_t column = left + j * c->dilationX;
        if (row < 0 || row >= c->inHeight || column < 0 || column >= c->inWidth) zero_floats(patch, channels);
        else copy_row(patch, line + column * channels, channels);
      }
    }
  }
}

static int is_pointwise(const Convolution *c) {
  return c->height == 1 && c->width == 1 && c->strideY == 1 && c->strideX == 1 && c->padTop == 0 && c->padLeft == 0 &&
         c->outHeight == c->inHeight && c->outWidth == c->inWidth;
}

static int64_t strip_of(const Convolution *c) {
  const int64_t rows = 32768 / (c->patch + 1) / TILE_ROWS * TILE_ROWS; /* patches of a strip stay in the cache */
  return MIN(MAX(rows, 4 * TILE_ROWS), 4096);
}

static int convolve_range(void *context, int64_t from, int64_t to) {
  const Convolution *c = context;
  const size_t mark = mg_scratch_mark();
  float *patch = mg_scratch((size_t)(c->strip * c->patch) * sizeof(float));
  REQUIRE(patch, "no memory for patches");
  for (int64_t at = from; at < to; at += c->strip) {
    const int64_t rows = MIN(c->strip, to - at);
    patches(c, at, at + rows, patch);
    matmul_packed(rows, c->outChannels, c->patch, patch, c->patch, 1, c->partial, c->y + at * c->outChannels,
                  c->outChannels, 0, c->dx);
  }
  mg_scratch_release(mark);
  return 0;
}

/* f x, f filter, f bias (out channels or none), F y; the sizes, then the activation. */
KERNEL(convolve_kernel) {
  UNUSED_COUNTS;
  Convolution c;
  if (read_convolution(&c, params)) return 1;
  SIZE(activation, CONVOLUTION_PARAMS)
  REQUIRE(activation < ACTIVATIONS, "unknown activation");
  LENGTH(0, input_size(&c), "x");
  LENGTH(1, c.patch * c.outChannels, "filter");
  if (arrays[2].length) LENGTH(2, c.outChannels, "bias");
  LENGTH(3, area(c.pixels, c.outChannels), "y");
  if (arrays[3].length == 0) return 0;
  c.x = FLOATS(0);
  c.filter = FLOATS(1);
  c.y = FLOATS(3);
  if (is_pointwise(&c) || c.patch == 0) {
    return matmul((MatMul){.rows = c.pixels, .columns = c.outChannels, .depth = c.patch, .a = c.x, .b = c.filter,
                           .aRow = c.patch, .aColumn = 1, .bRow = c.outChannels, .bColumn = 1, .c = c.y,
                           .cRow = c.outChannels, .bias = arrays[2].length ? FLOATS(2) : 0, .activation = (int)activation});
  }
  c.strip = strip_of(&c);
  c.partial = mg_scratch((size_t)packed_size(c.patch, c.outChannels) * sizeof(float)); /* the filter, packed */
  c.dx = arrays[2].length ? FLOATS(2) : 0;                                              /* the bias */
  REQUIRE(c.partial, "no memory for the filter");
  pack_panels(c.partial, c.filter, c.outChannels, 1, c.patch, c.outChannels);
  if (parallel_range(c.pixels, c.strip * 4, convolve_range, &c)) return 1;
  activate(c.y, c.pixels * c.outChannels, (int)activation);
  return 0;
}

/* Gradient by the input, one image at a time: patches of gradients, added where the patches came from. */
static int input_gradient_range(void *context, int64_t from, int64_t to) {
  const Convolution *c = context;
  const int64_t pixels = c->outHeight * c->outWidth, channels = c->inChannels;
  const size_t mark = mg_scratch_mark();
  float *patch = mg_scratch((size_t)(c->strip * c->patch) * sizeof(float));
  REQUIRE(patch, "no memory for patches");
  zero_floats(c->dx + from * c->inHeight * c->inWidth * channels, (to - from) * c->inHeight * c->inWidth * channels);
  for (int64_t at = from * pixels; at < to * pixels; at += c->strip) {
    const int64_t rows = MIN(c->strip, to * pixels - at);
    matmul_packed(rows, c->patch, c->outChannels, c->dy + at * c->outChannels, c->outChannels, 1, c->partial, patch,
                  c->patch, 0, 0);
    const float *part = patch;
    for (int64_t pixel = at; pixel < at + rows; pixel++) {
      int64_t image, top, left;
      corner_of(c, pixel, &image, &top, &left);
      for (int64_t i = 0; i < c->height; i++) {
        const int64_t row = top + i * c->dilationY;
        float *line = c->dx + (image * c->inHeight + row) * c->inWidth * channels;
        for (int64_t j = 0; j < c->width; j++, part += channels) {
          const int64_t column = left + j * c->dilationX;
          if (row >= 0 && row < c->inHeight && column >= 0 && column < c->inWidth)
            add_row(line + column * channels, part, channels);
        }
      }
    }
  }
  mg_scratch_release(mark);
  return 0;
}

/* f dy, f filter, F dx; the sizes. */
KERNEL(convolve_input_gradient_kernel) {
  UNUSED_COUNTS;
  Convolution c;
  if (read_convolution(&c, params)) return 1;
  LENGTH(0, area(c.pixels, c.outChannels), "dy");
  LENGTH(1, c.patch * c.outChannels, "filter");
  LENGTH(2, input_size(&c), "dx");
  if (arrays[2].length == 0) return 0;
  c.dy = FLOATS(0);
  c.filter = FLOATS(1);
  c.dx = FLOATS(2);
  if (is_pointwise(&c))
    return matmul((MatMul){.rows = c.pixels, .columns = c.patch, .depth = c.outChannels, .a = c.dy, .b = c.filter,
                           .aRow = c.outChannels, .aColumn = 1, .bRow = 1, .bColumn = c.outChannels, .c = c.dx,
                           .cRow = c.patch});
  c.strip = strip_of(&c);
  c.partial = mg_scratch((size_t)packed_size(c.outChannels, c.patch) * sizeof(float)); /* the filter, packed */
  REQUIRE(c.partial, "no memory for the filter");
  pack_panels(c.partial, c.filter, 1, c.outChannels, c.outChannels, c.patch);
  return parallel_range(c.batch, 1, input_gradient_range, &c);
}

static int filter_gradient_range(void *context, int64_t from, int64_t to) {
  const Convolution *c = context;
  const size_t mark = mg_scratch_mark();
  float *patch = mg_scratch((size_t)(c->strip * c->patch) * sizeof(float));
  float *packed = mg_scratch((size_t)packed_size(c->strip, c->outChannels) * sizeof(float));
  REQUIRE(patch && packed, "no memory for patches");
  float *sum = c->partial + from / (c->pixels / 8 + 1) * c->patch * c->outChannels;
  zero_floats(sum, c->patch * c->outChannels);
  for (int64_t at = from; at < to; at += c->strip) {
    const int64_t rows = MIN(c->strip, to - at);
    patches(c, at, at + rows, patch);
    pack_panels(packed, c->dy + at * c->outChannels, c->outChannels, 1, rows, c->outChannels);
    matmul_packed(c->patch, c->outChannels, rows, patch, 1, c->patch, packed, sum, c->outChannels, 1, 0);
  }
  mg_scratch_release(mark);
  return 0;
}

/* f x, f dy, F dfilter; the sizes. Eight partial sums at most, added in order. */
KERNEL(convolve_filter_gradient_kernel) {
  UNUSED_COUNTS;
  Convolution c;
  if (read_convolution(&c, params)) return 1;
  const int64_t size = c.patch * c.outChannels;
  LENGTH(0, input_size(&c), "x");
  LENGTH(1, area(c.pixels, c.outChannels), "dy");
  LENGTH(2, size, "dfilter");
  c.x = FLOATS(0);
  c.dy = FLOATS(1);
  zero_floats(FLOATS(2), size);
  if (c.pixels == 0 || size == 0) return 0;
  c.strip = strip_of(&c);
  const int64_t piece = c.pixels / 8 + 1, pieces = (c.pixels + piece - 1) / piece;
  c.partial = mg_scratch((size_t)(pieces * size) * sizeof(float));
  REQUIRE(c.partial, "no memory for the filter's gradient");
  RangeLoop loop = {c.pixels, piece, filter_gradient_range, &c};
  if (mg_parallel((int)pieces, range_task, &loop)) return 1;
  for (int64_t p = 0; p < pieces; p++) add_floats(FLOATS(2), c.partial + p * size, size);
  return 0;
}

/* Depthwise: outChannels is the multiplier m; filter [height, width, channels, m], y [..., channels m]. */

/* mode 0: y += x filter; 1: dx += dy filter; 2: dfilter += x dy. Pointers are those of one image's pixel and tap. */
static inline void depthwise_tap(int mode, int64_t channels, int64_t m, float *x, float *filter, float *y) {
  if (m == 1) {
    float *restrict to = mode == 0 ? y : mode == 1 ? x : filter;
    const float *restrict a = mode == 0 ? x : y, *restrict b = mode == 2 ? x : filter;
    for (int64_t k = 0; k < channels; k++) to[k] += a[k] * b[k];
    return;
  }
  for (int64_t k = 0; k < channels; k++)
    for (int64_t q = 0; q < m; q++) {
      if (mode == 0) y[k * m + q] += x[k] * filter[k * m + q];
      else if (mode == 1) x[k] += y[k * m + q] * filter[k * m + q];
      else filter[k * m + q] += x[k] * y[k * m + q];
    }
}

typedef struct {
  Convolution c;
  int mode;
  float *x, *filter, *y;
} Depthwise;

static int depthwise_range(void *context, int64_t from, int64_t to) {
  const Depthwise *d = context;
  const Convolution *c = &d->c;
  const int64_t channels = c->inChannels, m = c->outChannels;
  for (int64_t pixel = from * c->outHeight * c->outWidth; pixel < to * c->outHeight * c->outWidth; pixel++) {
    int64_t image, top, left;
    corner_of(c, pixel, &image, &top, &left);
    for (int64_t i = 0; i < c->height; i++)
      for (int64_t j = 0; j < c->width; j++) {
        const int64_t row = top + i * c->dilationY, column = left + j * c->dilationX;
        if (row < 0 || row >= c->inHeight || column < 0 || column >= c->inWidth) continue;
        depthwise_tap(d->mode, channels, m, d->x + ((image * c->inHeight + row) * c->inWidth + column) * channels,
                      d->filter + (i * c->width + j) * channels * m, d->y + pixel * channels * m);
      }
  }
  return 0;
}

/* The three arrays x, filter, y (two read, the one that `mode` computes written, last in the list); the sizes, mode. */
KERNEL(depthwise_kernel) {
  UNUSED_COUNTS;
  Depthwise d;
  if (read_convolution(&d.c, params)) return 1;
  SIZE(mode, CONVOLUTION_PARAMS)
  REQUIRE(mode < 3, "mode is 0 (forward), 1 (input's gradient) or 2 (filter's gradient)");
  const int x = mode == 1 ? 2 : 0, filter = mode == 2 ? 2 : mode == 1 ? 0 : 1, y = mode == 0 ? 2 : 1;
  LENGTH(x, input_size(&d.c), "x");
  LENGTH(filter, d.c.patch * d.c.outChannels, "filter");
  LENGTH(y, area(d.c.pixels, area(d.c.inChannels, d.c.outChannels)), "y");
  zero_floats(FLOATS(2), arrays[2].length);
  d.mode = (int)mode;
  d.x = FLOATS(x);
  d.filter = FLOATS(filter);
  d.y = FLOATS(y);
  if (arrays[y].length == 0) return 0;
  return mode == 2 ? depthwise_range(&d, 0, d.c.batch) : parallel_range(d.c.batch, 1, depthwise_range, &d);
}
