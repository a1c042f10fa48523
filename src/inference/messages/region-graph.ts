/**
 * Two-level region graphs: outer regions (clusters that hold every factor) and inner regions (what they share), with
 * counting numbers.
 *
 *   cluster variation (Kikuchi 1951):  inner regions are all intersections of outer ones, and intersections of those;
 *   c_outer = 1,
 *                                      c_beta = 1 - sum of c over all regions that hold beta         (Yedidia, Freeman
 *                                      & Weiss 2005, Eq. 109)
 *   Bethe:                             inner regions are the single variables, c_i = 1 - number of outer regions that
 *   hold i
 *
 * Clusters, as in libDAI's HAK (Heskes, Albers & Kappen 2003): min - maximal factors; bethe - the same, with Bethe's
 * inner regions; delta - every variable with its neighbours; loop - maximal factors and all loops of at most
 * `loopDepth` variables.
 */
import { scopeOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { adjacency, markovNetwork } from "../../graph/topology.ts";

export const clusterKinds = ["min", "bethe", "delta", "loop"] as const;
export type ClusterKind = (typeof clusterKinds)[number];

export interface Region {
  /** Increasing. Tables over a region have its last variable fastest. */
  readonly variables: readonly number[];
  readonly size: number;
}

export interface InnerRegion extends Region {
  readonly countingNumber: number;
  /** Outer regions that hold it. */
  readonly outer: readonly number[];
}

export interface RegionGraph {
  /** Counting number 1 each. */
  readonly outer: readonly Region[];
  readonly inner: readonly InnerRegion[];
  /** Int32Array[numFactors]: an outer region that holds the factor, -1 for a constant. */
  readonly outerOfFactor: Int32Array;
}

/** Table entries of all outer regions together, at most. */
const MAX_ENTRIES = 2 ** 25;
const MAX_CLUSTERS = 2 ** 18;

/** @throws RangeError when clusters are too many or too large, saying which are. */
export function regionGraph(graph: FactorGraph, clusters: ClusterKind, loopDepth: number): RegionGraph {
  const scopes = Array.from({ length: graph.numFactors }, (_, factor) =>
    Array.from(scopeOf(graph, factor)).sort((a, b) => a - b),
  );
  const held = new Set(scopes.flat());
  const isolated = Array.from(graph.cardinalities.keys())
    .filter((variable) => !held.has(variable))
    .map((variable) => [variable]);
  const further = clusters === "delta" ? neighbourhoods(graph) : clusters === "loop" ? loops(graph, loopDepth) : [];
  const maximal = maximalSets(scopes.filter((scope) => scope.length > 0).concat(isolated, further));
  const outer = maximal.map((variables) => region(graph, variables));
  const entries = outer.reduce((sum, { size }) => sum + size, 0);
  if (entries > MAX_ENTRIES) {
    const { variables, size } = outer.reduce((most, one) => (one.size > most.size ? one : most));
    throw new RangeError(
      `clusters=${clusters} needs tables of ${entries} entries, expected at most ${MAX_ENTRIES}; ` +
        `the largest, over variables (${variables.join(", ")}), has ${size}. Use smaller clusters, or bp`,
    );
  }
  const holders = holdersOf(maximal);
  const outerOfFactor = Int32Array.from(scopes, (scope) =>
    scope.length === 0 ? -1 : regionsHolding(scope, maximal, holders)[0],
  );
  const sets =
    clusters === "bethe" ? Array.from(graph.cardinalities.keys(), (variable) => [variable]) : intersections(maximal);
  return { outer, inner: countInner(graph, sets, maximal, holders, clusters === "bethe"), outerOfFactor };
}

/**
 * Whether the outer regions form a junction tree, so that the cluster variation method is exact: a spanning forest of
 * largest total intersection reaches sum |alpha| - numVariables.
 */
export function isJunctionTree({ outer }: RegionGraph, numVariables: number): boolean {
  const sets = outer.map(({ variables }) => variables);
  const holders = holdersOf(sets);
  const seen = new Uint8Array(sets.length);
  const best = new Int32Array(sets.length);
  let total = 0;
  // Prim's algorithm; among few regions a scan is quick, and among many an early exit is likely.
  for (let taken = 0; taken < sets.length; taken++) {
    let next = -1;
    for (let at = 0; at < sets.length; at++) if (!seen[at] && (next < 0 || best[at] > best[next])) next = at;
    seen[next] = 1;
    total += best[next];
    const shared = new Map<number, number>();
    for (const variable of sets[next])
      for (const other of holders.get(variable)!) shared.set(other, (shared.get(other) ?? 0) + 1);
    for (const [other, size] of shared) if (!seen[other] && size > best[other]) best[other] = size;
  }
  return total === sets.reduce((sum, variables) => sum + variables.length, 0) - numVariables;
}

function region(graph: FactorGraph, variables: readonly number[]): Region {
  return { variables, size: variables.reduce((size, variable) => size * graph.cardinalities[variable], 1) };
}

function neighbourhoods(graph: FactorGraph): number[][] {
  const { offsets, neighbours } = adjacency(markovNetwork(graph));
  return Array.from({ length: graph.numVariables }, (_, variable) =>
    [variable, ...neighbours.subarray(offsets[variable], offsets[variable + 1])].sort((a, b) => a - b),
  );
}

/**
 * Variables of loops in the Markov network, of 3 to `depth` variables. A path ends at the first variable that closes
 * it.
 */
function loops(graph: FactorGraph, depth: number): number[][] {
  const { offsets, neighbours } = adjacency(markovNetwork(graph));
  const found = new Map<string, number[]>();
  const path: number[] = [];
  const onPath = new Uint8Array(graph.numVariables);
  const isNeighbour = new Uint8Array(graph.numVariables);
  /** Where to go on among each variable's neighbours: no recursion, since paths can be as long as the model is deep. */
  const next = new Int32Array(graph.numVariables);
  const enter = (variable: number): void => {
    path.push(variable);
    onPath[variable] = 1;
    const isLoop = path.length >= 3 && isNeighbour[variable] === 1;
    next[variable] = isLoop || path.length === depth ? offsets[variable + 1] : offsets[variable];
    if (!isLoop) return;
    const loop = path.slice().sort((a, b) => a - b);
    found.set(loop.join(), loop);
    if (found.size > MAX_CLUSTERS)
      throw new RangeError(`more than ${MAX_CLUSTERS} loops of at most ${depth} variables. Use a smaller loopDepth`);
  };
  for (let root = 0; root < graph.numVariables; root++) {
    const around = neighbours.subarray(offsets[root], offsets[root + 1]);
    for (const variable of around) isNeighbour[variable] = 1;
    enter(root);
    while (path.length > 0) {
      const last = path[path.length - 1];
      if (next[last] === offsets[last + 1]) onPath[path.pop()!] = 0;
      else if (!onPath[neighbours[next[last]++]]) enter(neighbours[next[last] - 1]);
    }
    for (const variable of around) isNeighbour[variable] = 0;
  }
  return [...found.values()];
}

/** variable -> the sets that hold it. */
function holdersOf(sets: readonly (readonly number[])[]): Map<number, number[]> {
  const holders = new Map<number, number[]>();
  sets.forEach((variables, at) => {
    for (const variable of variables) {
      const list = holders.get(variable);
      if (list) list.push(at);
      else holders.set(variable, [at]);
    }
  });
  return holders;
}

/** Indices of the sets that hold all of `variables`, increasing. */
function regionsHolding(
  variables: readonly number[],
  sets: readonly (readonly number[])[],
  holders: Map<number, number[]>,
): number[] {
  const lists = variables.map((variable) => holders.get(variable) ?? []);
  const shortest = lists.reduce((best, list) => (list.length < best.length ? list : best));
  return shortest.filter((at) => isSubset(variables, sets[at]));
}

/** Both increasing. */
function isSubset(part: readonly number[], whole: readonly number[]): boolean {
  let at = 0;
  for (const variable of part) {
    while (at < whole.length && whole[at] < variable) at++;
    if (whole[at] !== variable) return false;
  }
  return true;
}

/** The sets that no other holds, each once, in the order of first appearance. */
function maximalSets(sets: readonly (readonly number[])[]): (readonly number[])[] {
  const distinct = [...new Map(sets.map((variables) => [variables.join(), variables])).values()];
  const holders = holdersOf(distinct);
  return distinct.filter((variables) => regionsHolding(variables, distinct, holders).length === 1);
}

/** All non-empty intersections of two sets, closed under intersection. */
function intersections(sets: readonly (readonly number[])[]): (readonly number[])[] {
  const found = new Map<string, readonly number[]>();
  let fresh = sets;
  let partners = sets;
  while (fresh.length > 0) {
    const holders = holdersOf(partners);
    const next = new Map<string, readonly number[]>();
    for (const variables of fresh) {
      const candidates = new Set(variables.flatMap((variable) => holders.get(variable) ?? []));
      for (const at of candidates) {
        const other = partners[at];
        if (other === variables) continue;
        const common = variables.filter((variable) => other.includes(variable));
        const key = common.join();
        if (!found.has(key) && !next.has(key)) next.set(key, common);
      }
    }
    for (const [key, common] of next) found.set(key, common);
    if (found.size > MAX_CLUSTERS)
      throw new RangeError(`more than ${MAX_CLUSTERS} inner regions. Use smaller clusters`);
    fresh = [...next.values()];
    partners = [...found.values()];
  }
  return [...found.values()];
}

function countInner(
  graph: FactorGraph,
  sets: readonly (readonly number[])[],
  outer: readonly (readonly number[])[],
  outerHolders: Map<number, number[]>,
  isBethe: boolean,
): InnerRegion[] {
  const largestFirst = sets.slice().sort((a, b) => b.length - a.length || a[0] - b[0]);
  const holders = holdersOf(largestFirst);
  const inner: InnerRegion[] = [];
  largestFirst.forEach((variables, at) => {
    const above = regionsHolding(variables, outer, outerHolders);
    let countingNumber = 1 - above.length;
    if (!isBethe)
      for (const other of regionsHolding(variables, largestFirst, holders))
        if (other !== at) countingNumber -= inner[other].countingNumber;
    inner.push({ ...region(graph, variables), countingNumber, outer: above });
  });
  return inner;
}
