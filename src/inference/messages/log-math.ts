/** ln (e^a + e^b); -Infinity when both are. */
export function logAddExp(a: number, b: number): number {
  const largest = Math.max(a, b);
  return largest === -Infinity ? -Infinity : largest + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/** ln (1 + e^x). */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
