/**
 * What the refined bound is expected to lose with each variable if that went next. To second order,
 *
 *   -lambda'(xi) / (4 xi) Var(x^2)   at xi^2 = E[x^2],   x = h_i + sum_j J_ij S_j,
 *
 * with moments taken as if the remaining variables were independent and fair, in the model as the eliminations so far
 * have left it.
 */
import type { BoltzmannMachine } from "../../graph/pairwise.ts";
import { lambda, lambdaDerivative } from "./logistic.ts";

export class ExpectedSlack {
  /**
   * Float64Array[numVariables], natural log up to a common factor; -1 for a variable without neighbours, which loses
   * nothing.
   */
  readonly slacks: Float64Array;
  readonly #numVariables: number;
  readonly #biases: Float64Array;
  /** Symmetric. */
  readonly #weights: Float64Array;
  readonly #xis: Float64Array;
  readonly #remaining: Int32Array;
  #numRemaining: number;

  constructor(model: BoltzmannMachine) {
    const n = model.numVariables;
    this.#numVariables = n;
    this.#biases = model.biases.slice();
    const weights = new Float64Array(n * n);
    model.weights.forEach((weight, edge) => {
      const [i, j] = [model.edgeSources[edge], model.edgeTargets[edge]];
      weights[i * n + j] = weights[j * n + i] = weight;
    });
    this.#weights = weights;
    this.#remaining = Int32Array.from({ length: n }, (_, i) => i);
    this.#numRemaining = n;
    this.slacks = new Float64Array(n);
    this.#xis = new Float64Array(n);
    for (let i = 0; i < n; i++) this.#judge(i);
  }

  /** Int32Array, increasing: a view that the next elimination changes. */
  get remaining(): Int32Array {
    return this.#remaining.subarray(0, this.#numRemaining);
  }

  #judge(i: number): void {
    const weights = this.#weights;
    const row = i * this.#numVariables;
    let mean = this.#biases[i];
    let variance = 0;
    let fourth = 0;
    let largest = Math.abs(mean);
    for (let s = 0; s < this.#numRemaining; s++) {
      const weight = weights[row + this.#remaining[s]];
      const square = (weight * weight) / 4;
      mean += weight / 2;
      variance += square;
      fourth += square * square;
      largest += Math.abs(weight);
    }
    // x = mean + y, y a sum of independent +-J/2: Var(x^2) = 4 mean^2 E[y^2] + E[y^4] - E[y^2]^2.
    const spread = 4 * mean * mean * variance + 2 * (variance * variance - fourth);
    const xi = Math.max(1e-3, Math.hypot(mean, Math.sqrt(variance)));
    const slack = variance === 0 ? -1 : (-lambdaDerivative(xi) / xi) * spread;
    this.slacks[i] = Number.isNaN(slack) ? Infinity : slack;
    this.#xis[i] = Math.min(largest, 2 * xi); // above E[x^2], so that strong weights do not explode on the way
  }

  eliminate(i: number): void {
    const [weights, biases, remaining, n] = [this.#weights, this.#biases, this.#remaining, this.#numVariables];
    const at = this.remaining.indexOf(i);
    remaining.copyWithin(at, at + 1, this.#numRemaining);
    this.#numRemaining--;
    const l = lambda(this.#xis[i]);
    for (let r = 0; r < this.#numRemaining; r++) {
      const j = remaining[r];
      const weight = weights[i * n + j];
      if (weight === 0) continue;
      biases[j] += weight * (0.5 + 2 * l * biases[i] + l * weight);
      for (let s = 0; s < this.#numRemaining; s++)
        if (s !== r) weights[j * n + remaining[s]] += 2 * l * weight * weights[i * n + remaining[s]];
    }
    // Only its neighbours have changed.
    for (let r = 0; r < this.#numRemaining; r++) if (weights[i * n + remaining[r]] !== 0) this.#judge(remaining[r]);
  }
}
