/** Random graphs: trees, Erdos-Renyi, regular. */
import { connectedComponents } from "../components.ts";
import type { Random } from "../random.ts";
import { topology, type Topology } from "../topology.ts";

const MAX_TRIES = 100_000;

/**
 * A tree drawn uniformly from all numNodes^(numNodes - 2) labelled ones: a Pruefer sequence, decoded in linear time.
 */
export function randomTree(numNodes: number, random: Random): Topology {
  if (numNodes < 3) return topology(numNodes, numNodes === 2 ? [[0, 1]] : []);
  const sequence = Int32Array.from({ length: numNodes - 2 }, () => random.integer(numNodes));
  const degrees = new Int32Array(numNodes).fill(1);
  for (const node of sequence) degrees[node]++;
  const pairs: [number, number][] = [];
  let pointer = degrees.indexOf(1); // all leaves below it are used up
  let leaf = pointer;
  for (const node of sequence) {
    pairs.push([leaf, node]);
    if (--degrees[node] === 1 && node < pointer) leaf = node;
    else leaf = pointer = degrees.indexOf(1, pointer + 1);
  }
  pairs.push([leaf, numNodes - 1]);
  return topology(numNodes, pairs);
}

/**
 * G(n, q): every pair is an edge with probability q, independently. Takes time in the number of edges, not of pairs:
 * the gap to the next edge is geometric (Batagelj & Brandes 2005).
 * @throws RangeError unless 0 <= edgeProbability <= 1.
 */
export function erdosRenyi(numNodes: number, edgeProbability: number, random: Random): Topology {
  if (!(edgeProbability >= 0 && edgeProbability <= 1))
    throw new RangeError(`the edge probability must be between 0 and 1, got ${edgeProbability}`);
  const pairs = function* (): Generator<readonly [number, number]> {
    if (edgeProbability === 0) return;
    const logMiss = Math.log1p(-edgeProbability);
    for (let larger = 1, smaller = -1; ;) {
      smaller += 1 + (edgeProbability === 1 ? 0 : Math.floor(Math.log1p(-random.uniform()) / logMiss));
      while (smaller >= larger && larger < numNodes) smaller -= larger++;
      if (larger >= numNodes) return;
      yield [smaller, larger];
    }
  };
  return topology(numNodes, pairs());
}

/**
 * G(n, q) given that it is connected (Yoon et al. 2018, section 5.1, q = .1 ... .9): drawn again until it is.
 * @throws RangeError after 100,000 draws, or at once where none can be connected.
 */
export function connectedErdosRenyi(numNodes: number, edgeProbability: number, random: Random): Topology {
  if (numNodes <= 1 || edgeProbability > 0)
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const drawn = erdosRenyi(numNodes, edgeProbability, random);
      if (drawn.edges.length / 2 >= numNodes - 1 && connectedComponents(drawn).count <= 1) return drawn;
    }
  throw new RangeError(
    `no connected graph of ${numNodes} nodes in ${MAX_TRIES} draws at edge probability ${edgeProbability}; ` +
      `expected a probability near ln(n)/n = ${Math.log(numNodes) / numNodes} or above`,
  );
}

/**
 * A graph in which every node has `degree` neighbours: stubs are paired at random, and those that would give a loop or
 * a double edge are paired again among themselves, from the start if they are stuck (Steger & Wormald 1999:
 * asymptotically uniform).
 * @throws RangeError unless 0 <= degree < numNodes and numNodes * degree is even.
 */
export function randomRegular(numNodes: number, degree: number, random: Random): Topology {
  if (!Number.isInteger(degree) || degree < 0 || (degree >= numNodes && numNodes + degree > 0))
    throw new RangeError(`the degree must be an integer from 0 to ${numNodes - 1}, got ${degree}`);
  if ((numNodes * degree) % 2 !== 0)
    throw new RangeError(`no graph of ${numNodes} nodes has degree ${degree} everywhere, since their product is odd`);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const keys = pairStubs(numNodes, degree, random);
    if (keys !== undefined)
      return topology(
        numNodes,
        Array.from(keys, (key): [number, number] => [Math.floor(key / numNodes), key % numNodes]),
      );
  }
  throw new RangeError(`no graph of ${numNodes} nodes and degree ${degree} in ${MAX_TRIES} draws`);
}

/** Edges as smaller * numNodes + larger; undefined if the stubs that are left cannot be paired. */
function pairStubs(numNodes: number, degree: number, random: Random): Set<number> | undefined {
  const keys = new Set<number>();
  const keyOf = (i: number, j: number): number => Math.min(i, j) * numNodes + Math.max(i, j);
  let stubs = Array.from({ length: numNodes * degree }, (_, stub) => stub % numNodes);
  while (stubs.length > 0) {
    random.shuffle(stubs);
    const left: number[] = [];
    for (let stub = 0; stub < stubs.length; stub += 2) {
      const [i, j] = [stubs[stub], stubs[stub + 1]];
      if (i === j || keys.has(keyOf(i, j))) left.push(i, j);
      else keys.add(keyOf(i, j));
    }
    if (left.length === stubs.length && !canPair(left, (i, j) => i !== j && !keys.has(keyOf(i, j)))) return undefined;
    stubs = left;
  }
  return keys;
}

function canPair(stubs: readonly number[], isFree: (i: number, j: number) => boolean): boolean {
  const nodes = [...new Set(stubs)];
  return nodes.some((i, position) => nodes.slice(position + 1).some((j) => isFree(i, j)));
}
