/* Elementary functions in single precision, without branches so that loops over them vectorise, and without libm, which
 * WebAssembly lacks. Errors are a few units in the last place; infinities and NaN as in IEEE 754 (no -ffast-math). The
 * build in double precision, in which tests check gradients, takes libm's. */
#include <float.h>

#define INLINE static inline __attribute__((always_inline))

#define INFINITY_F __builtin_inff()
#define NAN_F __builtin_nanf("")

#ifdef MARGINALIA_DOUBLE
INLINE float absolute(float x) { return __builtin_fabs(x); }
INLINE float square_root(float x) { return __builtin_sqrt(x); }
INLINE float exponential(float x) { return __builtin_exp(x); }
INLINE float logarithm(float x) { return __builtin_log(x); }
INLINE float log_one_plus(float x) { return __builtin_log1p(x); }
INLINE float exp_minus_one(float x) { return __builtin_expm1(x); }
INLINE float hyperbolic_tangent(float x) { return __builtin_tanh(x); }
#else
typedef union {
  float value;
  int32_t bits;
} Bits;

INLINE float from_bits(int32_t bits) { return ((Bits){.bits = bits}).value; }
INLINE int32_t to_bits(float value) { return ((Bits){.value = value}).bits; }
INLINE float absolute(float x) { return from_bits(to_bits(x) & 0x7fffffff); }
INLINE float square_root(float x) { return __builtin_sqrtf(x); }

/* exp(x) = 2^n exp(r), |r| <= ln(2) / 2; the factor 2^n in two halves, since n reaches below the normal exponents. */
INLINE float exponential(float x) {
  const float bounded = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
  const float shifted = bounded * 1.44269504088896341f + 12582912.0f; /* the sum's low bits are the rounded integer */
  const float n = shifted - 12582912.0f;
  const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t exponent = to_bits(shifted) - 0x4b400000;
  const int32_t half = exponent >> 1;
  const float scaled = p * from_bits((half + 127) << 23) * from_bits((exponent - half + 127) << 23);
  return x != x ? x : x > 88.7228394f ? INFINITY_F : x < -103.97208f ? 0.0f : scaled;
}

INLINE float logarithm(float x) {
  const int subnormal = x < FLT_MIN;
  const float normal = subnormal ? x * 16777216.0f : x;
  const int32_t bits = to_bits(normal) - 0x3f3504f3; /* sqrt(1/2), so that the mantissa lies in [sqrt(1/2), sqrt(2)) */
  const float exponent = (float)(bits >> 23) - (subnormal ? 24.0f : 0.0f);
  const float m = from_bits((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  const float square = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float tail = p * m * square - exponent * 2.12194440e-4f - 0.5f * square;
  const float value = m + tail + exponent * 0.693359375f;
  return x != x || x < 0 ? NAN_F : x == 0 ? -INFINITY_F : x > FLT_MAX ? x : value;
}

INLINE float log_one_plus(float x) {
  const float u = 1.0f + x;
  const float quotient = logarithm(u) * (x / (u - 1.0f));
  return x > FLT_MAX ? x : u == 1.0f ? x : x < -1.0f ? NAN_F : x == -1.0f ? -INFINITY_F : quotient;
}

INLINE float exp_minus_one(float x) {
  float p = 1.0f / 5040; /* Taylor's series is exact to rounding for |x| < 1/2 */
  p = p * x + 1.0f / 720;
  p = p * x + 1.0f / 120;
  p = p * x + 1.0f / 24;
  p = p * x + 1.0f / 6;
  p = p * x + 0.5f;
  const float small = p * x * x + x;
  return absolute(x) < 0.5f ? small : exponential(x) - 1.0f;
}

INLINE float hyperbolic_tangent(float x) {
  const float size = absolute(x);
  const float square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float small = p * square * x + x;
  const float large = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
  return x != x ? x : size < 0.625f ? small : x < 0 ? -large : large;
}
#endif

INLINE float logistic(float x) { return 1.0f / (1.0f + exponential(-x)); }

INLINE float softplus(float x) {
  const float below = exponential(-absolute(x)); /* in [0, 1] */
  const float u = 1.0f + below;
  const float correction = (below - (u - 1.0f)) / u; /* what rounding u lost, to first order */
  return MAX(x, 0.0f) + (logarithm(u) + correction);
}

INLINE float rectified(float x) { return x <= 0 ? 0.0f : x; } /* NaN stays NaN */

/* Activations that fused kernels know; their derivatives follow from the value y alone. */
enum { LINEAR, RELU, SIGMOID, TANH, RELU6, ELU, ACTIVATIONS };

static inline void activate(float *values, int64_t count, int activation) {
  if (activation == RELU)
    for (int64_t i = 0; i < count; i++) values[i] = rectified(values[i]);
  else if (activation == SIGMOID)
    for (int64_t i = 0; i < count; i++) values[i] = logistic(values[i]);
  else if (activation == TANH)
    for (int64_t i = 0; i < count; i++) values[i] = hyperbolic_tangent(values[i]);
  else if (activation == RELU6)
    for (int64_t i = 0; i < count; i++) values[i] = values[i] > 6 ? 6 : rectified(values[i]);
  else if (activation == ELU)
    for (int64_t i = 0; i < count; i++) values[i] = values[i] > 0 ? values[i] : exp_minus_one(values[i]);
}

/* gradient *= activation'(.), by the value y of the activation. */
static inline void activation_gradient(float *restrict gradient, const float *restrict y, int64_t count, int activation) {
  if (activation == RELU)
    for (int64_t i = 0; i < count; i++) gradient[i] = y[i] <= 0 ? 0.0f : gradient[i];
  else if (activation == SIGMOID)
    for (int64_t i = 0; i < count; i++) gradient[i] *= y[i] * (1.0f - y[i]);
  else if (activation == TANH)
    for (int64_t i = 0; i < count; i++) gradient[i] *= 1.0f - y[i] * y[i];
  else if (activation == RELU6)
    for (int64_t i = 0; i < count; i++) gradient[i] = y[i] <= 0 || y[i] >= 6 ? 0.0f : gradient[i];
  else if (activation == ELU)
    for (int64_t i = 0; i < count; i++) gradient[i] *= y[i] > 0 ? 1.0f : y[i] + 1.0f;
}
