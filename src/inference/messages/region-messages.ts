/**
 * Messages and beliefs of a two-level region graph, as natural logs on flat arrays (see
 * generalised-belief-propagation.ts for the equations).
 *
 * Which states are possible is settled before the first message, from the zeros of the potentials alone: a state of an
 * outer region is ruled out while another region has no possible state that agrees with it. From then on every number
 * of a possible state is finite; one that is not has overflowed, which proves nothing but that the messages diverge.
 */
import { scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import type { RegionGraph } from "./region-graph.ts";
import { relativeChange } from "./schedule.ts";

/** A link: an outer region alpha that holds an inner region beta. */
interface Link {
  readonly outer: number;
  /** Int32Array[size of alpha]: the state of beta for each state of alpha. */
  readonly states: Int32Array;
  /** ln mu_{alpha->beta} and ln mu_{beta->alpha}. */
  readonly toInner: Float64Array;
  readonly toOuter: Float64Array;
}

const ITERATIONS_BETWEEN_REFRESHES = 50;
/**
 * Beliefs that can decay towards 0 for ever, or wander far below everything else, count as settled below this
 * probability.
 */
const SETTLED_BELOW = Math.log(1e-20);

export class RegionMessages {
  /** The zeros of the potentials leave an outer region without a possible state, which proves Z = 0. */
  readonly contradiction: boolean;
  /** Numbers left float64's range. Beliefs are worthless then, and say nothing about Z. */
  diverged = false;
  /** ln psi_alpha: products of the factors assigned to each outer region, -Infinity for what is ruled out. */
  readonly potentials: readonly Float64Array[];
  /** ln Q_alpha up to a constant. */
  readonly outer: readonly Float64Array[];
  /** ln Q_beta, normalised. */
  readonly inner: readonly Float64Array[];
  readonly #links: readonly (readonly Link[])[];
  /** One list an inner region: 1 for a possible state. */
  readonly #possible: readonly Uint8Array[];
  readonly #forbids: boolean;
  readonly #marginal: Float64Array;
  readonly #largest: Float64Array;
  /** The potentials in use, which the double loop shifts. */
  #present: readonly Float64Array[];
  #iterations = 0;

  constructor(graph: FactorGraph, regions: RegionGraph) {
    const { cardinalities } = graph;
    const { potentials, possible } = productsOf(graph, regions);
    this.#links = regions.inner.map(({ variables, size, outer }) =>
      outer.map((at) => ({
        outer: at,
        states: statesOf(regions.outer[at].variables, variables, cardinalities),
        toInner: new Float64Array(size),
        toOuter: new Float64Array(size),
      })),
    );
    this.#possible = ruleOut(
      possible,
      this.#links,
      regions.inner.map(({ size }) => size),
    );
    potentials.forEach((table, at) => table.forEach((_, state) => possible[at][state] || (table[state] = -Infinity)));
    this.contradiction = possible.some((states) => !states.includes(1));
    this.#forbids = possible.some((states) => states.includes(0));
    this.potentials = potentials;
    this.#present = potentials;
    this.outer = potentials.map((table) => table.slice());
    this.inner = this.#possible.map((states) => {
      const count = states.reduce((sum, isPossible) => sum + isPossible, 0);
      return Float64Array.from(states, (isPossible) => (isPossible ? -Math.log(count) : -Infinity));
    });
    const longest = regions.inner.reduce((most, { size }) => Math.max(most, size), 0);
    this.#marginal = new Float64Array(longest);
    this.#largest = new Float64Array(longest);
  }

  /** Whether there is nothing to iterate. */
  get stopped(): boolean {
    return this.contradiction || this.diverged;
  }

  /**
   * Updates every inner region once.
   * @param countingNumbers c_beta; n_beta + c_beta must not be 0.
   * @param damping share of the old ln mu_{beta->alpha} that is kept.
   * @returns the largest relative change of a message mu_{beta->alpha}, before damping: what Q_beta and an outer
   *   region's marginal differ by.
   */
  iterate(countingNumbers: Float64Array, damping: number): number {
    let delta = 0;
    for (let beta = 0; beta < this.#links.length && !this.stopped; beta++) {
      delta = Math.max(delta, this.#update(beta, countingNumbers[beta], damping));
    }
    // Steps add up rounding; the product is taken afresh now and then.
    if (++this.#iterations % ITERATIONS_BETWEEN_REFRESHES === 0) this.#refresh();
    return this.stopped ? 1 : delta;
  }

  #update(beta: number, countingNumber: number, damping: number): number {
    const marginal = this.#marginal;
    const links = this.#links[beta];
    const power = 1 / (links.length + countingNumber);
    const possible = this.#possible[beta];
    const belief = this.inner[beta];
    const size = belief.length;
    belief.fill(0);
    for (const { outer, states, toInner, toOuter } of links) {
      this.#marginalise(this.outer[outer], states, size);
      for (let state = 0; state < size; state++) {
        toInner[state] = marginal[state] - toOuter[state];
        belief[state] += power * toInner[state];
      }
    }
    this.diverged ||= !normalisePossible(belief, possible);
    // A positive potential with a negative counting number goes to 0 by messages that diverge, and that is no rest.
    const canSettle = countingNumber >= 0 || (this.#forbids && power > 0);
    const settled = canSettle ? SETTLED_BELOW : -Infinity;
    let delta = 0;
    for (const { outer, states, toInner, toOuter } of links) {
      for (let state = 0; state < size; state++) {
        marginal[state] = 0;
        if (!possible[state]) continue;
        // mu_{alpha->beta} mu_{beta->alpha} is still the old marginal.
        const before = toInner[state] + toOuter[state];
        if (before >= settled || belief[state] >= settled)
          delta = Math.max(delta, relativeChange(belief[state], before));
        const message = (1 - damping) * (belief[state] - toInner[state]) + damping * toOuter[state];
        marginal[state] = message - toOuter[state];
        toOuter[state] = message;
        this.diverged ||= !Number.isFinite(marginal[state]);
      }
      const table = this.outer[outer];
      for (let at = 0; at < table.length; at++) table[at] += marginal[states[at]];
    }
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

  /** ln of a table's normalised marginal, into #marginal; 0 for what is not possible. */
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
      marginal[state] = marginal[state] > 0 ? largest[state] + Math.log(marginal[state]) - logTotal : 0;
  }
}

/** The product of each outer region's factors, natural log, and 1 for each of its states that no factor forbids. */
function productsOf(graph: FactorGraph, regions: RegionGraph): { potentials: Float64Array[]; possible: Uint8Array[] } {
  const potentials = regions.outer.map(({ size }) => new Float64Array(size));
  const possible = regions.outer.map(({ size }) => new Uint8Array(size).fill(1));
  regions.outerOfFactor.forEach((outer, factor) => {
    if (outer < 0) return;
    const scope = Array.from(scopeOf(graph, factor));
    const table = tableOf(graph, factor);
    const states = statesOf(regions.outer[outer].variables, scope, graph.cardinalities);
    for (let at = 0; at < states.length; at++) {
      potentials[outer][at] += table[states[at]];
      if (table[states[at]] === -Infinity) possible[outer][at] = 0;
    }
  });
  return { potentials, possible };
}

/**
 * Clears in `possible` every state of an outer region that agrees with no possible state of another one, until nothing
 * changes.
 * @returns one list an inner region: 1 for each state that its outer regions still have.
 */
function ruleOut(
  possible: readonly Uint8Array[],
  links: readonly (readonly Link[])[],
  innerSizes: readonly number[],
): Uint8Array[] {
  const kept = innerSizes.map((size) => new Uint8Array(size).fill(1));
  if (possible.every((states) => !states.includes(0))) return kept;
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    links.forEach((ofBeta, beta) => {
      for (const { outer, states } of ofBeta) {
        const supported = new Uint8Array(kept[beta].length);
        for (let at = 0; at < states.length; at++) if (possible[outer][at]) supported[states[at]] = 1;
        for (let state = 0; state < supported.length; state++) kept[beta][state] &= supported[state];
      }
      for (const { outer, states } of ofBeta)
        for (let at = 0; at < states.length; at++)
          if (possible[outer][at] && !kept[beta][states[at]]) {
            possible[outer][at] = 0;
            isChanged = true;
          }
    });
  }
  return kept;
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

/**
 * Scales the logs of possible states to log-sum-exp 0 in place, the others are -Infinity; false when some are not
 * finite.
 */
function normalisePossible(values: Float64Array, possible: Uint8Array): boolean {
  let most = -Infinity;
  for (let state = 0; state < values.length; state++) {
    if (!possible[state]) values[state] = -Infinity;
    else if (!Number.isFinite(values[state])) return false;
    most = Math.max(most, values[state]);
  }
  const logTotal = most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
  for (let state = 0; state < values.length; state++) values[state] -= logTotal;
  return true;
}
