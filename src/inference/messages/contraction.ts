/**
 * All messages out of one factor, in time linear in its table.
 *
 *   m_j(x_j) = sum over x \ x_j of psi(x) prod_{i != j} n_i(x_i)         for every position j at once
 *
 * With the last variable fastest, summing positions out from the back gives ever smaller tables R_j over positions 0
 * ... j - 1,
 *   R_k = psi,   R_j(y) = sum_x R_{j+1}(y, x) n_j(x),
 * while from the front the products P_j(y) = prod_{i < j} n_i(y_i) grow: m_j(x) = sum_y P_j(y) R_{j+1}(y, x). About 4
 * |psi| multiplications for all k messages, no division (so zeros need no care), contiguous memory, no index tables.
 * The same in the max-plus and the log-sum-exp semiring.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { logSumProduct, maxSum, sumProduct, type Semiring } from "./semirings.ts";

/**
 * Where messages stand: edge e's states at messageOffsets[e] ... messageOffsets[e + 1] - 1, a factor's messages side by
 * side.
 */
export function messageOffsetsOf(graph: FactorGraph): Int32Array {
  const { scopes, cardinalities } = graph;
  const offsets = new Int32Array(scopes.length + 1);
  for (let edge = 0; edge < scopes.length; edge++) offsets[edge + 1] = offsets[edge] + cardinalities[scopes[edge]];
  return offsets;
}

/** Contracts the factors of one graph. The work space is shared between calls, so an instance is not re-entrant. */
export class Contraction {
  readonly #graph: FactorGraph;
  readonly #messageOffsets: Int32Array;
  /** R_1 ... R_{k-1}, one after the other. */
  readonly #partials: Float64Array;
  readonly #partialOffsets: Int32Array;
  /** P_j. */
  readonly #products: Float64Array;
  readonly #logSumProduct: Semiring;

  constructor(graph: FactorGraph, messageOffsets: Int32Array) {
    const { scopes, scopeOffsets, cardinalities } = graph;
    let partials = 0;
    let products = 1;
    let arity = 1;
    for (let factor = 0; factor < graph.numFactors; factor++) {
      let size = 1;
      let sum = 0;
      for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
        products = Math.max(products, size);
        sum += size;
        size *= cardinalities[scopes[edge]];
      }
      partials = Math.max(partials, sum);
      arity = Math.max(arity, scopeOffsets[factor + 1] - scopeOffsets[factor]);
    }
    this.#graph = graph;
    this.#messageOffsets = messageOffsets;
    this.#partials = new Float64Array(partials);
    this.#partialOffsets = new Int32Array(arity + 1);
    this.#products = new Float64Array(products);
    this.#logSumProduct = logSumProduct(cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));
  }

  /**
   * Sum-product.
   * @param tables psi of all factors, where the graph has its logPotentials.
   * @param incoming n of this factor alone, its positions end to end.
   * @param outgoing receives m in the same form.
   */
  sum(tables: Float64Array, factor: number, incoming: Float64Array, outgoing: Float64Array): void {
    this.#contract(sumProduct, tables, factor, incoming, outgoing);
  }

  /** Max-product in the log domain: as `sum`, with (max, +) for (+, *), on ln psi and log messages. */
  max(tables: Float64Array, factor: number, incoming: Float64Array, outgoing: Float64Array): void {
    this.#contract(maxSum, tables, factor, incoming, outgoing);
  }

  /**
   * Sum-product in the log domain, for tables and messages of any range: as `sum`, with (log-sum-exp, +) for (+, *).
   */
  logSum(tables: Float64Array, factor: number, incoming: Float64Array, outgoing: Float64Array): void {
    this.#contract(this.#logSumProduct, tables, factor, incoming, outgoing);
  }

  #contract(
    semiring: Semiring,
    tables: Float64Array,
    factor: number,
    incoming: Float64Array,
    outgoing: Float64Array,
  ): void {
    const [partials, partialOffsets, products, offsets] = [this.#partials, this.#partialOffsets, this.#products, this.#messageOffsets]; // prettier-ignore
    const { scopeOffsets, tableOffsets } = this.#graph;
    const first = scopeOffsets[factor];
    const last = scopeOffsets[factor + 1] - 1;
    const tableStart = tableOffsets[factor] | 0;
    const shift = offsets[first];

    // from the back: R_k ... R_1, the last of which is the first position's message
    let source = tables;
    let sourceStart = tableStart;
    let size = (tableOffsets[factor + 1] | 0) - tableStart;
    let top = 0;
    for (let edge = last; edge > first; edge--) {
      const start = offsets[edge] - shift;
      const width = offsets[edge + 1] - shift - start;
      size = (size / width) | 0;
      semiring.sumRows(source, sourceStart, size, width, incoming, start, partials, top);
      partialOffsets[edge - first] = top;
      source = partials;
      sourceStart = top;
      top += size;
    }
    for (let state = 0; state < size; state++) outgoing[state] = source[sourceStart + state];

    // from the front: P_j grows, and meets R_{j+1}
    size = 1;
    products[0] = semiring.one;
    for (let edge = first + 1; edge <= last; edge++) {
      const before = offsets[edge - 1] - shift;
      const start = offsets[edge] - shift;
      semiring.extend(products, size, start - before, incoming, before);
      size *= start - before;
      source = edge === last ? tables : partials;
      const at = edge === last ? tableStart : partialOffsets[edge + 1 - first];
      semiring.sumColumns(products, size, offsets[edge + 1] - shift - start, source, at, outgoing, start);
    }
  }
}
