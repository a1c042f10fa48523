/**
 * q(x) = prod_i q_i(x_i) on a factor graph: its bound on ln Z, and the update of one q_i (see naive-mean-field.ts).
 *
 * <ln psi_f | x_i> is a contraction of the factor's table of logs with the other q_j. Forbidden entries are kept apart,
 * as a table of indicators contracted with the supports of q: a state of i gets -Infinity if any state with it inside
 * the supports is forbidden.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";
import { Contraction, messageOffsetsOf } from "../messages/contraction.ts";
import { entropy, normaliseLogs, variableOffsetsOf } from "../messages/free-energy.ts";
import { Marginals } from "../result.ts";

export class FactorisedDistribution {
  /** Float64Array[variableOffsets[numVariables]]: q, variable after variable. */
  readonly probabilities: Float64Array;
  readonly #graph: FactorGraph;
  readonly #variableOffsets: Int32Array;
  readonly #messageOffsets: Int32Array;
  readonly #contraction: Contraction;
  /** ln psi with 0 for -Infinity, and 1 where it is -Infinity. */
  readonly #finite: Float64Array;
  readonly #forbidden: Float64Array;
  readonly #forbids: Uint8Array;
  readonly #incoming: Float64Array;
  readonly #outgoing: Float64Array;
  readonly #fresh: Float64Array;

  /** Begins uniform. */
  constructor(graph: FactorGraph) {
    const { numVariables, numFactors, cardinalities, scopeOffsets, tableOffsets, logPotentials } = graph;
    this.#graph = graph;
    this.#variableOffsets = variableOffsetsOf(cardinalities);
    this.#messageOffsets = messageOffsetsOf(graph);
    this.#contraction = new Contraction(graph, this.#messageOffsets);
    this.#finite = logPotentials.map((entry) => (entry === -Infinity ? 0 : entry));
    this.#forbidden = logPotentials.map((entry) => (entry === -Infinity ? 1 : 0));
    this.#forbids = new Uint8Array(numFactors);
    let longest = 0;
    for (let factor = 0; factor < numFactors; factor++) {
      const table = this.#forbidden.subarray(tableOffsets[factor], tableOffsets[factor + 1]);
      this.#forbids[factor] = table.includes(1) ? 1 : 0;
      longest = Math.max(
        longest,
        this.#messageOffsets[scopeOffsets[factor + 1]] - this.#messageOffsets[scopeOffsets[factor]],
      );
    }
    this.#incoming = new Float64Array(longest);
    this.#outgoing = new Float64Array(longest);
    this.#fresh = new Float64Array(cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));
    this.probabilities = new Float64Array(this.#variableOffsets[numVariables]);
    cardinalities.forEach((cardinality, variable) => this.#of(variable).fill(1 / cardinality));
  }

  #of(variable: number): Float64Array {
    return this.probabilities.subarray(this.#variableOffsets[variable], this.#variableOffsets[variable + 1]);
  }

  /** Random q_i, ln q_i normal with standard deviation 2. */
  randomise(random: Random): void {
    const { probabilities } = this;
    for (let at = 0; at < probabilities.length; at++) probabilities[at] = random.normal(0, 2);
    for (let variable = 0; variable < this.#graph.numVariables; variable++)
      normaliseLogs(probabilities, this.#variableOffsets[variable], this.#variableOffsets[variable + 1]);
  }

  /** Puts all probability on one joint state. */
  concentrate(states: ArrayLike<number>): void {
    this.probabilities.fill(0);
    for (let variable = 0; variable < this.#graph.numVariables; variable++)
      this.probabilities[this.#variableOffsets[variable] + states[variable]] = 1;
  }

  marginals(): Marginals {
    return new Marginals(this.probabilities, this.#variableOffsets);
  }

  /** L(q), natural log; -Infinity when q allows a state that the model forbids. */
  lowerBound(): number {
    const { numVariables, numFactors, scopeOffsets, scopes, tableOffsets } = this.#graph;
    let total = entropy(this.probabilities, 0, this.#variableOffsets[numVariables]);
    for (let factor = 0; factor < numFactors; factor++) {
      const edge = scopeOffsets[factor];
      if (edge === scopeOffsets[factor + 1]) {
        total += this.#graph.logPotentials[tableOffsets[factor]];
        continue;
      }
      const own = this.#of(scopes[edge]);
      if (this.#forbids[factor]) {
        this.#contract(this.#forbidden, factor, true);
        for (let state = 0; state < own.length; state++)
          if (own[state] > 0 && this.#outgoing[state] > 0) return -Infinity;
      }
      this.#contract(this.#finite, factor, false);
      for (let state = 0; state < own.length; state++) total += own[state] * this.#outgoing[state];
    }
    return total;
  }

  /**
   * Updates every q_i once, from all q before: where factors of one variable alone would put them, when q is uniform.
   */
  updateAtOnce(): void {
    const next = this.probabilities.slice();
    for (let variable = 0; variable < this.#graph.numVariables; variable++) {
      const own = this.#of(variable);
      const before = own.slice();
      this.#update(variable, 1);
      next.set(own, this.#variableOffsets[variable]);
      own.set(before);
    }
    this.probabilities.set(next);
  }

  /**
   * Updates every q_i once, in the given order; returns the largest change of a probability.
   * @param inverseTemperature at Infinity each takes its likeliest state, the first among equals.
   */
  sweep(order: Int32Array, inverseTemperature = 1): number {
    let largest = 0;
    for (const variable of order) largest = Math.max(largest, this.#update(variable, inverseTemperature));
    return largest;
  }

  #update(variable: number, inverseTemperature: number): number {
    const { variableEdgeOffsets, variableEdges, edgeFactors, scopeOffsets } = this.#graph;
    const fresh = this.#fresh;
    const own = this.#of(variable);
    fresh.fill(0, 0, own.length);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const edge = variableEdges[at];
      const factor = edgeFactors[edge];
      const from = this.#messageOffsets[edge] - this.#messageOffsets[scopeOffsets[factor]];
      this.#contract(this.#finite, factor, false);
      for (let state = 0; state < own.length; state++) fresh[state] += this.#outgoing[from + state];
      if (!this.#forbids[factor]) continue;
      this.#contract(this.#forbidden, factor, true);
      for (let state = 0; state < own.length; state++) if (this.#outgoing[from + state] > 0) fresh[state] = -Infinity;
    }
    if (inverseTemperature === Infinity) {
      const likeliest = fresh
        .subarray(0, own.length)
        .reduce((best, log, state) => (log > fresh[best] ? state : best), 0);
      fresh.fill(-Infinity, 0, own.length);
      fresh[likeliest] = 0;
    } else if (inverseTemperature !== 1)
      for (let state = 0; state < own.length; state++) fresh[state] *= inverseTemperature;
    // Outside the model's support no state may be left: then q_i stays.
    if (!normaliseLogs(fresh, 0, own.length)) return 0;
    let largest = 0;
    for (let state = 0; state < own.length; state++) {
      largest = Math.max(largest, Math.abs(fresh[state] - own[state]));
      own[state] = fresh[state];
    }
    return largest;
  }

  /**
   * #outgoing = contraction of a factor's table with q, or with the indicators of its support, for each position and
   * state.
   */
  #contract(tables: Float64Array, factor: number, support: boolean): void {
    const { scopes, scopeOffsets } = this.#graph;
    let into = 0;
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
      for (let at = this.#variableOffsets[scopes[edge]]; at < this.#variableOffsets[scopes[edge] + 1]; at++)
        this.#incoming[into++] = support ? (this.probabilities[at] > 0 ? 1 : 0) : this.probabilities[at];
    this.#contraction.sum(tables, factor, this.#incoming, this.#outgoing);
  }
}
