/* One optimiser step for one variable, in one pass. New values go to new arrays, since others may share the old ones. */

/* Adam (Kingma & Ba 2015), tfjs's form: f value, f gradient, f m, f v, F value', F m', F v';
 * learningRate, beta1, beta2, epsilon, 1 - beta1^t, 1 - beta2^t, decoupled weight decay. */
KERNEL(adam_kernel) {
  UNUSED_COUNTS;
  const int64_t n = arrays[0].length;
  for (int i = 1; i < 7; i++) LENGTH(i, n, "an array");
  const float rate = (float)params[0], beta1 = (float)params[1], beta2 = (float)params[2], epsilon = (float)params[3];
  const float other1 = (float)(1 - params[1]), other2 = (float)(1 - params[2]), decay = (float)params[6];
  const float correct1 = (float)(1 / params[4]), correct2 = (float)(1 / params[5]);
  const float *restrict value = FLOATS(0), *restrict g = FLOATS(1), *restrict m = FLOATS(2), *restrict v = FLOATS(3);
  float *restrict newValue = FLOATS(4), *restrict newM = FLOATS(5), *restrict newV = FLOATS(6);
  for (int64_t i = 0; i < n; i++) {
    const float first = m[i] * beta1 + g[i] * other1, second = v[i] * beta2 + g[i] * g[i] * other2;
    newM[i] = first;
    newV[i] = second;
    newValue[i] = value[i] - rate * ((first * correct1) / (square_root(second * correct2) + epsilon) + decay * value[i]);
  }
  return 0;
}

/* RMSProp, tfjs's form: f value, f gradient, f square, f momentum, F value', F square', F momentum';
 * learningRate, decay, momentum, epsilon. */
KERNEL(rmsprop_kernel) {
  UNUSED_COUNTS;
  const int64_t n = arrays[0].length;
  for (int i = 1; i < 7; i++) LENGTH(i, n, "an array");
  const float rate = (float)params[0], decay = (float)params[1], other = (float)(1 - params[1]);
  const float momentum = (float)params[2], epsilon = (float)params[3];
  const float *restrict value = FLOATS(0), *restrict g = FLOATS(1), *restrict s = FLOATS(2), *restrict p = FLOATS(3);
  float *restrict newValue = FLOATS(4), *restrict newS = FLOATS(5), *restrict newP = FLOATS(6);
  for (int64_t i = 0; i < n; i++) {
    const float square = s[i] * decay + g[i] * g[i] * other;
    const float step = p[i] * momentum + rate * g[i] / square_root(square + epsilon);
    newS[i] = square;
    newP[i] = step;
    newValue[i] = value[i] - step;
  }
  return 0;
}
