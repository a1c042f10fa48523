/**
 * The scalar functions of the recursive bounds, stable for every float64 including 0 and +-Infinity. Natural log
 * throughout.
 */

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** f(x) = ln(1 + e^x). */
export function softplus(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/**
 * Binary entropy of mu = sigmoid(t): ln(1 + e^-|t|) + |t| sigmoid(-|t|), without the cancellation of softplus(t) - t
 * mu.
 */
export function entropyOfLogit(t: number): number {
  const magnitude = Math.abs(t);
  if (magnitude > 745) return 0; // also avoids Infinity * 0
  const e = Math.exp(-magnitude);
  return Math.log1p(e) + (magnitude * e) / (1 + e);
}

/** lambda(xi) = tanh(xi/2) / (4 xi), 1/8 at 0; even in xi. */
export function lambda(xi: number): number {
  const y = xi / 2;
  return Math.abs(y) < 1e-8 ? 0.125 : Math.tanh(y) / (8 * y);
}

/** lambda'(xi) <= 0 for xi >= 0. */
export function lambdaDerivative(xi: number): number {
  const y = xi / 2;
  const square = y * y;
  // y sech^2 y - tanh y cancels near 0: there its series, whose next term is below 1e-12 relative.
  if (square < 0.0025) return (y / 16) * (-2 / 3 + square * (8 / 15 + square * (-102 / 315 + square * (496 / 2835))));
  const t = Math.tanh(y);
  return (1 - t * t - t / y) / (16 * y);
}

/** -F(lambda(xi), xi) = ln(e^{-xi/2} + e^{xi/2}) - xi tanh(xi/2) / 4, even in xi and positive. */
export function minusF(xi: number): number {
  const magnitude = Math.abs(xi);
  return Math.log1p(Math.exp(-magnitude)) + magnitude * (0.5 - 0.25 * Math.tanh(magnitude / 2));
}
