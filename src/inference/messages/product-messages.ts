/**
 * Sum-product messages as plain numbers: the fast form of
 *
 *   n_{i->f}(x_i) = prod_{g in N(i) \ f} m_{g->i}(x_i)
 *   m_{f->i}(x_i) = sum over x_f \ x_i of psi_f(x_f) prod_{j in f \ i} n_{j->f}(x_j)          (Kschischang, Frey & Loeliger 2001, Eq. 5-6)
 *
 * with m scaled to sum 1. No logarithm and no exponential in the loops, and only sums and products of non-negative numbers, so every entry
 * keeps its full relative precision. What such numbers cannot hold is noticed, never guessed: as soon as an entry or a product of a factor
 * could fall below the range of float64, `outOfRange` is set, and the caller starts again with log-messages.ts.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Contraction, messageOffsetsOf } from "./contraction.ts";
import type { DampingOptions, MessageKernel } from "./schedule.ts";
import { factorTreeOrder } from "./tree-order.ts";

/** Below this an entry of a variable's message is computed again through logarithms. */
const smallestProduct = 1e-200;
/** A factor's smallest product of a table entry and messages must stay above this, else it could underflow. */
const smallestTerm = 1e-280;
const rescaleBelow = 1e-100;
/** With forbidden states a message can decay towards 0 for ever: entries below this count as settled. */
const settledBelow = 1e-20;

export class ProductMessages implements MessageKernel {
  readonly numUnits: number;
  /** Float64Array[messageOffsets[numEdges]]: m, factor to variable, each summing to 1. */
  readonly factorToVariable: Float64Array;
  /** The factor that sent an all-zero message, which proves Z = 0; -1 if none. */
  contradiction = -1;
  outOfRange = false;
  readonly #graph: FactorGraph;
  readonly #messageOffsets: Int32Array;
  readonly #contraction: Contraction;
  /** Float64Array like the graph's logPotentials: psi, the largest entry of each factor scaled to 1. */
  readonly #potentials: Float64Array;
  /** Float64Array[numFactors]: the smallest entry of psi other than 0. */
  readonly #smallestPotentials: Float64Array;
  readonly #variableToFactor: Float64Array;
  readonly #fresh: Float64Array;
  readonly #running: Float64Array;
  readonly #damping: number;
  readonly #dampLogs: boolean;
  readonly #settledBelow: number;

  constructor(graph: FactorGraph, { damping, dampingDomain }: DampingOptions) {
    const { numFactors, scopeOffsets, tableOffsets, logPotentials, cardinalities } = graph;
    this.numUnits = numFactors;
    this.#graph = graph;
    this.#damping = damping;
    this.#dampLogs = dampingDomain === "log";
    const offsets = messageOffsetsOf(graph);
    this.#messageOffsets = offsets;
    this.#contraction = new Contraction(graph, offsets);
    this.factorToVariable = new Float64Array(offsets[offsets.length - 1]);
    this.#variableToFactor = new Float64Array(this.factorToVariable.length);
    this.#potentials = new Float64Array(logPotentials.length);
    this.#smallestPotentials = new Float64Array(numFactors);
    let longest = 0;
    let forbids = false;
    for (let factor = 0; factor < numFactors; factor++) {
      const start = tableOffsets[factor];
      const end = tableOffsets[factor + 1];
      let largest = -Infinity;
      let smallest = Infinity;
      for (let at = start; at < end; at++) {
        const entry = logPotentials[at];
        if (entry > largest) largest = entry;
        if (entry < smallest && entry > -Infinity) smallest = entry;
        if (entry === -Infinity) forbids = true;
      }
      if (largest === -Infinity) {
        this.contradiction = factor;
        continue;
      }
      for (let at = start; at < end; at++) this.#potentials[at] = Math.exp(logPotentials[at] - largest);
      this.#smallestPotentials[factor] = Math.exp(smallest - largest);
      const first = offsets[scopeOffsets[factor]];
      longest = Math.max(longest, offsets[scopeOffsets[factor + 1]] - first);
      if (scopeOffsets[factor + 1] - scopeOffsets[factor] === 1) this.#sendTable(factor);
      else
        for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
          this.factorToVariable.fill(1 / (offsets[edge + 1] - offsets[edge]), offsets[edge], offsets[edge + 1]);
    }
    this.#settledBelow = forbids ? settledBelow : 0;
    this.#fresh = new Float64Array(longest);
    this.#running = new Float64Array(cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));
  }

