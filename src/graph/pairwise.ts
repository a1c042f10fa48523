/**
 * Pairwise binary models in the two forms of the literature, and the exact passage between them.
 *
 * Boltzmann machine, S in {0,1}^n:   ln p~(S) = c + sum_i h_i S_i + sum_(i,j) J_ij S_i S_j    (Jaakkola & Jordan 1996,
 * Eq. 2)
 * Ising model,       x in {-1,1}^n:  ln p~(x) = c + sum_i b_i x_i + sum_(i,j) J_ij x_i x_j    (Yoon et al. 2018, Eq. 1)
 *
 * Each pair is counted once. One difference from both papers: a constant c, so that a conversion keeps ln Z to the last
 * digit.
 */

import { LARGEST_LOG } from "./factor-graph.ts";

/** What Boltzmann machines and Ising models share: flat arrays, one entry an edge. */
export interface PairwiseBinaryModel {
  /** "boltzmann" counts states 0/1, "ising" -1/+1. */
  readonly kind: "boltzmann" | "ising";
  readonly numVariables: number;
  readonly numEdges: number;
  /** Float64Array[numVariables], natural log: h_i or b_i. */
  readonly biases: Float64Array;
  /** Int32Array[numEdges]: the smaller end of each edge. Edges are sorted by (source, target) and distinct. */
  readonly edgeSources: Int32Array;
  /** Int32Array[numEdges]: the larger end of each edge. */
  readonly edgeTargets: Int32Array;
  /** Float64Array[numEdges], natural log: J_ij. */
  readonly weights: Float64Array;
  /** Added to every ln p~, natural log. */
  readonly logConstant: number;
  /**
   * Int32Array[numVariables + 1]: variable i's neighbours stand at neighbourOffsets[i] ... neighbourOffsets[i + 1] - 1.
   */
  readonly neighbourOffsets: Int32Array;
  /** Int32Array[2 numEdges]: neighbours in increasing order. */
  readonly neighbours: Int32Array;
  /** Int32Array[2 numEdges]: the edge to each neighbour. */
  readonly neighbourEdges: Int32Array;
}

export interface BoltzmannMachine extends PairwiseBinaryModel {
  readonly kind: "boltzmann";
}

export interface IsingModel extends PairwiseBinaryModel {
  readonly kind: "ising";
}

/** An edge as a user writes it: [i, j, J_ij]. */
export type WeightedEdge = readonly [number, number, number];

function compile<Kind extends "boltzmann" | "ising">(
  kind: Kind,
  biases: ArrayLike<number>,
  edges: Iterable<WeightedEdge>,
  logConstant: number,
): PairwiseBinaryModel & { readonly kind: Kind } {
  const numVariables = biases.length;
  const variable = (index: number, edge: WeightedEdge): number => {
    if (!Number.isInteger(index) || index < 0 || index >= numVariables)
      throw new RangeError(`edge [${edge.join(", ")}]: ${index} is not a variable, expected 0 to ${numVariables - 1}`);
    return index;
  };
  const sorted = Array.from(edges, (edge): WeightedEdge => {
    const [i, j] = [variable(edge[0], edge), variable(edge[1], edge)];
    if (i === j)
      throw new RangeError(`edge [${edge.join(", ")}] joins variable ${i} to itself; put self-weights into its bias`);
    return [Math.min(i, j), Math.max(i, j), edge[2]];
  }).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const edgeSources = Int32Array.from(sorted, (edge) => edge[0]);
  const edgeTargets = Int32Array.from(sorted, (edge) => edge[1]);
  const weights = Float64Array.from(sorted, (edge) => edge[2]);
  return pairwiseFromArrays(kind, Float64Array.from(biases), edgeSources, edgeTargets, weights, logConstant);
}

function isSummable(value: number): boolean {
  return Math.abs(value) <= LARGEST_LOG;
}

