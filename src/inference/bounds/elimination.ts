/**
 * What the three recursions share: Z_n(h, J) is bounded by e^{prefactor} Z_{n-1}(h~, J~) again and again (Jaakkola &
 * Jordan 1996, Eq. 3), and what is left at the end is finished exactly.
 */
import { boltzmannMachine, type BoltzmannMachine, type WeightedEdge } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import { createExactFinish, type ExactFinish } from "./exact-finish.ts";

/**
 * The bound of a whole elimination as a function of all its variational parameters. Every parameter value gives a valid
 * bound.
 */
export interface Elimination {
  readonly numParameters: number;
  /** Writes a sensible starting point; a random one if a generator is given. */
  start(parameters: Float64Array, random?: Random): void;
  /**
   * The bound on ln Z (the model's constant included), natural log, and its gradient: Float64Array[numParameters],
   * overwritten. Never NaN: where float64 overflows, the vacuous bound (+Infinity above, -Infinity below) with gradient
   * 0.
   */
  evaluate(parameters: Float64Array, gradient: Float64Array): number;
  /**
   * The parameters as the paper writes them (mu, q or xi), one row an eliminated variable in the order of elimination.
   */
  describe(parameters: Float64Array): Float64Array[];
  /**
   * Float64Array[numVariables], by position, as of the last evaluation: d bound / d h, which for the lower bound is p(S
   * = 1) of the distribution that it comes from.
   */
  readonly means: Float64Array;
  /**
   * As of the last evaluation: d bound / d J_pq to `into` at the model's index of q in p's row, p < q; the rest is left
   * alone.
   */
  pairMeans?(into: Float64Array): void;
}

/**
 * A model with its variables in the order of elimination: position p holds variable order[p]. Biases and weights are
 * read at each evaluation, so whoever made the model may change them in between.
 */
export interface OrderedModel {
  readonly numVariables: number;
  readonly numEliminated: number;
  /** Float64Array[numVariables], by position. */
  readonly biases: Float64Array;
  /** Int32Array[numVariables + 1]: the neighbours of position p stand at offsets[p] ... offsets[p + 1] - 1. */
  readonly offsets: Int32Array;
  /** Int32Array[numVariables]: of these, the neighbours after p in the order stand from firstLater[p] on. */
  readonly firstLater: Int32Array;
  /** Int32Array[2 numEdges]: positions, increasing for each p. Edges of weight 0 are left out. */
  readonly targets: Int32Array;
  /** Float64Array[2 numEdges]. */
  readonly weights: Float64Array;
  readonly logConstant: number;
}

/** @param order Int32Array[numVariables]: the first `numEliminated` are eliminated in this order, the others remain. */
export function orderModel(model: BoltzmannMachine, order: Int32Array, numEliminated: number): OrderedModel {
  const n = model.numVariables;
  const position = new Int32Array(n);
  order.forEach((variable, p) => (position[variable] = p));
  const offsets = new Int32Array(n + 1);
  const firstLater = new Int32Array(n);
  const targets: number[] = [];
  const weights: number[] = [];
  for (let p = 0; p < n; p++) {
    const row = neighbourWeights(model, order[p])
      .filter(([, weight]) => weight !== 0)
      .map(([j, weight]): [number, number] => [position[j], weight])
      .sort((a, b) => a[0] - b[0]);
    firstLater[p] = offsets[p] + row.filter(([target]) => target < p).length;
    offsets[p + 1] = offsets[p] + row.length;
    for (const [target, weight] of row) {
      targets.push(target);
      weights.push(weight);
    }
  }
  return {
    numVariables: n,
    numEliminated,
    biases: Float64Array.from(order, (variable) => model.biases[variable]),
    offsets,
    firstLater,
    targets: Int32Array.from(targets),
    weights: Float64Array.from(weights),
    logConstant: model.logConstant,
  };
}

