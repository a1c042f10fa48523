/**
 * The 13 graph families on which Yoon et al. 2018 train (section 5.1, Fig. 2a), each with exactly the number of nodes
 * asked for.
 *
 * The paper shows pictures and gives no definitions; these are the families as they are usually defined. Where a family
 * has no member of that size (a ladder of 9 nodes, a 2-D grid of 11), it is the family's next larger member without its
 * last nodes, in an order that keeps the rest connected.
 */
import type { Random } from "../random.ts";
import { topology, type Topology } from "../topology.ts";
import { openGrid } from "./grid.ts";
import { randomTree } from "./random-graphs.ts";

type Pair = readonly [number, number];

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);
const allPairs = (nodes: readonly number[]): Pair[] =>
  nodes.flatMap((i, position) => nodes.slice(position + 1).map((j): Pair => [i, j]));
const chain = (nodes: readonly number[]): Pair[] => nodes.slice(1).map((node, i): Pair => [nodes[i], node]);

/** Node 0 joined to all others. */
export function star(numNodes: number): Topology {
  return topology(
    numNodes,
    range(1, numNodes).map((leaf): Pair => [0, leaf]),
  );
}

export function path(numNodes: number): Topology {
  return topology(numNodes, chain(range(0, numNodes)));
}

/** @throws RangeError below 3 nodes. */
export function cycle(numNodes: number): Topology {
  atLeast("cycle", numNodes, 3);
  return topology(numNodes, [...chain(range(0, numNodes)), [numNodes - 1, 0]]);
}

/**
 * Two paths, nodes 0, 2, 4, ... and 1, 3, 5, ..., joined by rungs 2k, 2k + 1. An odd number leaves out the last node of
 * the second.
 */
export function ladder(numNodes: number): Topology {
  return topology(numNodes, ladderPairs(numNodes));
}

/** A ladder whose ends are joined to a ring. @throws RangeError below 5 nodes. */
export function circularLadder(numNodes: number): Topology {
  atLeast("circular ladder", numNodes, 5);
  const lastColumn = 2 * Math.ceil(numNodes / 2) - 2;
  const closing: Pair[] = [
    [0, lastColumn],
    [1, lastColumn + 1],
  ];
  return topology(numNodes, [...ladderPairs(numNodes), ...closing.filter(([, last]) => last < numNodes)]);
}

/**
 * The first nodes, row by row, of the smallest square grid that has enough: 3 x 3 and 4 x 4 at the paper's 9 and 16.
 */
export function squareGrid(numNodes: number): Topology {
  const width = Math.ceil(Math.sqrt(numNodes));
  return firstNodes(openGrid(Math.ceil(numNodes / Math.max(width, 1)), width), numNodes);
}

/** Two complete graphs of half the nodes each, joined by an edge, or by the node that is left over. */
export function barbell(numNodes: number): Topology {
  const half = Math.floor(numNodes / 2);
  return topology(numNodes, [
    ...allPairs(range(0, half)),
    ...chain(range(half - 1, numNodes - half + 1).filter((node) => node >= 0 && node < numNodes)),
    ...allPairs(range(numNodes - half, numNodes)),
  ]);
}

/** A complete graph of half the nodes (rounded up) with a path of the others. */
export function lollipop(numNodes: number): Topology {
  const head = Math.ceil(numNodes / 2);
  return topology(numNodes, [...allPairs(range(0, head)), ...chain(range(Math.max(head - 1, 0), numNodes))]);
}

/** A cycle of nodes 1 ... n - 1, all joined to node 0. @throws RangeError below 4 nodes. */
export function wheel(numNodes: number): Topology {
  atLeast("wheel", numNodes, 4);
  const rim = range(1, numNodes);
  return topology(numNodes, [...rim.map((node): Pair => [0, node]), ...chain(rim), [1, numNodes - 1]]);
}

/** Two parts of sizes as equal as can be, every node joined to the whole other part. */
export function completeBipartite(numNodes: number): Topology {
  return completeMultipartite(numNodes, 2);
}

/** Three parts of sizes as equal as can be, every node joined to the whole other parts. */
export function completeTripartite(numNodes: number): Topology {
  return completeMultipartite(numNodes, 3);
}

/** Nodes in `numParts` parts of sizes as equal as can be, in order, joined wherever their parts differ. */
export function completeMultipartite(numNodes: number, numParts: number): Topology {
  const partOf = (node: number): number => Math.floor((node * numParts) / numNodes);
  return topology(
    numNodes,
    allPairs(range(0, numNodes)).filter(([i, j]) => partOf(i) !== partOf(j)),
  );
}

export function complete(numNodes: number): Topology {
  return topology(numNodes, allPairs(range(0, numNodes)));
}

const families = {
  star,
  "random tree": randomTree,
  path,
  cycle,
  ladder,
  "2d grid": squareGrid,
  "circular ladder": circularLadder,
  barbell,
  lollipop,
  wheel,
  "complete bipartite": completeBipartite,
  "complete tripartite": completeTripartite,
  complete,
} as const satisfies Readonly<Record<string, (numNodes: number, random: Random) => Topology>>;

export type StructuredFamily = keyof typeof families;

/** The 13 families, from the sparsest to the densest as in the paper's figure. */
export const structuredFamilies = Object.keys(families) as readonly StructuredFamily[];

/**
 * A member of a family with exactly `numNodes` nodes, connected.
 * @param random used by "random tree" only.
 * @throws RangeError for an unknown family, and where a family needs more nodes.
 */
export function structuredGraph(family: StructuredFamily, numNodes: number, random: Random): Topology {
  if (!Object.hasOwn(families, family))
    throw new RangeError(`unknown family ${JSON.stringify(family)}, expected one of ${structuredFamilies.join(", ")}`);
  return families[family](numNodes, random);
}

function ladderPairs(numNodes: number): Pair[] {
  const rails = range(2, numNodes).map((node): Pair => [node - 2, node]);
  const rungs = range(0, Math.floor(numNodes / 2)).map((k): Pair => [2 * k, 2 * k + 1]);
  return [...rails, ...rungs];
}

function firstNodes({ edges }: Topology, numNodes: number): Topology {
  const kept: number[] = [];
  for (let edge = 0; edge < edges.length; edge += 2)
    if (edges[edge + 1] < numNodes) kept.push(edges[edge], edges[edge + 1]);
  return { numNodes, edges: Int32Array.from(kept) };
}

function atLeast(family: string, numNodes: number, least: number): void {
  if (!(numNodes >= least)) throw new RangeError(`a ${family} needs at least ${least} nodes, got ${numNodes}`);
}
