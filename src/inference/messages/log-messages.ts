/**
 * Messages as natural logs: any range, any temperature, any counting numbers.
 *
 *   ln n_{i->f} = sum_{g in N(i)} c_g ln m_{g->i} - ln m_{f->i}
 *   ln m_{f->i} = ln sum over x_f \ x_i of exp(theta_f(x_f) / c_f + sum_{j in f \ i} ln n_{j->f}(x_j))
 *
 * With every counting number c_f = 1 this is sum-product, with the maximum for ln sum exp max-product. With c_f =
 * rho_f, the probability that an edge is in a random tree, it is the tree-reweighted update (Wainwright, Jaakkola &
 * Willsky 2005, Eq. 39, there with messages to the power 1 / rho), with any c_f fractional BP (Wiegerinck & Heskes
 * 2003). m is scaled to sum 1 (max-product: to maximum 1).
 *
 * Where table and messages span less than exp(600), a factor's sums run over plain numbers, else in the log-sum-exp
 * semiring.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Contraction, messageOffsetsOf } from "./contraction.ts";
import { variableOffsetsOf } from "./free-energy.ts";
import { logAddExp } from "./log-math.ts";
import { relativeChange, type DampingOptions, type MessageKernel } from "./schedule.ts";
import { factorTreeOrder, visitNeighbourFactors } from "./tree-order.ts";

/** exp(-600) is far above the smallest float64; smaller terms could be lost. */
const MAX_LOG_RANGE = 600;
/** With forbidden states a message can decay towards 0 for ever: entries below 1e-20 count as settled. */
const SETTLED_BELOW_LOG = Math.log(1e-20);

/** Each change of T_i adds rounding; after so many (or as many as there are messages) it is added up afresh. */
const UPDATES_BETWEEN_REFRESHES = 64;

export interface LogMessageOptions extends DampingOptions {
  readonly semiring: "sum" | "max";
  /** Float64Array[numFactors]: c_f > 0; absent: all 1. */
  readonly countingNumbers?: Float64Array;
}

export class LogMessages implements MessageKernel {
  readonly numUnits: number;
  readonly isExactOnTrees: boolean;
  /** Float64Array[messageOffsets[numEdges]]: ln m, factor to variable. */
  readonly factorToVariable: Float64Array;
  /** The factor that sent a message of -Infinity alone, which proves Z = 0; -1 if none. */
  contradiction = -1;
  readonly #graph: FactorGraph;
  readonly #messageOffsets: Int32Array;
  readonly #contraction: Contraction;
  readonly #countingNumbers: Float64Array;
  readonly #isMax: boolean;
  readonly #damping: number;
  readonly #dampLogs: boolean;
  readonly #settledBelow: number;
  /** theta / c. */
  readonly #scaledTables: Float64Array;
  /** exp(theta / c - largest), for the sums that run over plain numbers. */
  readonly #potentials: Float64Array;
  /** Float64Array[numFactors]: largest and smallest finite entry of theta / c. */
  readonly #largestEntries: Float64Array;
  readonly #ranges: Float64Array;
  /** T_i = sum_g c_g ln m_{g->i} over finite messages, and how many forbid a state; variable after variable. */
  readonly #totals: Float64Array;
  readonly #forbidden: Int32Array;
  readonly #variableOffsets: Int32Array;
  readonly #updatesLeft: Int32Array;
  /** One factor's ln n, the same as plain numbers, and ln m. */
  readonly #incoming: Float64Array;
  readonly #plain: Float64Array;
  readonly #fresh: Float64Array;