/**
 * A pairwise binary model from arrays already in their final form: what generators of large graphs use. Takes the
 * arrays over.
 * @param biases Float64Array[numVariables], natural log.
 * @param edgeSources Int32Array[numEdges], the smaller ends; edges sorted by (source, target) and distinct.
 * @param edgeTargets Int32Array[numEdges], the larger ends.
 * @param weights Float64Array[numEdges], natural log.
 * @throws RangeError naming the variable or edge that is out of range, out of order, repeated, a self-loop or not
 *   finite.
 */
export function pairwiseFromArrays<Kind extends "boltzmann" | "ising">(
  kind: Kind,
  biases: Float64Array,
  edgeSources: Int32Array,
  edgeTargets: Int32Array,
  weights: Float64Array,
  logConstant = 0,
): PairwiseBinaryModel & { readonly kind: Kind } {
  const numVariables = biases.length;
  const numEdges = weights.length;
  if (edgeSources.length !== numEdges || edgeTargets.length !== numEdges)
    throw new RangeError(
      `expected one source, target and weight an edge, got ${edgeSources.length}, ${edgeTargets.length} and ${numEdges}`,
    );
  mustBeFinite(logConstant, "the log constant");
  for (let i = 0; i < numVariables; i++)
    if (!isSummable(biases[i])) mustBeFinite(biases[i], `the bias of variable ${i}`);
  checkEdges(numVariables, edgeSources, edgeTargets, weights);
  const lists = neighbourLists(numVariables, edgeSources, edgeTargets);
  return { kind, numVariables, numEdges, biases, edgeSources, edgeTargets, weights, logConstant, ...lists };
}

function mustBeFinite(value: number, what: string): void {
  if (isSummable(value)) return;
  const size = Number.isFinite(value) ? ` of at most ${LARGEST_LOG} in size` : "";
  throw new RangeError(`${what} must be a finite number${size}, got ${value}`);
}

/** @throws RangeError naming the first edge that is out of range, out of order, repeated or not finite. */
function checkEdges(
  numVariables: number,
  edgeSources: Int32Array,
  edgeTargets: Int32Array,
  weights: Float64Array,
): void {
  for (let edge = 0, lastSource = -1, lastTarget = -1; edge < weights.length; edge++) {
    const [source, target] = [edgeSources[edge], edgeTargets[edge]];
    if (!(source >= 0 && source < target && target < numVariables))
      throw new RangeError(
        `edge ${edge} is ${source}-${target}, expected variables 0 to ${numVariables - 1}, the smaller one first`,
      );
    if (source === lastSource && target === lastTarget)
      throw new RangeError(`edge ${source}-${target} is given twice; add its weights up first`);
    if (source < lastSource || (source === lastSource && target < lastTarget))
      throw new RangeError(`edge ${source}-${target} stands after ${lastSource}-${lastTarget}; sort edges first`);
    if (!isSummable(weights[edge])) mustBeFinite(weights[edge], `the weight of edge ${source}-${target}`);
    [lastSource, lastTarget] = [source, target];
  }
}

/** Each variable's neighbours in increasing order, with the edges to them, from sorted edges. */
function neighbourLists(numVariables: number, edgeSources: Int32Array, edgeTargets: Int32Array) {
  const numEdges = edgeSources.length;
  const neighbourOffsets = new Int32Array(numVariables + 1);
  for (let edge = 0; edge < numEdges; edge++) {
    neighbourOffsets[edgeSources[edge] + 1]++;
    neighbourOffsets[edgeTargets[edge] + 1]++;
  }
  for (let i = 0; i < numVariables; i++) neighbourOffsets[i + 1] += neighbourOffsets[i];
  const neighbours = new Int32Array(2 * numEdges);
  const neighbourEdges = new Int32Array(2 * numEdges);
  const next = neighbourOffsets.slice(0, numVariables);
  // Smaller neighbours first, then larger ones: two passes over sorted edges leave every list in increasing order.
  for (let edge = 0; edge < numEdges; edge++) {
    neighbours[next[edgeTargets[edge]]] = edgeSources[edge];
    neighbourEdges[next[edgeTargets[edge]]++] = edge;
  }
  for (let edge = 0; edge < numEdges; edge++) {
    neighbours[next[edgeSources[edge]]] = edgeTargets[edge];
    neighbourEdges[next[edgeSources[edge]]++] = edge;
  }
  return { neighbourOffsets, neighbours, neighbourEdges };
}

