/**
 * Local search for MAP: single variables move to their best state until none can; then a few are shaken and it goes
 * down again, from the better of the two (iterated conditional modes, Besag 1986; iterated local search, Lourenço,
 * Martin & Stützle 2003).
 *
 * An impossible entry counts as a finite, very low score here, so that states of positive probability can be reached
 * through others.
 */
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";

export interface LocalSearchOptions {
  /** Shakes after the first descent, at most. */
  readonly shakes: number;
  readonly random: Random;
  /** As of performance.now(). Without a shake the first descent is broken off by it too. */
  readonly deadline: number;
}

const VISITS_BETWEEN_LOOKS_AT_THE_CLOCK = 64;
const SHARE_SHAKEN = 0.05;
const FEWEST_SHAKEN = 3;
const SMALLEST_GAIN = 1e-12;

/** States at least as good as the given ones, with their ln p~; new arrays. */
export function localSearch(
  graph: FactorGraph,
  states: Int32Array,
  { shakes, random, deadline }: LocalSearchOptions,
): { states: Int32Array; score: number } {
  const { numVariables } = graph;
  const climber = new Climber(graph, states, deadline);
  let best = states.slice();
  let score = logScore(graph, states);
  const keepIfBetter = (): boolean => {
    const found = logScore(graph, climber.states);
    if (found < score) return false;
    score = found;
    best = climber.states.slice();
    return true;
  };
  climber.descend(Array.from({ length: numVariables }, (_, variable) => variable));
  keepIfBetter();
  let penalised = climber.penalisedScore();
  let from = climber.states.slice();
  for (let shake = 0; shake < shakes && numVariables > 0 && performance.now() < deadline; shake++) {
    const most = Math.max(FEWEST_SHAKEN, Math.ceil(SHARE_SHAKEN * numVariables));
    for (let moved = 1 + random.integer(most); moved > 0; moved--) {
      const variable = random.integer(numVariables);
      climber.states[variable] = random.integer(graph.cardinalities[variable]);
      climber.touch(variable);
    }
    climber.descend();
    const found = climber.penalisedScore();
    if (found >= penalised) {
      penalised = found;
      from = climber.states.slice();
      keepIfBetter();
    } else climber.states.set(from);
  }
  return { states: best, score };
}

/** Moves variables to their best states; a queue holds those whose neighbourhood has changed. */
class Climber {
  readonly states: Int32Array;
  readonly #graph: FactorGraph;
  readonly #deadline: number;
  readonly #penalty: number;
  readonly #scores: Float64Array;
  readonly #isQueued: Uint8Array;
  #queue: number[] = [];

  constructor(graph: FactorGraph, states: Int32Array, deadline: number) {
    this.#graph = graph;
    this.states = states.slice();
    this.#deadline = deadline;
    let [lowest, highest] = [0, 0];
    for (const entry of graph.logPotentials)
      if (Number.isFinite(entry)) {
        lowest = Math.min(lowest, entry);
        highest = Math.max(highest, entry);
      }
    // One impossible entry outweighs what a few others can gain.
    this.#penalty = lowest - 10 * (1 + highest - lowest);
    this.#scores = new Float64Array(graph.cardinalities.reduce((most, size) => Math.max(most, size), 1));
    this.#isQueued = new Uint8Array(graph.numVariables);
  }

  /** Puts the variables that share a factor with `variable`, and itself, into the queue. */
  touch(variable: number): void {
    const { variableEdgeOffsets, variableEdges, edgeFactors, scopes, scopeOffsets } = this.#graph;
    this.#enqueue(variable);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const factor = edgeFactors[variableEdges[at]];
      for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) this.#enqueue(scopes[edge]);
    }
  }

  descend(variables: readonly number[] = []): void {
    for (const variable of variables) this.#enqueue(variable);
    let visits = 0;
    while (this.#queue.length > 0) {
      const round = this.#queue;
      this.#queue = [];
      for (const variable of round) {
        this.#isQueued[variable] = 0;
        if (this.#moveToBest(variable)) this.touch(variable);
        if (++visits % VISITS_BETWEEN_LOOKS_AT_THE_CLOCK === 0 && performance.now() > this.#deadline) {
          this.#queue = [];
          this.#isQueued.fill(0);
          return;
        }
      }
    }
  }

  penalisedScore(): number {
    const { numFactors } = this.#graph;
    let score = 0;
    for (let factor = 0; factor < numFactors; factor++) score += this.#entry(this.#baseOf(factor));
    return score;
  }

  #enqueue(variable: number): void {
    if (this.#isQueued[variable]) return;
    this.#isQueued[variable] = 1;
    this.#queue.push(variable);
  }

  #moveToBest(variable: number): boolean {
    const { variableEdgeOffsets, variableEdges, edgeFactors, cardinalities, scopes, scopeOffsets } = this.#graph;
    const scores = this.#scores;
    const width = cardinalities[variable];
    const before = this.states[variable];
    scores.fill(0, 0, width);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const edge = variableEdges[at];
      const factor = edgeFactors[edge];
      let stride = 1;
      for (let later = edge + 1; later < scopeOffsets[factor + 1]; later++) stride *= cardinalities[scopes[later]];
      const base = this.#baseOf(factor) - before * stride;
      for (let state = 0; state < width; state++) scores[state] += this.#entry(base + state * stride);
    }
    let best = before;
    for (let state = 0; state < width; state++)
      if (scores[state] > scores[best] + SMALLEST_GAIN * Math.abs(scores[best])) best = state;
    this.states[variable] = best;
    return best !== before;
  }

  /** Where the present states' entry of a factor stands in logPotentials. */
  #baseOf(factor: number): number {
    const { scopes, scopeOffsets, tableOffsets, cardinalities } = this.#graph;
    let index = 0;
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
      index = index * cardinalities[scopes[edge]] + this.states[scopes[edge]];
    return tableOffsets[factor] + index;
  }

  #entry(index: number): number {
    const entry = this.#graph.logPotentials[index];
    return entry === -Infinity ? this.#penalty : entry;
  }
}
