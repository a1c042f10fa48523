/* Convolutions of images [batch, height, width, channels] with filters [height, width, channels, out], and their gradients,
 * by the tiles of matrix products and without copying patches: in a row of an image that is padded with zeros, what lies under
 * one row of the filter is contiguous, and the next pixel's begins strideX channels later. So the image itself is a tile's A,
 * and the tile sums over as many stretches as the filter has rows (taps, where the filter is dilated along x).
 *
 *   forward           y[pixel, o] = sum over taps of x filter: a tile's rows are pixels side by side
 *   input's gradient  the same of dy with the filter turned by half a turn; for strides beyond 1 pixel by pixel
 *   filter's gradient dfilter[(tap, channel), o] = sum over pixels of x dy: a tile's rows are channels, its stretches rows of dy
 *
 * Depthwise ones, one filter a channel, go pixel by pixel, vectorised along the channels. */

typedef struct {
  int64_t batch, inHeight, inWidth, inChannels, height, width, outChannels, outHeight, outWidth;
  int64_t strideY, strideX, dilationY, dilationX, padTop, padLeft; /* paddings below 0: the image's edge is not used */
  int64_t pixels, patch;        /* output pixels of the whole batch; floats of a patch */
  int64_t paddedWidth, block;   /* pixels of a padded row; output rows that are padded and worked on together */
  int64_t stretches, depth;     /* of a tile's sum over a patch */
  int inside, activation;       /* inside: no patch reaches beyond the image, so there is nothing to pad */
  const float *x, *filter, *dy, *bias; /* filter: packed */
  float *y, *dx, *partial;
} Convolution;

enum { CONVOLUTION_PARAMS = 15, MOST_SIDE = 65536, MOST_TAPS = 4096, MOST_ROWS = 64 };

