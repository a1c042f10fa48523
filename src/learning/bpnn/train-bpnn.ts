/**
 * Training of Kuck et al. 2020: mean squared error between the network's and the exact ln Z.
 *
 *   L = mean over graphs of (ln Z^ - ln Z)^2,  natural log
 *
 * BPNN-D is trained with a number of iterations drawn anew for each step (the authors': 5 to 29), so that it learns to
 * be quick and not only right at the end.
 */
import type * as Tf from "@tensorflow/tfjs";
import { Random } from "../../graph/random.ts";
import { tf } from "../../tensor/tf.ts";
import type { TrainingSettings } from "../training/options.ts";
import { train, type TrainingResult, type TrainingRun } from "../training/train.ts";
import { disposeBatch, factorGraphBatch, type FactorGraphBatch } from "./batch.ts";
import type { PartitionExample } from "./examples.ts";
import { BeliefPropagationNetwork, type BpnnShape } from "./network.ts";
import { packFactorGraphs } from "./packed-factor-graphs.ts";

/** What decides a training's numbers, as JSON values. */
export type BpnnConfiguration = {
  readonly kind: "bpnn";
  readonly shape: BpnnShape;
  /** Iterations of a step are drawn from [0] to [1]; absent: as many as the network has layers. */
  readonly iterations?: readonly [number, number];
  /** How the examples were made. */
  readonly data: unknown;
  readonly training: TrainingSettings;
  /** The validation loss is computed every so many epochs and stands for those until the next. */
  readonly validateEvery: number;
};

export interface BpnnExamples {
  readonly training: readonly PartitionExample[];
  /** Decides which epoch's weights stay. */
  readonly validation: readonly PartitionExample[];
}

interface Prepared {
  readonly batch: FactorGraphBatch;
  /** Exact ln Z without the packed graphs' scales: [numGraphs]. */
  readonly targets: Tf.Tensor1D;
}

function prepare(examples: readonly PartitionExample[]): Prepared {
  const packed = packFactorGraphs(examples.map(({ graph }) => graph));
  return {
    batch: factorGraphBatch(packed),
    targets: tf.tensor1d(Float32Array.from(examples, ({ logZ }, graph) => logZ - packed.logScales[graph])),
  };
}

function squaredError(network: BeliefPropagationNetwork, { batch, targets }: Prepared, layers?: number): Tf.Scalar {
  return tf.mean(tf.squaredDifference(network.run(batch, layers).logZ, targets));
}

/** A network trained from belief propagation on. The caller disposes it. */
export async function trainBpnn(
  configuration: BpnnConfiguration,
  examples: BpnnExamples,
  run: TrainingRun = {},
): Promise<{ network: BeliefPropagationNetwork; result: TrainingResult }> {
  const { shape, iterations, training, validateEvery } = configuration;
  const network = new BeliefPropagationNetwork(shape, Random.fromSeed(training.seed).split("weights"));
  const whole = training.batchSize >= examples.training.length ? prepare(examples.training) : undefined;
  const validation = prepare(examples.validation);
  try {
    const result = await train(
      {
        parameters: network.parameters,
        numExamples: examples.training.length,
        loss: (batch, random) => {
          const layers = iterations && iterations[0] + random.integer(iterations[1] - iterations[0] + 1);
          const prepared = whole ?? prepare(Array.from(batch, (index) => examples.training[index]));
          return squaredError(network, prepared, layers);
        },
        validate: () => tf.tidy(() => squaredError(network, validation).dataSync()[0]),
        validateEvery,
        configuration,
      },
      training,
      run,
    );
    return { network, result };
  } catch (error) {
    network.dispose();
    throw error;
  } finally {
    disposePrepared(validation);
    if (whole) disposePrepared(whole);
  }
}

function disposePrepared({ batch, targets }: Prepared): void {
  targets.dispose();
  disposeBatch(batch);
}
