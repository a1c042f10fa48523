/* Element by element: unary functions, binary ones with broadcasting, selection, casts. */

enum {
  NEGATE, ABSOLUTE, EXPONENTIAL, EXP_MINUS_ONE, LOGARITHM, LOG_ONE_PLUS, SQUARE_ROOT, RECIPROCAL_ROOT, SQUARE,
  RECIPROCAL, LOGISTIC, HYPERBOLIC_TANGENT, RECTIFIED, RECTIFIED_6, EXPONENTIAL_LINEAR, SOFTPLUS, LEAKY, CLIP, STEP,
  FLOOR, CEILING, UNARY_FUNCTIONS
};

typedef struct {
  int function;
  float first, second;
  const float *x;
  float *y;
} Unary;

#define EACH(expression)                  \
  for (int64_t i = from; i < to; i++) {   \
    const float x = in[i];                \
    out[i] = (expression);                \
  }                                       \
  break

static int unary_range(void *context, int64_t from, int64_t to) {
  const Unary *u = context;
  const float *restrict in = u->x;
  float *restrict out = u->y;
  const float first = u->first, second = u->second;
  switch (u->function) {
    case NEGATE: EACH(-x);
    case ABSOLUTE: EACH(absolute(x));
    case EXPONENTIAL: EACH(exponential(x));
    case EXP_MINUS_ONE: EACH(exp_minus_one(x));
    case LOGARITHM: EACH(logarithm(x));
    case LOG_ONE_PLUS: EACH(log_one_plus(x));
    case SQUARE_ROOT: EACH(square_root(x));
    case RECIPROCAL_ROOT: EACH(1.0f / square_root(x));
    case SQUARE: EACH(x * x);
    case RECIPROCAL: EACH(1.0f / x);
    case LOGISTIC: EACH(logistic(x));
    case HYPERBOLIC_TANGENT: EACH(hyperbolic_tangent(x));
    case RECTIFIED: EACH(rectified(x));
    case RECTIFIED_6: EACH(x > 6 ? 6 : rectified(x));
    case EXPONENTIAL_LINEAR: EACH(x >= 0 ? x : exp_minus_one(x));
    case SOFTPLUS: EACH(softplus(x));
    case LEAKY: EACH(x < 0 ? first * x : x);
    case CLIP: EACH(x > second ? second : x < first ? first : x);
    case STEP: EACH(x != x ? x : x > 0 ? 1.0f : first);
    case FLOOR: EACH(__builtin_floorf(x));
    case CEILING: EACH(__builtin_ceilf(x));
  }
  return 0;
}

/* f x, F y; function and its two numbers (leaky: slope; clip: least, greatest; step: value at and below zero). */
KERNEL(unary_kernel) {
  UNUSED_COUNTS;
  SIZE(function, 0)
  REQUIRE(function < UNARY_FUNCTIONS, "unknown unary function");
  LENGTH(1, arrays[0].length, "out");
  Unary unary = {(int)function, (float)params[1], (float)params[2], FLOATS(0), FLOATS(1)};
  return parallel_range(arrays[0].length, 65536, unary_range, &unary);
}

enum {
  ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, RELU_GRADIENT, ELU_GRADIENT, ARITHMETIC,
  LESS = ARITHMETIC, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL, BINARY_FUNCTIONS
};
#define MOST_AXES 8

typedef struct {
  int function, axes;
  int64_t size[MOST_AXES], aStride[MOST_AXES], bStride[MOST_AXES], inner;
  const float *a, *b;
  float *out;
  uint8_t *flags;
} Binary;

