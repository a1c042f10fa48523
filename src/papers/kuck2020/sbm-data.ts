/**
 * Problems of Kuck et al. 2020, section 4.2: a graph drawn from a stochastic block model, the community of one node
 * fixed, and ln Z of what is left, which is ln P(graph, that community). Each graph gives two problems a node; a node's
 * marginal is the softmax of its two.
 *
 * Fixing is a -Infinity in the node's own factor, so every problem of a graph has the same variables and factors. ln Z
 * is exact, by enumeration.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import {
  blockModelPosterior,
  plantedPartition,
  stochasticBlockModel,
  type BlockModel,
} from "../../graph/generators/block-model.ts";
import type { Random } from "../../graph/random.ts";
import type { Topology } from "../../graph/topology.ts";
import { infer } from "../../inference/registry.ts";
import type { PartitionExample } from "../../learning/bpnn/examples.ts";

export interface BlockModelSetting {
  readonly numNodes: number;
  readonly prior: readonly [number, number];
  /** Probability of an edge within a community, and across. */
  readonly inside: number;
  readonly across: number;
}

/** The paper's: 15 nodes, classes .75 and .25, edges with probability 14/15 within and 1/15 across. */
export const blockModelTrainingSetting: BlockModelSetting = { numNodes: 15, prior: [0.75, 0.25], inside: 14 / 15, across: 1 / 15 }; // prettier-ignore

export interface BlockModelProblem extends PartitionExample {
  readonly topology: Topology;
  /** Which graph of the set it belongs to. */
  readonly sample: number;
  readonly fixed: { readonly node: number; readonly community: 0 | 1 };
}

/**
 * All problems of `numGraphs` graphs, graph by graph, node by node.
 * @param purpose names the set: "training", "selection", "validation" or "test" with a seed or another.
 */
export function blockModelProblems(
  numGraphs: number,
  setting: BlockModelSetting,
  random: Random,
  ...purpose: readonly [string, ...(string | number)[]]
): BlockModelProblem[] {
  const { numNodes, prior, inside, across } = setting;
  const model: BlockModel = plantedPartition(prior, inside, across);
  const stream = random.split("block model", ...purpose, numNodes, ...prior, inside, across);
  return Array.from({ length: numGraphs }, (_, sample) => {
    const { topology } = stochasticBlockModel(model, numNodes, stream.split(sample));
    return problemsOf(blockModelPosterior(model, topology), topology, sample);
  }).flat();
}

function problemsOf(posterior: FactorGraph, topology: Topology, sample: number): BlockModelProblem[] {
  // ln P(graph, node in community) = ln P(graph) + ln of the posterior's marginal: one exact inference serves all
  // problems of a graph.
  const { logZ, marginals } = infer(posterior, "enumeration");
  return Array.from({ length: topology.numNodes }, (_, node) =>
    ([0, 1] as const).map((community): BlockModelProblem => {
      const logPotentials = posterior.logPotentials.slice();
      logPotentials[posterior.tableOffsets[node] + 1 - community] = -Infinity;
      const share = Math.log(marginals!.of(node)[community]);
      return {
        graph: { ...posterior, logPotentials },
        logZ: logZ! + share,
        topology,
        sample,
        fixed: { node, community },
      };
    }),
  ).flat();
}
