/** The oracle of message passing: every joint state, one after the other. */
import { factorGraph, logScore, scopeOf, type FactorGraph } from "../../../src/graph/factor-graph.ts";
import { isingModel, type IsingModel } from "../../../src/graph/pairwise.ts";
import type { Random } from "../../../src/graph/random.ts";

export interface BruteForce {
  readonly logZ: number;
  readonly marginals: number[][];
  readonly factorMarginals: number[][];
  readonly bestScore: number;
}

export function bruteForce(graph: FactorGraph): BruteForce {
  const { numVariables, numFactors, cardinalities, tableOffsets } = graph;
  const scores: number[] = [];
  const all: number[][] = [];
  const states = new Array<number>(numVariables).fill(0);
  for (;;) {
    scores.push(logScore(graph, states));
    all.push(states.slice());
    let at = numVariables - 1;
    while (at >= 0 && ++states[at] === cardinalities[at]) states[at--] = 0;
    if (at < 0) break;
  }
  const bestScore = scores.reduce((best, score) => Math.max(best, score), -Infinity);
  const logZ =
    bestScore === -Infinity
      ? -Infinity
      : bestScore + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - bestScore), 0));
  const marginals = Array.from(cardinalities, (cardinality) => new Array<number>(cardinality).fill(0));
  const factorMarginals = Array.from({ length: numFactors }, (_, factor) =>
    new Array<number>(tableOffsets[factor + 1] - tableOffsets[factor]).fill(0),
  );
  all.forEach((joint, at) => {
    const probability = Math.exp(scores[at] - logZ);
    joint.forEach((state, variable) => (marginals[variable][state] += probability));
    for (let factor = 0; factor < numFactors; factor++) {
      const index = scopeOf(graph, factor).reduce(
        (sum, variable) => sum * cardinalities[variable] + joint[variable],
        0,
      );
      factorMarginals[factor][index] += probability;
    }
  });
  return { logZ, marginals, factorMarginals, bestScore };
}

export interface RandomGraphOptions {
  readonly numVariables: number;
  readonly numFactors?: number;
  readonly minCardinality?: number;
  readonly maxCardinality?: number;
  readonly maxArity?: number;
  /** Standard deviation of the log-potentials. */
  readonly strength?: number;
  /** Probability that a table entry is -Infinity. */
  readonly forbidden?: number;
  /** A forest: each factor joins variables of different components. */
  readonly forest?: boolean;
}

/** Random cardinalities, scopes and tables, with some isolated variables, unary and constant factors. */
export function randomFactorGraph(random: Random, options: RandomGraphOptions): FactorGraph {
  const {
    numVariables,
    minCardinality = 1,
    maxCardinality = 3,
    maxArity = 3,
    strength = 1,
    forbidden = 0,
    forest = false,
  } = options;
  const numFactors = options.numFactors ?? numVariables + 2;
  const cardinalities = Array.from(
    { length: numVariables },
    () => minCardinality + random.integer(maxCardinality - minCardinality + 1),
  );
  const component = Array.from({ length: numVariables }, (_, i) => i);
  const factors = Array.from({ length: numFactors }, () => {
    const arity = Math.min(random.integer(maxArity + 1), numVariables);
    const variables: number[] = [];
    for (const variable of random.permutation(numVariables)) {
      if (variables.length === arity) break;
      if (!forest || variables.every((other) => component[other] !== component[variable])) variables.push(variable);
    }
    const joined = variables.map((variable) => component[variable]);
    component.forEach((root, variable) => {
      if (joined.includes(root)) component[variable] = joined[0];
    });
    const size = variables.reduce((product, variable) => product * cardinalities[variable], 1);
    const logPotentials = Array.from({ length: size }, () =>
      size > 1 && random.bernoulli(forbidden) ? -Infinity : random.normal(0, strength),
    );
    return { variables, logPotentials };
  });
  return factorGraph(cardinalities, factors);
}

/** The same model as a factor graph: one factor a bias, one an edge, then the constant. */
export function toFactorGraph(model: IsingModel): FactorGraph {
  return factorGraph(new Array<number>(model.numVariables).fill(2), [
    ...Array.from(model.weights, (weight, edge) => ({
      variables: [model.edgeSources[edge], model.edgeTargets[edge]],
      logPotentials: [weight, -weight, -weight, weight],
    })),
    ...Array.from(model.biases, (bias, i) => ({ variables: [i], logPotentials: [-bias, bias] })),
    { variables: [], logPotentials: [model.logConstant] },
  ]);
}

export interface RandomIsingOptions {
  readonly numVariables: number;
  /** Probability of an edge, or a random tree. */
  readonly edges: number | "tree";
  readonly bias: number;
  readonly weight: number;
  readonly attractive?: boolean;
}

export function randomIsing(
  random: Random,
  { numVariables, edges, bias, weight, attractive }: RandomIsingOptions,
): IsingModel {
  const pairs: [number, number, number][] = [];
  const draw = (): number => (attractive ? Math.abs(random.normal(0, weight)) : random.normal(0, weight));
  for (let j = 1; j < numVariables; j++) {
    if (edges === "tree") pairs.push([random.integer(j), j, draw()]);
    else for (let i = 0; i < j; i++) if (random.bernoulli(edges)) pairs.push([i, j, draw()]);
  }
  return isingModel(
    Array.from({ length: numVariables }, () => random.normal(0, bias)),
    pairs,
    random.normal(),
  );
}

/** The largest difference of two lists of distributions. */
export function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  return Math.max(0, ...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i][j]))));
}
