/* Factor to variable: for a batch of factors of one shape, with messages m_j from the variables,
 *
 *   out_i(x_i) = ln sum over x without x_i of exp(table(x) + sum over j != i of m_j(x_j))
 *
 * for every variable i at once, and the gradient. All of it in the log domain; a sum of nothing but zeros is -Infinity,
 * and its gradient is 0. */

enum { MOST_VARIABLES = 5, MOST_STATES = 65536 };

typedef struct {
  int variables;
  int64_t states, messages, cardinality[MOST_VARIABLES], offset[MOST_VARIABLES], stride[MOST_VARIABLES];
  const float *table, *message, *out, *dout;
  float *result, *dtable, *dmessage;
} Factor;

/* Arrays table [factors, states], message [factors, sum of cardinalities]; parameters factors, then cardinalities. */
static int read_factor(Factor *f, const Array *arrays, const double *params, int paramCount, int64_t *factors) {
  SIZE(count, 0)
  *factors = count;
  *f = (Factor){.variables = paramCount - 1, .states = 1};
  REQUIRE(f->variables >= 1 && f->variables <= MOST_VARIABLES, "a factor has 1 to 5 variables");
  for (int v = 0; v < f->variables; v++) {
    SIZE(cardinality, v + 1)
    f->cardinality[v] = cardinality;
    f->offset[v] = f->messages;
    f->messages += cardinality;
    f->states = area(f->states, cardinality);
    REQUIRE(cardinality > 0 && f->states > 0 && f->states <= MOST_STATES, "a factor has 1 to 65536 states");
  }
  for (int64_t v = f->variables - 1, stride = 1; v >= 0; v--) {
    f->stride[v] = stride;
    stride *= f->cardinality[v];
  }
  LENGTH(0, area(count, f->states), "table");
  LENGTH(1, area(count, f->messages), "message");
  f->table = FLOATS(0);
  f->message = FLOATS(1);
  return 0;
}

/* values(x) = table(x) + messages of all variables but `without`. */
static void sum_messages(const Factor *f, const float *table, const float *message, int without, float *restrict values) {
  copy_floats(values, table, f->states);
  for (int v = 0; v < f->variables; v++) {
    if (v == without) continue;
    const int64_t stride = f->stride[v], cardinality = f->cardinality[v];
    for (int64_t base = 0; base < f->states; base += stride * cardinality)
      for (int64_t state = 0; state < cardinality; state++) {
        const float added = message[f->offset[v] + state];
        for (int64_t i = base + state * stride; i < base + (state + 1) * stride; i++) values[i] += added;
      }
  }
}

#define EACH_STATE(f, v, state, i)                                                                          \
  for (int64_t base = 0; base < (f)->states; base += (f)->stride[v] * (f)->cardinality[v])                  \
    for (int64_t state = 0; state < (f)->cardinality[v]; state++)                                           \
      for (int64_t i = base + state * (f)->stride[v]; i < base + (state + 1) * (f)->stride[v]; i++)

static int factor_range(void *context, int64_t from, int64_t to) {
  const Factor *f = context;
  const size_t mark = mg_scratch_mark();
  float *restrict values = mg_scratch((size_t)(f->states + f->messages) * sizeof(float)), *restrict sum = values + f->states;
  REQUIRE(values, "no memory for a factor's table");
  for (int64_t factor = from; factor < to; factor++) {
    const float *table = f->table + factor * f->states, *message = f->message + factor * f->messages;
    for (int v = 0; v < f->variables; v++) {
      float *out = f->result + factor * f->messages + f->offset[v];
      sum_messages(f, table, message, v, values);
      for (int64_t s = 0; s < f->cardinality[v]; s++) out[s] = -INFINITY_F, sum[s] = 0;
      EACH_STATE(f, v, s, i) out[s] = values[i] > out[s] || values[i] != values[i] ? values[i] : out[s];
      EACH_STATE(f, v, s, i) values[i] -= absolute(out[s]) <= FLT_MAX ? out[s] : 0.0f;
      for (int64_t i = 0; i < f->states; i++) values[i] = exponential(values[i]);
      EACH_STATE(f, v, s, i) sum[s] += values[i];
      for (int64_t s = 0; s < f->cardinality[v]; s++)
        if (absolute(out[s]) <= FLT_MAX) out[s] += logarithm(sum[s]);
    }
  }
  mg_scratch_release(mark);
  return 0;
}

/* f table, f message, F out; factors, cardinality of each variable. */
KERNEL(factor_kernel) {
  (void)arrayCount;
  Factor f;
  int64_t factors;
  if (read_factor(&f, arrays, params, paramCount, &factors)) return 1;
  LENGTH(2, arrays[1].length, "out");
  f.result = FLOATS(2);
  return parallel_range(factors, 16384 / (f.states * f.variables) + 1, factor_range, &f);
}

static int factor_gradient_range(void *context, int64_t from, int64_t to) {
  const Factor *f = context;
  const size_t mark = mg_scratch_mark();
  float *restrict values = mg_scratch((size_t)f->states * sizeof(float));
  REQUIRE(values, "no memory for a factor's table");
  for (int64_t factor = from; factor < to; factor++) {
    const float *table = f->table + factor * f->states, *message = f->message + factor * f->messages;
    float *restrict dtable = f->dtable + factor * f->states, *restrict dmessage = f->dmessage + factor * f->messages;
    zero_floats(dtable, f->states);
    zero_floats(dmessage, f->messages);
    for (int v = 0; v < f->variables; v++) {
      const float *out = f->out + factor * f->messages + f->offset[v];
      const float *dout = f->dout + factor * f->messages + f->offset[v];
      sum_messages(f, table, message, v, values);
      EACH_STATE(f, v, s, i) values[i] -= out[s] == -INFINITY_F ? 0.0f : out[s];
      for (int64_t i = 0; i < f->states; i++) values[i] = exponential(values[i]);
      EACH_STATE(f, v, s, i) values[i] = values[i] == 0 ? 0.0f : values[i] * dout[s];
      add_floats(dtable, values, f->states);
      for (int w = 0; w < f->variables; w++)
        if (w != v) EACH_STATE(f, w, s, i) dmessage[f->offset[w] + s] += values[i];
    }
  }
  mg_scratch_release(mark);
  return 0;
}

/* f table, f message, f out, f dout, F dtable, F dmessage; factors, cardinality of each variable. */
KERNEL(factor_gradient_kernel) {
  (void)arrayCount;
  Factor f;
  int64_t factors;
  if (read_factor(&f, arrays, params, paramCount, &factors)) return 1;
  LENGTH(2, arrays[1].length, "out");
  LENGTH(3, arrays[1].length, "the gradient of out");
  LENGTH(4, arrays[0].length, "dtable");
  LENGTH(5, arrays[1].length, "dmessage");
  f.out = FLOATS(2);
  f.dout = FLOATS(3);
  f.dtable = FLOATS(4);
  f.dmessage = FLOATS(5);
  return parallel_range(factors, 16384 / (f.states * f.variables) + 1, factor_gradient_range, &f);
}