/**
 * A Boltzmann machine over 0/1 variables.
 * @param biases h, one number a variable, natural log.
 * @param edges [i, j, J_ij] in any order, each pair at most once.
 * @throws RangeError naming the variable or edge that is out of range, repeated, a self-loop or not finite.
 */
export function boltzmannMachine(
  biases: ArrayLike<number>,
  edges: Iterable<WeightedEdge> = [],
  logConstant = 0,
): BoltzmannMachine {
  return compile("boltzmann", biases, edges, logConstant);
}

/**
 * An Ising model over -1/+1 variables; state index 0 is -1, state index 1 is +1.
 * @param biases b, one number a variable, natural log.
 * @param edges [i, j, J_ij] in any order, each pair at most once.
 * @throws RangeError naming the variable or edge that is out of range, repeated, a self-loop or not finite.
 */
export function isingModel(biases: ArrayLike<number>, edges: Iterable<WeightedEdge> = [], logConstant = 0): IsingModel {
  return compile("ising", biases, edges, logConstant);
}

/**
 * The same distribution and ln Z over 0/1 variables, with x = 2S - 1: J' = 4J, h = 2b - 2 sum_j J_ij, c' = c + sum J -
 * sum b.
 */
export function toBoltzmann(model: PairwiseBinaryModel): BoltzmannMachine {
  if (model.kind === "boltzmann") return model as BoltzmannMachine;
  const { edgeSources, edgeTargets } = model;
  const biases = model.biases.map((bias) => 2 * bias);
  let logConstant = model.logConstant;
  for (const bias of model.biases) logConstant -= bias;
  model.weights.forEach((weight, edge) => {
    biases[edgeSources[edge]] -= 2 * weight;
    biases[edgeTargets[edge]] -= 2 * weight;
    logConstant += weight;
  });
  return { ...model, kind: "boltzmann", biases, weights: model.weights.map((weight) => 4 * weight), logConstant };
}

/**
 * The same distribution and ln Z over -1/+1 variables, with S = (x + 1)/2: J' = J/4, b = h/2 + sum_j J_ij/4, c' = c +
 * sum h/2 + sum J/4.
 */
export function toIsing(model: PairwiseBinaryModel): IsingModel {
  if (model.kind === "ising") return model as IsingModel;
  const { edgeSources, edgeTargets } = model;
  const biases = model.biases.map((bias) => bias / 2);
  let logConstant = model.logConstant;
  for (const bias of biases) logConstant += bias;
  const weights = model.weights.map((weight) => weight / 4);
  weights.forEach((weight, edge) => {
    biases[edgeSources[edge]] += weight;
    biases[edgeTargets[edge]] += weight;
    logConstant += weight;
  });
  return { ...model, kind: "ising", biases, weights, logConstant };
}

/**
 * ln p~ of one joint state, natural log, the constant included.
 * @param states one state index (0 or 1) a variable, for both kinds; index 0 of an Ising variable is x = -1.
 */
export function logPotential(model: PairwiseBinaryModel, states: ArrayLike<number>): number {
  if (states.length !== model.numVariables)
    throw new RangeError(`expected ${model.numVariables} states, got ${states.length}`);
  const value = model.kind === "ising" ? (state: number) => 2 * state - 1 : (state: number) => state;
  let total = model.logConstant;
  for (let i = 0; i < model.numVariables; i++) total += model.biases[i] * value(states[i]);
  for (let edge = 0; edge < model.numEdges; edge++)
    total += model.weights[edge] * value(states[model.edgeSources[edge]]) * value(states[model.edgeTargets[edge]]);
  return total;
}