/** The model among the positions that are not eliminated, for a recursion that leaves its weights as they are. */
export interface Remainder {
  readonly finish: ExactFinish;
  /** ln Z with the biases fields[numEliminated ...]. */
  run(fields: Float64Array): number;
  /** Copies the pair means of the last run to the model's indices. */
  pairMeans(into: Float64Array): void;
}

/** @throws RangeError when it is too densely connected to be finished exactly. */
export function remainder({
  numVariables,
  numEliminated,
  firstLater,
  offsets,
  targets,
  weights,
}: OrderedModel): Remainder {
  const sources: number[] = [];
  const places: number[] = [];
  for (let p = numEliminated; p < numVariables; p++)
    for (let at = firstLater[p]; at < offsets[p + 1]; at++) {
      sources.push(p - numEliminated);
      places.push(at);
    }
  const finish = createExactFinish({
    numVariables: numVariables - numEliminated,
    sources: Int32Array.from(sources),
    targets: Int32Array.from(places, (at) => targets[at] - numEliminated),
  });
  const indices = Int32Array.from(places);
  const restWeights = new Float64Array(indices.length);
  return {
    finish,
    run(fields) {
      for (let edge = 0; edge < indices.length; edge++) restWeights[edge] = weights[indices[edge]];
      return finish.run(fields, numEliminated, restWeights);
    },
    pairMeans(into) {
      for (let edge = 0; edge < indices.length; edge++) into[indices[edge]] = finish.pairMeans[edge];
    },
  };
}

/**
 * The model after one elimination: `variable` is taken out and the variables above it move down by one.
 * @param prefactor added to the constant, natural log.
 * @param addToBias what neighbour j's bias gains, given the weight J_ij.
 * @param addToWeight what the weight of two neighbours j and k gains, given J_ij and J_ik. Absent: weights do not
 *   change.
 */
export function withoutVariable(
  model: BoltzmannMachine,
  variable: number,
  prefactor: number,
  addToBias: (weight: number, neighbour: number) => number,
  addToWeight?: (weightJ: number, weightK: number) => number,
): BoltzmannMachine {
  const neighbours = neighbourWeights(model, variable);
  const renumber = (i: number): number => (i > variable ? i - 1 : i);
  const biases = model.biases.slice();
  for (const [j, weight] of neighbours) biases[j] += addToBias(weight, j);
  const key = (j: number, k: number): number => j * model.numVariables + k;
  const weights = new Map<number, WeightedEdge>();
  model.weights.forEach((weight, edge) => {
    const [i, j] = [model.edgeSources[edge], model.edgeTargets[edge]];
    if (i !== variable && j !== variable) weights.set(key(i, j), [renumber(i), renumber(j), weight]);
  });
  if (addToWeight)
    neighbours.forEach(([j, weightJ], at) => {
      for (const [k, weightK] of neighbours.slice(at + 1)) {
        const before = weights.get(key(j, k))?.[2] ?? 0;
        weights.set(key(j, k), [renumber(j), renumber(k), before + addToWeight(weightJ, weightK)]);
      }
    });
  const kept = biases.filter((_, i) => i !== variable);
  return boltzmannMachine(kept, weights.values(), model.logConstant + prefactor);
}

/**
 * [j, J_ij] for every neighbour of `variable`, j increasing.
 * @throws RangeError if there is no such variable.
 */
export function neighbourWeights(model: BoltzmannMachine, variable: number): [number, number][] {
  if (!Number.isInteger(variable) || variable < 0 || variable >= model.numVariables)
    throw new RangeError(`there is no variable ${variable}, expected 0 to ${model.numVariables - 1}`);
  const [from, to] = [model.neighbourOffsets[variable], model.neighbourOffsets[variable + 1]];
  return Array.from(model.neighbours.subarray(from, to), (j, at): [number, number] => [
    j,
    model.weights[model.neighbourEdges[from + at]],
  ]);
}
