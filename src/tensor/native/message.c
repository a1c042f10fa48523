/* Fused message passing: gather -> concatenate -> MLP -> segment sum, and its gradient.
 *
 *   input[e] = [block_1[index_1[e]], ..., block_B[index_B[e]]]          (no index: row e itself)
 *   y[e]     = act(... act(input[e] W_1 + b_1) ... W_L + b_L)
 *   out[s]   = sum of y[e] over segment[e] = s                          (no segments: out = y)
 *
 * Runs over pieces of at most PIECE rows in tiles of TILE: only [e, input width] and [e, output width] ever exist as a
 * whole; the hidden layers live in the cache, and the gradient computes them again rather than store them. Pieces are
 * the same however many threads there are, and their sums are added in order, so results are too. Layers of few units go by
 * narrow.c. */

enum { TILE = 120, PIECE = 480, MOST_BLOCKS = 8, MOST_LAYERS = 8 };

typedef struct {
  int64_t count, segments, inputWidth, widest, weights; /* weights: floats of all W and b */
  int blocks, layers, hidden, last, summed;
  struct { const float *x; const int32_t *index; int64_t rows, width; } block[MOST_BLOCKS];
  struct { const float *weight, *bias; float *packed, *packedTransposed; int64_t from, to; } layer[MOST_LAYERS];
  const int32_t *segment;
  float *y;           /* forward: [count, out] */
  const float *dout;  /* gradient: of out */
  float *dinput;      /* gradient: [count, inputWidth] */
  float *partial;     /* gradient: [pieces, weights] */
} Message;

/* Arrays after the `first` ones: segment (i, empty: none), for each block x (f) and index (i, empty: none), for each layer
 * weight and bias (f). Parameters from the second on: count, segments, blocks, layers, hidden activation, last activation,
 * rows and width of each block, then the width of each layer. */
static int read_message(Message *m, const Array *arrays, int arrayCount, const double *params, int paramCount, int first) {
  REQUIRE(paramCount >= 7, "parameters are missing");
  SIZE(count, 1) SIZE(segments, 2) SIZE(blocks, 3) SIZE(layers, 4) SIZE(hidden, 5) SIZE(last, 6)
  REQUIRE(blocks >= 1 && blocks <= MOST_BLOCKS && layers >= 1 && layers <= MOST_LAYERS, "1 to 8 blocks and layers");
  REQUIRE(paramCount >= 7 + 2 * blocks + layers, "parameters are missing");
  REQUIRE(arrayCount == first + 1 + 2 * blocks + 2 * layers, "wrong number of arrays");
  REQUIRE(hidden < ACTIVATIONS && last < ACTIVATIONS, "unknown activation");
  *m = (Message){.count = count, .segments = segments, .blocks = (int)blocks, .layers = (int)layers,
                 .hidden = (int)hidden, .last = (int)last, .summed = arrays[first].length > 0 || segments > 0};
  int at = first;
  REQUIRE(arrays[at].type == INT32, "segment must be int32");
  if (m->summed) LENGTH(at, count, "segment");
  m->segment = arrays[at++].data;
  for (int b = 0; b < blocks; b++, at += 2) {
    SIZE(rows, 7 + 2 * b) SIZE(width, 8 + 2 * b)
    REQUIRE(arrays[at].type == FLOAT32 && arrays[at + 1].type == INT32, "a block has the wrong type");
    LENGTH(at, area(rows, width), "a block");
    m->block[b].x = arrays[at].data;
    m->block[b].rows = rows;
    m->block[b].width = width;
    if (arrays[at + 1].length || rows != count) {
      LENGTH(at + 1, count, "a block's index");
      REQUIRE(all_below(arrays[at + 1].data, count, rows), "a block's index is outside its rows");
      m->block[b].index = arrays[at + 1].data;
    }
    m->inputWidth += width;
  }
  int64_t width = m->inputWidth;
  REQUIRE(width > 0 && width <= 65536, "the input's width must be from 1 to 65536");
  m->widest = width;
  for (int l = 0; l < layers; l++, at += 2) {
    SIZE(to, 7 + 2 * blocks + l)
    REQUIRE(to > 0 && to <= 65536, "a layer's width must be from 1 to 65536");
    REQUIRE(arrays[at].type == FLOAT32 && arrays[at + 1].type == FLOAT32, "a layer has the wrong type");
    LENGTH(at, area(width, to), "a weight");
    LENGTH(at + 1, to, "a bias");
    m->layer[l].weight = arrays[at].data;
    m->layer[l].bias = arrays[at + 1].data;
    m->layer[l].from = width;
    m->layer[l].to = width = to;
    m->weights += m->layer[l].from * to + to;
    m->widest = MAX(m->widest, to);
  }
  return 0;
}

