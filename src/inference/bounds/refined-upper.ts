/**
 * The refined upper bound (Jaakkola & Jordan 1996, Eqs. 11-14 and appendix B). ln(e^{-x/2} + e^{x/2}) is concave in
 * x^2, so its tangents at x^2 = xi^2 lie above it:
 *
 *   1 + e^x <= exp{ x/2 + lambda x^2 - F },   lambda(xi) = tanh(xi/2) / (4 xi),   F = lambda xi^2 - ln(e^{-xi/2} +
 *   e^{xi/2}),
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
import { withoutVariable, type Elimination, type OrderedModel } from "./elimination.ts";
import { createExactFinish, type RestGraph } from "./exact-finish.ts";
import { lambda, minusF } from "./logistic.ts";
import { RefinedRecursion } from "./refined-recursion.ts";

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

/**
 * The bound of a whole elimination; parameters are ln xi, one an eliminated position. Keeps two dense n x n tables for
 * the fill-in.
 */
export function refinedUpper(model: OrderedModel): Elimination {
  const bound = new RefinedUpper(model);
  return {
    numParameters: model.numEliminated,
    evaluate: (parameters, gradient) => bound.evaluate(parameters, gradient),
    start: (parameters, random) => bound.start(parameters, random),
    describe: (parameters) => Array.from(parameters, (logXi) => Float64Array.of(Math.exp(logXi))),
    means: bound.means,
    pairMeans: (into) => bound.pairMeans(into),
  };
}

class RefinedUpper {
  readonly #model: OrderedModel;
  readonly #recursion: RefinedRecursion;
  readonly #finish: ReturnType<typeof createExactFinish>;
  /** Where the recursion's state has the weights of the edges that remain. */
  readonly #places: Int32Array;
  readonly #restWeights: Float64Array;

  constructor(model: OrderedModel) {
    this.#model = model;
    this.#recursion = new RefinedRecursion(model.numVariables, model.numEliminated);
    const { restGraph, places } = filledRest(model);
    this.#finish = createExactFinish(restGraph);
    this.#places = places;
    this.#restWeights = new Float64Array(places.length);
  }

  get means(): Float64Array {
    return this.#recursion.adjoint.subarray(0, this.#model.numVariables);
  }

  /** One number an edge of the model: d/dJ of the bound. */
  pairMeans(into: Float64Array): void {
    const { numVariables: n, offsets, firstLater, targets } = this.#model;
    const { adjoint } = this.#recursion;
    for (let p = 0; p < n; p++)
      for (let at = firstLater[p]; at < offsets[p + 1]; at++) into[at] = adjoint[n + p * n + targets[at]];
  }

  evaluate(parameters: Float64Array, gradient: Float64Array): number {
    const { logConstant, numEliminated } = this.#model;
    const { state, adjoint } = this.#recursion;
    const [finish, places, restWeights] = [this.#finish, this.#places, this.#restWeights];
    this.#restoreModel();
    let total = logConstant + this.#recursion.forward(parameters);
    for (let edge = 0; edge < places.length; edge++) restWeights[edge] = state[places[edge]];
    total += finish.run(state, numEliminated, restWeights);
    if (!Number.isFinite(total)) {
      gradient.fill(0);
      return Infinity;
    }
    adjoint.set(finish.means, numEliminated);
    for (let edge = 0; edge < places.length; edge++) adjoint[places[edge]] = finish.pairMeans[edge];
    this.#recursion.backward(parameters, gradient);
    return total;
  }

  /**
   * Between two rules, whichever bound is best: xi^2 = E[x^2] as if the later variables were independent and fair
   * (share 0), good for small weights; and xi = |h_i| + sum_j |J_ij| >= |x| (share 1), which keeps the weights from
   * growing at all. From there up to ten rounds of xi^2 <- E[x^2] under the bound, which settles to five digits in
   * about five unless the weights are strong. With a generator: the same, from xi spread at random around the rules.
   */
  start(parameters: Float64Array, random?: Random): void {
    const { numEliminated } = this.#model;
    const gradient = new Float64Array(numEliminated);
    const candidate = new Float64Array(numEliminated);
    let best = Infinity;
    const improves = (): boolean => {
      const value = this.evaluate(candidate, gradient);
      if (value >= best && best < Infinity) return false;
      best = value;
      parameters.set(candidate);
      return true;
    };
    for (const share of [1, 0.75, 0.5, 0.25, 0]) {
      this.#startBetween(candidate, share, random);
      improves();
    }
    this.evaluate(parameters, gradient);
    for (let round = 0; round < 10 && best < Infinity; round++) {
      const before = best;
      candidate.set(this.#recursion.stationary);
      if (!improves() || before - best < 1e-6 * Math.abs(best)) break;
    }
  }

  /** ln xi between the two rules, `share` of the way to the second. */
  #startBetween(parameters: Float64Array, share: number, random?: Random): void {
    const { numVariables: n, numEliminated } = this.#model;
    const { state } = this.#recursion;
    this.#restoreModel();
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
      this.#recursion.eliminate(p, Math.exp(parameters[p]));
    }
  }

  /** state = the model's biases and weights, from which `forward` eliminates. */
  #restoreModel(): void {
    const { numVariables: n, offsets, firstLater, targets, weights, biases } = this.#model;
    const { state } = this.#recursion;
    state.fill(0);
    state.set(biases);
    for (let p = 0; p < n; p++)
      for (let at = firstLater[p]; at < offsets[p + 1]; at++) state[n + p * n + targets[at]] = weights[at];
  }
}

/** The edges among the positions that remain, fill-in included, and where `state` has their weights. */
function filledRest({ numVariables: n, numEliminated, offsets, firstLater, targets }: OrderedModel): {
  restGraph: RestGraph;
  places: Int32Array;
} {
  const joined = new Uint8Array(n * n);
  for (let p = 0; p < n; p++) for (let at = firstLater[p]; at < offsets[p + 1]; at++) joined[p * n + targets[at]] = 1;
  for (let p = 0; p < numEliminated; p++)
    for (let j = p + 1; j < n; j++)
      if (joined[p * n + j]) for (let k = j + 1; k < n; k++) joined[j * n + k] |= joined[p * n + k];
  const sources: number[] = [];
  const ends: number[] = [];
  for (let p = numEliminated; p < n; p++)
    for (let q = p + 1; q < n; q++)
      if (joined[p * n + q]) {
        sources.push(p - numEliminated);
        ends.push(q - numEliminated);
      }
  return {
    restGraph: {
      numVariables: n - numEliminated,
      sources: Int32Array.from(sources),
      targets: Int32Array.from(ends),
    },
    places: Int32Array.from(sources, (source, edge) => n + (source + numEliminated) * n + ends[edge] + numEliminated),
  };
}
