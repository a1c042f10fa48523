/* An MLP on distributions over the states of small tables, in logs, mixed with its input (BPNN's message layer):
 *
 *   y = ln p + ln(1 + share (q - p) / max(p, floor)),      p = exp(logs),
 *   q = relu(mean over permutations Q of the states of (relu(p Q W_1 + b_1) W_2 + b_2) Q^T)
 *
 * The mean is one MLP whose hidden layer holds those of all permutations: it is assembled from W_1, b_1, W_2, b_2, run by message.c,
 * and its gradient taken apart again. (x Q)[s] = x[permutation[s]]. */

enum { MOST_MLP_STATES = 1024 };

typedef struct {
  int64_t count, states, permutations, hidden;
  float share, floor;
  const float *logs, *weight[4]; /* W_1, b_1, W_2, b_2 */
  const int32_t *permutation;
  float *assembled[4], *p, *q;
  const float *dy;
  float *dlogs, *dq;
  Message message;
} TableMlp;

/* For each entry of the assembled MLP that is not 0, the one that it comes from. `share` is 1 / permutations for the second layer. */
#define EACH_COPY(t, body)                                                                          \
  for (int64_t copy = 0; copy < (t)->permutations; copy++)                                          \
    for (int64_t to = 0; to < (t)->states; to++) {                                                  \
      const int64_t from = (t)->permutation[copy * (t)->states + to], first = copy * (t)->states;   \
      body                                                                                          \
    }

static void assemble(const TableMlp *t) {
  const float mean = 1.0f / (float)t->permutations;
  zero_floats(t->assembled[3], t->states);
  EACH_COPY(t, {
    t->assembled[1][first + to] = t->weight[1][to];
    t->assembled[3][from] += mean * t->weight[3][to];
    for (int64_t unit = 0; unit < t->states; unit++) {
      t->assembled[0][from * t->hidden + first + unit] = t->weight[0][to * t->states + unit];
      t->assembled[2][(first + unit) * t->states + from] = mean * t->weight[2][unit * t->states + to];
    }
  })
}

/* The gradients of the assembled MLP, W_1' b_1' W_2' b_2' one after the other, onto those of its parts. */
static void take_apart(const TableMlp *t, const float *assembled, float *const *gradient) {
  const float mean = 1.0f / (float)t->permutations;
  const float *inner = assembled, *bias = inner + t->states * t->hidden, *outer = bias + t->hidden;
  const float *last = outer + t->states * t->hidden;
  for (int part = 0; part < 4; part++) zero_floats(gradient[part], part % 2 ? t->states : t->states * t->states);
  EACH_COPY(t, {
    gradient[1][to] += bias[first + to];
    gradient[3][to] += mean * last[from];
    for (int64_t unit = 0; unit < t->states; unit++) {
      gradient[0][to * t->states + unit] += inner[from * t->hidden + first + unit];
      gradient[2][unit * t->states + to] += mean * outer[(first + unit) * t->states + from];
    }
  })
}

static int are_permutations(const int32_t *order, int64_t permutations, int64_t states) {
  for (int64_t copy = 0; copy < permutations; copy++, order += states) {
    uint8_t seen[MOST_MLP_STATES] = {0};
    for (int64_t s = 0; s < states; s++) {
      if (order[s] < 0 || order[s] >= states || seen[order[s]]) return 0;
      seen[order[s]] = 1;
    }
  }
  return 1;
}