static int pack_layers(Message *m, int transposed) {
  for (int l = 0; l < m->layers; l++) {
    const int64_t from = m->layer[l].from, to = m->layer[l].to;
    m->layer[l].packed = mg_scratch((size_t)packed_size(from, to) * sizeof(float));
    REQUIRE(m->layer[l].packed, "no memory to pack weights");
    pack_panels(m->layer[l].packed, m->layer[l].weight, to, 1, from, to);
    if (!transposed) continue;
    m->layer[l].packedTransposed = mg_scratch((size_t)packed_size(to, from) * sizeof(float));
    REQUIRE(m->layer[l].packedTransposed, "no memory to pack weights");
    pack_panels(m->layer[l].packedTransposed, m->layer[l].weight, 1, to, to, from);
  }
  return 0;
}

static void gather_input(const Message *m, int64_t at, int64_t rows, float *to) {
  for (int64_t r = 0; r < rows; r++)
    for (int b = 0; b < m->blocks; b++) {
      const int64_t width = m->block[b].width, row = m->block[b].index ? m->block[b].index[at + r] : at + r;
      copy_row(to, m->block[b].x + row * width, width);
      to += width;
    }
}

/* values[l]: output of layer l for a tile (rows x width), values[-1] its input; the last one may be the result itself. */
static void run_layers(const Message *m, int64_t rows, const float *input, float *const *values) {
  for (int l = 0; l < m->layers; l++) {
    const int64_t from = m->layer[l].from, to = m->layer[l].to;
    matmul_packed(rows, to, from, l ? values[l - 1] : input, from, 1, m->layer[l].packed, values[l], to, 0,
                  m->layer[l].bias);
    activate(values[l], rows * to, l == m->layers - 1 ? m->last : m->hidden);
  }
}

static const float *tile_input(const Message *m, int64_t at, int64_t rows, float *input) {
  if (m->blocks == 1 && !m->block[0].index) return m->block[0].x + at * m->inputWidth;
  gather_input(m, at, rows, input);
  return input;
}

/* The gradient of y for a tile, where it lies or gathered into `to`. */
static const float *output_gradient(const Message *m, int64_t at, int64_t rows, float *to) {
  const int64_t width = m->layer[m->layers - 1].to;
  if (!m->summed) return m->dout + at * width;
  for (int64_t r = 0; r < rows; r++) {
    const int64_t segment = m->segment[at + r];
    if (segment < 0 || segment >= m->segments) zero_floats(to + r * width, width);
    else copy_row(to + r * width, m->dout + segment * width, width);
  }
  return to;
}

#include "narrow.c"

static int message_range(void *context, int64_t from, int64_t to) {
  const Message *m = context;
  const size_t mark = mg_scratch_mark();
  float *values[MOST_LAYERS], *input = mg_scratch((size_t)(TILE * m->inputWidth) * sizeof(float));
  REQUIRE(input, "no memory for a tile");
  for (int l = 0; l < m->layers - 1; l++) {
    values[l] = mg_scratch((size_t)(TILE * m->layer[l].to) * sizeof(float));
    REQUIRE(values[l], "no memory for a tile");
  }
  const int64_t outWidth = m->layer[m->layers - 1].to;
  for (int64_t at = from; at < to; at += TILE) {
    const int64_t rows = MIN(TILE, to - at);
    values[m->layers - 1] = m->y + at * outWidth;
    run_layers(m, rows, tile_input(m, at, rows, input), values);
  }
  mg_scratch_release(mark);
  return 0;
}

