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

typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline Vector load(const float *from) { return *(const Vector *)from; }
static inline void store(float *to, Vector value) { *(Vector *)to = value; }
static inline Vector splat(float value) { return (Vector){} + value; }

static inline void copy_floats(float *to, const float *from, int64_t count) {
  __builtin_memcpy(to, from, (size_t)count * sizeof(float));
}
static inline void zero_floats(float *to, int64_t count) { __builtin_memset(to, 0, (size_t)count * sizeof(float)); }

static inline void add_floats(float *restrict to, const float *restrict from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += from[i];
}
