/**
 * What the GIN is told of a model (Kuck et al. 2020, as the authors' code has it):
 *
 *   Ising model             node theta_i; edge theta_ij, in both directions
 *   block model posterior   node: in how many pairs that are edges of the observed graph it is; edge: the four entries
 *   of the pair's
 *                           table, rows for the source's state, on all ordered pairs
 *
 * A community that is fixed shows in the tables: entries that contradict it are 0. (In the authors' code edge features
 * are zero from the second graph of a batch on, for three masks share one array; here they are what they should be.)
 */
import type { IsingModel } from "../../graph/pairwise.ts";
import type { BlockModelProblem } from "./sbm-data.ts";
import type { FeatureGraph } from "../../learning/gin/network.ts";

export const isingFeatures = { nodeFeatures: 1, edgeFeatures: 1 } as const;
export const blockModelFeatures = { nodeFeatures: 1, edgeFeatures: 4 } as const;

export function isingFeatureGraph({
  numVariables,
  biases,
  edgeSources,
  edgeTargets,
  weights,
}: IsingModel): FeatureGraph {
  const both = (a: Int32Array, b: Int32Array) => Int32Array.from([...a, ...b]);
  return {
    numNodes: numVariables,
    sources: both(edgeSources, edgeTargets),
    targets: both(edgeTargets, edgeSources),
    nodes: Float32Array.from(biases),
    edges: Float32Array.from([...weights, ...weights]),
  };
}

export function blockModelFeatureGraph({ graph, topology, fixed }: BlockModelProblem): FeatureGraph {
  const { numNodes } = topology;
  const degrees = new Float32Array(numNodes);
  for (const node of topology.edges) degrees[node]++;
  const numPairs = numNodes * (numNodes - 1);
  const [sources, targets] = [new Int32Array(numPairs), new Int32Array(numPairs)];
  const edges = new Float32Array(4 * numPairs);
  const allowed = (node: number, community: number) => node !== fixed.node || community === fixed.community;
  let at = 0;
  for (let factor = numNodes; factor < graph.numFactors; factor++) {
    const [i, j] = graph.scopes.subarray(graph.scopeOffsets[factor], graph.scopeOffsets[factor + 1]);
    const table = graph.logPotentials.subarray(graph.tableOffsets[factor], graph.tableOffsets[factor + 1]);
    for (const [source, target, swapped] of [
      [i, j, false],
      [j, i, true],
    ] as const) {
      // prettier-ignore
      sources[at] = source;
      targets[at] = target;
      for (let a = 0; a < 2; a++)
        for (let b = 0; b < 2; b++)
          if (allowed(source, a) && allowed(target, b))
            edges[4 * at + 2 * a + b] = Math.exp(table[swapped ? 2 * b + a : 2 * a + b]);
      at++;
    }
  }
  return { numNodes, sources, targets, nodes: degrees, edges };
}