static void add_segments(const Message *m, const float *y, float *out, int64_t width) {
  zero_floats(out, m->segments * width);
  add_rows(out, m->segments, y, m->segment, m->count, width);
}

/* Writes m->y. */
static int run_rows(Message *m) {
  const int narrow = m->widest <= NARROW_WIDTH;
  if (!narrow && pack_layers(m, 0)) return 1;
  return parallel_range(m->count, PIECE, narrow ? narrow_range : message_range, m);
}

/* One array written: out [segments or count, width of the last layer]. */
static int message_forward(Message *m, const Array *arrays) {
  const int64_t width = m->layer[m->layers - 1].to;
  LENGTH(0, area(m->summed ? m->segments : m->count, width), "out");
  REQUIRE(arrays[0].type == FLOAT32, "out must be float32");
  REQUIRE(area(m->count, width) >= 0, "there are too many rows");
  m->y = m->summed ? mg_scratch((size_t)(m->count * width) * sizeof(float)) : FLOATS(0);
  REQUIRE(m->y || m->count == 0, "no memory for the messages");
  if (run_rows(m)) return 1;
  if (m->summed) add_segments(m, m->y, FLOATS(0), width);
  return 0;
}

KERNEL(message_kernel) {
  Message m;
  REQUIRE(arrayCount >= 1 && params[0] == 1, "one array is written");
  if (read_message(&m, arrays, arrayCount, params, paramCount, 1)) return 1;
  const size_t mark = mg_scratch_mark();
  const int failed = message_forward(&m, arrays);
  mg_scratch_release(mark);
  return failed;
}

/* Gradient of a tile: gradient holds dy (rows x out); adds to dW, db of every layer and writes the input's gradient. */
static void back_through_layers(const Message *m, int64_t rows, const float *input, float *const *values, float *gradient,
                                float *other, float *packed, float *dweights, float *dinput) {
  int64_t offset = m->weights;
  for (int l = m->layers - 1; l >= 0; l--) {
    const int64_t from = m->layer[l].from, to = m->layer[l].to;
    activation_gradient(gradient, values[l], rows * to, l == m->layers - 1 ? m->last : m->hidden);
    offset -= from * to + to;
    float *dweight = dweights + offset, *dbias = dweight + from * to;
    add_column_sums(dbias, gradient, rows, to);
    pack_panels(packed, gradient, to, 1, rows, to);
    matmul_packed(from, to, rows, l ? values[l - 1] : input, 1, from, packed, dweight, to, 1, 0);
    float *target = l ? other : dinput;
    matmul_packed(rows, from, to, gradient, to, 1, m->layer[l].packedTransposed, target, from, 0, 0);
    other = gradient;
    gradient = target;
  }
}

static int gradient_range(void *context, int64_t from, int64_t to) {
  const Message *m = context;
  const size_t mark = mg_scratch_mark();
  const int64_t outWidth = m->layer[m->layers - 1].to;
  float *values[MOST_LAYERS], *input = mg_scratch((size_t)(TILE * m->inputWidth) * sizeof(float));
  float *gradient = mg_scratch((size_t)(TILE * m->widest) * sizeof(float));
  float *other = mg_scratch((size_t)(TILE * m->widest) * sizeof(float));
  float *packed = mg_scratch((size_t)packed_size(TILE, m->widest) * sizeof(float));
  REQUIRE(input && gradient && other && packed, "no memory for a tile");
  for (int l = 0; l < m->layers; l++) {
    values[l] = mg_scratch((size_t)(TILE * m->layer[l].to) * sizeof(float));
    REQUIRE(values[l], "no memory for a tile");
  }
  float *dweights = m->partial + from / PIECE * m->weights;
  zero_floats(dweights, m->weights);
  for (int64_t at = from; at < to; at += TILE) {
    const int64_t rows = MIN(TILE, to - at);
    const float *x = tile_input(m, at, rows, input);
    run_layers(m, rows, x, values);
    const float *dy = output_gradient(m, at, rows, gradient);
    if (dy != gradient) copy_floats(gradient, dy, rows * outWidth);
    back_through_layers(m, rows, x, values, gradient, other, packed, dweights, m->dinput + at * m->inputWidth);
  }
  mg_scratch_release(mark);
  return 0;
}

