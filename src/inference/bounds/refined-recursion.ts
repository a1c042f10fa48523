/**
 * The refined recursion as a map with derivative: eliminating the first positions of a dense model by the tangent bound
 * (Jaakkola & Jordan 1996, Eqs. 11-14; refined-upper.ts has the equations) changes biases and weights of the others,
 * and derivatives by these go back to the variational parameters and to the model. What the refined upper bound and the
 * clusters of a chain graph share.
 */
import { lambda, lambdaDerivative, minusF, sigmoid, softplus } from "./logistic.ts";

/** Positions eliminated together: each pass over the rest of the table then does four times the work. */
const BLOCK_ROWS = 4;

// The loops that cost n^3 / 6 multiplications each, functions of their own because V8 compiles them better so.

/** table[to + k] += factor table[from + k] for k < count. */
function addMultiple(table: Float64Array, to: number, from: number, count: number, factor: number): void {
  for (let k = 0; k < count; k++) table[to + k] += factor * table[from + k];
}

/** table[to + k] += a, b, c, d times table[from + k] and the entries one, two and three rows further, for k < count. */
function addFour(
  table: Float64Array,
  to: number,
  from: number,
  stride: number,
  count: number,
  a: number,
  b: number,
  c: number,
  d: number,
): void {
  const [second, third, fourth] = [from + stride, from + 2 * stride, from + 3 * stride];
  for (let k = 0; k < count; k++)
    table[to + k] += a * table[from + k] + b * table[second + k] + c * table[third + k] + d * table[fourth + k];
}

/** For k = first ... last - 1: sums[k] += factor a[aRow + k]; returns sum_k a[aRow + k] b[bRow + k]. */
function dotAndSpread(
  a: Float64Array,
  aRow: number,
  b: Float64Array,
  bRow: number,
  sums: Float64Array,
  first: number,
  last: number,
  factor: number,
): number {
  let even = 0; // two sums, since an addition waits for the one before it
  let odd = 0;
  let k = first;
  for (; k + 1 < last; k += 2) {
    const value = a[aRow + k];
    const next = a[aRow + k + 1];
    even += value * b[bRow + k];
    odd += next * b[bRow + k + 1];
    sums[k] += value * factor;
    sums[k + 1] += next * factor;
  }
  if (k < last) {
    even += a[aRow + k] * b[bRow + k];
    sums[k] += a[aRow + k] * factor;
  }
  return even + odd;
}

/**
 * Works in place on `state` and `adjoint`: Float64Array[n + n^2], h_p at p and J_pq (p < q) at n + p n + q; the rest is
 * unused, and 0.
 */
export class RefinedRecursion {
  readonly numVariables: number;
  readonly numEliminated: number;
  /**
   * The model: written by the caller before `forward`. Rows of eliminated positions stay as they were when eliminated.
   */
  readonly state: Float64Array;
  /** d result / d state before `forward`; the caller writes the remaining positions' before `backward`. */
  readonly adjoint: Float64Array;
  /** ln sqrt E[x^2] after `backward`: where ln xi would have gradient 0, other things equal. */
  readonly stationary: Float64Array;
  readonly #rowAdjoint: Float64Array;
  readonly #isolated: Uint8Array;

  constructor(numVariables: number, numEliminated: number) {
    this.numVariables = numVariables;
    this.numEliminated = numEliminated;
    this.state = new Float64Array(numVariables + numVariables ** 2);
    this.adjoint = new Float64Array(this.state.length);
    this.stationary = new Float64Array(numEliminated);
    this.#rowAdjoint = new Float64Array(numVariables);
    this.#isolated = new Uint8Array(numEliminated);
  }

  /**
   * Eliminates all positions below `numEliminated`; returns the sum of the prefactors. Parameters are ln xi, from
   * `first` on.
   */
  forward(parameters: Float64Array, first = 0): number {
    let total = 0;
    let p = 0;
    for (; p + BLOCK_ROWS <= this.numEliminated; p += BLOCK_ROWS) {
      const end = p + BLOCK_ROWS;
      for (let row = p; row < end; row++) total += this.#eliminateWithin(row, Math.exp(parameters[first + row]), end);
      this.#updateBeyond(p, end, parameters, first);
    }
    for (; p < this.numEliminated; p++) total += this.eliminate(p, Math.exp(parameters[first + p]));
    return total;
  }

