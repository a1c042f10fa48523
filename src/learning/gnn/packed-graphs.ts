/**
 * Ising models as a graph neural network reads them: any number of graphs packed into one, whose edges never cross from
 * one graph to another. So a batch is one graph with many components, and one graph is a batch of one.
 *
 * Edge e of a model becomes two directed edges, 2 e from its smaller to its larger end and 2 e + 1 back.
 */
import type { IsingModel } from "../../graph/pairwise.ts";

/** Columns of `features`: J_ij, b_i, b_j for the directed edge i -> j (eps_ij of Yoon et al. 2018, section 5.1). */
export const NUM_EDGE_FEATURES = 3;

export interface PackedGraphs {
  readonly numNodes: number;
  readonly numDirectedEdges: number;
  /** Int32Array[numGraphs + 1]: graph g's nodes are nodeOffsets[g] ... nodeOffsets[g + 1] - 1. */
  readonly nodeOffsets: Int32Array;
  /** Int32Array[numDirectedEdges] */
  readonly sources: Int32Array;
  /** Int32Array[numDirectedEdges] */
  readonly targets: Int32Array;
  /** Int32Array[numDirectedEdges]: the same edge the other way round. */
  readonly reverses: Int32Array;
  /** Float32Array[numDirectedEdges x numEdgeFeatures], row-major, natural log. */
  readonly features: Float32Array;
}

/** Packs models in order. The smallest arrays that hold them; nothing is shared with the models. */
export function packGraphs(models: readonly IsingModel[]): PackedGraphs {
  const numDirectedEdges = models.reduce((sum, { numEdges }) => sum + 2 * numEdges, 0);
  const nodeOffsets = new Int32Array(models.length + 1);
  const sources = new Int32Array(numDirectedEdges);
  const targets = new Int32Array(numDirectedEdges);
  const reverses = new Int32Array(numDirectedEdges);
  const features = new Float32Array(numDirectedEdges * NUM_EDGE_FEATURES);
  let at = 0;
  models.forEach(({ numVariables, numEdges, edgeSources, edgeTargets, weights, biases }, graph) => {
    const first = nodeOffsets[graph];
    for (let edge = 0; edge < numEdges; edge++)
      for (const [i, j] of [
        [edgeSources[edge], edgeTargets[edge]],
        [edgeTargets[edge], edgeSources[edge]],
      ]) {
        sources[at] = first + i;
        targets[at] = first + j;
        reverses[at] = at ^ 1;
        features[NUM_EDGE_FEATURES * at] = weights[edge];
        features[NUM_EDGE_FEATURES * at + 1] = biases[i];
        features[NUM_EDGE_FEATURES * at + 2] = biases[j];
        at++;
      }
    nodeOffsets[graph + 1] = first + numVariables;
  });
  return { numNodes: nodeOffsets[models.length], numDirectedEdges, nodeOffsets, sources, targets, reverses, features };
}
