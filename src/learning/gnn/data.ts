/**
 * The data of Yoon et al. 2018, section 5.1: Ising models on the 13 families of graphs and on connected random graphs,
 * with J ~ N(0, 1), b ~ N(0, (1/4)^2), and their exact marginals and MAP states by enumeration.
 *
 * Each example has a random stream of its own, named by split, family, size and index: it does not depend on how many
 * others are made, so the first ten of a set of a hundred are the set of ten.
 */
import { connectedErdosRenyi } from "../../graph/generators/random-graphs.ts";
import { gaussianIsing } from "../../graph/generators/ising.ts";
import { structuredFamilies, structuredGraph } from "../../graph/generators/structured.ts";
import type { IsingModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import type { Topology } from "../../graph/topology.ts";
import { enumerate } from "../../inference/exact/enumeration.ts";
import { infer } from "../../inference/registry.ts";

const MAX_ENUMERATED_VARIABLES = 20;

export interface GnnExample {
  /** The family of the graph, or "q = 0.3". */
  readonly graph: string;
  readonly model: IsingModel;
  /** Float64Array[numVariables]: p(x_i = +1), exact. */
  readonly probabilities: Float64Array;
  /** Int32Array[numVariables]: the most probable state, 1 for x_i = +1. */
  readonly mapStates: Int32Array;
}

/**
 * An example with exact targets: by enumeration up to 20 variables, by a junction tree above.
 * @throws TreewidthError for a larger model that is not sparse.
 */
export function exampleOf(graph: string, model: IsingModel): GnnExample {
  const { marginals, map } =
    model.numVariables <= MAX_ENUMERATED_VARIABLES ? enumerate(model) : infer(model, "junction-tree");
  const probabilities = Float64Array.from({ length: model.numVariables }, (_, i) => marginals!.values[2 * i + 1]);
  return { graph, model, probabilities, mapStates: map!.states };
}

export const gnnSplits = { training: 100, validation: 20, test: 10 } as const;
export type GnnSplit = keyof typeof gnnSplits;

export interface GnnDataOptions {
  /** Multiplies couplings J, for experiments beyond the paper; default 1. */
  readonly couplingDeviation?: number;
}

/**
 * Models on the 13 families in order, `perFamily` each.
 * @param perFamily by default the paper's 100, 20 and 10.
 */
export function structuredExamples(
  split: GnnSplit,
  numNodes: number,
  random: Random,
  perFamily: number = gnnSplits[split],
  options: GnnDataOptions = {},
): GnnExample[] {
  return structuredFamilies.flatMap((family) =>
    draw(family, perFamily, random.split(split, family, numNodes), options, (stream) =>
      structuredGraph(family, numNodes, stream),
    ),
  );
}

/** q of conditions III and IV. */
export const edgeProbabilities = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;

/** Models on connected Erdos-Renyi graphs, `perProbability` for each q. */
export function randomGraphExamples(
  split: GnnSplit,
  numNodes: number,
  random: Random,
  perProbability: number,
  options: GnnDataOptions = {},
): GnnExample[] {
  return edgeProbabilities.flatMap((q) =>
    draw(`q = ${q}`, perProbability, random.split(split, "random", q, numNodes), options, (stream) =>
      connectedErdosRenyi(numNodes, q, stream),
    ),
  );
}

function draw(
  graph: string,
  count: number,
  random: Random,
  { couplingDeviation = 1 }: GnnDataOptions,
  topologyFrom: (stream: Random) => Topology,
): GnnExample[] {
  return Array.from({ length: count }, (_, index) => {
    const stream = random.split(index);
    const drawn = topologyFrom(stream.split("graph"));
    return exampleOf(graph, gaussianIsing(drawn, stream.split("parameters"), { couplingDeviation }));
  });
}
