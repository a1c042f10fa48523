/* What else belief propagation needs of small tables: normalised messages and beliefs, messages spread over tables, and the sum over a
 * variable's other factors. */

typedef struct {
  Shape shape;
  float floor;
  const float *table, *message, *y, *dy;
  float *result, *dtable, *dmessage;
} Beliefs;

static int read_beliefs(Beliefs *b, const double *params, int paramCount, int64_t *factors) {
  SIZE(count, 0)
  *factors = count;
  *b = (Beliefs){.floor = (float)params[1]};
  return read_shape(&b->shape, params + 2, paramCount - 2);
}

static int beliefs_range(void *context, int64_t from, int64_t to) {
  const Beliefs *b = context;
  const int64_t states = b->shape.states, width = b->shape.width;
  const size_t mark = mg_scratch_mark();
  Row *values = scratch_rows(states + width);
  REQUIRE(values, "no memory for a tile of factors");
  Row *message = values + states;
  for (int64_t at = from; at < to; at += TABLES) {
    const int64_t tables = MIN(TABLES, to - at);
    load_rows(values, b->table + at * states, tables, states);
    load_rows(message, b->message + at * width, tables, width);
    for (int axis = 0; axis < b->shape.axes; axis++) add_message(&b->shape, axis, values, message);
    normalise_rows(values, states, b->floor);
    store_rows(b->result + at * states, values, tables, states);
  }
  mg_scratch_release(mark);
  return 0;
}

/* f table, f message, F beliefs: ln of exp(table(x) + sum of messages), normalised; factors, floor, then the size of each axis. */
KERNEL(beliefs_kernel) {
  (void)arrayCount;
  Beliefs b;
  int64_t factors;
  if (read_beliefs(&b, params, paramCount, &factors)) return 1;
  LENGTH(0, area(factors, b.shape.states), "table");
  LENGTH(1, area(factors, b.shape.width), "message");
  LENGTH(2, arrays[0].length, "beliefs");
  b.table = FLOATS(0);
  b.message = FLOATS(1);
  b.result = FLOATS(2);
  return parallel_range(factors, tables_piece(&b.shape), beliefs_range, &b);
}

static int beliefs_gradient_range(void *context, int64_t from, int64_t to) {
  const Beliefs *b = context;
  const int64_t states = b->shape.states, width = b->shape.width;
  const size_t mark = mg_scratch_mark();
  Row *y = scratch_rows(2 * states + width);
  REQUIRE(y, "no memory for a tile of factors");
  Row *gradient = y + states, *dmessage = gradient + states;
  for (int64_t at = from; at < to; at += TABLES) {
    const int64_t tables = MIN(TABLES, to - at);
    load_rows(y, b->y + at * states, tables, states);
    load_rows(gradient, b->dy + at * states, tables, states);
    normalise_gradient_rows(y, gradient, states, b->floor);
    zero_floats(dmessage[0], width * TABLES);
    for (int axis = 0; axis < b->shape.axes; axis++) add_sums(&b->shape, axis, dmessage, gradient);
    store_rows(b->dtable + at * states, gradient, tables, states);
    store_rows(b->dmessage + at * width, dmessage, tables, width);
  }
  mg_scratch_release(mark);
  return 0;
}

/* f beliefs, f dbeliefs, F dtable, F dmessage. */
KERNEL(beliefs_gradient_kernel) {
  (void)arrayCount;
  Beliefs b;
  int64_t factors;
  if (read_beliefs(&b, params, paramCount, &factors)) return 1;
  LENGTH(0, area(factors, b.shape.states), "beliefs");
  LENGTH(1, arrays[0].length, "the gradient of beliefs");
  LENGTH(2, arrays[0].length, "dtable");
  LENGTH(3, area(factors, b.shape.width), "dmessage");
  b.y = FLOATS(0);
  b.dy = FLOATS(1);
  b.dtable = FLOATS(2);
  b.dmessage = FLOATS(3);
  return parallel_range(factors, tables_piece(&b.shape), beliefs_gradient_range, &b);
}

typedef struct {
  Shape shape;
  int64_t factors;
  float *message, *tables;
} Spread;

static int spread_range(void *context, int64_t from, int64_t to) {
  const Spread *s = context;
  const Shape *shape = &s->shape;
  for (int axis = 0; axis < shape->axes; axis++)
    for (int64_t factor = from; factor < to; factor++) {
      const float *message = s->message + factor * shape->width + shape->offset[axis];
      float *table = s->tables + (axis * s->factors + factor) * shape->states;
      EACH_STATE(shape, axis, state, entry) table[entry] = message[state];
    }
  return 0;
}

