/**
 * Which variables to eliminate by bounds so that a junction tree can finish the rest (Jaakkola & Jordan 1996, Fig. 1;
 * the paper leaves the choice open). "The problem becomes that of finding the variables the elimination of which would
 * render the rest tractable."
 *
 * Width is judged by peeling: a variable with at most k neighbours is taken off and its neighbours are joined, again
 * and again. What peels off entirely has treewidth <= k. When nothing peels, the variable that loses least for what it
 * frees goes:
 *
 *   removal (factorised bounds, J unchanged)   least  loss_i / degree_i^greed,   degree among the variables not yet
 *   peeled off fill-in (refined bound, neighbours joined) least  slack_i (1 + fill_i)^greed, fill among all that
 *   remain; only variables that do not
 *                                              peel off are candidates
 *
 * greed = 0 looks at looseness alone, greed = 2 nearly at width alone; recursion.ts tries all of `greeds` and keeps the
 * best bound. Removal ends by giving back: of the removed variables, most costly first, each returns if the rest still
 * peels off. The loss of removal is that of the mean field to second order, 1/2 sum_j J_ij^2 v_i v_j with v = mu (1 -
 * mu) at its fixed point.
 */
import type { BoltzmannMachine } from "../../graph/pairwise.ts";
import { sigmoid } from "./logistic.ts";
import { ExpectedSlack } from "./slack.ts";

export const greeds = [1, 0, 2] as const;

/** Fill is counted up to this many variables; beyond, graphs dense enough for a search have none to save. */
const MAX_FILL_VARIABLES = 160;
const MAX_RETURNED_VARIABLES = 64;
const MEAN_FIELD_SWEEPS = 30;

/**
 * @returns Int32Array: the variables to eliminate, in order; empty when the model has treewidth <= exactWidth by
 *   peeling.
 */
export function handOverByRemoval(model: BoltzmannMachine, exactWidth: number, greed: number): Int32Array {
  const n = model.numVariables;
  const graph = Graph.of(model);
  const edgeLosses = secondOrderLosses(model);
  const removed: number[] = [];
  const isRemoved = new Uint8Array(n);
  /** With respect to the variables that are not removed. */
  const losses = new Float64Array(n);
  const spread = (i: number, sign: number): void => {
    for (let at = model.neighbourOffsets[i]; at < model.neighbourOffsets[i + 1]; at++)
      losses[model.neighbours[at]] += sign * edgeLosses[model.neighbourEdges[at]];
  };
  for (let i = 0; i < n; i++) spread(i, 1);
  for (;;) {
    graph.peel(exactWidth);
    let next = -1;
    let least = Infinity;
    for (let i = 0; i < n; i++) {
      if (!graph.present[i]) continue;
      const score = Math.max(0, losses[i]) / graph.degrees[i] ** greed;
      if (next < 0 || score < least) [next, least] = [i, score];
    }
    if (next < 0) break;
    graph.remove(next);
    spread(next, -1);
    isRemoved[next] = 1;
    removed.push(next);
  }
  const costliest = [...removed].sort((a, b) => losses[b] - losses[a]).slice(0, MAX_RETURNED_VARIABLES);
  for (const i of costliest) {
    isRemoved[i] = 0;
    const without = Graph.of(model);
    for (let j = 0; j < n; j++) if (isRemoved[j]) without.remove(j);
    if (!without.peel(exactWidth)) isRemoved[i] = 1;
  }
  return Int32Array.from(removed.filter((i) => isRemoved[i]));
}

/** @returns Int32Array: the variables to eliminate, in order, each joining its neighbours. */
export function handOverByFillIn(model: BoltzmannMachine, exactWidth: number, greed: number): Int32Array {
  const graph = Graph.of(model);
  const slack = new ExpectedSlack(model);
  const order: number[] = [];
  for (;;) {
    const core = graph.copy();
    if (core.peel(exactWidth)) return Int32Array.from(order);
    let next = -1;
    let least = Infinity;
    for (let i = 0; i < model.numVariables; i++) {
      if (!core.present[i]) continue;
      const fill = greed > 0 && model.numVariables <= MAX_FILL_VARIABLES ? graph.fill(i) : 0;
      const score = slack.slacks[i] * (1 + fill) ** greed;
      if (next < 0 || score < least) [next, least] = [i, score];
    }
    order.push(next);
    slack.eliminate(next);
    graph.eliminate(next);
  }
}

