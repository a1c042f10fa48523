/**
 * Ising models with random parameters on a given graph, as the papers draw them:
 *
 *     ln p~(x) = sum_i b_i x_i + sum_(i,j) J_ij x_i x_j,   x in {-1, 1}^n,   one term an unordered pair.
 *
 * (Eq. 5 of Yoon et al. 2018, b.x + x.J.x read literally, would count each pair twice; their Eq. 6 and the factors of
 * section 3.2 count it once, as here.)
 */
import { pairwiseFromArrays, type IsingModel } from "../pairwise.ts";
import type { Random } from "../random.ts";
import type { Topology } from "../topology.ts";

/** Whether couplings favour equal neighbours, or are of both signs. */
export type Interaction = "attractive" | "mixed";
export const interactions: readonly Interaction[] = ["attractive", "mixed"];

/**
 * An Ising model on a topology, its parameters given by functions: all biases first, in order, then the couplings, in
 * the order of edges.
 * @param bias b of a node, natural log.
 * @param coupling J of an edge, natural log.
 */
export function isingOn(
  { numNodes, edges }: Topology,
  bias: (node: number) => number,
  coupling: (edge: number, source: number, target: number) => number,
): IsingModel {
  const numEdges = edges.length / 2;
  const biases = new Float64Array(numNodes);
  const edgeSources = new Int32Array(numEdges);
  const edgeTargets = new Int32Array(numEdges);
  const weights = new Float64Array(numEdges);
  for (let node = 0; node < numNodes; node++) biases[node] = bias(node);
  for (let edge = 0; edge < numEdges; edge++) {
    edgeSources[edge] = edges[2 * edge];
    edgeTargets[edge] = edges[2 * edge + 1];
    weights[edge] = coupling(edge, edgeSources[edge], edgeTargets[edge]);
  }
  return pairwiseFromArrays("ising", biases, edgeSources, edgeTargets, weights);
}

export interface GaussianIsingOptions {
  readonly biasDeviation: number;
  readonly couplingDeviation: number;
}

/** Yoon et al. 2018, section 5.1: J ~ N(0, 1), b ~ N(0, (1/4)^2). */
export const defaultGaussianIsingOptions: GaussianIsingOptions = { biasDeviation: 0.25, couplingDeviation: 1 };

/** Normal biases and couplings with mean 0. */
export function gaussianIsing(
  graph: Topology,
  random: Random,
  options: Partial<GaussianIsingOptions> = {},
): IsingModel {
  const { biasDeviation, couplingDeviation } = { ...defaultGaussianIsingOptions, ...options };
  return isingOn(
    graph,
    () => random.normal(0, biasDeviation),
    () => random.normal(0, couplingDeviation),
  );
}

export interface UniformIsingOptions {
  /** Biases are uniform in [-maxField, maxField). */
  readonly maxField: number;
  /** Couplings are uniform in [0, maxCoupling) if attractive, [-maxCoupling, maxCoupling) if mixed. */
  readonly maxCoupling: number;
  readonly interaction: Interaction;
}

/** Uniform biases and couplings. @throws RangeError for a negative or infinite maximum, or an unknown interaction. */
export function uniformIsing(graph: Topology, random: Random, options: UniformIsingOptions): IsingModel {
  const { maxField, maxCoupling, interaction } = options;
  for (const [name, value] of [
    ["maxField", maxField],
    ["maxCoupling", maxCoupling],
  ] as const)
    if (!(value >= 0 && value < Infinity)) throw new RangeError(`${name} must be a finite number >= 0, got ${value}`);
  if (!interactions.includes(interaction))
    throw new RangeError(
      `unknown interaction ${JSON.stringify(interaction)}, expected one of ${interactions.join(", ")}`,
    );
  const minCoupling = interaction === "attractive" ? 0 : -maxCoupling;
  return isingOn(
    graph,
    () => random.uniform(-maxField, maxField),
    () => random.uniform(minCoupling, maxCoupling),
  );
}

/**
 * Kuck et al. 2020, section 4.1: a model's own f ~ U[0, maxField) and c ~ U[0, maxCoupling) first, then its biases and
 * couplings uniform up to f and c. So models of one set differ widely in how strong they are.
 */
export function hierarchicalIsing(graph: Topology, random: Random, options: UniformIsingOptions): IsingModel {
  return uniformIsing(graph, random, {
    maxField: random.uniform(0, options.maxField),
    maxCoupling: random.uniform(0, options.maxCoupling),
    interaction: options.interaction,
  });
}