/* Writes m->dinput, and the gradients of all W and b, one layer after the other, into m->partial. */
static int run_rows_back(Message *m) {
  const int narrow = m->widest <= NARROW_WIDTH;
  if (!narrow && pack_layers(m, 1)) return 1;
  const int64_t pieces = (m->count + PIECE - 1) / PIECE;
  m->partial = mg_scratch((size_t)(MAX(pieces, 1) * m->weights) * sizeof(float));
  REQUIRE((m->dinput || m->count == 0) && m->partial, "no memory for the gradients");
  if (m->count == 0) zero_floats(m->partial, m->weights);
  RangeLoop loop = {m->count, PIECE, narrow ? narrow_gradient_range : gradient_range, m};
  if (pieces > 0 && mg_parallel((int)pieces, range_task, &loop)) return 1;
  for (int64_t p = 1; p < pieces; p++) add_floats(m->partial, m->partial + p * m->weights, m->weights);
  return 0;
}

static int message_backward(Message *m, const Array *arrays) {
  const int written = m->blocks + 2 * m->layers;
  const int64_t width = m->layer[m->layers - 1].to;
  for (int i = 0; i <= written; i++) REQUIRE(arrays[i].type == FLOAT32, "gradients must be float32");
  for (int b = 0; b < m->blocks; b++) LENGTH(b, area(m->block[b].rows, m->block[b].width), "a block's gradient");
  for (int l = 0; l < m->layers; l++) {
    LENGTH(m->blocks + 2 * l, m->layer[l].from * m->layer[l].to, "a weight's gradient");
    LENGTH(m->blocks + 2 * l + 1, m->layer[l].to, "a bias's gradient");
  }
  LENGTH(written, area(m->summed ? m->segments : m->count, width), "the gradient of out");
  REQUIRE(area(m->count, MAX(width, m->inputWidth)) >= 0, "there are too many rows");
  m->dout = FLOATS(written);
  const int direct = m->blocks == 1 && !m->block[0].index;
  m->dinput = direct ? FLOATS(0) : mg_scratch((size_t)(m->count * m->inputWidth) * sizeof(float));
  if (run_rows_back(m)) return 1;
  int64_t offset = 0;
  for (int l = 0; l < m->layers; l++) {
    const int64_t size = m->layer[l].from * m->layer[l].to;
    copy_floats(FLOATS(m->blocks + 2 * l), m->partial + offset, size);
    copy_floats(FLOATS(m->blocks + 2 * l + 1), m->partial + offset + size, m->layer[l].to);
    offset += size + m->layer[l].to;
  }
  if (direct) return 0;
  int64_t column = 0;
  for (int b = 0; b < m->blocks; b++) {
    const int64_t blockWidth = m->block[b].width;
    zero_floats(FLOATS(b), arrays[b].length);
    for (int64_t e = 0; e < m->count; e++) {
      const int64_t row = m->block[b].index ? m->block[b].index[e] : e;
      add_row(FLOATS(b) + row * blockWidth, m->dinput + e * m->inputWidth + column, blockWidth);
    }
    column += blockWidth;
  }
  return 0;
}

/* Written: gradient of each block, then of each layer's weight and bias; then read: gradient of out, and as above. */
KERNEL(message_gradient_kernel) {
  Message m;
  REQUIRE(paramCount >= 7, "parameters are missing");
  const int64_t written = size_of(params[0]);
  REQUIRE(written >= 3 && written < arrayCount, "wrong number of arrays");
  if (read_message(&m, arrays, arrayCount, params, paramCount, (int)written + 1)) return 1;
  REQUIRE(written == m.blocks + 2 * m.layers, "a gradient for each block, weight and bias is needed");
  const size_t mark = mg_scratch_mark();
  const int failed = message_backward(&m, arrays);
  mg_scratch_release(mark);
  return failed;
}