  /** Eliminates position p, but of the weights changes only the rows before `end`; all biases are done. */
  #eliminateWithin(p: number, xi: number, end: number): number {
    const { state, numVariables: n } = this;
    const row = n + p * n;
    const bias = state[p];
    const l = lambda(xi);
    let neighbours = 0;
    for (let j = p + 1; j < n; j++) {
      const weight = state[row + j];
      if (weight === 0) continue;
      neighbours++;
      state[j] += weight * (0.5 + 2 * l * bias + l * weight);
      if (j < end) addMultiple(state, n + j * n + j + 1, row + j + 1, n - j - 1, 2 * l * weight);
    }
    this.#isolated[p] = neighbours === 0 ? 1 : 0;
    return neighbours === 0 ? softplus(bias) : bias / 2 + l * bias * bias + minusF(xi);
  }

  /** The rows from `end` on, for the eliminated rows p ... end - 1 at once. */
  #updateBeyond(p: number, end: number, parameters: Float64Array, first: number): void {
    const { state, numVariables: n } = this;
    const twice = Float64Array.from({ length: BLOCK_ROWS }, (_, b) => 2 * lambda(Math.exp(parameters[first + p + b])));
    const row = n + p * n;
    for (let j = end; j < n; j++) {
      const a = twice[0] * state[row + j];
      const b = twice[1] * state[row + n + j];
      const c = twice[2] * state[row + 2 * n + j];
      const d = twice[3] * state[row + 3 * n + j];
      if (a !== 0 || b !== 0 || c !== 0 || d !== 0)
        addFour(state, n + j * n + j + 1, row + j + 1, n, n - j - 1, a, b, c, d);
    }
  }

  /**
   * d (prefactors + what the caller makes of the remaining model) / d ln xi, to gradient[first ...]; completes
   * `adjoint`.
   */
  backward(parameters: Float64Array, gradient: Float64Array, first = 0): void {
    for (let p = this.numEliminated - 1; p >= 0; p--) {
      const xi = Math.exp(parameters[first + p]);
      const squares = this.#reverse(p, xi);
      this.stationary[p] = this.#isolated[p] ? parameters[first + p] : Math.log(squares) / 2;
      gradient[first + p] = this.#isolated[p] ? 0 : lambdaDerivative(xi) * xi * (squares - xi * xi);
    }
  }

  /** Eliminates position p, which must be the next; returns the prefactor, natural log. */
  eliminate(p: number, xi: number): number {
    return this.#eliminateWithin(p, xi, this.numVariables);
  }

  /**
   * The adjoints of position p's bias and row from those of all later positions; returns d result / d lambda = E[x^2].
   */
  #reverse(p: number, xi: number): number {
    const { state, adjoint, numVariables: n } = this;
    const rowAdjoint = this.#rowAdjoint;
    const row = n + p * n;
    const bias = state[p];
    if (this.#isolated[p]) {
      adjoint[p] = sigmoid(bias);
      for (let j = p + 1; j < n; j++) adjoint[row + j] = sigmoid(bias) * adjoint[j];
      return 0;
    }
    const l = lambda(xi);
    rowAdjoint.fill(0, p + 1);
    let squares = bias * bias;
    let biasAdjoint = 0.5 + 2 * l * bias;
    for (let j = p + 1; j < n; j++) {
      const weight = state[row + j];
      const pairs = rowAdjoint[j] + dotAndSpread(adjoint, n + j * n, state, row, rowAdjoint, j + 1, n, weight);
      // pairs = sum_{k != j} p~(j, k) J_k; every pair is met at both of its ends.
      const mean = adjoint[j];
      squares += weight * (mean * (2 * bias + weight) + pairs);
      biasAdjoint += 2 * l * mean * weight;
      adjoint[row + j] = mean * (0.5 + 2 * l * (bias + weight)) + 2 * l * pairs;
    }
    adjoint[p] = biasAdjoint;
    return squares;
  }
}
