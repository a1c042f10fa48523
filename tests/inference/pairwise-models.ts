/**
 * Random pairwise models and the slowest exact inference there is: the oracle of the tests about pairwise binary
 * models.
 */
import { boltzmannMachine, isingModel, logPotential, type PairwiseBinaryModel } from "../../src/graph/pairwise.ts";
import { Random } from "../../src/graph/random.ts";

export interface PairwiseShape {
  readonly kind: "boltzmann" | "ising";
  readonly numVariables: number;
  readonly edgeProbability: number;
  readonly maxWeight: number;
  readonly maxBias: number;
}

/**
 * A random model; what the shape leaves open is drawn: n = 0 ... 8, empty to dense, weights up to +-6, some of them
 * zero.
 */
export function randomPairwise(seed: number, shape: Partial<PairwiseShape> = {}): PairwiseBinaryModel {
  const random = Random.fromSeed(seed).split("model");
  const kind = random.bernoulli() ? "boltzmann" : "ising";
  const numVariables = random.integer(9);
  const edgeProbability = [0, 0.2, 0.5, 1][random.integer(4)];
  const maxWeight = [0.3, 1, 3, 6][random.integer(4)];
  const maxBias = [0, 1, 5][random.integer(3)];
  const drawn = { kind, numVariables, edgeProbability, maxWeight, maxBias, ...shape };
  const edges: [number, number, number][] = [];
  for (let i = 0; i < drawn.numVariables; i++)
    for (let j = i + 1; j < drawn.numVariables; j++)
      if (random.bernoulli(drawn.edgeProbability))
        edges.push([i, j, random.bernoulli(0.1) ? 0 : random.uniform(-drawn.maxWeight, drawn.maxWeight)]);
  const biases = Array.from({ length: drawn.numVariables }, () => random.uniform(-drawn.maxBias, drawn.maxBias));
  return (drawn.kind === "ising" ? isingModel : boltzmannMachine)(biases, edges, random.uniform(-2, 2));
}

/** All 2^n vectors of state indices. */
export function allStates(numVariables: number): number[][] {
  return Array.from({ length: 2 ** numVariables }, (_, index) =>
    Array.from({ length: numVariables }, (_, i) => Math.floor(index / 2 ** i) % 2),
  );
}

/** ln Z, p(S_i = 1) and p(S_i = a, S_j = b) by direct summation, and the best ln p~. */
export function naive(model: PairwiseBinaryModel) {
  const states = allStates(model.numVariables);
  const logs = states.map((state) => logPotential(model, state));
  const best = Math.max(...logs);
  const total = logs.reduce((sum, log) => sum + Math.exp(log - best), 0);
  const probabilities = logs.map((log) => Math.exp(log - best) / total);
  const probability = (holds: (state: number[]) => boolean): number =>
    probabilities.reduce((sum, p, index) => (holds(states[index]) ? sum + p : sum), 0);
  return { logZ: best + Math.log(total), best, probability };
}
