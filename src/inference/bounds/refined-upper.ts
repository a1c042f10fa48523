/**
 * The refined upper bound (Jaakkola & Jordan 1996, Eqs. 11-14 and appendix B). ln(e^{-x/2} + e^{x/2}) is concave in x^2, so its
 * tangents at x^2 = xi^2 lie above it:
 *
 *   1 + e^x <= exp{ x/2 + lambda x^2 - F },   lambda(xi) = tanh(xi/2) / (4 xi),   F = lambda xi^2 - ln(e^{-xi/2} + e^{xi/2}),
 *
 * exact at x = +-xi. Eliminating variable i, with x = h_i + sum_j J_ij S_j:
 *
 *   ln Z(h, J) <= h_i / 2 + lambda h_i^2 - F + ln Z'(h~, J~),
 *   h~_j = h_j + J_ij / 2 + 2 lambda h_i J_ij + lambda J_ij^2,   J~_jk = J_jk + 2 lambda J_ij J_ik:
 *
 * the neighbours of i become connected, as in exact marginalisation. (Each pair counts once in J~, as in Eq. 2.)
 * One difference from the paper: a variable without later neighbours is eliminated exactly, by ln(1 + e^h_i).
 */
import { toBoltzmann, type BoltzmannMachine, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import { createEnumerator } from "../exact/enumeration.ts";
import { denseFrom, withoutVariable, type Elimination, type OrderedModel } from "./elimination.ts";
import { lambda, lambdaDerivative, minusF, sigmoid, softplus } from "./logistic.ts";

/**
 * One elimination at a given xi: a model of the other variables (those above `variable` move down by one) with Z' >= Z.
 * @throws RangeError if there is no such variable or xi is not finite.
 */
export function eliminateRefinedUpper(model: PairwiseBinaryModel, variable: number, xi: number): BoltzmannMachine {
  if (!Number.isFinite(xi)) throw new RangeError(`xi must be a finite number, got ${xi}`);
  const boltzmann = toBoltzmann(model);
  const bias = boltzmann.biases[variable];
  const l = lambda(xi);
  return withoutVariable(
    boltzmann,
    variable,
    bias / 2 + l * bias * bias + minusF(xi),
    (weight) => weight / 2 + 2 * l * bias * weight + l * weight * weight,
    (weightJ, weightK) => 2 * l * weightJ * weightK,
  );
}

// The two loops that cost n^3 / 6 multiplications each, functions of their own because V8 compiles them better so.

/** table[to + k] += factor table[from + k] for k < count. */
function addMultiple(table: Float64Array, to: number, from: number, count: number, factor: number): void {
  for (let k = 0; k < count; k++) table[to + k] += factor * table[from + k];
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

/** The bound of a whole elimination; parameters are ln xi, one an eliminated position. Keeps two dense n x n tables for the fill-in. */
export function refinedUpper(model: OrderedModel): Elimination {
  const { numVariables: n, numEliminated } = model;
  const numRemaining = n - numEliminated;
  const enumerator = createEnumerator(numRemaining);
  // h at 0 ... n - 1, J_pq (p < q) at n + p n + q. Rows of eliminated positions stay as they were when eliminated.
  const original = denseFrom(model, 0);
  const state = original.slice();
  const adjoint = new Float64Array(state.length); // d bound / d state
  const rowAdjoint = new Float64Array(n);
  const isolated = new Uint8Array(numEliminated);
  const stationary = new Float64Array(numEliminated); // ln sqrt E[x^2]: where ln xi would have gradient 0, other things equal

  /** Eliminates position p in `state`; returns the prefactor, natural log. */
  function eliminate(p: number, xi: number): number {
    const row = n + p * n;
    const bias = state[p];
    const l = lambda(xi);
    let neighbours = 0;
    for (let j = p + 1; j < n; j++) {
      const weight = state[row + j];
      if (weight === 0) continue;
      neighbours++;
      state[j] += weight * (0.5 + 2 * l * bias + l * weight);
      addMultiple(state, n + j * n + j + 1, row + j + 1, n - j - 1, 2 * l * weight);
    }
    isolated[p] = neighbours === 0 ? 1 : 0;
    return neighbours === 0 ? softplus(bias) : bias / 2 + l * bias * bias + minusF(xi);
  }

  /** The adjoints of position p's bias and row from those of all later positions; returns d bound / d lambda = E[x^2]. */
  function reverse(p: number, xi: number): number {
    const row = n + p * n;
    const bias = state[p];
    if (isolated[p]) {
      adjoint[p] = sigmoid(bias);
      for (let j = p + 1; j < n; j++) adjoint[row + j] = 0;
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

  function evaluate(parameters: Float64Array, gradient: Float64Array): number {
    state.set(original);
    let total = model.logConstant;
    for (let p = 0; p < numEliminated; p++) total += eliminate(p, Math.exp(parameters[p]));
    const first = n + numEliminated * n + numEliminated;
    const { logZ, joint } = enumerator.run(state, numEliminated, first, n);
    total += logZ;
    if (!Number.isFinite(total)) {
      gradient.fill(0);
      return Infinity;
    }
    for (let r = 0; r < numRemaining; r++) {
      adjoint[numEliminated + r] = joint[4 * (r * numRemaining + r) + 3];
      for (let s = r + 1; s < numRemaining; s++) adjoint[first + r * n + s] = joint[4 * (r * numRemaining + s) + 3];
    }
    for (let p = numEliminated - 1; p >= 0; p--) {
      const xi = Math.exp(parameters[p]);
      const squares = reverse(p, xi);
      stationary[p] = isolated[p] ? parameters[p] : Math.log(squares) / 2;
      gradient[p] = isolated[p] ? 0 : lambdaDerivative(xi) * xi * (squares - xi * xi);
    }
    return total;
  }

  /**
   * Between two rules, whichever bound is best: xi^2 = E[x^2] as if the later variables were independent and fair (share 0), good for
   * small weights; and xi = |h_i| + sum_j |J_ij| >= |x| (share 1), which keeps the weights from growing at all. From there up to ten
   * rounds of xi^2 <- E[x^2] under the bound, which settles to five digits in about five unless the weights are strong.
   * With a generator: the same, from xi spread at random around the rules.
   */
  function start(parameters: Float64Array, random?: Random): void {
    const gradient = new Float64Array(numEliminated);
    const candidate = new Float64Array(numEliminated);
    let best = Infinity;
    const improves = (): boolean => {
      const value = evaluate(candidate, gradient);
      if (value >= best && best < Infinity) return false;
      best = value;
      parameters.set(candidate);
      return true;
    };
    for (const share of [1, 0.75, 0.5, 0.25, 0]) {
      startBetween(candidate, share, random);
      improves();
    }
    evaluate(parameters, gradient);
    for (let round = 0; round < 10 && best < Infinity; round++) {
      const before = best;
      candidate.set(stationary);
      if (!improves() || before - best < 1e-6 * Math.abs(best)) break;
    }
  }

  function startBetween(parameters: Float64Array, share: number, random?: Random): void {
    state.set(original);
    for (let p = 0; p < numEliminated; p++) {
      let mean = state[p];
      let variance = 0;
      let largest = Math.abs(state[p]);
      for (let j = p + 1; j < n; j++) {
        const weight = state[n + p * n + j];
        mean += weight / 2;
        variance += (weight * weight) / 4;
        largest += Math.abs(weight);
      }
      const logXi = (1 - share) * Math.log(Math.hypot(mean, Math.sqrt(variance))) + share * Math.log(largest);
      parameters[p] = Math.min(300, Math.max(-7, logXi || 0)) + (random ? random.normal(0, 0.3) : 0);
      eliminate(p, Math.exp(parameters[p]));
    }
  }

  return {
    numParameters: numEliminated,
    evaluate,
    start,
    describe: (parameters) => Array.from(parameters, (logXi) => Float64Array.of(Math.exp(logXi))),
  };
}
