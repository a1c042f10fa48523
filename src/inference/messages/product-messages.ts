/**
 * Sum-product messages as plain numbers: the fast form of
 *
 *   n_{i->f}(x_i) = prod_{g in N(i) \ f} m_{g->i}(x_i)
 *   m_{f->i}(x_i) = sum over x_f \ x_i of psi_f(x_f) prod_{j in f \ i} n_{j->f}(x_j)          (Kschischang, Frey &
 *   Loeliger 2001, Eq. 5-6)
 *
 * with m scaled to sum 1. Only m is kept: n is P_i / m_{f->i} for P_i, the product of all messages to i, in which zeros
 * are counted, not multiplied. No logarithm and no exponential in the loops, and nothing but sums, products and
 * quotients of non-negative numbers, so every entry keeps its relative precision.
 *
 * Where P_i or m is too small to divide, n is computed again through logs, which tells a true zero from an underflow.
 * What float64 cannot hold is never guessed: as soon as an entry of n, or a term of a factor's sum, could leave its
 * range, `outOfRange` is set, and the caller starts again with log-messages.ts.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Contraction, messageOffsetsOf } from "./contraction.ts";
import { variableOffsetsOf } from "./free-energy.ts";
import type { DampingOptions, MessageKernel } from "./schedule.ts";
import { factorTreeOrder, visitNeighbourFactors } from "./tree-order.ts";

/** Entries of P below this are not divided. */
const MIN_PRODUCT = 1e-200;
/** A factor's smallest product of a table entry and messages must stay above this, else it could underflow. */
const MIN_TERM = 1e-280;
/** A message's entries must stay above this when it is scaled to sum 1. */
const MIN_ENTRY = 1e-300;
/** P is scaled up when it falls below, so that hubs with thousands of messages stay in range. */
const RESCALE_BELOW = 2 ** -64;
/** With forbidden states a message can decay towards 0 for ever: entries below this count as settled. */
const SETTLED_BELOW = 1e-20;
/**
 * Each update of P by one message adds rounding; after so many (or as many as there are messages) it is multiplied up
 * afresh.
 */
const UPDATES_BETWEEN_REFRESHES = 64;

export class ProductMessages implements MessageKernel {
  readonly numUnits: number;
  readonly isExactOnTrees: boolean;
  /** Float64Array[messageOffsets[numEdges]]: m, factor to variable, each summing to 1. */
  readonly factorToVariable: Float64Array;
  /** The factor that sent an all-zero message, which proves Z = 0; -1 if none. */
  contradiction = -1;
  outOfRange = false;
  readonly #graph: FactorGraph;
  readonly #messageOffsets: Int32Array;
  readonly #variableOffsets: Int32Array;
  readonly #contraction: Contraction;
  /** Float64Array like the graph's logPotentials: psi, the largest entry of each factor scaled to 1. */
  readonly #potentials: Float64Array;
  /** Float64Array[numFactors]: the smallest entry of psi other than 0. */
  readonly #smallestPotentials: Float64Array;
  /**
   * Float64Array[variableOffsets[numVariables]]: products of the messages from factors of one variable, which never
   * change.
   */
  readonly #priors: Float64Array;
  /** P, the product of messages other than 0, up to a factor; and how many messages are 0. */
  #products: Float64Array;
  #zeros: Int32Array;
  #nextProducts: Float64Array | undefined;
  #nextZeros: Int32Array | undefined;
  readonly #priorZeros: Int32Array;
  readonly #updatesLeft: Int32Array;
  readonly #incoming: Float64Array;
  readonly #fresh: Float64Array;
  readonly #damping: number;
  readonly #dampLogs: boolean;
  readonly #settledBelow: number;