static int read_convolution(Convolution *c, const double *params) {
  int64_t sizes[CONVOLUTION_PARAMS];
  for (int i = 0; i < CONVOLUTION_PARAMS; i++) {
    sizes[i] = size_of(params[i]);
    REQUIRE(sizes[i] >= 0 && sizes[i] <= (i == 0 || i == 3 || i == 6 ? (int64_t)LARGEST_SIZE : MOST_SIDE),
            "a size is out of range");
  }
  *c = (Convolution){.batch = sizes[0], .inHeight = sizes[1], .inWidth = sizes[2], .inChannels = sizes[3],
                     .height = sizes[4], .width = sizes[5], .outChannels = sizes[6], .outHeight = sizes[7],
                     .outWidth = sizes[8], .strideY = sizes[9], .strideX = sizes[10], .dilationY = sizes[11],
                     .dilationX = sizes[12], .padTop = sizes[13], .padLeft = sizes[14]};
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

static int is_pointwise(const Convolution *c) {
  return c->height == 1 && c->width == 1 && c->strideY == 1 && c->strideX == 1 && c->padTop == 0 && c->padLeft == 0 &&
         c->outHeight == c->inHeight && c->outWidth == c->inWidth;
}

/* Decides how padded rows are laid out and cut into blocks. */
static int plan(Convolution *c) {
  const int64_t down = (c->height - 1) * c->dilationY, across = (c->width - 1) * c->dilationX;
  const int64_t reachDown = (c->outHeight - 1) * c->strideY + down + 1;
  c->paddedWidth = (c->outWidth - 1) * c->strideX + across + 1;
  REQUIRE(c->paddedWidth <= c->inWidth + MAX(c->padLeft, 0) + MOST_SIDE, "patches lie too far from the image");
  c->inside = c->padTop <= 0 && c->padLeft <= 0 && reachDown - c->padTop <= c->inHeight &&
              c->paddedWidth - c->padLeft <= c->inWidth;
  if (c->inside) c->paddedWidth = c->inWidth;
  c->stretches = c->dilationX == 1 ? c->height : c->height * c->width;
  c->depth = c->dilationX == 1 ? c->width * c->inChannels : c->inChannels;
  REQUIRE(c->stretches <= MOST_TAPS, "the filter is too large");
  const int64_t row = area(c->paddedWidth, c->inChannels);
  REQUIRE(row >= 0, "an image's row is too large");
  c->block = MIN(MAX(24576 / (row * c->strideY + 1), 4), MOST_ROWS); /* 96 KB of padded rows: half of a small second cache */
  return 0;
}

/* Floats of the rows that a block of output rows can need, each image's with a border of its own. */
static size_t padded_size(const Convolution *c) {
  if (c->inside) return 0;
  const int64_t border = (c->height - 1) * c->dilationY + 1, images = c->block / MAX(c->outHeight, 1) + 2;
  return (size_t)(c->block * c->strideY + images * border) * (size_t)(c->paddedWidth * c->inChannels);
}

/* The input under output rows [from, to), counted over the batch: pads it into `scratch` and gives where each row's first
 * patch starts; or gives the image itself. */
static const float *padded_rows(const Convolution *c, int64_t from, int64_t to, float *scratch, int64_t *start) {
  const int64_t channels = c->inChannels, pitch = c->paddedWidth * channels;
  if (c->inside) {
    for (int64_t row = from; row < to; row++)
      start[row - from] = ((row / c->outHeight * c->inHeight + row % c->outHeight * c->strideY - c->padTop) * c->inWidth -
                           c->padLeft) * channels;
    return c->x;
  }
  const int64_t left = MIN(MAX(c->padLeft, 0), c->paddedWidth), skip = MAX(-c->padLeft, 0);
  const int64_t filled = MAX(MIN(c->paddedWidth - left, c->inWidth - skip), 0);
  float *line = scratch;
  for (int64_t row = from; row < to;) {
    const int64_t image = row / c->outHeight, y = row % c->outHeight, count = MIN(to - row, c->outHeight - y);
    for (int64_t i = 0; i < count; i++) start[row - from + i] = line - scratch + i * c->strideY * pitch;
    const int64_t needed = (count - 1) * c->strideY + (c->height - 1) * c->dilationY + 1;
    for (int64_t i = 0; i < needed; i++, line += pitch) {
      const int64_t source = y * c->strideY - c->padTop + i;
      if (source < 0 || source >= c->inHeight) {
        zero_floats(line, pitch);
        continue;
      }
      zero_floats(line, left * channels);
      copy_floats(line + left * channels, c->x + ((image * c->inHeight + source) * c->inWidth + skip) * channels,
                  filled * channels);
      zero_floats(line + (left + filled) * channels, pitch - (left + filled) * channels);
    }
    row += count;
  }
  return scratch;
}

/* Where each stretch of a patch starts, from the patch's first float. */
static void find_stretches(const Convolution *c, int64_t *offset) {
  const int64_t taps = c->stretches / MAX(c->height, 1);
  for (int64_t s = 0; s < c->stretches; s++)
    offset[s] = (s / taps * c->dilationY * c->paddedWidth + s % taps * c->dilationX) * c->inChannels;
}

static int convolve_range(void *context, int64_t from, int64_t to) {
  const Convolution *c = context;
  const size_t mark = mg_scratch_mark();
  float *scratch = mg_scratch((padded_size(c) + 1) * sizeof(float));
  int64_t *offset = mg_scratch((size_t)c->stretches * sizeof(int64_t)), start[MOST_ROWS];
  REQUIRE(scratch && offset, "no memory to pad images");
  find_stretches(c, offset);
  const Sum along = {c->stretches, c->depth, c->strideX * c->inChannels, 1, offset};
  const int64_t tiles = (c->outWidth + TILE_ROWS - 1) / TILE_ROWS; /* of a row, as even as can be */
  for (int64_t at = from; at < to; at += c->block) {
    const int64_t rows = MIN(c->block, to - at);
    const float *x = padded_rows(c, at, at + rows, scratch, start), *panel = c->filter;
    float *y = c->y + at * c->outWidth * c->outChannels;
    for (int64_t j = 0; j < c->outChannels;) {
      const int64_t width = c->outChannels - j > LANES ? PANEL : LANES, filled = MIN(width, c->outChannels - j);
      for (int64_t row = 0; row < rows; row++)
        for (int64_t t = 0, pixel = 0; t < tiles; t++) {
          const int64_t end = c->outWidth * (t + 1) / tiles;
          any_tile((int)(end - pixel), (int)(width / LANES), &along, x + start[row] + pixel * along.aRow, panel,
                   y + (row * c->outWidth + pixel) * c->outChannels + j, c->outChannels, filled, 0,
                   c->bias ? c->bias + j : 0);
          pixel = end;
        }
      panel += c->patch * width;
      j += width;
    }
    activate(y, rows * c->outWidth * c->outChannels, c->activation);
  }
  mg_scratch_release(mark);
  return 0;
}

/* Output rows for a thread: at least 4 Mflop. */
static int64_t rows_for_thread(const Convolution *c) {
  const double work = 2.0 * (double)c->outWidth * (double)c->patch * (double)c->outChannels;
  return (int64_t)(4e6 / (work + 1)) + 1;
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
  c.y = FLOATS(3);
  c.bias = arrays[2].length ? FLOATS(2) : 0;
  c.activation = (int)activation;
  if (is_pointwise(&c) || c.patch == 0)
    return matmul((MatMul){.rows = c.pixels, .columns = c.outChannels, .depth = c.patch, .a = c.x, .b = FLOATS(1),
                           .aRow = c.patch, .aColumn = 1, .bRow = c.outChannels, .bColumn = 1, .c = c.y,
                           .cRow = c.outChannels, .bias = c.bias, .activation = c.activation});
  if (plan(&c)) return 1;
  float *filter = mg_scratch((size_t)packed_size(c.patch, c.outChannels) * sizeof(float));
  REQUIRE(filter, "no memory for the filter");
  pack_panels(filter, FLOATS(1), c.outChannels, 1, c.patch, c.outChannels);
  c.filter = filter;
  return parallel_range(c.batch * c.outHeight, rows_for_thread(&c), convolve_range, &c);
}

/* The filter [height, width, channels, out] as that of the input's gradient: [height, width, out, channels], turned. */
static void pack_turned(const Convolution *c, const float *filter, float *to) {
  const int64_t taps = c->height * c->width, tap = c->inChannels * c->outChannels;
  for (int64_t j = 0; j < c->inChannels;) {
    const int64_t width = c->inChannels - j > LANES ? PANEL : LANES, filled = MIN(width, c->inChannels - j);
    for (int64_t t = taps - 1; t >= 0; t--, to += c->outChannels * width)
      pack_panels(to, filter + t * tap + j * c->outChannels, 1, c->outChannels, c->outChannels, filled);
    j += width;
  }
}

/* With strides: one image at a time, each output pixel's gradient added to all that it came from. */
static int input_gradient_range(void *context, int64_t from, int64_t to) {
  const Convolution *c = context;
  const int64_t pixels = c->outHeight * c->outWidth, channels = c->inChannels, strip = 4 * TILE_ROWS;
  const size_t mark = mg_scratch_mark();
  float *patch = mg_scratch((size_t)(strip * c->patch) * sizeof(float));
  REQUIRE(patch, "no memory for patches");
  zero_floats(c->dx + from * c->inHeight * c->inWidth * channels, (to - from) * c->inHeight * c->inWidth * channels);
  for (int64_t at = from * pixels; at < to * pixels; at += strip) {
    const int64_t rows = MIN(strip, to * pixels - at);
    matmul_packed(rows, c->patch, c->outChannels, c->dy + at * c->outChannels, c->outChannels, 1, c->filter, patch,
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
  if (arrays[0].length == 0 || c.patch == 0) {
    zero_floats(FLOATS(2), arrays[2].length);
    return 0;
  }
  c.dy = FLOATS(0);
  c.dx = FLOATS(2);
  if (is_pointwise(&c))
    return matmul((MatMul){.rows = c.pixels, .columns = c.patch, .depth = c.outChannels, .a = c.dy, .b = FLOATS(1),
                           .aRow = c.outChannels, .aColumn = 1, .bRow = 1, .bColumn = c.outChannels, .c = c.dx,
                           .cRow = c.patch});
  const int turns = c.strideY == 1 && c.strideX == 1;
  const int64_t size = turns ? c.height * c.width * packed_size(c.outChannels, c.inChannels)
                             : packed_size(c.outChannels, c.patch);
  float *filter = mg_scratch((size_t)size * sizeof(float));
  REQUIRE(filter, "no memory for the filter");
  c.filter = filter;
  if (!turns) {
    pack_panels(filter, FLOATS(1), 1, c.outChannels, c.outChannels, c.patch);
    return parallel_range(c.batch, 1, input_gradient_range, &c);
  }
  pack_turned(&c, FLOATS(1), filter);
  Convolution turned = {.batch = c.batch, .inHeight = c.outHeight, .inWidth = c.outWidth, .inChannels = c.outChannels,
                        .height = c.height, .width = c.width, .outChannels = c.inChannels, .outHeight = c.inHeight,
                        .outWidth = c.inWidth, .strideY = 1, .strideX = 1, .dilationY = c.dilationY,
                        .dilationX = c.dilationX, .padTop = (c.height - 1) * c.dilationY - c.padTop,
                        .padLeft = (c.width - 1) * c.dilationX - c.padLeft,
                        .patch = c.height * c.width * c.outChannels, .x = c.dy, .filter = filter, .y = c.dx};
  if (plan(&turned)) return 1;
  return parallel_range(c.batch * c.inHeight, rows_for_thread(&turned), convolve_range, &turned);
}

static int filter_gradient_range(void *context, int64_t from, int64_t to) {
  const Convolution *c = context;
  const size_t mark = mg_scratch_mark();
  float *scratch = mg_scratch((padded_size(c) + 1) * sizeof(float));
  int64_t *offset = mg_scratch((size_t)c->stretches * sizeof(int64_t)), start[MOST_ROWS];
  float *packed = mg_scratch((size_t)packed_size(c->block * c->outWidth, c->outChannels) * sizeof(float));
  REQUIRE(scratch && offset && packed, "no memory to pad images");
  find_stretches(c, offset);
  float *sum = c->partial + from / ((c->batch * c->outHeight + 7) / 8) * c->patch * c->outChannels;
  zero_floats(sum, c->patch * c->outChannels);
  for (int64_t at = from; at < to; at += c->block) {
    const int64_t rows = MIN(c->block, to - at), pixels = rows * c->outWidth;
    const float *x = padded_rows(c, at, at + rows, scratch, start), *panel = packed;
    const Sum along = {rows, c->outWidth, 1, c->strideX * c->inChannels, start};
    pack_panels(packed, c->dy + at * c->outWidth * c->outChannels, c->outChannels, 1, pixels, c->outChannels);
    for (int64_t j = 0; j < c->outChannels;) {
      const int64_t width = c->outChannels - j > LANES ? PANEL : LANES, filled = MIN(width, c->outChannels - j);
      for (int64_t s = 0; s < c->stretches; s++)
        for (int64_t r = 0; r < c->depth; r += TILE_ROWS)
          any_tile((int)MIN(TILE_ROWS, c->depth - r), (int)(width / LANES), &along, x + offset[s] + r, panel,
                   sum + (s * c->depth + r) * c->outChannels + j, c->outChannels, filled, 1, 0);
      panel += pixels * width;
      j += width;
    }
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
  if (plan(&c)) return 1;
  const int64_t rows = c.batch * c.outHeight, piece = (rows + 7) / 8, pieces = (rows + piece - 1) / piece;
  c.partial = mg_scratch((size_t)(pieces * size) * sizeof(float));
  REQUIRE(c.partial, "no memory for the filter's gradient");
  RangeLoop loop = {rows, piece, filter_gradient_range, &c};
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