/* Reads arrays 0 to 5 (logs, permutations, W_1, b_1, W_2, b_2), and runs the MLP: p and q. */
static int run_table_mlp(TableMlp *t, const Array *arrays, const double *params) {
  SIZE(count, 0) SIZE(states, 1) SIZE(permutations, 2)
  REQUIRE(states >= 1 && states <= MOST_MLP_STATES && permutations >= 1 && area(states, permutations) <= 65536 && area(states, permutations) > 0,
          "tables of 1 to 1024 states, and at most 65536 hidden units");
  LENGTH(0, area(count, states), "logs");
  LENGTH(1, area(permutations, states), "permutations");
  REQUIRE(are_permutations(INTS(1), permutations, states), "a permutation does not name each state once");
  for (int part = 0; part < 4; part++) LENGTH(2 + part, part % 2 ? states : states * states, "a weight or bias");
  *t = (TableMlp){count, states, permutations, states * permutations, (float)params[3], (float)params[4], .logs = FLOATS(0),
                  .permutation = INTS(1)};
  float *memory = mg_scratch((size_t)(2 * states * t->hidden + t->hidden + states) * sizeof(float));
  t->p = mg_scratch((size_t)(2 * count * states) * sizeof(float));
  REQUIRE(memory && (t->p || count == 0), "no memory for an MLP");
  t->q = t->p + count * states;
  for (int part = 0; part < 4; part++) {
    t->weight[part] = FLOATS(2 + part);
    t->assembled[part] = memory;
    memory += part % 2 ? (part == 1 ? t->hidden : states) : states * t->hidden;
  }
  assemble(t);
  for (int64_t i = 0; i < count * states; i++) t->p[i] = exponential(t->logs[i]);
  Message *m = &t->message;
  *m = (Message){.count = count, .inputWidth = states, .widest = MAX(states, t->hidden), .blocks = 1, .layers = 2, .hidden = RELU,
                 .last = RELU, .y = t->q};
  m->block[0].x = t->p;
  m->block[0].rows = count;
  m->block[0].width = states;
  for (int l = 0; l < 2; l++) {
    m->layer[l].weight = t->assembled[2 * l];
    m->layer[l].bias = t->assembled[2 * l + 1];
    m->layer[l].from = l ? t->hidden : states;
    m->layer[l].to = l ? states : t->hidden;
    m->weights += m->layer[l].from * m->layer[l].to + m->layer[l].to;
  }
  return run_rows(m);
}

static void mix(const TableMlp *t, float *restrict y) {
  const float share = t->share, floor = t->floor;
  const float *restrict logs = t->logs, *restrict p = t->p, *restrict q = t->q;
  for (int64_t i = 0; i < t->count * t->states; i++) y[i] = logs[i] + log_one_plus(share * (q[i] - p[i]) / MAX(p[i], floor));
}

/* With r the quotient: dy/dq = share / (max(p, floor) (1 + r)), dy/d ln p = 1 - p (share + [p > floor] r) / (max(p, floor) (1 + r)). */
static void mix_back(const TableMlp *t) {
  const float share = t->share, floor = t->floor;
  const float *restrict p = t->p, *restrict q = t->q, *restrict dy = t->dy;
  float *restrict dq = t->dq, *restrict dlogs = t->dlogs;
  for (int64_t i = 0; i < t->count * t->states; i++) {
    const float largest = MAX(p[i], floor), r = share * (q[i] - p[i]) / largest;
    const float weight = dy[i] / (largest * (1.0f + r));
    dq[i] = share * weight;
    dlogs[i] = dy[i] - weight * p[i] * (share + (p[i] > floor ? r : 0.0f));
  }
}

/* f logs [count, states], i permutations [permutations, states], f W_1, f b_1, f W_2, f b_2, F y; count, states, permutations, share, floor. */
KERNEL(table_mlp_kernel) {
  UNUSED_COUNTS;
  TableMlp t;
  LENGTH(6, arrays[0].length, "out");
  if (run_table_mlp(&t, arrays, params)) return 1;
  mix(&t, FLOATS(6));
  return 0;
}

/* The arrays read as above, f dy, F dlogs, F dW_1, F db_1, F dW_2, F db_2. */
KERNEL(table_mlp_gradient_kernel) {
  UNUSED_COUNTS;
  TableMlp t;
  LENGTH(6, arrays[0].length, "the gradient of out");
  LENGTH(7, arrays[0].length, "dlogs");
  for (int part = 0; part < 4; part++) LENGTH(8 + part, arrays[2 + part].length, "a weight's gradient");
  if (run_table_mlp(&t, arrays, params)) return 1;
  const int64_t entries = t.count * t.states;
  float *memory = mg_scratch((size_t)(2 * entries) * sizeof(float));
  REQUIRE(memory || entries == 0, "no memory for the gradients");
  t.dy = FLOATS(6);
  t.dlogs = FLOATS(7);
  t.dq = memory;
  mix_back(&t);
  t.message.dout = t.dq;
  t.message.dinput = memory + entries;
  if (run_rows_back(&t.message)) return 1;
  for (int64_t i = 0; i < entries; i++) t.dlogs[i] += t.message.dinput[i] * t.p[i];
  float *const gradient[4] = {FLOATS(8), FLOATS(9), FLOATS(10), FLOATS(11)};
  take_apart(&t, t.message.partial, gradient);
  return 0;
}
