/**
 * Orders for eliminating variables: greedy, cheapest variable first, best of several.
 *
 * Eliminating v joins its neighbours N(v) into a clique and makes one table over v and N(v). The cost of v is
 *   min-fill           number of pairs in N(v) that are not yet joined
 *   weighted-min-fill  the same, each pair counted with the product of its cardinalities
 *   min-weight         log2 of the size of the table over v and N(v)
 *   min-degree         |N(v)|
 * The first order of each heuristic breaks ties by index. The further ones are drawn: costs are multiplied by 1 + noise
 * u, u uniform in [0, 1), afresh at each change, with a noise of 0.1, 0.3 and 1 in turns (Kask, Gelfand, Otten &
 * Dechter 2011 draw among the best instead). On the competition's models that finds tables up to three times smaller
 * than random ties alone. An order that costs more than the best so far is broken off. Fill counts are kept up to date
 * edge by edge, in memory linear in the edges.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { Tournament } from "../tournament.ts";

export const orderHeuristics = ["best", "min-fill", "weighted-min-fill", "min-weight", "min-degree"] as const;
/**
 * "best" begins with one order of min-fill, min-weight and weighted-min-fill each, and draws from min-fill and
 * weighted-min-fill in turns.
 */
export type OrderHeuristic = (typeof orderHeuristics)[number];
type GreedyHeuristic = Exclude<OrderHeuristic, "best">;

export interface OrderOptions {
  readonly heuristic: OrderHeuristic;
  /** How many orders to try at most; fewer when trying would cost more than eliminating. */
  readonly orderings: number;
  /** For drawn orders. */
  readonly random: Random;
}

const defaultOrderOptions: OrderOptions = { heuristic: "best", orderings: 200, random: Random.fromSeed(0) };

export interface EliminationOrder {
  /** Int32Array[numVariables]: the variable to eliminate first stands first. */
  readonly order: Int32Array;
  /** Induced width: the largest number of neighbours at elimination. */
  readonly width: number;
  /** log2 of the number of entries of the largest table, over a variable and its neighbours. */
  readonly log2LargestSize: number;
  /** log2 of the number of entries of all those tables: what elimination costs. */
  readonly log2TotalSize: number;
  readonly heuristic: GreedyHeuristic;
}

/** A table larger than this is out of reach for any machine: an order that needs one is not completed. */
const LOG2_OUT_OF_REACH_ENTRIES = 60;
/** Below this many entries a better order saves less than looking for it costs. */
const MIN_IMPROVABLE_ENTRIES = 2 ** 13;
/** Orders are drawn until that took about as long as eliminating with the best one will take. */
const STEPS_PER_ENTRY = 0.3;
/** What a variable costs beyond the pairs of its neighbours. */
const STEPS_PER_VARIABLE = 100;
/** If none of the first orders is within reach, luck will not help. */
const MAX_FAILED_ATTEMPTS = 12;
/** Nor where a few orders took as long as this, a second or so. */
const STEPS_WITHOUT_SUCCESS = 1e8;
const noises = [0.1, 0.3, 1];

/** Exact inference would need tables beyond the limit. Says how large, and what to use instead. */
export class TreewidthError extends RangeError {
  override readonly name = "TreewidthError";
  /** log2 of the table entries needed with the best order found; a lower bound when that order was out of reach. */
  readonly log2Entries: number;

  constructor(message: string, log2Entries: number) {
    super(message);
    this.log2Entries = log2Entries;
  }
}

/**
 * The best elimination order found.
 * @throws TreewidthError when every order tried makes a table of more than 2^60 entries.
 */
export function eliminationOrder(graph: FactorGraph, options: Partial<OrderOptions> = {}): EliminationOrder {
  const { heuristic, orderings, random } = { ...defaultOrderOptions, ...options };
  const first: GreedyHeuristic[] = heuristic === "best" ? ["min-fill", "min-weight", "weighted-min-fill"] : [heuristic];
  const further: GreedyHeuristic[] = heuristic === "best" ? ["min-fill", "weighted-min-fill"] : [heuristic];
  const neighbours = interactionGraph(graph);
  let best: EliminationOrder | undefined;
  let smallestFailure = Infinity;
  let steps = 0;
  for (let attempt = 0; attempt < orderings; attempt++) {
    const bestSize = best ? 2 ** best.log2TotalSize : Infinity;
    if (bestSize < MIN_IMPROVABLE_ENTRIES || steps > STEPS_PER_ENTRY * bestSize) break;
    if (!best && (attempt === MAX_FAILED_ATTEMPTS || steps > STEPS_WITHOUT_SUCCESS)) break;
    const draw = attempt - first.length;
    const run =
      draw < 0
        ? greedyOrder(neighbours, graph.cardinalities, first[attempt], undefined, bestSize)
        : greedyOrder(
            neighbours,
            graph.cardinalities,
            further[draw % further.length],
            drawnNoise(random, draw),
            bestSize,
          );
    steps += run.steps;
    if (run.order) best = run.order;
    else smallestFailure = Math.min(smallestFailure, run.log2LargestSize);
  }
  if (best) return best;
  throw new TreewidthError(
    `every elimination order tried needs a table of more than 2^${Math.floor(smallestFailure)} entries: ` +
      "the graph is too densely connected for exact inference. Use an approximation or a bound",
    smallestFailure,
  );
}

