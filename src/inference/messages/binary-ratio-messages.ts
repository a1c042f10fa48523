/**
 * Sum-product on factor graphs of binary variables with one number a message, the ratio r = m(1) / m(0):
 * product-messages.ts, where tables are finite and spans moderate, at less than half the work.
 *
 *   P_i = prod_{f in N(i)} r_{f->i},    s_j = P_j / r_{f->j},    r_{f->i} = sum_{x_f: x_i = 1} psi_f prod_{j: x_j = 1}
 *   s_j  /  the same with x_i = 0
 *
 * Sums, products and quotients of positive numbers that cannot leave float64's range (`binaryRatiosFit`), so nothing
 * needs checking on the way.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { softplus } from "./log-math.ts";
import { dampedRatio } from "./pairwise-ratio-messages.ts";
import type { DampingOptions, MessageKernel } from "./schedule.ts";
import { factorTreeOrder, visitNeighbourFactors } from "./tree-order.ts";

/** ln of the largest product allowed in a factor's sum; float64 ends at exp(709). */
const MAX_LOG_PRODUCT = 600;
/**
 * Each update of P by one message adds rounding; after so many (or as many as there are messages) it is multiplied up
 * afresh.
 */
const UPDATES_BETWEEN_REFRESHES = 64;

/**
 * Whether all variables are binary, no state is forbidden, and no product of ratios and a table entry can leave e^-600
 * ... e^600.
 */
export function binaryRatiosFit({
  cardinalities,
  numVariables,
  numFactors,
  scopes,
  scopeOffsets,
  tableOffsets,
  logPotentials,
}: FactorGraph): boolean {
  if (!cardinalities.every((cardinality) => cardinality === 2)) return false;
  const spans = new Float64Array(numFactors);
  const reach = new Float64Array(numVariables);
  for (let factor = 0; factor < numFactors; factor++) {
    let largest = -Infinity;
    let smallest = Infinity;
    for (let at = tableOffsets[factor]; at < tableOffsets[factor + 1]; at++) {
      largest = Math.max(largest, logPotentials[at]);
      smallest = Math.min(smallest, logPotentials[at]);
    }
    spans[factor] = largest - smallest;
    if (!Number.isFinite(spans[factor])) return false;
    // A message's ratio lies between e^-span and e^span, whatever comes in.
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) reach[scopes[edge]] += spans[factor];
  }
  for (let factor = 0; factor < numFactors; factor++) {
    let product = spans[factor];
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) product += reach[scopes[edge]];
    if (product > MAX_LOG_PRODUCT) return false;
  }
  return true;
}

export class BinaryRatioMessages implements MessageKernel {
  readonly numUnits: number;
  readonly isExactOnTrees: boolean;
  readonly stopped = false;
  /** Never: there are no forbidden states. */
  readonly contradiction = -1;
  readonly #graph: FactorGraph;
  /** Float64Array[numEdges]: r, factor to variable. */
  readonly #ratios: Float64Array;
  /** psi, the largest entry of each factor scaled to 1. */
  readonly #potentials: Float64Array;
  /** Float64Array[numVariables]: products of the ratios from factors of one variable, which never change. */
  readonly #priors: Float64Array;
  #products: Float64Array;
  #nextProducts: Float64Array | undefined;
  readonly #updatesLeft: Int32Array;
  readonly #incoming: Float64Array;
  readonly #outgoing: Float64Array;
  /** Work space of `#contract`, as in contraction.ts. */
  readonly #partials: Float64Array;
  readonly #partialOffsets: Int32Array;
  readonly #prefixes: Float64Array;
  readonly #options: DampingOptions;

  constructor(graph: FactorGraph, options: DampingOptions) {
    const { numVariables, numFactors, scopes, scopeOffsets, tableOffsets, logPotentials } = graph;
    this.numUnits = numFactors;
    this.isExactOnTrees = options.damping === 0;
    this.#graph = graph;
    this.#options = options;
    this.#ratios = new Float64Array(scopes.length).fill(1);
    this.#potentials = new Float64Array(logPotentials.length);
    this.#priors = new Float64Array(numVariables).fill(1);
    let largestArity = 1;
    for (let factor = 0; factor < numFactors; factor++) {
      const first = scopeOffsets[factor];
      const arity = scopeOffsets[factor + 1] - first;
      largestArity = Math.max(largestArity, arity);
      let largest = -Infinity;
      for (let at = tableOffsets[factor]; at < tableOffsets[factor + 1]; at++)
        largest = Math.max(largest, logPotentials[at]);
      for (let at = tableOffsets[factor]; at < tableOffsets[factor + 1]; at++)
        this.#potentials[at] = Math.exp(logPotentials[at] - largest);
      if (arity !== 1) continue;
      this.#ratios[first] = Math.exp(logPotentials[tableOffsets[factor] + 1] - logPotentials[tableOffsets[factor]]);
      this.#priors[scopes[first]] *= this.#ratios[first];
    }
    this.#products = this.#priors.slice();
    this.#updatesLeft = new Int32Array(numVariables).fill(UPDATES_BETWEEN_REFRESHES);
    this.#incoming = new Float64Array(largestArity);
    this.#outgoing = new Float64Array(largestArity);
    this.#partials = new Float64Array(2 ** largestArity);
    this.#partialOffsets = new Int32Array(largestArity + 1);
    this.#prefixes = new Float64Array(2 ** (largestArity - 1));
  }

