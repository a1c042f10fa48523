/** Messages and beliefs of a two-level region graph, as natural logs on flat arrays (see generalised-belief-propagation.ts for the equations). */
import { scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import type { RegionGraph } from "./region-graph.ts";

/** A link: an outer region alpha that holds an inner region beta. */
interface Link {
  readonly outer: number;
  /** Int32Array[size of alpha]: the state of beta for each state of alpha. */
  readonly states: Int32Array;
  /** ln mu_{alpha->beta} and ln mu_{beta->alpha}. */
  readonly toInner: Float64Array;
  readonly toOuter: Float64Array;
}

const iterationsBetweenRefreshes = 50;

export class RegionMessages {
  /** An outer region without a possible state was found, which proves Z = 0. */
  contradiction = false;
  /** ln psi_alpha: products of the factors assigned to each outer region. */
  readonly potentials: readonly Float64Array[];
  /** ln Q_alpha up to a constant. */
  readonly outer: readonly Float64Array[];
  /** ln Q_beta, normalised. */
  readonly inner: readonly Float64Array[];
  readonly #links: readonly (readonly Link[])[];
  readonly #marginal: Float64Array;
  readonly #largest: Float64Array;
  /** The potentials in use, which the double loop shifts. */
  #present: readonly Float64Array[];
  #iterations = 0;

  constructor(graph: FactorGraph, regions: RegionGraph) {
    const { cardinalities } = graph;
    const potentials = regions.outer.map(({ size }) => new Float64Array(size));
    regions.outerOfFactor.forEach((outer, factor) => {
      if (outer < 0) return;
      const scope = Array.from(scopeOf(graph, factor));
      const table = tableOf(graph, factor);
      const states = statesOf(regions.outer[outer].variables, scope, cardinalities);
      for (let at = 0; at < states.length; at++) potentials[outer][at] += table[states[at]];
    });
    this.potentials = potentials;
    this.#present = potentials;
    this.outer = potentials.map((table) => table.slice());
    this.inner = regions.inner.map(({ size }) => new Float64Array(size).fill(-Math.log(size)));
    this.#links = regions.inner.map(({ variables, size, outer }) =>
      outer.map((at) => ({
        outer: at,
        states: statesOf(regions.outer[at].variables, variables, cardinalities),
        toInner: new Float64Array(size),
        toOuter: new Float64Array(size),
      })),
    );
    const longest = regions.inner.reduce((most, { size }) => Math.max(most, size), 0);
    this.#marginal = new Float64Array(longest);
    this.#largest = new Float64Array(longest);
    this.contradiction = potentials.some((table) => table.every((entry) => entry === -Infinity));
  }

  /**
   * Updates every inner region once.
   * @param countingNumbers c_beta; n_beta + c_beta must not be 0.
   * @param damping share of the old ln mu_{beta->alpha} that is kept.
   * @returns the largest difference between an outer region's marginal and the inner region's new belief, a probability.
   */
  iterate(countingNumbers: Float64Array, damping: number): number {
    const marginal = this.#marginal;
    let delta = 0;
    this.#links.forEach((links, beta) => {
      if (this.contradiction) return;
      const belief = this.inner[beta];
      const size = belief.length;
      const power = 1 / (links.length + countingNumbers[beta]);
      belief.fill(0);
      for (const { outer, states, toInner, toOuter } of links) {
        this.#marginalise(this.outer[outer], states, size);
        for (let state = 0; state < size; state++) {
          toInner[state] = marginal[state] === -Infinity ? -Infinity : marginal[state] - toOuter[state];
          belief[state] += toInner[state] === -Infinity ? -Infinity : power * toInner[state];
        }
      }
      if (!normaliseToLogs(belief)) {
        this.contradiction = true;
        return;
      }
      for (const { outer, states, toInner, toOuter } of links) {
        for (let state = 0; state < size; state++) {
          // mu_{alpha->beta} mu_{beta->alpha} is still the old marginal.
          const before = toInner[state] === -Infinity ? 0 : Math.exp(toInner[state] + toOuter[state]);
          delta = Math.max(delta, Math.abs(before - Math.exp(belief[state])));
          const message = belief[state] === -Infinity ? -Infinity : belief[state] - toInner[state];
          const damped =
            damping === 0 || message === -Infinity ? message : (1 - damping) * message + damping * toOuter[state];
          marginal[state] = damped === -Infinity ? -Infinity : damped - toOuter[state];
          toOuter[state] = damped;
        }
        const table = this.outer[outer];
        for (let at = 0; at < table.length; at++) table[at] += marginal[states[at]];
      }
    });
    // Steps add up rounding; the product is taken afresh now and then.
    if (++this.#iterations % iterationsBetweenRefreshes === 0) this.#refresh();
    return delta;
  }

  /** Goes on with other potentials, ln psi_alpha, and the same messages. */
  takePotentials(potentials: readonly Float64Array[]): void {
    this.#present = potentials;
    this.#refresh();
  }

  /** ln Q_alpha = ln psi_alpha + sum_beta ln mu_{beta->alpha} from scratch. */
  #refresh(): void {
    this.outer.forEach((table, at) => table.set(this.#present[at]));
    for (const links of this.#links)
      for (const { outer, states, toOuter } of links) {
        const table = this.outer[outer];
        for (let at = 0; at < table.length; at++) table[at] += toOuter[states[at]];
      }
  }

  /** Adds share * ln Q_beta to a copy of every potential whose region holds beta, for each inner region. */
  shiftedPotentials(shareOf: (beta: number, numOuter: number) => number): Float64Array[] {
    const shifted = this.potentials.map((table) => table.slice());
    this.#links.forEach((links, beta) => {
      const share = shareOf(beta, links.length);
      if (share === 0) return;
      for (const { outer, states } of links)
        for (let at = 0; at < states.length; at++) shifted[outer][at] += share * this.inner[beta][states[at]];
    });
    return shifted;
  }

  /** ln of a table's normalised marginal, into #marginal. */
  #marginalise(table: Float64Array, states: Int32Array, size: number): void {
    const marginal = this.#marginal;
    const largest = this.#largest;
    largest.fill(-Infinity, 0, size);
    marginal.fill(0, 0, size);
    let most = -Infinity;
    for (let at = 0; at < table.length; at++) {
      if (table[at] > largest[states[at]]) largest[states[at]] = table[at];
      if (table[at] > most) most = table[at];
    }
    for (let at = 0; at < table.length; at++)
      if (table[at] > -Infinity) marginal[states[at]] += Math.exp(table[at] - largest[states[at]]);
    let total = 0;
    for (let state = 0; state < size; state++)
      if (marginal[state] > 0) total += marginal[state] * Math.exp(largest[state] - most);
    const logTotal = most + Math.log(total);
    for (let state = 0; state < size; state++)
      marginal[state] = marginal[state] > 0 ? largest[state] + Math.log(marginal[state]) - logTotal : -Infinity;
  }
}

/**
 * Int32Array[states of `variables`]: the state of `part` for each, both with the last variable fastest.
 * @param part some of `variables`, in any order.
 */
export function statesOf(variables: readonly number[], part: readonly number[], cardinalities: Int32Array): Int32Array {
  const strides = new Map<number, number>();
  let stride = 1;
  for (let at = part.length - 1; at >= 0; at--) {
    strides.set(part[at], stride);
    stride *= cardinalities[part[at]];
  }
  let states = new Int32Array(1);
  for (const variable of variables) {
    const width = cardinalities[variable];
    const step = strides.get(variable) ?? 0;
    const next = new Int32Array(states.length * width);
    for (let at = 0; at < next.length; at++) next[at] = states[Math.floor(at / width)] + (at % width) * step;
    states = next;
  }
  return states;
}

/** Scales logs to log-sum-exp 0 in place; false when all are -Infinity. */
function normaliseToLogs(values: Float64Array): boolean {
  const most = values.reduce((largest, value) => Math.max(largest, value), -Infinity);
  if (most === -Infinity) return false;
  const logTotal = most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
  for (let state = 0; state < values.length; state++) values[state] -= logTotal;
  return true;
}
