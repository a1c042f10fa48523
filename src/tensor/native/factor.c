/* Factor to variable: for a batch of factors of one shape, for every variable i at once,
 *
 *   out_i(x_i) = ln sum over x without x_i of exp(q_i(x))
 *
 * with q_i(x) = table(x) + sum over j != i of message_j(x_j)      (factor)
 *  or  q_i(x) = table(x) - denominator_i(x)                       (quotient; no denominators: 0)
 *
 * and, if asked for, each out_i shifted to log-sum-exp 0 and kept at a floor or above. Gradients compute the sums again rather
 * than keep them. */

typedef struct {
  Shape shape;
  int64_t factors;
  int normalised;
  float floor;
  const float *table, *message, *denominator, *dout;
  float *result, *dtable, *dmessage, *ddenominator;
} Factor;

/* Parameters: factors, 1 to normalise, floor, then the size of each axis. */
static int read_factor(Factor *f, const double *params, int paramCount) {
  SIZE(factors, 0)
  *f = (Factor){.factors = factors, .normalised = params[1] != 0, .floor = (float)params[2]};
  return read_shape(&f->shape, params + 3, paramCount - 3);
}

/* q of one axis. */
static void exponents(const Factor *f, int axis, int64_t from, int64_t tables, Row *restrict table, Row *restrict message,
                      Row *restrict values) {
  const Shape *shape = &f->shape;
  if (f->denominator) {
    load_rows(values, f->denominator + (axis * f->factors + from) * shape->states, tables, shape->states);
    for (int64_t entry = 0; entry < shape->states; entry++) EACH_TABLE values[entry][t] = table[entry][t] - values[entry][t];
    return;
  }
  copy_floats(values[0], table[0], shape->states * TABLES);
  if (f->message)
    for (int other = 0; other < shape->axes; other++)
      if (other != axis) add_message(shape, other, values, message);
}

static int factor_range(void *context, int64_t from, int64_t to) {
  const Factor *f = context;
  const Shape *shape = &f->shape;
  const size_t mark = mg_scratch_mark();
  Row *table = scratch_rows(2 * shape->states + 3 * shape->width);
  REQUIRE(table, "no memory for a tile of factors");
  Row *values = table + shape->states, *message = values + shape->states, *out = message + shape->width, *sum = out + shape->width;
  for (int64_t at = from; at < to; at += TABLES) {
    const int64_t tables = MIN(TABLES, to - at);
    load_rows(table, f->table + at * shape->states, tables, shape->states);
    if (f->message) load_rows(message, f->message + at * shape->width, tables, shape->width);
    for (int axis = 0; axis < shape->axes; axis++) {
      Row *own = out + shape->offset[axis];
      exponents(f, axis, at, tables, table, message, values);
      log_sums(shape, axis, values, own, sum);
      if (f->normalised) normalise_rows(own, shape->size[axis], f->floor);
    }
    store_rows(f->result + at * shape->width, out, tables, shape->width);
  }
  mg_scratch_release(mark);
  return 0;
}

/* values become the gradient by q of one axis, dout its result's. */
static void exponents_gradient(const Factor *f, int axis, Row *restrict values, Row *restrict out, Row *restrict sum,
                               Row *restrict dout) {
  const Shape *shape = &f->shape;
  const int64_t size = shape->size[axis];
  log_sums(shape, axis, values, out, sum);
  if (f->normalised) {
    normalise_rows(out, size, f->floor);
    normalise_gradient_rows(out, dout, size, f->floor);
  }
  for (int64_t s = 0; s < size; s++) EACH_TABLE dout[s][t] = sum[s][t] == 0 ? 0.0f : dout[s][t] / sum[s][t];
  EACH_STATE(shape, axis, state, entry)
    EACH_TABLE values[entry][t] = values[entry][t] == 0 ? 0.0f : values[entry][t] * dout[state][t];
}

