/** Probabilities from bounds on sums: P = Z1 / (Z1 + Z0), with ln Z1 and ln Z0 bracketed. */

/** [lower, upper]. */
export type Interval = readonly [number, number];

/** Bounds on the natural log of a positive number. */
export interface Ends {
  readonly lower: number;
  readonly upper: number;
}
export const vacuous: Ends = { lower: -Infinity, upper: Infinity };

export function narrower(a: Ends, b: Ends): Ends {
  return { lower: Math.max(a.lower, b.lower), upper: Math.min(a.upper, b.upper) };
}

/** Z1 / (Z1 + Z0), given that L <= ln(Z1 + Z0) <= U. */
export function ratio(one: Ends, zero: Ends, [lower, upper]: Interval): Interval {
  const [a, b] = [withinWhole(one, zero), withinWhole(zero, one)];
  return [share(a.lower - b.upper), share(a.upper - b.lower)];

  /** What the whole and the other part leave for this part. */
  function withinWhole(part: Ends, other: Ends): Ends {
    return {
      lower: Math.max(part.lower, logDifference(lower, other.upper)),
      upper: Math.min(part.upper, other.lower === -Infinity ? upper : logDifference(upper, other.lower, upper)),
    };
  }
}

/** sigmoid, with an undecided difference of infinities read as nothing known. */
function share(difference: number): number {
  return difference >= 0 ? 1 / (1 + Math.exp(-difference)) : Math.exp(difference) / (1 + Math.exp(difference));
}

/** ln(e^a - e^b), or `otherwise` where that is not positive. */
function logDifference(a: number, b: number, otherwise = -Infinity): number {
  return a > b && Number.isFinite(a) ? a + Math.log(-Math.expm1(b - a)) : otherwise;
}

export function logSum(values: readonly number[]): number {
  const largest = Math.max(...values);
  if (!Number.isFinite(largest)) return largest;
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