/* Rows of `n`, next to each other in `out`; the four stride patterns that occur are loops of their own, so that they vectorise. */
#define EACH_ROW for (int64_t row = 0; row < rows; row++, a += aRow, b += bRow, out += n)
#define RUN_LOOPS(result, expression)                                                               \
  { __typeof__(result) out = result;                                                                \
  if (sa == 1 && sb == 1)                                                                           \
    EACH_ROW for (int64_t i = 0; i < n; i++) { const float x = a[i], y = b[i]; out[i] = (expression); } \
  else if (sa == 1 && sb == 0)                                                                      \
    EACH_ROW {                                                                                      \
      const float y = *b;                                                                           \
      for (int64_t i = 0; i < n; i++) { const float x = a[i]; out[i] = (expression); }              \
    }                                                                                               \
  else if (sa == 0 && sb == 1)                                                                      \
    EACH_ROW {                                                                                      \
      const float x = *a;                                                                           \
      for (int64_t i = 0; i < n; i++) { const float y = b[i]; out[i] = (expression); }              \
    }                                                                                               \
  else                                                                                              \
    EACH_ROW for (int64_t i = 0; i < n; i++) { const float x = a[i * sa], y = b[i * sb]; out[i] = (expression); } \
  }                                                                                                 \
  break

static void binary_rows(int function, int64_t rows, int64_t n, const float *restrict a, int64_t sa, int64_t aRow,
                        const float *restrict b, int64_t sb, int64_t bRow, float *restrict values, uint8_t *restrict flags) {
  switch (function) {
    case ADD: RUN_LOOPS(values, x + y);
    case SUBTRACT: RUN_LOOPS(values, x - y);
    case MULTIPLY: RUN_LOOPS(values, x * y);
    case DIVIDE: RUN_LOOPS(values, x / y);
    case MAXIMUM: RUN_LOOPS(values, x > y || x != x ? x : y);
    case MINIMUM: RUN_LOOPS(values, x < y || x != x ? x : y);
    case SQUARED_DIFFERENCE: RUN_LOOPS(values, (x - y) * (x - y));
    case RELU_GRADIENT: RUN_LOOPS(values, y <= 0 ? 0.0f : x);
    case ELU_GRADIENT: RUN_LOOPS(values, y >= 0 ? x : x * (y + 1.0f));
    case LESS: RUN_LOOPS(flags, x < y);
    case LESS_EQUAL: RUN_LOOPS(flags, x <= y);
    case GREATER: RUN_LOOPS(flags, x > y);
    case GREATER_EQUAL: RUN_LOOPS(flags, x >= y);
    case EQUAL: RUN_LOOPS(flags, x == y);
    case NOT_EQUAL: RUN_LOOPS(flags, x != y);
  }
}

static int binary_range(void *context, int64_t from, int64_t to) {
  const Binary *p = context;
  const int last = p->axes - 1;
  for (int64_t at = from; at < to;) { /* a range may start and end within a run */
    int64_t rest = at, a = 0, b = 0;
    const int64_t within = rest % p->inner;
    rest /= p->inner;
    for (int axis = last - 1; axis >= 0; axis--) {
      const int64_t index = rest % p->size[axis];
      rest /= p->size[axis];
      a += index * p->aStride[axis];
      b += index * p->bStride[axis];
    }
    const int64_t n = MIN(to - at, p->inner - within), sa = p->aStride[last], sb = p->bStride[last];
    const int64_t here = last && n == p->inner ? at / n % p->size[last - 1] : 0; /* whole rows go on to the axis's end */
    const int64_t rows = last && n == p->inner ? MIN((to - at) / n, p->size[last - 1] - here) : 1;
    binary_rows(p->function, rows, n, p->a + a + within * sa, sa, last ? p->aStride[last - 1] : 0,
                p->b + b + within * sb, sb, last ? p->bStride[last - 1] : 0, p->out ? p->out + at : 0,
                p->flags ? p->flags + at : 0);
    at += rows * n;
  }
  return 0;
}

