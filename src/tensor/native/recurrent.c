/* GRU cell (Cho et al. 2014, in the form of cuDNN, PyTorch and Keras's reset_after):
 *
 *   r = sigmoid(x W_r + b_r + h U_r + c_r),  z = sigmoid(x W_z + b_z + h U_z + c_z)
 *   n = tanh(x W_n + b_n + r (h U_n + c_n)),  h' = (1 - z) n + z h
 *
 * W [input, 3 units] and U [units, 3 units] hold r, z, n side by side. `gates` keeps the planes r, z, n, h U_n + c_n, each
 * [rows, units], for the gradient. */

enum { WX, WH, BX, BH };

/* to[row, unit] (+)= from W[:, gate], plus the bias. */
static int gate_product(float *to, const float *from, int64_t rows, int64_t width, const float *weight, int64_t units,
                        int gate, int add, const float *bias) {
  return matmul((MatMul){.rows = rows, .columns = units, .depth = width, .a = from, .b = weight + gate * units,
                         .aRow = width, .aColumn = 1, .bRow = 3 * units, .bColumn = 1, .c = to, .cRow = units, .add = add,
                         .bias = bias + gate * units});
}

/* f x [rows, input], f h [rows, units], f W, f U, f b, f c, F h', F gates [4, rows, units]; rows, input, units. */
KERNEL(gru_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(input, 1) SIZE(units, 2)
  const int64_t size = area(rows, units);
  LENGTH(0, area(rows, input), "x");
  LENGTH(1, size, "h");
  LENGTH(2, area(input, area(3, units)), "W");
  LENGTH(3, area(units, area(3, units)), "U");
  LENGTH(4, area(3, units), "b");
  LENGTH(5, area(3, units), "c");
  LENGTH(6, size, "out");
  LENGTH(7, area(4, size), "gates");
  if (size == 0) return 0;
  const float *x = FLOATS(0), *h = FLOATS(1), *b = FLOATS(4), *c = FLOATS(5);
  float *restrict r = FLOATS(7), *restrict z = r + size, *restrict n = z + size, *restrict hn = n + size;
  int failed = gate_product(r, x, rows, input, FLOATS(2), units, 0, 0, b);
  failed = failed || gate_product(r, h, rows, units, FLOATS(3), units, 0, 1, c);
  failed = failed || gate_product(z, x, rows, input, FLOATS(2), units, 1, 0, b);
  failed = failed || gate_product(z, h, rows, units, FLOATS(3), units, 1, 1, c);
  failed = failed || gate_product(n, x, rows, input, FLOATS(2), units, 2, 0, b);
  failed = failed || gate_product(hn, h, rows, units, FLOATS(3), units, 2, 0, c);
  if (failed) return 1;
  float *restrict out = FLOATS(6);
  for (int64_t i = 0; i < 2 * size; i++) r[i] = logistic(r[i]); /* r and z */
  for (int64_t i = 0; i < size; i++) n[i] += r[i] * hn[i];
  for (int64_t i = 0; i < size; i++) n[i] = hyperbolic_tangent(n[i]);
  for (int64_t i = 0; i < size; i++) out[i] = n[i] + z[i] * (h[i] - n[i]);
  return 0;
}

/* dW[:, gate] = from^T d, db[gate] = column sums of d, dfrom (+)= d W[:, gate]^T. */
static int gate_gradient(const float *d, int64_t rows, int64_t units, int gate, const float *from, int64_t width,
                         const float *weight, float *dweight, float *dbias, float *dfrom, int add) {
  add_column_sums(dbias + gate * units, d, rows, units);
  return matmul((MatMul){.rows = width, .columns = units, .depth = rows, .a = from, .b = d, .aRow = 1, .aColumn = width,
                         .bRow = units, .bColumn = 1, .c = dweight + gate * units, .cRow = 3 * units}) ||
         matmul((MatMul){.rows = rows, .columns = width, .depth = units, .a = d, .b = weight + gate * units, .aRow = units,
                         .aColumn = 1, .bRow = 1, .bColumn = 3 * units, .c = dfrom, .cRow = width, .add = add});
}

/* f dh', f gates, f x, f h, f W, f U, F dx, F dh, F dW, F dU, F db, F dc; rows, input, units. */
KERNEL(gru_gradient_kernel) {
  UNUSED_COUNTS;
  SIZE(rows, 0) SIZE(input, 1) SIZE(units, 2)
  const int64_t size = area(rows, units);
  LENGTH(0, size, "the gradient of out");
  LENGTH(1, area(4, size), "gates");
  LENGTH(2, area(rows, input), "x");
  LENGTH(3, size, "h");
  LENGTH(4, area(input, area(3, units)), "W");
  LENGTH(5, area(units, area(3, units)), "U");
  LENGTH(6, arrays[2].length, "dx");
  LENGTH(7, size, "dh");
  LENGTH(8, arrays[4].length, "dW");
  LENGTH(9, arrays[5].length, "dU");
  LENGTH(10, 3 * units, "db");
  LENGTH(11, 3 * units, "dc");
  for (int i = 6; i < 12; i++) zero_floats(FLOATS(i), arrays[i].length);
  if (size == 0) return 0;
  const size_t mark = mg_scratch_mark();
  float *restrict planes = mg_scratch((size_t)size * 4 * sizeof(float));
  REQUIRE(planes, "no memory for the gates' gradients");
  float *restrict dr = planes, *restrict dz = dr + size, *restrict dn = dz + size, *restrict dhn = dn + size;
  const float *restrict d = FLOATS(0), *restrict h = FLOATS(3);
  const float *restrict r = FLOATS(1), *restrict z = r + size, *restrict n = z + size, *restrict hn = n + size;
  float *restrict dh = FLOATS(7);
  for (int64_t i = 0; i < size; i++) {
    const float before = d[i] * (1.0f - z[i]) * (1.0f - n[i] * n[i]);
    dn[i] = before;
    dhn[i] = before * r[i];
    dr[i] = before * hn[i] * r[i] * (1.0f - r[i]);
    dz[i] = d[i] * (h[i] - n[i]) * z[i] * (1.0f - z[i]);
    dh[i] = d[i] * z[i];
  }
  int failed = 0;
  for (int gate = 0; gate < 3; gate++) {
    failed = failed || gate_gradient(planes + gate * size, rows, units, gate, FLOATS(2), input, FLOATS(4), FLOATS(8),
                                     FLOATS(10), FLOATS(6), gate > 0);
    failed = failed || gate_gradient(gate == 2 ? dhn : planes + gate * size, rows, units, gate, h, units, FLOATS(5),
                                     FLOATS(9), FLOATS(11), dh, 1);
  }
  mg_scratch_release(mark);
  return failed;
}
