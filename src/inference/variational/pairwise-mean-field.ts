/** Mean field on Ising models, without tables: m_i = <x_i> = tanh(b_i + sum_j J_ij m_j) (see naive-mean-field.ts). */
import type { IsingModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";

/** A field whose mean is 1 to the last digit. */
const HARD_FIELD = 40;

export class PairwiseMeanField {
  readonly #model: IsingModel;
  /** Float64Array[numVariables]: m_i. */
  readonly #means: Float64Array;
  /** Float64Array[numVariables]: half the log ratio of q_i, which keeps its entropy precise where m_i rounds to +-1. */
  readonly #fields: Float64Array;

  /** Begins uniform, or at random. */
  constructor(model: IsingModel, random?: Random) {
    this.#model = model;
    this.#fields = Float64Array.from({ length: model.numVariables }, () => (random ? random.normal() : 0));
    this.#means = this.#fields.map(Math.tanh);
  }

  /** Float64Array[numVariables]: q_i(+1). */
  get probabilities(): Float64Array {
    return this.#fields.map((field) => 1 / (1 + Math.exp(-2 * field)));
  }

  /** Updates every q_i once, from the means before: where the fields alone would put them, when q is uniform. */
  updateAtOnce(): void {
    const { numEdges, biases, weights, edgeSources, edgeTargets } = this.#model;
    const fields = this.#fields;
    fields.set(biases);
    for (let edge = 0; edge < numEdges; edge++) {
      fields[edgeTargets[edge]] += weights[edge] * this.#means[edgeSources[edge]];
      fields[edgeSources[edge]] += weights[edge] * this.#means[edgeTargets[edge]];
    }
    for (let i = 0; i < fields.length; i++) this.#means[i] = Math.tanh(fields[i]);
  }

  /**
   * Updates every q_i once, in this order; at an inverse temperature of Infinity each takes its likeliest state, -1
   * among equals.
   */
  sweep(order: Int32Array, inverseTemperature = 1): number {
    const { biases, weights, neighbourOffsets, neighbours, neighbourEdges } = this.#model;
    const means = this.#means;
    let largest = 0;
    for (const variable of order) {
      let field = biases[variable];
      for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++)
        field += weights[neighbourEdges[at]] * means[neighbours[at]];
      field = inverseTemperature === Infinity ? (field > 0 ? HARD_FIELD : -HARD_FIELD) : inverseTemperature * field;
      const mean = Math.tanh(field);
      largest = Math.max(largest, Math.abs(mean - means[variable]) / 2);
      means[variable] = mean;
      this.#fields[variable] = field;
    }
    return largest;
  }

  lowerBound(): number {
    const { numVariables, numEdges, biases, weights, edgeSources, edgeTargets, logConstant } = this.#model;
    const means = this.#means;
    let total = logConstant;
    for (let edge = 0; edge < numEdges; edge++)
      total += weights[edge] * means[edgeSources[edge]] * means[edgeTargets[edge]];
    for (let i = 0; i < numVariables; i++) {
      const field = Math.abs(this.#fields[i]);
      // H = ln(2 cosh h) - h tanh h, without overflow or cancellation.
      const rest = Math.exp(-2 * field);
      total += biases[i] * means[i] + Math.log1p(rest) + (2 * field * rest) / (1 + rest);
    }
    return total;
  }
}
