/**
 * Learning a two-layer sigmoid belief network by gradient ascent on the mean of ln p(v), or of a lower bound on it
 * (posterior.ts). Full batches, Adam (Kingma & Ba 2015); everything random comes from the given stream, so a run
 * repeats itself.
 */
import type { Random } from "../../graph/random.ts";
import { sigmoidBeliefNetwork, type ChainGraph, type DirectedEdge } from "../../graph/chain-graph.ts";
import { posteriorOf, type PosteriorName, type SigmoidParameters } from "./posterior.ts";

export interface SigmoidTrainingOptions {
  readonly method: PosteriorName;
  readonly numHidden: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly random: Random;
}

export interface TrainedSigmoidNetwork {
  readonly parameters: SigmoidParameters;
  /** What was maximised, mean a vector, natural log; one an epoch, before its step. */
  readonly objective: readonly number[];
}

/**
 * @param data Uint8Array[numVisible * count], 0 or 1, vector by vector.
 * @throws RangeError when the data is no whole number of vectors.
 */
export function trainSigmoidNetwork(
  data: Uint8Array,
  numVisible: number,
  { method, numHidden, epochs, learningRate, random }: SigmoidTrainingOptions,
): TrainedSigmoidNetwork {
  const count = data.length / numVisible;
  if (!Number.isInteger(count) || count === 0)
    throw new RangeError(`expected whole vectors of ${numVisible} numbers, got ${data.length} numbers`);
  const values = new Float64Array(numHidden + numVisible + numHidden * numVisible);
  for (let at = numHidden + numVisible; at < values.length; at++) values[at] = random.normal(0, 0.5);
  // Visible biases start at the data's log odds.
  for (let i = 0; i < numVisible; i++) {
    let ones = 0.5;
    for (let n = 0; n < count; n++) ones += data[n * numVisible + i];
    values[numHidden + i] = Math.log(ones / (count + 1 - ones));
  }
  const parameters: SigmoidParameters = { numHidden, numVisible, values };
  const gradient = new Float64Array(values.length);
  const [first, second] = [new Float64Array(values.length), new Float64Array(values.length)];
  const objective: number[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    gradient.fill(0);
    objective.push(meanLogLikelihood(data, parameters, method, gradient));
    const rate = (learningRate * Math.sqrt(1 - 0.999 ** epoch)) / (1 - 0.9 ** epoch);
    for (let at = 0; at < values.length; at++) {
      const slope = gradient[at] / count;
      first[at] = 0.9 * first[at] + 0.1 * slope;
      second[at] = 0.999 * second[at] + 0.001 * slope * slope;
      values[at] += (rate * first[at]) / (Math.sqrt(second[at]) + 1e-8);
    }
  }
  return { parameters, objective };
}

/**
 * Mean of ln p(v), or of the method's bound on it, natural log.
 * @param gradient if given, the gradient of the sum is added to it.
 */
export function meanLogLikelihood(
  data: Uint8Array,
  parameters: SigmoidParameters,
  method: PosteriorName,
  gradient = new Float64Array(parameters.values.length),
): number {
  const { numHidden, numVisible } = parameters;
  const posterior = posteriorOf(method, numHidden, numVisible);
  const count = data.length / numVisible;
  let total = 0;
  for (let n = 0; n < count; n++)
    total += posterior(data.subarray(n * numVisible, (n + 1) * numVisible), parameters, gradient);
  return total / count;
}

/** The network as a chain graph: hidden variables first, then the visible ones. */
export function sigmoidChain({ numHidden: K, numVisible: V, values }: SigmoidParameters): ChainGraph {
  const edges = Array.from({ length: V * K }, (_, at): DirectedEdge => [
    at % K,
    K + Math.floor(at / K),
    values[K + V + at],
  ]);
  return sigmoidBeliefNetwork(values.subarray(0, K + V), edges);
}