static int factor_gradient_range(void *context, int64_t from, int64_t to) {
  const Factor *f = context;
  const Shape *shape = &f->shape;
  const int64_t states = shape->states, width = shape->width;
  const size_t mark = mg_scratch_mark();
  Row *table = scratch_rows(3 * states + 5 * width);
  REQUIRE(table, "no memory for a tile of factors");
  Row *values = table + states, *dtable = values + states, *message = dtable + states, *dmessage = message + width;
  Row *dout = dmessage + width, *out = dout + width, *sum = out + width;
  for (int64_t at = from; at < to; at += TABLES) {
    const int64_t tables = MIN(TABLES, to - at);
    load_rows(table, f->table + at * states, tables, states);
    load_rows(dout, f->dout + at * width, tables, width);
    if (f->message) load_rows(message, f->message + at * width, tables, width);
    zero_floats(dtable[0], states * TABLES);
    zero_floats(dmessage[0], width * TABLES);
    for (int axis = 0; axis < shape->axes; axis++) {
      exponents(f, axis, at, tables, table, message, values);
      exponents_gradient(f, axis, values, out, sum, dout + shape->offset[axis]);
      for (int64_t entry = 0; entry < states; entry++) add_to_row(dtable[entry], values[entry]);
      if (f->message)
        for (int other = 0; other < shape->axes; other++)
          if (other != axis) add_sums(shape, other, dmessage, values);
      if (!f->ddenominator) continue;
      for (int64_t entry = 0; entry < states; entry++) EACH_TABLE values[entry][t] = -values[entry][t];
      store_rows(f->ddenominator + (axis * f->factors + at) * states, values, tables, states);
    }
    store_rows(f->dtable + at * states, dtable, tables, states);
    if (f->message) store_rows(f->dmessage + at * width, dmessage, tables, width);
  }
  mg_scratch_release(mark);
  return 0;
}

/* All four kernels: a table and what belongs to it, a message or, of a quotient, a denominator [axes, factors, states] or nothing. */
static int factor_all(const Array *arrays, const double *params, int paramCount, int quotient, int gradient) {
  Factor f;
  if (read_factor(&f, params, paramCount)) return 1;
  const int64_t entries = area(f.factors, f.shape.states), width = area(f.factors, f.shape.width);
  const int isAlone = quotient && arrays[1].length == 0;
  LENGTH(0, entries, "table");
  const int64_t second = quotient ? area(entries, f.shape.axes) : width;
  if (!isAlone) LENGTH(1, second, "message or denominator");
  LENGTH(2, width, "out or its gradient");
  f.table = FLOATS(0);
  if (!isAlone) *(quotient ? &f.denominator : &f.message) = FLOATS(1);
  if (!gradient) {
    f.result = FLOATS(2);
    return parallel_range(f.factors, tables_piece(&f.shape), factor_range, &f);
  }
  LENGTH(3, entries, "dtable");
  LENGTH(4, arrays[1].length, "the second gradient");
  f.dout = FLOATS(2);
  f.dtable = FLOATS(3);
  if (!isAlone) *(quotient ? &f.ddenominator : &f.dmessage) = FLOATS(4);
  return parallel_range(f.factors, tables_piece(&f.shape), factor_gradient_range, &f);
}

/* f table, f message, F out; parameters as in read_factor. */
KERNEL(factor_kernel) {
  (void)arrayCount;
  return factor_all(arrays, params, paramCount, 0, 0);
}

/* f table, f message, f dout, F dtable, F dmessage. */
KERNEL(factor_gradient_kernel) {
  (void)arrayCount;
  return factor_all(arrays, params, paramCount, 0, 1);
}

/* f numerator, f denominator or empty, F out. */
KERNEL(quotient_kernel) {
  (void)arrayCount;
  return factor_all(arrays, params, paramCount, 1, 0);
}

/* f numerator, f denominator, f dout, F dnumerator, F ddenominator: empty as the denominator is. */
KERNEL(quotient_gradient_kernel) {
  (void)arrayCount;
  return factor_all(arrays, params, paramCount, 1, 1);
}