  sweep(): number {
    const next = (this.#nextProducts ??= new Float64Array(this.#priors.length));
    next.set(this.#priors);
    const change = this.#send(0, this.numUnits, undefined, next);
    this.#nextProducts = this.#products;
    this.#products = next;
    return change;
  }

  update(first: number, end: number, order: Int32Array | undefined, commit: boolean): number {
    return this.#send(first, end, order, commit ? this.#products : undefined);
  }

  dependents(factor: number, visit: (dependent: number) => void): void {
    visitNeighbourFactors(this.#graph, factor, visit);
  }

  treeOrder(): Int32Array {
    return factorTreeOrder(this.#graph);
  }

  /** Float64Array[2 numEdges]: ln m(0), ln m(1) of each message, summing to 1. */
  logMessages(): Float64Array {
    const logs = new Float64Array(2 * this.#ratios.length);
    this.#ratios.forEach((ratio, edge) => {
      const logRatio = Math.log(ratio);
      logs[2 * edge] = -softplus(logRatio);
      logs[2 * edge + 1] = -softplus(-logRatio);
    });
    return logs;
  }

  /**
   * Sends the messages of factors order[first] ... order[end - 1] one factor after the other.
   * @param products where new messages count: the present P (s r' replaces it) or the next one (r' is multiplied in);
   *   undefined only to look.
   * @returns the largest relative change before damping.
   */
  #send(first: number, end: number, order: Int32Array | undefined, products: Float64Array | undefined): number {
    const { scopeOffsets, scopes } = this.#graph;
    const ratios = this.#ratios;
    const present = this.#products;
    const incoming = this.#incoming;
    const outgoing = this.#outgoing;
    const damped = this.#options.damping > 0;
    const inPlace = products === present;
    let changeNumerator = 0;
    let changeDenominator = 1;
    for (let unit = first; unit < end; unit++) {
      const factor = order === undefined ? unit : order[unit];
      const begin = scopeOffsets[factor];
      const arity = scopeOffsets[factor + 1] - begin;
      if (arity < 2) continue;
      for (let position = 0; position < arity; position++)
        incoming[position] = present[scopes[begin + position]] / ratios[begin + position];
      this.#contract(factor, arity);
      for (let position = 0; position < arity; position++) {
        const edge = begin + position;
        const old = ratios[edge];
        let ratio = outgoing[position];
        // The largest |r' - r| / (r' + r), compared crosswise to save the divisions.
        const change = Math.abs(ratio - old);
        if (change * changeDenominator > changeNumerator * (ratio + old)) {
          changeNumerator = change;
          changeDenominator = ratio + old;
        }
        if (products === undefined) continue;
        if (damped) ratio = dampedRatio(ratio, old, this.#options);
        ratios[edge] = ratio;
        const variable = scopes[edge];
        products[variable] = ratio * (inPlace ? incoming[position] : products[variable]);
        if (inPlace && --this.#updatesLeft[variable] === 0) this.#multiplyUp(variable);
      }
    }
    return changeNumerator / changeDenominator;
  }

  /** outgoing = the ratios that a factor sends, from the ratios `incoming` (see contraction.ts). */
  #contract(factor: number, arity: number): void {
    const incoming = this.#incoming;
    const outgoing = this.#outgoing;
    const potentials = this.#potentials;
    const start = this.#graph.tableOffsets[factor] | 0;
    if (arity === 2) {
      const ratio0 = incoming[0];
      const ratio1 = incoming[1];
      const p00 = potentials[start];
      const p01 = potentials[start + 1];
      const p10 = potentials[start + 2];
      const p11 = potentials[start + 3];
      outgoing[0] = (p10 + p11 * ratio1) / (p00 + p01 * ratio1);
      outgoing[1] = (p01 + p11 * ratio0) / (p00 + p10 * ratio0);
      return;
    }
    const partials = this.#partials;
    const partialOffsets = this.#partialOffsets;
    const prefixes = this.#prefixes;
    let source = potentials;
    let from = start;
    let top = 0;
    for (let position = arity - 1, size = 1 << position; position > 0; position--, size >>= 1) {
      const ratio = incoming[position];
      for (let row = 0; row < size; row++)
        partials[top + row] = source[from + 2 * row] + source[from + 2 * row + 1] * ratio;
      partialOffsets[position] = top;
      source = partials;
      from = top;
      top += size;
    }
    outgoing[0] = source[from + 1] / source[from];
    prefixes[0] = 1;
    for (let position = 1, size = 2; position < arity; position++, size *= 2) {
      const ratio = incoming[position - 1];
      for (let row = (size >> 1) - 1; row >= 0; row--) {
        const prefix = prefixes[row];
        prefixes[2 * row + 1] = prefix * ratio;
        prefixes[2 * row] = prefix;
      }
      source = position === arity - 1 ? potentials : partials;
      from = position === arity - 1 ? start : partialOffsets[position + 1];
      let sum0 = 0;
      let sum1 = 0;
      for (let row = 0; row < size; row++) {
        sum0 += prefixes[row] * source[from + 2 * row];
        sum1 += prefixes[row] * source[from + 2 * row + 1];
      }
      outgoing[position] = sum1 / sum0;
    }
  }

  /** P afresh from the prior and all messages. */
  #multiplyUp(variable: number): void {
    const { scopeOffsets, variableEdgeOffsets, variableEdges, edgeFactors } = this.#graph;
    const first = variableEdgeOffsets[variable];
    const end = variableEdgeOffsets[variable + 1];
    let product = this.#priors[variable];
    for (let at = first; at < end; at++) {
      const factor = edgeFactors[variableEdges[at]];
      if (scopeOffsets[factor + 1] - scopeOffsets[factor] > 1) product *= this.#ratios[variableEdges[at]];
    }
    this.#products[variable] = product;
    this.#updatesLeft[variable] = Math.max(UPDATES_BETWEEN_REFRESHES, end - first);
  }
}
