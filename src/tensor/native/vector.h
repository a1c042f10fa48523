/* Vector width of the instruction set in hand, as GCC and Clang vector extensions. */
#if defined(__AVX512F__)
#define LANES 16
#define TILE_ROWS 12
#elif defined(__AVX2__)
#define LANES 8
#define TILE_ROWS 6
#elif defined(__aarch64__)
#define LANES 4
#define TILE_ROWS 8
#else
#define LANES 4
#define TILE_ROWS 6
#endif

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline Vector load(const float *from) { return *(const Vector *)from; }
static inline void store(float *to, Vector value) { *(Vector *)to = value; }
static inline Vector splat(float value) { return value - (Vector){}; } /* x - 0 is x, -0 too: nothing is computed */

/* The first `count` < LANES floats; nothing beyond them is touched. Other lanes are 0. */
#if defined(__AVX512F__)
#include <immintrin.h>
static inline Vector load_some(const float *from, int64_t count) {
  return (Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
}
static inline void store_some(float *to, Vector value, int64_t count) {
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
}
#elif defined(__AVX2__)
#include <immintrin.h>
static const int32_t lane_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static inline Vector load_some(const float *from, int64_t count) {
  return (Vector)_mm256_maskload_ps(from, _mm256_loadu_si256((const __m256i *)(lane_masks + 8 - count)));
}
static inline void store_some(float *to, Vector value, int64_t count) {
  _mm256_maskstore_ps(to, _mm256_loadu_si256((const __m256i *)(lane_masks + 8 - count)), (__m256)value);
}
#else
static inline Vector load_some(const float *from, int64_t count) {
  return (Vector){count > 0 ? from[0] : 0, count > 1 ? from[1] : 0, count > 2 ? from[2] : 0, 0};
}
static inline void store_some(float *to, Vector value, int64_t count) {
  if (count > 0) to[0] = value[0];
  if (count > 1) to[1] = value[1];
  if (count > 2) to[2] = value[2];
}
#endif

static inline void copy_floats(float *to, const float *from, int64_t count) {
  __builtin_memcpy(to, from, (size_t)count * sizeof(float));
}
static inline void zero_floats(float *to, int64_t count) { __builtin_memset(to, 0, (size_t)count * sizeof(float)); }

static inline void add_floats(float *restrict to, const float *restrict from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

/* Rows of few floats: loops over a handful of elements cost more than their work, so these go by vectors. */

static inline void copy_row(float *to, const float *from, int64_t width) {
  int64_t i = 0;
  for (; i + LANES <= width; i += LANES) store(to + i, load(from + i));
  if (i < width) store_some(to + i, load_some(from + i, width - i), width - i);
}

static inline void add_row(float *to, const float *from, int64_t width) {
  int64_t i = 0;
  for (; i + LANES <= width; i += LANES) store(to + i, load(to + i) + load(from + i));
  if (i < width) store_some(to + i, load_some(to + i, width - i) + load_some(from + i, width - i), width - i);
}

/* sums[j] += sum over rows of x[row, j] */
static void add_column_sums(float *sums, const float *x, int64_t rows, int64_t width) {
  int64_t j = 0;
  for (; j + LANES <= width; j += LANES) {
    Vector sum = load(sums + j);
    for (int64_t row = 0; row < rows; row++) sum += load(x + row * width + j);
    store(sums + j, sum);
  }
  if (j == width) return;
  Vector sum = load_some(sums + j, width - j);
  for (int64_t row = 0; row < rows; row++) sum += load_some(x + row * width + j, width - j);
  store_some(sums + j, sum, width - j);
}