  get stopped(): boolean {
    return this.contradiction >= 0 || this.outOfRange;
  }

  sweep(): number {
    const { numVariables, numFactors } = this.#graph;
    for (let variable = 0; variable < numVariables; variable++) this.#gatherVariable(variable);
    let largest = 0;
    for (let factor = 0; factor < numFactors; factor++) {
      const change = this.#send(factor, true);
      if (change > largest) largest = change;
    }
    return largest;
  }

  update(factor: number, commit: boolean): number {
    const { scopeOffsets } = this.#graph;
    const first = scopeOffsets[factor];
    const end = scopeOffsets[factor + 1];
    if (end - first < 2) return 0;
    for (let edge = first; edge < end; edge++) this.#gatherEdge(edge);
    return this.#send(factor, commit);
  }

  dependents(factor: number, visit: (dependent: number) => void): void {
    const { scopeOffsets, scopes, variableEdgeOffsets, variableEdges, edgeFactors } = this.#graph;
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
      const variable = scopes[edge];
      for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
        const other = edgeFactors[variableEdges[at]];
        if (other !== factor && scopeOffsets[other + 1] - scopeOffsets[other] > 1) visit(other);
      }
    }
  }

  treeOrder(): Int32Array {
    return factorTreeOrder(this.#graph);
  }

  /** The messages as natural logs, each with log-sum-exp 0. */
  logMessages(): Float64Array {
    return this.factorToVariable.map(Math.log);
  }

  /** A factor of one variable always sends its table. */
  #sendTable(factor: number): void {
    const { scopeOffsets, tableOffsets } = this.#graph;
    const start = this.#messageOffsets[scopeOffsets[factor]];
    const table = this.#potentials.subarray(tableOffsets[factor], tableOffsets[factor + 1]);
    let sum = 0;
    for (const entry of table) sum += entry;
    for (let state = 0; state < table.length; state++) this.factorToVariable[start + state] = table[state] / sum;
    if (!(this.#smallestPotentials[factor] > smallestProduct)) this.outOfRange = true;
  }

  /** n for every edge of a variable: products of all messages behind an edge are put into place, then multiplied by those before it. */
  #gatherVariable(variable: number): void {
    const { variableEdgeOffsets, variableEdges, cardinalities } = this.#graph;
    const offsets = this.#messageOffsets;
    const messages = this.factorToVariable;
    const products = this.#variableToFactor;
    const running = this.#running;
    const width = cardinalities[variable];
    const first = variableEdgeOffsets[variable];
    const last = variableEdgeOffsets[variable + 1] - 1;
    for (let state = 0; state < width; state++) running[state] = 1;
    for (let at = last; at >= first; at--) {
      const start = offsets[variableEdges[at]];
      let largest = 0;
      for (let state = 0; state < width; state++) {
        const product = running[state];
        products[start + state] = product;
        running[state] = product * messages[start + state];
        if (running[state] > largest) largest = running[state];
      }
      if (largest < rescaleBelow) for (let state = 0; state < width; state++) running[state] /= rescaleBelow;
    }
    for (let state = 0; state < width; state++) running[state] = 1;
    for (let at = first; at <= last; at++) {
      const edge = variableEdges[at];
      const start = offsets[edge];
      let largest = 0;
      let smallest = 1;
      for (let state = 0; state < width; state++) {
        const product = products[start + state] * running[state];
        products[start + state] = product;
        if (product < smallest) smallest = product;
        running[state] *= messages[start + state];
        if (running[state] > largest) largest = running[state];
      }
      if (smallest < smallestProduct) this.#gatherCarefully(edge);
      if (largest < rescaleBelow) for (let state = 0; state < width; state++) running[state] /= rescaleBelow;
    }
  }

  /** n for one edge. */
  #gatherEdge(edge: number): void {
    const { scopes, variableEdgeOffsets, variableEdges } = this.#graph;
    const offsets = this.#messageOffsets;
    const messages = this.factorToVariable;
    const products = this.#variableToFactor;
    const variable = scopes[edge];
    const begin = variableEdgeOffsets[variable];
    const finish = variableEdgeOffsets[variable + 1];
    const start = offsets[edge];
    const width = offsets[edge + 1] - start;
    let smallest = 1;
    if (width === 2) {
      let product0 = 1;
      let product1 = 1;
      for (let at = begin; at < finish; at++) {
        const other = variableEdges[at];
        if (other === edge) continue;
        product0 *= messages[offsets[other]];
        product1 *= messages[offsets[other] + 1];
      }
      products[start] = product0;
      products[start + 1] = product1;
      smallest = product0 < product1 ? product0 : product1;
    } else {
      for (let state = 0; state < width; state++) products[start + state] = 1;
      for (let at = begin; at < finish; at++) {
        const other = variableEdges[at];
        if (other === edge) continue;
        const from = offsets[other];
        for (let state = 0; state < width; state++) products[start + state] *= messages[from + state];
      }
      for (let state = 0; state < width; state++)
        if (products[start + state] < smallest) smallest = products[start + state];
    }
    if (smallest < smallestProduct) this.#gatherCarefully(edge);
  }

  /** n for one edge by sums of logs, the largest entry scaled to 1: tells a true zero from an underflow. */
  #gatherCarefully(edge: number): void {
    const { scopes, variableEdgeOffsets, variableEdges } = this.#graph;
    const variable = scopes[edge];
    const start = this.#messageOffsets[edge];
    const width = this.#messageOffsets[edge + 1] - start;
    const logs = this.#variableToFactor.subarray(start, start + width);
    logs.fill(0);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const other = variableEdges[at];
      if (other === edge) continue;
      const from = this.#messageOffsets[other];
      for (let state = 0; state < width; state++) logs[state] += Math.log(this.factorToVariable[from + state]);
    }
    const largest = logs.reduce((most, entry) => Math.max(most, entry), -Infinity);
    for (let state = 0; state < width; state++) {
      const entry = logs[state];
      logs[state] = entry === -Infinity ? 0 : Math.exp(entry - largest);
      if (entry > -Infinity && logs[state] < smallestProduct) this.outOfRange = true;
    }
  }

  /** Contracts a factor's table with n, scales, damps, and with `commit` stores m. Returns the largest relative change before damping. */
  #send(factor: number, commit: boolean): number {
    const { scopeOffsets } = this.#graph;
    const offsets = this.#messageOffsets;
    const messages = this.factorToVariable;
    const incoming = this.#variableToFactor;
    const fresh = this.#fresh;
    const settled = this.#settledBelow;
    const first = scopeOffsets[factor];
    const end = scopeOffsets[factor + 1];
    if (end - first < 2) return 0;
    const shift = offsets[first];

    let smallest = this.#smallestPotentials[factor];
    for (let edge = first; edge < end; edge++) {
      let least = 1;
      for (let state = offsets[edge]; state < offsets[edge + 1]; state++) {
        const entry = incoming[state];
        if (entry < least && entry > 0) least = entry;
      }
      smallest *= least;
    }
    if (smallest < smallestTerm) {
      this.outOfRange = true;
      return 1;
    }

    this.#contraction.sum(this.#potentials, factor, incoming, fresh, shift);
    let changeNumerator = 0;
    let changeDenominator = 1;
    for (let edge = first; edge < end; edge++) {
      const start = offsets[edge];
      const stop = offsets[edge + 1];
      let sum = 0;
      for (let state = start; state < stop; state++) sum += fresh[state - shift];
      if (sum === 0) {
        this.contradiction = factor;
        return 1;
      }
      const scale = 1 / sum;
      for (let state = start; state < stop; state++) {
        const entry = fresh[state - shift] * scale;
        fresh[state - shift] = entry;
        const old = messages[state];
        const difference = entry > old ? entry - old : old - entry;
        if (difference * changeDenominator > changeNumerator * (entry + old) && (entry >= settled || old >= settled)) {
          changeNumerator = difference;
          changeDenominator = entry + old;
        }
      }
    }
    if (commit) {
      if (this.#damping > 0) this.#damp(first, end, shift);
      for (let state = shift; state < offsets[end]; state++) messages[state] = fresh[state - shift];
    }
    return changeNumerator / changeDenominator;
  }

  #damp(first: number, end: number, shift: number): void {
    const kept = this.#damping;
    const fresh = this.#fresh;
    for (let edge = first; edge < end; edge++) {
      const start = this.#messageOffsets[edge];
      const stop = this.#messageOffsets[edge + 1];
      let sum = 0;
      for (let state = start; state < stop; state++) {
        const entry = fresh[state - shift];
        const old = this.factorToVariable[state];
        const damped = this.#dampLogs ? entry ** (1 - kept) * old ** kept : (1 - kept) * entry + kept * old;
        fresh[state - shift] = damped;
        sum += damped;
      }
      // Zeros are proven and stay, so the new message's support lies within the old one's and the sum is positive.
      for (let state = start; state < stop; state++) fresh[state - shift] /= sum;
    }
  }
}