static int gather_spread_range(void *context, int64_t from, int64_t to) {
  const Spread *s = context;
  const Shape *shape = &s->shape;
  zero_floats(s->message + from * shape->width, (to - from) * shape->width);
  for (int axis = 0; axis < shape->axes; axis++)
    for (int64_t factor = from; factor < to; factor++) {
      float *message = s->message + factor * shape->width + shape->offset[axis];
      const float *table = s->tables + (axis * s->factors + factor) * shape->states;
      EACH_STATE(shape, axis, state, entry) message[state] += table[entry];
    }
  return 0;
}

static int spread_all(const Array *arrays, const double *params, int paramCount, int message, int (*range)(void *, int64_t, int64_t)) {
  SIZE(factors, 0)
  Spread s = {.factors = factors, .message = FLOATS(message), .tables = FLOATS(1 - message)};
  if (read_shape(&s.shape, params + 1, paramCount - 1)) return 1;
  LENGTH(message, area(factors, s.shape.width), "message");
  LENGTH(1 - message, area(area(factors, s.shape.states), s.shape.axes), "tables");
  return parallel_range(factors, tables_piece(&s.shape), range, &s);
}

/* f message [factors, width], F tables [axes, factors, states]: the message of each axis, spread over the table; factors, sizes. */
KERNEL(spread_kernel) {
  (void)arrayCount;
  return spread_all(arrays, params, paramCount, 0, spread_range);
}

/* f dtables, F dmessage. */
KERNEL(spread_gradient_kernel) {
  (void)arrayCount;
  return spread_all(arrays, params, paramCount, 1, gather_spread_range);
}

typedef struct {
  int64_t width;
  float floor;
  const float *x, *dy;
  float *out;
} Normalisation;

static int normalise_range(void *context, int64_t from, int64_t to) {
  const Normalisation *n = context;
  const size_t mark = mg_scratch_mark();
  Row *x = scratch_rows(2 * n->width), *gradient = x + n->width;
  REQUIRE(x, "no memory for a tile of messages");
  for (int64_t at = from; at < to; at += TABLES) {
    const int64_t rows = MIN(TABLES, to - at), first = at * n->width;
    load_rows(x, n->x + first, rows, n->width);
    if (n->dy) {
      load_rows(gradient, n->dy + first, rows, n->width);
      normalise_gradient_rows(x, gradient, n->width, n->floor);
    } else normalise_rows(x, n->width, n->floor);
    store_rows(n->out + first, n->dy ? gradient : x, rows, n->width);
  }
  mg_scratch_release(mark);
  return 0;
}

static int normalise_all(const Array *arrays, const double *params, int gradient) {
  SIZE(rows, 0) SIZE(width, 1)
  REQUIRE(width > 0 && width <= MOST_STATES, "a message has 1 to 65536 states");
  for (int i = 0; i < 2 + gradient; i++) LENGTH(i, area(rows, width), "an array of messages");
  Normalisation n = {width, (float)params[2], FLOATS(0), gradient ? FLOATS(1) : 0, FLOATS(1 + gradient)};
  return parallel_range(rows, TABLES * MAX(16384 / (width * TABLES), 1), normalise_range, &n);
}

/* f x [rows, width], F y: shifted to log-sum-exp 0, at least the floor; rows, width, floor. */
KERNEL(normalise_kernel) {
  UNUSED_COUNTS;
  return normalise_all(arrays, params, 0);
}

/* f y, f dy, F dx. */
KERNEL(normalise_gradient_kernel) {
  UNUSED_COUNTS;
  return normalise_all(arrays, params, 1);
}

/* f x [count], i group [count], F y [count]: the sum of all others of the own group; number of groups. It is its own gradient. */
KERNEL(sum_of_others_kernel) {
  UNUSED_COUNTS;
  SIZE(groups, 0)
  const int64_t count = arrays[0].length;
  LENGTH(1, count, "group");
  LENGTH(2, count, "out");
  REQUIRE(all_below(INTS(1), count, groups), "a group is outside their number");
  const float *x = FLOATS(0);
  const int32_t *group = INTS(1);
  float *total = mg_scratch((size_t)groups * sizeof(float)), *y = FLOATS(2);
  REQUIRE(total, "no memory for the sums");
  zero_floats(total, groups);
  for (int64_t i = 0; i < count; i++) total[group[i]] += x[i];
  for (int64_t i = 0; i < count; i++) y[i] = total[group[i]] - x[i];
  return 0;
}