  constructor(graph: FactorGraph, { semiring, countingNumbers, damping, dampingDomain }: LogMessageOptions) {
    const { numVariables, numFactors, scopeOffsets, tableOffsets, logPotentials, cardinalities } = graph;
    this.numUnits = numFactors;
    this.#graph = graph;
    this.#isMax = semiring === "max";
    this.#damping = damping;
    this.#dampLogs = dampingDomain === "log";
    this.#countingNumbers = countingNumbers ?? new Float64Array(numFactors).fill(1);
    this.isExactOnTrees = damping === 0 && this.#countingNumbers.every((number) => number === 1);
    const offsets = messageOffsetsOf(graph);
    this.#messageOffsets = offsets;
    this.#contraction = new Contraction(graph, offsets);
    this.factorToVariable = new Float64Array(offsets[offsets.length - 1]);
    this.#potentials = new Float64Array(this.#isMax ? 0 : logPotentials.length);
    this.#scaledTables = countingNumbers ? new Float64Array(logPotentials.length) : logPotentials;
    this.#largestEntries = new Float64Array(numFactors);
    this.#ranges = new Float64Array(numFactors);
    this.#variableOffsets = variableOffsetsOf(cardinalities);
    this.#totals = new Float64Array(this.#variableOffsets[numVariables]);
    this.#forbidden = new Int32Array(this.#totals.length);
    this.#updatesLeft = new Int32Array(numVariables);
    let longest = 0;
    let forbids = false;
    for (let factor = 0; factor < numFactors; factor++) {
      const start = tableOffsets[factor];
      const end = tableOffsets[factor + 1];
      if (countingNumbers)
        for (let at = start; at < end; at++) this.#scaledTables[at] = logPotentials[at] / countingNumbers[factor];
      const table = this.#scaledTables.subarray(start, end);
      let largest = -Infinity;
      let smallest = Infinity;
      for (const entry of table) {
        if (entry > largest) largest = entry;
        if (entry < smallest && entry > -Infinity) smallest = entry;
        if (entry === -Infinity) forbids = true;
      }
      if (largest === -Infinity) {
        this.contradiction = factor;
        continue;
      }
      this.#largestEntries[factor] = largest;
      this.#ranges[factor] = largest - smallest;
      if (!this.#isMax) table.forEach((entry, at) => (this.#potentials[start + at] = Math.exp(entry - largest)));
      longest = Math.max(longest, offsets[scopeOffsets[factor + 1]] - offsets[scopeOffsets[factor]]);
      for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
        const width = offsets[edge + 1] - offsets[edge];
        this.factorToVariable.fill(this.#isMax ? 0 : -Math.log(width), offsets[edge], offsets[edge + 1]);
      }
    }
    this.#incoming = new Float64Array(longest);
    this.#plain = new Float64Array(longest);
    this.#fresh = new Float64Array(longest);
    this.#settledBelow = forbids ? SETTLED_BELOW_LOG : -Infinity;
    // A factor of one variable always sends its table.
    for (let factor = 0; factor < numFactors && !this.stopped; factor++)
      if (scopeOffsets[factor + 1] - scopeOffsets[factor] === 1) {
        const edge = scopeOffsets[factor];
        this.#fresh.set(this.#scaledTables.subarray(tableOffsets[factor], tableOffsets[factor + 1]));
        this.#normalise(factor, edge, edge + 1, offsets[edge]);
        for (let state = offsets[edge]; state < offsets[edge + 1]; state++)
          this.factorToVariable[state] = this.#fresh[state - offsets[edge]];
      }
    for (let variable = 0; variable < numVariables; variable++) this.#addUp(variable);
  }

  /** Goes on from other messages, of the same model with other counting numbers. */
  takeMessages(messages: Float64Array): void {
    this.factorToVariable.set(messages);
    for (let variable = 0; variable < this.#graph.numVariables; variable++) this.#addUp(variable);
  }

  get stopped(): boolean {
    return this.contradiction >= 0;
  }

  sweep(): number {
    const { numVariables, numFactors } = this.#graph;
    let largest = 0;
    for (let factor = 0; factor < numFactors; factor++) largest = Math.max(largest, this.#send(factor, true, false));
    for (let variable = 0; variable < numVariables; variable++) this.#addUp(variable);
    return largest;
  }

  update(first: number, end: number, order: Int32Array | undefined, commit: boolean): number {
    let largest = 0;
    for (let at = first; at < end && !this.stopped; at++)
      largest = Math.max(largest, this.#send(order ? order[at] : at, commit, true));
    return largest;
  }

  dependents(factor: number, visit: (dependent: number) => void): void {
    visitNeighbourFactors(this.#graph, factor, visit);
  }

  treeOrder(): Int32Array {
    return factorTreeOrder(this.#graph);
  }

  logMessages(): Float64Array {
    return this.factorToVariable;
  }

  /** c_f ln m: what a message counts in a variable's belief. */
  poweredMessages(): Float64Array {
    const powered = this.factorToVariable.slice();
    this.#graph.edgeFactors.forEach((factor, edge) => {
      for (let state = this.#messageOffsets[edge]; state < this.#messageOffsets[edge + 1]; state++)
        powered[state] *= this.#countingNumbers[factor];
    });
    return powered;
  }

  /** T_i from scratch: the weighted sum of finite messages, and the number of forbidding ones. */
  #addUp(variable: number): void {
    const { variableEdgeOffsets, variableEdges } = this.#graph;
    const base = this.#variableOffsets[variable];
    const end = this.#variableOffsets[variable + 1];
    this.#totals.fill(0, base, end);
    this.#forbidden.fill(0, base, end);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++)
      this.#count(variableEdges[at], base, 1, this.#totals, this.#forbidden);
    this.#updatesLeft[variable] = Math.max(
      UPDATES_BETWEEN_REFRESHES,
      variableEdgeOffsets[variable + 1] - variableEdgeOffsets[variable],
    );
  }

  /** Adds an edge's message to (sign 1), or takes it from (-1), totals that start at `base`. */
  #count(edge: number, base: number, sign: number, totals: Float64Array, forbidden: Int32Array): void {
    const weight = sign * this.#countingNumbers[this.#graph.edgeFactors[edge]];
    const start = this.#messageOffsets[edge];
    const width = this.#messageOffsets[edge + 1] - start;
    for (let state = 0; state < width; state++) {
      const entry = this.factorToVariable[start + state];
      if (entry === -Infinity) forbidden[base + state] += sign;
      else totals[base + state] += weight * entry;
    }
  }

  /**
   * ln n for every position of a factor: the variable's total less the edge's own message; forbidden states are
   * counted, not subtracted.
   */
  #gather(factor: number, first: number, end: number, shift: number): void {
    const { scopes } = this.#graph;
    const messages = this.factorToVariable;
    const totals = this.#totals;
    const forbidden = this.#forbidden;
    // A message to a power below 1 stays in the product, and 0 stays 0.
    const own = this.#countingNumbers[factor] === 1 ? 1 : 0;
    for (let edge = first; edge < end; edge++) {
      const base = this.#variableOffsets[scopes[edge]] - this.#messageOffsets[edge];
      for (let state = this.#messageOffsets[edge]; state < this.#messageOffsets[edge + 1]; state++) {
        const message = messages[state];
        const count = forbidden[base + state];
        const total = totals[base + state];
        if (message === -Infinity) this.#incoming[state - shift] = count > own ? -Infinity : total;
        else this.#incoming[state - shift] = count > 0 ? -Infinity : total - message;
      }
    }
  }

  /**
   * Computes n, contracts the factor's table with it, scales, damps, and with `commit` stores m. Returns the largest
   * relative change before damping.
   * @param countAtOnce whether later factors shall see the new messages.
   */
  #send(factor: number, commit: boolean, countAtOnce: boolean): number {
    const { scopeOffsets, scopes } = this.#graph;
    const offsets = this.#messageOffsets;
    const messages = this.factorToVariable;
    const fresh = this.#fresh;
    const first = scopeOffsets[factor];
    const end = scopeOffsets[factor + 1];
    if (end - first < 2 || this.stopped) return 0;
    const shift = offsets[first];
    this.#gather(factor, first, end, shift);
    if (this.#isMax) this.#contraction.max(this.#scaledTables, factor, this.#incoming, fresh);
    else this.#sumOut(factor, first, end, shift);
    this.#normalise(factor, first, end, shift);
    if (this.stopped) return 1;
    let largest = 0;
    const settled = this.#settledBelow;
    for (let state = shift; state < offsets[end]; state++) {
      const entry = fresh[state - shift];
      const old = messages[state];
      if (entry !== old && (entry >= settled || old >= settled))
        largest = Math.max(largest, relativeChange(entry, old));
    }
    if (commit) {
      if (this.#damping > 0) this.#damp(factor, first, end, shift);
      for (let edge = first; edge < end; edge++) {
        const base = this.#variableOffsets[scopes[edge]];
        if (countAtOnce) this.#count(edge, base, -1, this.#totals, this.#forbidden);
        for (let state = offsets[edge]; state < offsets[edge + 1]; state++) messages[state] = fresh[state - shift];
        if (countAtOnce) this.#count(edge, base, 1, this.#totals, this.#forbidden);
        if (countAtOnce && --this.#updatesLeft[scopes[edge]] === 0) this.#addUp(scopes[edge]);
      }
    }
    return largest;
  }

  #sumOut(factor: number, first: number, end: number, shift: number): void {
    const offsets = this.#messageOffsets;
    const incoming = this.#incoming;
    const plain = this.#plain;
    const fresh = this.#fresh;
    let range = this.#ranges[factor];
    for (let edge = first; edge < end; edge++) {
      const start = offsets[edge] - shift;
      const stop = offsets[edge + 1] - shift;
      let largest = -Infinity;
      let smallest = Infinity;
      for (let state = start; state < stop; state++) {
        const entry = incoming[state];
        if (entry > largest) largest = entry;
        if (entry < smallest && entry > -Infinity) smallest = entry;
      }
      if (largest === -Infinity) {
        this.contradiction = factor;
        fresh.fill(-Infinity);
        return;
      }
      range += largest - smallest;
      for (let state = start; state < stop; state++) plain[state] = Math.exp(incoming[state] - largest);
    }
    if (range > MAX_LOG_RANGE) {
      this.#contraction.logSum(this.#scaledTables, factor, incoming, fresh);
      return;
    }
    this.#contraction.sum(this.#potentials, factor, plain, fresh);
    for (let state = 0; state < offsets[end] - shift; state++) fresh[state] = Math.log(fresh[state]);
  }

  /**
   * Scales each fresh message to log-sum-exp 0 (max-product: to maximum 0). A message of -Infinity alone is a
   * contradiction.
   */
  #normalise(factor: number, first: number, end: number, shift: number): void {
    const fresh = this.#fresh;
    for (let edge = first; edge < end; edge++) {
      const start = this.#messageOffsets[edge] - shift;
      const stop = this.#messageOffsets[edge + 1] - shift;
      let scale = -Infinity;
      for (let state = start; state < stop; state++) if (fresh[state] > scale) scale = fresh[state];
      if (scale === -Infinity) {
        this.contradiction = factor;
        return;
      }
      if (!this.#isMax) {
        let sum = 0;
        for (let state = start; state < stop; state++) sum += Math.exp(fresh[state] - scale);
        scale += Math.log(sum);
      }
      for (let state = start; state < stop; state++) fresh[state] -= scale;
    }
  }

  #damp(factor: number, first: number, end: number, shift: number): void {
    const kept = this.#damping;
    const fresh = this.#fresh;
    for (let state = shift; state < this.#messageOffsets[end]; state++) {
      const old = this.factorToVariable[state];
      const entry = fresh[state - shift];
      fresh[state - shift] = this.#dampLogs
        ? (1 - kept) * entry + kept * old
        : logAddExp(Math.log(1 - kept) + entry, Math.log(kept) + old);
    }
    this.#normalise(factor, first, end, shift);
  }
}