/** neighbours[i]: the variables that share a factor with i. Variables with one state interact with none. */
function interactionGraph({
  numVariables,
  cardinalities,
  scopeOffsets,
  scopes,
  variableEdgeOffsets,
  variableEdges,
  edgeFactors,
}: FactorGraph): number[][] {
  const seenBy = new Int32Array(numVariables).fill(-1);
  return Array.from({ length: numVariables }, (_, variable) => {
    const found: number[] = [];
    if (cardinalities[variable] === 1) return found;
    seenBy[variable] = variable;
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const factor = edgeFactors[variableEdges[at]];
      for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
        const other = scopes[edge];
        if (seenBy[other] === variable || cardinalities[other] === 1) continue;
        seenBy[other] = variable;
        found.push(other);
      }
    }
    return found;
  });
}

/** What multiplies a cost. */
type Noise = () => number;

function drawnNoise(random: Random, draw: number): Noise {
  const stream = random.split("order", draw);
  const noise = noises[draw % noises.length];
  return () => 1 + noise * stream.uniform();
}

interface GreedyRun {
  /** Absent when the order was broken off: it costs `limit` or more, or is out of reach. */
  readonly order?: EliminationOrder;
  readonly log2LargestSize: number;
  readonly steps: number;
}

function greedyOrder(
  initialNeighbours: readonly (readonly number[])[],
  cardinalities: Int32Array,
  heuristic: GreedyHeuristic,
  noise: Noise | undefined,
  limit: number,
): GreedyRun {
  const numVariables = cardinalities.length;
  const countsFill = heuristic === "min-fill" || heuristic === "weighted-min-fill";
  const log2Sizes = Float64Array.from(cardinalities, Math.log2);
  const weights =
    heuristic === "weighted-min-fill" ? Float64Array.from(cardinalities) : new Float64Array(numVariables).fill(1);
  const neighbours = initialNeighbours.map((list) => list.slice());
  /**
   * Sums over the neighbours, kept up to date since hubs have many: of weights, and of log2 sizes with the variable's
   * own.
   */
  const neighbourWeights = new Float64Array(numVariables);
  const log2TableSizes = log2Sizes.slice();
  neighbours.forEach((list, variable) => {
    for (const other of list) {
      neighbourWeights[variable] += weights[other];
      log2TableSizes[variable] += log2Sizes[other];
    }
  });
  const hubs = hubPositions(neighbours);
  const marks = new Int32Array(numVariables);
  let stamp = 0;
  let steps = numVariables * STEPS_PER_VARIABLE;

  const costOf = (variable: number): number =>
    heuristic === "min-weight" ? log2TableSizes[variable] : neighbours[variable].length;

  const costs = countsFill
    ? fillCounts(neighbours, weights, neighbourWeights)
    : Float64Array.from(cardinalities, (_, variable) => costOf(variable));
  // A cost of 0 stays the smallest; 1 more lets noise tell variables without fill apart.
  const keyOf = (variable: number): number => (noise ? (costs[variable] + 1) * noise() : costs[variable]);
  const candidates = new Tournament(Float64Array.from(cardinalities, (_, variable) => keyOf(variable)));
  const changed: number[] = [];
  const isChanged = new Uint8Array(numVariables);
  const change = (variable: number): void => {
    if (isChanged[variable]) return;
    isChanged[variable] = 1;
    changed.push(variable);
  };

  /** Joins a and b, the neighbours of a being marked, or in the index of a hub; keeps every fill count true. */
  const join = (a: number, b: number, hub: Map<number, number> | undefined): void => {
    if (countsFill) {
      const pair = weights[a] * weights[b];
      let notOfA = 0;
      let common = 0;
      for (const x of neighbours[b]) {
        if (hub ? hub.has(x) : marks[x] === stamp) {
          costs[x] -= pair;
          common += weights[x];
          change(x);
        } else notOfA += weights[x];
      }
      costs[b] += weights[a] * notOfA;
      costs[a] += weights[b] * (neighbourWeights[a] - common);
      steps += neighbours[b].length;
    }
    hub?.set(b, neighbours[a].length);
    hubs.get(b)?.set(a, neighbours[b].length);
    neighbours[a].push(b);
    neighbours[b].push(a);
    neighbourWeights[a] += weights[b];
    neighbourWeights[b] += weights[a];
    log2TableSizes[a] += log2Sizes[b];
    log2TableSizes[b] += log2Sizes[a];
    marks[b] = stamp;
  };

  const order = new Int32Array(numVariables);
  let width = 0;
  let log2LargestSize = 0;
  let total = 0;
  for (let position = 0; position < numVariables; position++) {
    const variable = candidates.take();
    order[position] = variable;
    isChanged[variable] = 1; // from now on its cost is nobody's matter
    const list = neighbours[variable];
    let log2Size = log2Sizes[variable];
    for (const other of list) log2Size += log2Sizes[other];
    width = Math.max(width, list.length);
    log2LargestSize = Math.max(log2LargestSize, log2Size);
    total += 2 ** log2Size;
    if (total >= limit || log2Size > LOG2_OUT_OF_REACH_ENTRIES) return { log2LargestSize, steps };

    for (let i = 0; i < list.length - 1; i++) {
      const a = list[i];
      const hub = hubs.get(a);
      stamp++;
      if (!hub) for (const x of neighbours[a]) marks[x] = stamp;
      for (let j = i + 1; j < list.length; j++)
        if (hub ? !hub.has(list[j]) : marks[list[j]] !== stamp) join(a, list[j], hub);
      steps += list.length + (hub ? 0 : neighbours[a].length);
    }
    let listWeight = 0;
    for (const a of list) listWeight += weights[a];
    for (const a of list) {
      // Pairs of `variable` with neighbours of a outside the clique are gone.
      if (countsFill)
        costs[a] -= weights[variable] * (neighbourWeights[a] + weights[a] - listWeight - weights[variable]);
      remove(neighbours[a], variable, hubs.get(a));
      neighbourWeights[a] -= weights[variable];
      log2TableSizes[a] -= log2Sizes[variable];
      change(a);
    }
    neighbours[variable] = [];
    for (const other of changed) {
      isChanged[other] = 0;
      if (!countsFill) costs[other] = costOf(other);
      candidates.set(other, keyOf(other));
    }
    changed.length = 0;
  }
  return {
    order: { order, width, log2LargestSize, log2TotalSize: Math.log2(Math.max(total, 1)), heuristic },
    log2LargestSize,
    steps,
  };
}

