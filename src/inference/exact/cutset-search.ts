/**
 * Local search for MAP in large neighbourhoods: fix the variables of a cutset, optimise all others exactly, with a new
 * cutset each time (Hamze & de Freitas 2004 and Selby 2014 do so with trees; here any width that elimination affords).
 *
 * A cutset comes from greedy elimination with random tie-breaking: as soon as the smallest table would exceed the
 * limit, the variable with the most neighbours is fixed instead of one being eliminated. On a 20 x 20 torus with tables
 * of 2^10 entries about 60 variables are fixed and 340 optimised at once.
 */
import { condition, liftStates } from "../../graph/condition.ts";
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";
import { markovNetwork } from "../../graph/topology.ts";
import { Tournament } from "../tournament.ts";
import { fillBuckets, treeShape } from "./bucket-tree.ts";
import { maxElimination } from "./max-elimination.ts";
import { originalStates, simplify } from "./simplify.ts";

export interface CutsetSearchOptions {
  /** log2 of the entries of the largest table. */
  readonly log2Size: number;
  readonly iterations: number;
  readonly random: Random;
  /** As of performance.now(). */
  readonly deadline: number;
}

/** States at least as good as the given ones; new arrays. */
export function cutsetSearch(
  graph: FactorGraph,
  states: Int32Array,
  { log2Size, iterations, random, deadline }: CutsetSearchOptions,
): { states: Int32Array; score: number } {
  let best: Int32Array = states.slice();
  let score = logScore(graph, best);
  const { numNodes, edges } = markovNetwork(graph);
  for (let iteration = 0; iteration < iterations && performance.now() < deadline; iteration++) {
    const { order, cutset } = widthLimitedOrder(graph, edges, log2Size, random);
    const conditioned = condition(graph, new Map(Array.from(cutset, (variable) => [variable, best[variable]])));
    const simplified = simplify(conditioned.graph);
    if (!simplified.possible) continue;
    const rank = new Int32Array(numNodes);
    order.forEach((variable, position) => (rank[variable] = position));
    const original = (variable: number): number => conditioned.freeVariables[simplified.variables[variable]];
    const inner = Int32Array.from(simplified.variables, (_, variable) => variable).sort(
      (a, b) => rank[original(a)] - rank[original(b)],
    );
    const { states: found } = maxElimination(fillBuckets(simplified.graph, treeShape(simplified.graph, inner)));
    if (!found) continue;
    const candidate = liftStates(conditioned, originalStates(simplified, found));
    const candidateScore = logScore(graph, candidate);
    // States of equal score are taken too: they lead away from where the search is.
    if (candidateScore < score) continue;
    best = candidate;
    score = candidateScore;
  }
  return { states: best, score };
}

/** An elimination order without tables beyond the limit, and the variables that were fixed to make that possible. */
function widthLimitedOrder(
  { cardinalities }: FactorGraph,
  edges: Int32Array,
  log2Size: number,
  random: Random,
): { order: number[]; cutset: number[] } {
  const numVariables = cardinalities.length;
  const neighbours = Array.from({ length: numVariables }, () => new Set<number>());
  for (let at = 0; at < edges.length; at += 2) {
    neighbours[edges[at]].add(edges[at + 1]);
    neighbours[edges[at + 1]].add(edges[at]);
  }
  const log2Sizes = Float64Array.from(cardinalities, Math.log2);
  const sizeOf = (variable: number): number => {
    let size = log2Sizes[variable];
    for (const other of neighbours[variable]) size += log2Sizes[other];
    return size;
  };
  const noisy = (variable: number): number => sizeOf(variable) + random.uniform();
  const candidates = new Tournament(Float64Array.from(cardinalities, (_, variable) => noisy(variable)));
  const order: number[] = [];
  const cutset: number[] = [];
  while (order.length + cutset.length < numVariables) {
    let variable = candidates.least;
    const fits = sizeOf(variable) <= log2Size;
    if (!fits) {
      // One of those that stand in the way, with the most neighbours of its own, is fixed.
      let most = -Infinity;
      for (const other of [...neighbours[variable]]) {
        const degree = neighbours[other].size + random.uniform();
        if (degree <= most) continue;
        most = degree;
        variable = other;
      }
    }
    candidates.set(variable, Infinity);
    (fits ? order : cutset).push(variable);
    const clique = [...neighbours[variable]];
    for (const a of clique) {
      neighbours[a].delete(variable);
      if (fits) for (const b of clique) if (a !== b) neighbours[a].add(b);
    }
    for (const a of clique) candidates.set(a, noisy(a));
  }
  return { order, cutset };
}