  constructor(graph: FactorGraph, { damping, dampingDomain }: DampingOptions) {
    const { numVariables, numFactors, scopeOffsets, tableOffsets, logPotentials } = graph;
    this.numUnits = numFactors;
    this.isExactOnTrees = damping === 0;
    this.#graph = graph;
    this.#damping = damping;
    this.#dampLogs = dampingDomain === "log";
    const offsets = messageOffsetsOf(graph);
    this.#messageOffsets = offsets;
    this.#variableOffsets = variableOffsetsOf(graph.cardinalities);
    this.#contraction = new Contraction(graph, offsets);
    this.factorToVariable = new Float64Array(offsets[offsets.length - 1]);
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
      longest = Math.max(longest, offsets[scopeOffsets[factor + 1]] - offsets[scopeOffsets[factor]]);
      if (scopeOffsets[factor + 1] - scopeOffsets[factor] === 1) this.#sendTable(factor);
      else
        for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
          this.factorToVariable.fill(1 / (offsets[edge + 1] - offsets[edge]), offsets[edge], offsets[edge + 1]);
    }
    this.#settledBelow = forbids ? SETTLED_BELOW : 0;
    this.#incoming = new Float64Array(longest);
    this.#fresh = new Float64Array(longest);
    this.#priors = new Float64Array(this.#variableOffsets[numVariables]);
    this.#priorZeros = new Int32Array(this.#priors.length);
    this.#updatesLeft = new Int32Array(numVariables);
    this.#products = this.#priors;
    this.#zeros = this.#priorZeros;
    for (let variable = 0; variable < numVariables; variable++) this.#multiplyUp(variable, true);
    this.#products = this.#priors.slice();
    this.#zeros = this.#priorZeros.slice();
    for (let variable = 0; variable < numVariables; variable++) this.#multiplyUp(variable, false);
  }

  get stopped(): boolean {
    return this.contradiction >= 0 || this.outOfRange;
  }

  sweep(): number {
    const next = (this.#nextProducts ??= new Float64Array(this.#priors.length));
    const nextZeros = (this.#nextZeros ??= new Int32Array(this.#priors.length));
    next.set(this.#priors);
    nextZeros.set(this.#priorZeros);
    let largest = 0;
    for (let factor = 0; factor < this.#graph.numFactors; factor++) {
      const change = this.#send(factor, next, nextZeros);
      if (change > largest) largest = change;
    }
    this.#nextProducts = this.#products;
    this.#products = next;
    this.#nextZeros = this.#zeros;
    this.#zeros = nextZeros;
    return largest;
  }

  update(first: number, end: number, order: Int32Array | undefined, commit: boolean): number {
    let largest = 0;
    for (let at = first; at < end && !this.stopped; at++) {
      const change = this.#send(order ? order[at] : at, commit ? this.#products : undefined, this.#zeros);
      if (change > largest) largest = change;
    }
    return largest;
  }

  dependents(factor: number, visit: (dependent: number) => void): void {
    visitNeighbourFactors(this.#graph, factor, visit);
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
    if (this.#smallestPotentials[factor] < MIN_PRODUCT) this.outOfRange = true;
  }

  /**
   * P from the priors and all messages, or with `unary` the priors from the factors of one variable.
   * Entries that underflow are left at 0, which #gatherCarefully looks into.
   */
  #multiplyUp(variable: number, unary: boolean): void {
    const { scopeOffsets, variableEdgeOffsets, variableEdges, edgeFactors } = this.#graph;
    const base = this.#variableOffsets[variable];
    const end = this.#variableOffsets[variable + 1];
    const products = this.#products;
    const zeros = this.#zeros;
    for (let at = base; at < end; at++) {
      products[at] = unary ? 1 : this.#priors[at];
      zeros[at] = unary ? 0 : this.#priorZeros[at];
    }
    const first = variableEdgeOffsets[variable];
    const last = variableEdgeOffsets[variable + 1];
    for (let at = first; at < last; at++) {
      const edge = variableEdges[at];
      const factor = edgeFactors[edge];
      if ((scopeOffsets[factor + 1] - scopeOffsets[factor] === 1) !== unary) continue;
      const start = this.#messageOffsets[edge];
      let largest = 0;
      for (let product = base; product < end; product++) {
        const message = this.factorToVariable[start + product - base];
        if (message === 0) zeros[product]++;
        else products[product] *= message;
        if (products[product] > largest) largest = products[product];
      }
      if (largest < RESCALE_BELOW) rescale(products, base, end, largest);
    }
    this.#updatesLeft[variable] = Math.max(UPDATES_BETWEEN_REFRESHES, last - first);
  }

  /** n for one edge by sums of logs, the largest entry scaled to 1; returns the smallest entry other than 0. */
  #gatherCarefully(edge: number, into: number): number {
    const { scopes, variableEdgeOffsets, variableEdges } = this.#graph;
    const variable = scopes[edge];
    const width = this.#messageOffsets[edge + 1] - this.#messageOffsets[edge];
    const logs = this.#incoming.subarray(into, into + width);
    logs.fill(0);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const other = variableEdges[at];
      if (other === edge) continue;
      const from = this.#messageOffsets[other];
      for (let state = 0; state < width; state++) logs[state] += Math.log(this.factorToVariable[from + state]);
    }
    const largest = logs.reduce((most, entry) => Math.max(most, entry), -Infinity);
    let least = 1;
    for (let state = 0; state < width; state++) {
      if (logs[state] === -Infinity) {
        logs[state] = 0;
        continue;
      }
      logs[state] = Math.exp(logs[state] - largest);
      if (logs[state] < least) least = logs[state];
    }
    return least;
  }

  /**
   * Computes n, contracts the factor's table with it, scales, damps, stores m, and multiplies it into P.
   * @param products where new messages count: the present P (n m' replaces it) or the next one (m' is multiplied in);
   *   undefined only to look.
   * @param zeros the zeros that go with it.
   * @returns the largest relative change before damping.
   */
  #send(factor: number, products: Float64Array | undefined, zeros: Int32Array): number {
    const { scopeOffsets, scopes } = this.#graph;
    const offsets = this.#messageOffsets;
    const variableOffsets = this.#variableOffsets;
    const messages = this.factorToVariable;
    const present = this.#products;
    const presentZeros = this.#zeros;
    const incoming = this.#incoming;
    const fresh = this.#fresh;
    const settled = this.#settledBelow;
    const first = scopeOffsets[factor];
    const end = scopeOffsets[factor + 1];
    if (end - first < 2) return 0;
    const shift = offsets[first];

    let smallest = this.#smallestPotentials[factor];
    for (let edge = first; edge < end; edge++) {
      const start = offsets[edge];
      const width = offsets[edge + 1] - start;
      const base = variableOffsets[scopes[edge]];
      let least = 1;
      let state = 0;
      for (; state < width; state++) {
        const product = present[base + state];
        if (product < MIN_PRODUCT) break;
        const numZeros = presentZeros[base + state];
        if (numZeros > 0) {
          const isOwn = numZeros === 1 && messages[start + state] === 0;
          incoming[start - shift + state] = isOwn ? product : 0;
          if (isOwn && product < least) least = product;
          continue;
        }
        const entry = product / messages[start + state];
        incoming[start - shift + state] = entry;
        least = Math.min(least, entry);
      }
      smallest *= state === width ? least : this.#gatherCarefully(edge, start - shift);
    }
    if (smallest < MIN_TERM) {
      this.outOfRange = true;
      return 1;
    }
    this.#contraction.sum(this.#potentials, factor, incoming, fresh);

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
      // Products of large entries can overflow, to Infinity or (times 0) to NaN; and scaling must not turn small ones
      // into zeros.
      if (!(smallest > MIN_ENTRY * sum)) {
        this.outOfRange = true;
        return 1;
      }
      const scale = 1 / sum;
      for (let state = start; state < stop; state++) {
        const entry = fresh[state - shift] * scale;
        fresh[state - shift] = entry;
        const old = messages[state];
        const difference = Math.abs(entry - old);
        // The largest |m' - m| / (m' + m), compared crosswise to save the divisions.
        if (difference * changeDenominator > changeNumerator * (entry + old) && (entry >= settled || old >= settled)) {
          changeNumerator = difference;
          changeDenominator = entry + old;
        }
      }
    }
    if (products) {
      if (this.#damping > 0) this.#damp(first, end, shift);
      const inPlace = products === present;
      for (let edge = first; edge < end; edge++) {
        const start = offsets[edge];
        const width = offsets[edge + 1] - start;
        const variable = scopes[edge];
        const base = variableOffsets[variable];
        let largest = 0;
        for (let state = 0; state < width; state++) {
          const entry = fresh[start - shift + state];
          let product = products[base + state];
          if (!inPlace) {
            if (entry > 0) product *= entry;
            else zeros[base + state]++;
          } else if (entry > 0 && zeros[base + state] === 0) product = entry * incoming[start - shift + state];
          else {
            // A zero comes or stays: the product is of the others, which n need not show.
            const old = messages[start + state];
            if (old > 0) product /= old;
            else zeros[base + state]--;
            if (entry > 0) product *= entry;
            else zeros[base + state]++;
          }
          messages[start + state] = entry;
          products[base + state] = product;
          largest = Math.max(largest, product);
        }
        if (largest < RESCALE_BELOW) rescale(products, base, base + width, largest);
        if (inPlace && --this.#updatesLeft[variable] === 0) this.#multiplyUp(variable, false);
      }
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

/** Multiplies by powers of 2, exactly, until the largest entry is above the threshold again. All zeros stay. */
function rescale(values: Float64Array, start: number, end: number, largest: number): void {
  if (largest === 0) return;
  let factor = 1;
  while (largest * factor < RESCALE_BELOW) factor /= RESCALE_BELOW;
  for (let at = start; at < end; at++) values[at] *= factor;
}
