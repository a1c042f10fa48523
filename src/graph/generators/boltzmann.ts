/** Random Boltzmann machines over 0/1 variables. */
import { boltzmannMachine, type BoltzmannMachine, type WeightedEdge } from "../pairwise.ts";
import type { Random } from "../random.ts";

/** Biases: one number a variable, or the largest magnitude of biases drawn uniformly. Default: all zero. */
export type Biases = ArrayLike<number> | number;

/**
 * Fully connected, weights uniform in [-maxWeight, maxWeight): the networks of Jaakkola & Jordan 1996, Figure 3.
 * @throws RangeError unless the number of variables is a non-negative integer and the magnitudes are finite.
 */
export function fullyConnectedBoltzmann(
  numVariables: number,
  maxWeight: number,
  random: Random,
  biases: Biases = 0,
): BoltzmannMachine {
  return randomBoltzmann(numVariables, 1, maxWeight, random, biases);
}

/**
 * Every pair connected with the given probability (Erdos-Renyi G(n, p)), weights uniform in [-maxWeight, maxWeight).
 * Weights, presence of edges and biases come from streams of their own, so changing one leaves the others as they were.
 * @throws RangeError for a number of variables, probability or magnitude out of range.
 */
export function randomBoltzmann(
  numVariables: number,
  edgeProbability: number,
  maxWeight: number,
  random: Random,
  biases: Biases = 0,
): BoltzmannMachine {
  if (!Number.isInteger(numVariables) || numVariables < 0)
    throw new RangeError(`the number of variables must be a non-negative integer, got ${numVariables}`);
  if (!(edgeProbability >= 0 && edgeProbability <= 1))
    throw new RangeError(`the edge probability must lie in [0, 1], got ${edgeProbability}`);
  if (!Number.isFinite(maxWeight)) throw new RangeError(`the largest weight must be finite, got ${maxWeight}`);
  if (typeof biases !== "number" && biases.length !== numVariables)
    throw new RangeError(`expected ${numVariables} biases, got ${biases.length}`);
  const weightStream = random.split("weights");
  const edgeStream = random.split("edges");
  const biasStream = random.split("biases");
  const edges: WeightedEdge[] = [];
  for (let i = 0; i < numVariables; i++)
    for (let j = i + 1; j < numVariables; j++) {
      const weight = weightStream.uniform(-maxWeight, maxWeight);
      if (edgeStream.bernoulli(edgeProbability)) edges.push([i, j, weight]);
    }
  const drawn =
    typeof biases === "number"
      ? Float64Array.from({ length: numVariables }, () => (biases === 0 ? 0 : biasStream.uniform(-biases, biases)))
      : biases;
  return boltzmannMachine(drawn, edges);
}