/** Lists of more neighbours than this are not searched, but have an index. */
const HUB_DEGREE = 256;

/** For each variable with many neighbours, where each of them stands in its list. */
function hubPositions(neighbours: readonly (readonly number[])[]): Map<number, Map<number, number>> {
  const hubs = new Map<number, Map<number, number>>();
  neighbours.forEach((list, variable) => {
    if (list.length > HUB_DEGREE) hubs.set(variable, new Map(list.map((other, at) => [other, at])));
  });
  return hubs;
}

/** Takes a variable out of a list, the last one into its place. */
function remove(list: number[], variable: number, positions: Map<number, number> | undefined): void {
  const at = positions ? positions.get(variable)! : list.indexOf(variable);
  const last = list.pop()!;
  positions?.delete(variable);
  if (last === variable) return;
  list[at] = last;
  positions?.set(last, at);
}

/**
 * Float64Array[numVariables]: for each variable the sum over unjoined pairs among its neighbours, which is that over
 * all pairs less one term for each triangle. Triangles are found from their corner of least degree, in O(edges^1.5)
 * also where there are hubs.
 */
function fillCounts(
  neighbours: readonly (readonly number[])[],
  weights: Float64Array,
  neighbourWeights: Float64Array,
): Float64Array {
  const isAfter = (a: number, b: number): boolean =>
    neighbours[a].length > neighbours[b].length || (neighbours[a].length === neighbours[b].length && a > b);
  const later = neighbours.map((list, variable) => list.filter((other) => isAfter(other, variable)));
  const fills = neighbourWeights.map((sum) => (sum * sum) / 2);
  neighbours.forEach((list, variable) => {
    for (const other of list) fills[variable] -= weights[other] ** 2 / 2;
  });
  const marks = new Int32Array(neighbours.length).fill(-1);
  later.forEach((list, first) => {
    for (const second of list) marks[second] = first;
    for (const second of list)
      for (const third of later[second]) {
        if (marks[third] !== first) continue;
        fills[first] -= weights[second] * weights[third];
        fills[second] -= weights[first] * weights[third];
        fills[third] -= weights[first] * weights[second];
      }
  });
  return fills;
}
