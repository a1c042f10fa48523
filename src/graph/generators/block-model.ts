/**
 * The stochastic block model (Kuck et al. 2020, section 4.2), and its posterior over communities given a graph, as a
 * factor graph:
 *
 *     P(x, G) = prod_i prior(x_i) prod_(i<j in G) edgeProbability(x_i, x_j) prod_(i<j not in G) (1 -
 *     edgeProbability(x_i, x_j))
 *
 * The tables are not normalised, so Z = P(G).
 */
import { fromArrays, type FactorGraph } from "../factor-graph.ts";
import type { Random } from "../random.ts";
import { topology, type Topology } from "../topology.ts";

export interface BlockModel {
  /** Probability of each community, summing to 1. */
  readonly prior: readonly number[];
  /** edgeProbabilities[a][b] of an edge between communities a and b; symmetric. */
  readonly edgeProbabilities: readonly (readonly number[])[];
}

/**
 * Communities that join inside with one probability and across with another: the paper's is `plantedPartition([.75,
 * .25], 14/15, 1/15)`.
 */
export function plantedPartition(prior: readonly number[], inside: number, across: number): BlockModel {
  return { prior, edgeProbabilities: prior.map((_, a) => prior.map((_, b) => (a === b ? inside : across))) };
}

export interface BlockModelSample {
  readonly topology: Topology;
  /** Int32Array[numNodes]: the community that each node was drawn into. */
  readonly communities: Int32Array;
}

/**
 * Draws every node's community from the prior, then every pair's edge. @throws RangeError for a wrong probability or
 * shape.
 */
export function stochasticBlockModel(model: BlockModel, numNodes: number, random: Random): BlockModelSample {
  check(model);
  const { prior, edgeProbabilities } = model;
  const communities = Int32Array.from({ length: numNodes }, () => {
    let left = random.uniform();
    const community = prior.findIndex((probability) => (left -= probability) < 0);
    return community < 0 ? prior.length - 1 : community; // rounding can leave a little over
  });
  const pairs: [number, number][] = [];
  for (let i = 0; i < numNodes; i++)
    for (let j = i + 1; j < numNodes; j++)
      if (random.bernoulli(edgeProbabilities[communities[i]][communities[j]])) pairs.push([i, j]);
  return { topology: topology(numNodes, pairs), communities };
}

/**
 * The posterior over communities given a graph: factor i (i < numNodes) is node i's prior, then one factor for EVERY
 * pair i < j, in order (0,1), (0,2), ..., whether it is an edge or not. Z = P(G).
 */
export function blockModelPosterior(model: BlockModel, { numNodes, edges }: Topology): FactorGraph {
  check(model);
  const numCommunities = model.prior.length;
  const numPairs = (numNodes * (numNodes - 1)) / 2;
  const numFactors = numNodes + numPairs;
  const pairTableLength = numCommunities * numCommunities;
  const logPrior = Float64Array.from(model.prior, Math.log);
  const logEdge = Float64Array.from(model.edgeProbabilities.flat(), Math.log);
  const logNoEdge = Float64Array.from(model.edgeProbabilities.flat(), (probability) => Math.log1p(-probability));

  const scopeOffsets = new Int32Array(numFactors + 1);
  const tableOffsets = new Float64Array(numFactors + 1);
  const scopes = new Int32Array(numNodes + 2 * numPairs);
  const logPotentials = new Float64Array(numNodes * numCommunities + numPairs * pairTableLength);
  for (let i = 0; i < numNodes; i++) {
    scopes[i] = i;
    scopeOffsets[i + 1] = i + 1;
    tableOffsets[i + 1] = (i + 1) * numCommunities;
    logPotentials.set(logPrior, i * numCommunities);
  }
  let factor = numNodes;
  let edge = 0;
  for (let i = 0; i < numNodes; i++)
    for (let j = i + 1; j < numNodes; j++, factor++) {
      const isEdge = edge < edges.length && edges[edge] === i && edges[edge + 1] === j;
      if (isEdge) edge += 2; // edges are sorted, as the pairs here
      scopes.set([i, j], scopeOffsets[factor]);
      logPotentials.set(isEdge ? logEdge : logNoEdge, tableOffsets[factor]);
      scopeOffsets[factor + 1] = scopeOffsets[factor] + 2;
      tableOffsets[factor + 1] = tableOffsets[factor] + pairTableLength;
    }
  return fromArrays(new Int32Array(numNodes).fill(numCommunities), scopeOffsets, scopes, tableOffsets, logPotentials);
}

function check({ prior, edgeProbabilities }: BlockModel): void {
  const isProbability = (value: number): boolean => value >= 0 && value <= 1;
  const total = prior.reduce((sum, probability) => sum + probability, 0);
  if (prior.length === 0 || !prior.every(isProbability) || Math.abs(total - 1) > 1e-9)
    throw new RangeError(`the prior must be probabilities that sum to 1, got [${prior.join(", ")}]`);
  const isSquare =
    edgeProbabilities.length === prior.length && edgeProbabilities.every((row) => row.length === prior.length);
  if (!isSquare)
    throw new RangeError(`expected ${prior.length} x ${prior.length} edge probabilities, one a pair of communities`);
  edgeProbabilities.forEach((row, a) =>
    row.forEach((probability, b) => {
      if (!isProbability(probability) || probability !== edgeProbabilities[b][a])
        throw new RangeError(
          `the edge probability of communities ${a} and ${b} is ${probability}, expected a probability, and the same for ${b} and ${a}`,
        );
    }),
  );
}
