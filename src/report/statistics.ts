/**
 * Means with their standard errors, in float64. d3-array does the arithmetic; unlike it, nothing here skips a NaN, for
 * a run that failed must not vanish from an average.
 */
import { deviation, fsum, quantileSorted } from "d3-array";

type Numbers = ArrayLike<number>;

function checked(what: string, values: Numbers, minimum: number): Float64Array {
  if (values.length < minimum) throw new RangeError(`${what} needs at least ${minimum} values, got ${values.length}`);
  const numbers = Float64Array.from(values);
  const bad = numbers.findIndex(Number.isNaN);
  if (bad >= 0) throw new RangeError(`${what}: value ${bad} of ${values.length} is not a number`);
  return numbers;
}

/**
 * The arithmetic mean, summed without rounding error. Infinities count as such.
 * @throws RangeError for no values, for a NaN, and for infinities of both signs.
 */
export function mean(values: Numbers): number {
  const numbers = checked("mean", values, 1);
  const infinities = new Set(numbers.filter((value) => !Number.isFinite(value)));
  if (infinities.size > 1) throw new RangeError("mean: values hold both Infinity and -Infinity");
  const [infinity] = infinities;
  return infinity ?? fsum(numbers) / numbers.length;
}

/**
 * The standard deviation of the population that the values are a sample of (divisor: count - 1).
 * @throws RangeError for fewer than two values, or one that is not finite.
 */
export function standardDeviation(values: Numbers): number {
  const numbers = checked("standard deviation", values, 2);
  const bad = numbers.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new RangeError(`standard deviation: values must be finite, got ${bad}`);
  return deviation(numbers)!;
}

/**
 * The standard error of the mean: standard deviation / sqrt(count).
 * @throws RangeError for fewer than two values, or one that is not finite.
 */
export function standardError(values: Numbers): number {
  return standardDeviation(values) / Math.sqrt(values.length);
}

/**
 * Quantiles with linear interpolation between order statistics (R's type 7, NumPy's default).
 * @param probabilities each from 0 to 1.
 * @throws RangeError for no values, a NaN, or a probability outside 0 to 1.
 */
export function quantiles(values: Numbers, probabilities: readonly number[]): number[] {
  const sorted = Array.from(checked("quantiles", values, 1).sort());
  return probabilities.map((probability) => {
    if (!(probability >= 0 && probability <= 1))
      throw new RangeError(`quantiles: probabilities lie between 0 and 1, got ${probability}`);
    return quantileSorted(sorted, probability)!;
  });
}

export const median = (values: Numbers): number => quantiles(values, [0.5])[0];

export interface Summary {
  readonly count: number;
  readonly mean: number;
  /** Absent for a single value. */
  readonly standardError?: number;
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
}

/** @throws RangeError for no values, or one that is not finite when there are several. */
export function summarise(values: Numbers): Summary {
  const [minimum, middle, maximum] = quantiles(values, [0, 0.5, 1]);
  return {
    count: values.length,
    mean: mean(values),
    ...(values.length > 1 && { standardError: standardError(values) }),
    minimum,
    median: middle,
    maximum,
  };
}
