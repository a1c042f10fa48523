/** The one record that every inference returns. What a method cannot give is absent, never faked. */

/** One distribution a variable (or a factor, or a pair), laid end to end. */
export class Marginals {
  /** Float64Array[numEntries], probabilities; item i stands at offsets[i] ... offsets[i + 1] - 1. */
  readonly values: Float64Array;
  /** Int32Array[numItems + 1]. */
  readonly offsets: Int32Array;

  constructor(values: Float64Array, offsets: Int32Array) {
    if (offsets[offsets.length - 1] !== values.length)
      throw new RangeError(`offsets end at ${offsets[offsets.length - 1]}, expected ${values.length} values`);
    this.values = values;
    this.offsets = offsets;
  }

  /** Marginals of binary variables from p(state 1), one number a variable. */
  static binary(probabilities: ArrayLike<number>): Marginals {
    const values = new Float64Array(2 * probabilities.length);
    for (let i = 0; i < probabilities.length; i++) {
      values[2 * i] = 1 - probabilities[i];
      values[2 * i + 1] = probabilities[i];
    }
    return new Marginals(
      values,
      Int32Array.from({ length: probabilities.length + 1 }, (_, i) => 2 * i),
    );
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  /** Item i's distribution: a view, not a copy. */
  of(item: number): Float64Array {
    if (!(item >= 0 && item < this.length)) throw new RangeError(`no item ${item}, expected 0 to ${this.length - 1}`);
    return this.values.subarray(this.offsets[item], this.offsets[item + 1]);
  }

  toArrays(): number[][] {
    return Array.from({ length: this.length }, (_, item) => Array.from(this.of(item)));
  }
}

/** A joint state and what is known about how good it is. */
export interface MapAnswer {
  /** Int32Array[numVariables]: state indices. */
  readonly states: Int32Array;
  /** ln p~ of `states`, natural log. */
  readonly score: number;
  /** An upper bound on the best score, natural log; equal to `score` when the state is proven optimal. */
  readonly upperBound?: number;
}

export interface InferenceResult {
  /** The method string that names the method and its options, e.g. "bp[schedule=residual,damping=0.5]". */
  readonly method: string;
  /** ln Z, natural log; -Infinity when no state is possible. */
  readonly logZ?: number;
  /**
   * What logZ is: exact up to rounding, a guaranteed bound, or neither. "interval": there are guaranteed intervals
   * instead of points.
   */
  readonly bound: "lower" | "upper" | "exact" | "interval" | "none";
  /** Guaranteed: [0] <= ln Z <= [1], natural log. */
  readonly logZInterval?: readonly [number, number];
  /** Guaranteed: lower <= p <= upper for every state of every variable, laid out as `marginals`. */
  readonly marginalIntervals?: { readonly lower: Marginals; readonly upper: Marginals };
  /** One distribution a variable. */
  readonly marginals?: Marginals;
  /** One joint distribution a factor (an edge of a pairwise model), last variable changing fastest. */
  readonly factorMarginals?: Marginals;
  readonly map?: MapAnswer;
  readonly converged: boolean;
  readonly iterations: number;
  /** The largest change in each iteration; what changes is the method's own matter. */
  readonly maxDelta: readonly number[];
  readonly seconds: number;
}

/** What a result's `seconds` says. @param started the performance.now() of the beginning. */
export function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