/** One number an edge: 1/2 J^2 v_i v_j. */
function secondOrderLosses(model: BoltzmannMachine): Float64Array {
  const { numVariables: n, neighbourOffsets, neighbours, neighbourEdges, edgeSources, edgeTargets } = model;
  const means = new Float64Array(n).fill(0.5);
  for (let sweep = 0; sweep < MEAN_FIELD_SWEEPS; sweep++)
    for (let i = 0; i < n; i++) {
      let field = model.biases[i];
      for (let at = neighbourOffsets[i]; at < neighbourOffsets[i + 1]; at++)
        field += model.weights[neighbourEdges[at]] * means[neighbours[at]];
      means[i] = sigmoid(field);
    }
  const variance = (i: number): number => means[i] * (1 - means[i]);
  return model.weights.map(
    (weight, edge) => (weight ** 2 / 2) * variance(edgeSources[edge]) * variance(edgeTargets[edge]),
  );
}

/** A dense graph that variables leave. */
class Graph {
  readonly #n: number;
  readonly #joined: Uint8Array;
  readonly present: Uint8Array;
  readonly degrees: Int32Array;

  private constructor(n: number, joined: Uint8Array, present: Uint8Array, degrees: Int32Array) {
    this.#n = n;
    this.#joined = joined;
    this.present = present;
    this.degrees = degrees;
  }

  /** Edges of weight 0 join nothing. */
  static of({ numVariables: n, edgeSources, edgeTargets, weights }: BoltzmannMachine): Graph {
    const graph = new Graph(n, new Uint8Array(n * n), new Uint8Array(n).fill(1), new Int32Array(n));
    edgeSources.forEach((source, edge) => {
      if (weights[edge] !== 0) graph.#join(source, edgeTargets[edge]);
    });
    return graph;
  }

  copy(): Graph {
    return new Graph(this.#n, this.#joined.slice(), this.present.slice(), this.degrees.slice());
  }

  #join(a: number, b: number): void {
    if (this.#joined[a * this.#n + b]) return;
    this.#joined[a * this.#n + b] = this.#joined[b * this.#n + a] = 1;
    this.degrees[a]++;
    this.degrees[b]++;
  }

  #neighbours(i: number): number[] {
    const found: number[] = [];
    for (let j = 0; j < this.#n; j++) if (this.present[j] && this.#joined[i * this.#n + j]) found.push(j);
    return found;
  }

  remove(i: number): void {
    for (const j of this.#neighbours(i)) this.degrees[j]--;
    this.present[i] = 0;
  }

  /** Removes i and joins its neighbours. */
  eliminate(i: number): void {
    const neighbours = this.#neighbours(i);
    this.remove(i);
    neighbours.forEach((a, at) => {
      for (let other = at + 1; other < neighbours.length; other++) this.#join(a, neighbours[other]);
    });
  }

  /** How many pairs eliminating i would join. */
  fill(i: number): number {
    const neighbours = this.#neighbours(i);
    let count = 0;
    neighbours.forEach((a, at) => {
      for (let other = at + 1; other < neighbours.length; other++)
        if (!this.#joined[a * this.#n + neighbours[other]]) count++;
    });
    return count;
  }

  /** Eliminates variables of at most `width` neighbours, fewest first, while there are any; true when none is left. */
  peel(width: number): boolean {
    for (;;) {
      let next = -1;
      for (let i = 0; i < this.#n; i++)
        if (this.present[i] && (next < 0 || this.degrees[i] < this.degrees[next])) next = i;
      if (next < 0) return true;
      if (this.degrees[next] > width) return false;
      this.eliminate(next);
    }
  }
}
