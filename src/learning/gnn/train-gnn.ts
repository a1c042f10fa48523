/**
 * Training of Yoon et al. 2018, section 5.1: cross-entropy between the exact target q_i (the marginal, or the delta at
 * the MAP state) and the network's p_i.
 *
 *   L = - mean over variables of [ q_i ln p_i + (1 - q_i) ln(1 - p_i) ],  natural log
 *
 * The paper prints the sum over variables; Adam does not see the difference. It names neither batch size nor what the
 * window of early stopping is: here batches of 50 models, and training ends after 20 epochs without a lower validation
 * loss.
 */
import type * as Tf from "@tensorflow/tfjs";
import { Random } from "../../graph/random.ts";
import { train, type TrainingResult, type TrainingRun } from "../training/train.ts";
import type { TrainingOptions, TrainingSettings } from "../training/options.ts";
import type { GnnExample } from "./data.ts";
import { GraphNeuralNetwork, graphTensors, type GnnShape } from "./network.ts";
import { packGraphs } from "./packed-graphs.ts";
import { tf } from "../../tensor/tf.ts";

export const gnnTargets = ["marginals", "map"] as const;
export type GnnTarget = (typeof gnnTargets)[number];

/** Section 5.1; seed aside. */
export const paperGnnTraining = {
  optimizer: "adam",
  learningRate: 0.001,
  batchSize: 50,
  maxEpochs: 2000,
  window: 20,
} as const satisfies TrainingOptions;

/** What decides a training's numbers, as JSON values. */
export interface GnnConfiguration<Data = unknown> {
  readonly kind: "gnn";
  readonly shape: GnnShape;
  readonly target: GnnTarget;
  /** How the examples were made. */
  readonly data: Data;
  readonly training: TrainingSettings;
}

export interface GnnExamples {
  readonly training: readonly GnnExample[];
  /** Decides which epoch's weights stay. */
  readonly validation: readonly GnnExample[];
}

/** A network with weights from the seed of the training's settings, trained. The caller disposes it. */
export async function trainGnn(
  configuration: GnnConfiguration,
  examples: GnnExamples,
  run: TrainingRun = {},
): Promise<{ network: GraphNeuralNetwork; result: TrainingResult }> {
  const { shape, target, data, training } = configuration;
  const network = new GraphNeuralNetwork(shape, Random.fromSeed(training.seed).split("weights"));
  const validation = prepare(examples.validation, target);
  try {
    const result = await train(
      {
        parameters: network.parameters,
        numExamples: examples.training.length,
        loss: (batch) => {
          const drawn = Array.from(batch, (index) => examples.training[index]);
          return crossEntropy(network, prepare(drawn, target));
        },
        validate: () => tf.tidy(() => crossEntropy(network, validation).dataSync()[0]),
        configuration: { kind: "gnn", shape, target, data },
      },
      training,
      run,
    );
    return { network, result };
  } catch (error) {
    network.dispose();
    throw error;
  }
}

interface Prepared {
  readonly packed: ReturnType<typeof packGraphs>;
  /** Float32Array[numNodes] */
  readonly targets: Float32Array;
}

function prepare(examples: readonly GnnExample[], target: GnnTarget): Prepared {
  const packed = packGraphs(examples.map(({ model }) => model));
  const targets = new Float32Array(packed.numNodes);
  examples.forEach((example, g) =>
    targets.set(target === "map" ? example.mapStates : example.probabilities, packed.nodeOffsets[g]),
  );
  return { packed, targets };
}

/** With logit a: -q ln p - (1 - q) ln(1 - p) = softplus(a) - q a. */
function crossEntropy(network: GraphNeuralNetwork, { packed, targets }: Prepared): Tf.Scalar {
  const logits = network.logits(graphTensors(packed));
  const q = tf.tensor2d(targets, [targets.length, 1]);
  return tf.mean<Tf.Scalar>(tf.sub(tf.softplus(logits), tf.mul(q, logits)));
}