/* f a, f b, F out or B flags; function, axes, then size, stride in a, stride in b for each axis, outermost first. */
static int binary_any(const Array *arrays, const double *params, int paramCount, int flags) {
  SIZE(function, 0) SIZE(axes, 1)
  REQUIRE(flags ? function >= ARITHMETIC && function < BINARY_FUNCTIONS : function < ARITHMETIC, "unknown function");
  REQUIRE(axes >= 1 && axes <= MOST_AXES && paramCount >= 2 + 3 * axes, "between 1 and 8 axes are needed");
  Binary p = {.function = (int)function, .axes = (int)axes, .a = FLOATS(0), .b = FLOATS(1)};
  int64_t count = 1, aLast = 0, bLast = 0;
  for (int axis = 0; axis < axes; axis++) {
    p.size[axis] = size_of(params[2 + 3 * axis]);
    p.aStride[axis] = size_of(params[3 + 3 * axis]);
    p.bStride[axis] = size_of(params[4 + 3 * axis]);
    REQUIRE(p.size[axis] >= 0 && p.aStride[axis] >= 0 && p.bStride[axis] >= 0, "sizes and strides must be sizes");
    count = area(count, p.size[axis]);
    const int64_t aSpan = area(MAX(p.size[axis] - 1, 0), p.aStride[axis]);
    const int64_t bSpan = area(MAX(p.size[axis] - 1, 0), p.bStride[axis]);
    REQUIRE(count >= 0 && aSpan >= 0 && bSpan >= 0, "sizes are too large");
    aLast += aSpan;
    bLast += bSpan;
  }
  LENGTH(2, count, "out");
  if (count == 0) return 0;
  REQUIRE(aLast < arrays[0].length && bLast < arrays[1].length, "strides reach beyond an operand");
  if (flags) p.flags = BYTES(2);
  else p.out = FLOATS(2);
  p.inner = p.size[axes - 1];
  return parallel_range(count, 65536, binary_range, &p);
}

KERNEL(binary_kernel) {
  (void)arrayCount;
  return binary_any(arrays, params, paramCount, 0);
}
KERNEL(compare_kernel) {
  (void)arrayCount;
  return binary_any(arrays, params, paramCount, 1);
}

/* b condition, f whereTrue, f whereFalse, F out; all of one length. */
KERNEL(select_kernel) {
  UNUSED_COUNTS; (void)params;
  const int64_t n = arrays[3].length;
  for (int i = 0; i < 3; i++) LENGTH(i, n, "an operand");
  const uint8_t *restrict condition = BYTES(0);
  const float *restrict yes = FLOATS(1), *restrict no = FLOATS(2);
  float *restrict out = FLOATS(3);
  for (int64_t i = 0; i < n; i++) out[i] = condition[i] ? yes[i] : no[i];
  return 0;
}

KERNEL(int_to_float_kernel) {
  UNUSED_COUNTS; (void)params;
  LENGTH(1, arrays[0].length, "out");
  const int32_t *restrict x = INTS(0);
  float *restrict y = FLOATS(1);
  for (int64_t i = 0; i < arrays[0].length; i++) y[i] = (float)x[i];
  return 0;
}

KERNEL(byte_to_float_kernel) {
  UNUSED_COUNTS; (void)params;
  LENGTH(1, arrays[0].length, "out");
  const uint8_t *restrict x = BYTES(0);
  float *restrict y = FLOATS(1);
  for (int64_t i = 0; i < arrays[0].length; i++) y[i] = (float)x[i];
  return 0;
}

/* f* summands, F sum at the end of the list. */
KERNEL(add_all_kernel) {
  (void)params; (void)paramCount;
  const Array *out = &arrays[0];
  for (int i = 1; i < arrayCount; i++) LENGTH(i, out->length, "a summand");
  float *sum = out->data;
  REQUIRE(arrayCount > 1, "summands are missing");
  copy_floats(sum, FLOATS(1), out->length);
  for (int i = 2; i < arrayCount; i++) add_floats(sum, FLOATS(i), out->length);
  return 0;
}
