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
  /** The largest term for each state of the message, for log-sum-exp. */
  readonly #largest: Float64Array;

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
    this.#largest = new Float64Array(cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));
  }

  /**
   * Sum-product.
   * @param tables psi of all factors, where the graph has its logPotentials.
   * @param incoming n of this factor alone, its positions end to end.
   * @param outgoing receives m in the same form.
   */
  sum(tables: Float64Array, factor: number, incoming: Float64Array, outgoing: Float64Array): void {
    const partials = this.#partials;
    const partialOffsets = this.#partialOffsets;
    const products = this.#products;
    const offsets = this.#messageOffsets;
    const { scopeOffsets, tableOffsets } = this.#graph;
    const first = scopeOffsets[factor];
    const last = scopeOffsets[factor + 1] - 1;
    const tableStart = tableOffsets[factor] | 0;
    const shift = offsets[first];

    let source = tables;
    let sourceStart = tableStart;
    let size = (tableOffsets[factor + 1] | 0) - tableStart;
    let top = 0;
    for (let edge = last; edge > first; edge--) {
      const start = offsets[edge] - shift;
      const end = offsets[edge + 1] - shift;
      size = (size / (end - start)) | 0;
      if (end - start === 2) {
        const incoming0 = incoming[start];
        const incoming1 = incoming[start + 1];
        for (let row = 0, at = sourceStart; row < size; row++, at += 2)
          partials[top + row] = source[at] * incoming0 + source[at + 1] * incoming1;
      } else
        for (let row = 0, at = sourceStart; row < size; row++) {
          let sum = 0;
          for (let state = start; state < end; state++) sum += source[at++] * incoming[state];
          partials[top + row] = sum;
        }
      partialOffsets[edge - first] = top;
      source = partials;
      sourceStart = top;
      top += size;
    }
    for (let state = 0; state < size; state++) outgoing[state] = source[sourceStart + state];

    size = 1;
    products[0] = 1;
    for (let edge = first + 1; edge <= last; edge++) {
      const before = offsets[edge - 1] - shift;
      const start = offsets[edge] - shift;
      const width = start - before;
      if (width === 2) {
        const incoming0 = incoming[before];
        const incoming1 = incoming[before + 1];
        for (let row = size - 1; row >= 0; row--) {
          const product = products[row];
          products[2 * row + 1] = product * incoming1;
          products[2 * row] = product * incoming0;
        }
      } else
        for (let row = size - 1; row >= 0; row--) {
          const product = products[row];
          for (let state = width - 1; state >= 0; state--)
            products[row * width + state] = product * incoming[before + state];
        }
      size *= width;
      const end = offsets[edge + 1] - shift;
      source = edge === last ? tables : partials;
      let at = edge === last ? tableStart : partialOffsets[edge + 1 - first];
      if (end - start === 2) {
        let outgoing0 = 0;
        let outgoing1 = 0;
        for (let row = 0; row < size; row++, at += 2) {
          const product = products[row];
          outgoing0 += product * source[at];
          outgoing1 += product * source[at + 1];
        }
        outgoing[start] = outgoing0;
        outgoing[start + 1] = outgoing1;
        continue;
      }
      for (let state = start; state < end; state++) outgoing[state] = 0;
      for (let row = 0; row < size; row++) {
        const product = products[row];
        for (let state = start; state < end; state++) outgoing[state] += product * source[at++];
      }
    }
  }

  /** Max-product in the log domain: as `sum`, with (max, +) for (+, *), on ln psi and log messages. */
  max(tables: Float64Array, factor: number, incoming: Float64Array, outgoing: Float64Array): void {
    const partials = this.#partials;
    const partialOffsets = this.#partialOffsets;
    const products = this.#products;
    const offsets = this.#messageOffsets;
    const { scopeOffsets, tableOffsets } = this.#graph;
    const first = scopeOffsets[factor];
    const last = scopeOffsets[factor + 1] - 1;
    const tableStart = tableOffsets[factor] | 0;
    const shift = offsets[first];

    let source = tables;
    let sourceStart = tableStart;
    let size = (tableOffsets[factor + 1] | 0) - tableStart;
    let top = 0;
    for (let edge = last; edge > first; edge--) {
      const start = offsets[edge] - shift;
      const end = offsets[edge + 1] - shift;
      size = (size / (end - start)) | 0;
      for (let row = 0, at = sourceStart; row < size; row++) {
        let largest = -Infinity;
        for (let state = start; state < end; state++) {
          const term = source[at++] + incoming[state];
          if (term > largest) largest = term;
        }
        partials[top + row] = largest;
      }
      partialOffsets[edge - first] = top;
      source = partials;
      sourceStart = top;
      top += size;
    }
    for (let state = 0; state < size; state++) outgoing[state] = source[sourceStart + state];

    size = 1;
    products[0] = 0;
    for (let edge = first + 1; edge <= last; edge++) {
      size = this.#addIncoming(offsets[edge - 1] - shift, offsets[edge] - shift, size, incoming);
      const start = offsets[edge] - shift;
      const end = offsets[edge + 1] - shift;
      source = edge === last ? tables : partials;
      let at = edge === last ? tableStart : partialOffsets[edge + 1 - first];
      for (let state = start; state < end; state++) outgoing[state] = -Infinity;
      for (let row = 0; row < size; row++) {
        const product = products[row];
        for (let state = start; state < end; state++) {
          const term = product + source[at++];
          if (term > outgoing[state]) outgoing[state] = term;
        }
      }
    }
  }

  /**
   * Sum-product in the log domain, for tables and messages of any range: as `sum`, with (log-sum-exp, +) for (+, *).
   */
  logSum(tables: Float64Array, factor: number, incoming: Float64Array, outgoing: Float64Array): void {
    const partials = this.#partials;
    const partialOffsets = this.#partialOffsets;
    const products = this.#products;
    const largest = this.#largest;
    const offsets = this.#messageOffsets;
    const { scopeOffsets, tableOffsets } = this.#graph;
    const first = scopeOffsets[factor];
    const last = scopeOffsets[factor + 1] - 1;
    const tableStart = tableOffsets[factor] | 0;
    const shift = offsets[first];

    let source = tables;
    let sourceStart = tableStart;
    let size = (tableOffsets[factor + 1] | 0) - tableStart;
    let top = 0;
    for (let edge = last; edge > first; edge--) {
      const start = offsets[edge] - shift;
      const width = offsets[edge + 1] - shift - start;
      size = (size / width) | 0;
      for (let row = 0; row < size; row++) {
        const at = sourceStart + row * width;
        let most = -Infinity;
        for (let state = 0; state < width; state++) most = Math.max(most, source[at + state] + incoming[start + state]);
        let sum = 0;
        if (most > -Infinity)
          for (let state = 0; state < width; state++)
            sum += Math.exp(source[at + state] + incoming[start + state] - most);
        partials[top + row] = most + Math.log(sum);
      }
      partialOffsets[edge - first] = top;
      source = partials;
      sourceStart = top;
      top += size;
    }
    for (let state = 0; state < size; state++) outgoing[state] = source[sourceStart + state];

    size = 1;
    products[0] = 0;
    for (let edge = first + 1; edge <= last; edge++) {
      size = this.#addIncoming(offsets[edge - 1] - shift, offsets[edge] - shift, size, incoming);
      const start = offsets[edge] - shift;
      const width = offsets[edge + 1] - shift - start;
      source = edge === last ? tables : partials;
      const from = edge === last ? tableStart : partialOffsets[edge + 1 - first];
      largest.fill(-Infinity, 0, width);
      for (let row = 0, at = from; row < size; row++)
        for (let state = 0; state < width; state++)
          largest[state] = Math.max(largest[state], products[row] + source[at++]);
      for (let state = 0; state < width; state++) outgoing[start + state] = 0;
      for (let row = 0, at = from; row < size; row++)
        for (let state = 0; state < width; state++, at++)
          if (largest[state] > -Infinity)
            outgoing[start + state] += Math.exp(products[row] + source[at] - largest[state]);
      for (let state = 0; state < width; state++)
        outgoing[start + state] = largest[state] + Math.log(outgoing[start + state]);
    }
  }

  /** P_j -> P_{j+1} in the log domain, in place, by the message between `start` and `end`; returns its size. */
  #addIncoming(start: number, end: number, size: number, incoming: Float64Array): number {
    const products = this.#products;
    const width = end - start;
    for (let row = size - 1; row >= 0; row--) {
      const product = products[row];
      for (let state = width - 1; state >= 0; state--)
        products[row * width + state] = product + incoming[start + state];
    }
    return size * width;
  }
}
