/**
 * The family of graph isomorphism networks, and their training on the mean squared error of ln Z.
 *
 *   L = mean over graphs of (ln Z^ - ln Z)^2,  natural log
 */
import type * as Tf from "@tensorflow/tfjs";
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { tf } from "../../tensor/tf.ts";
import { ModelFamily, type Trained } from "../model-family.ts";
import type { TrainingSettings } from "../training/options.ts";
import { train, type TrainingResult, type TrainingRun } from "../training/train.ts";
import { ginBatch, GraphIsomorphismNetwork, type FeatureGraph, type GinShape } from "./network.ts";

const size = z.int().min(1);
const configurationSchema = z.object({
  kind: z.literal("gin"),
  shape: z.strictObject({ numLayers: size, width: size, nodeFeatures: size, edgeFeatures: size }),
});

/** What decides a training's numbers, as JSON values. */
export interface GinConfiguration {
  readonly kind: "gin";
  readonly shape: GinShape;
  /** How the examples were made. */
  readonly data: unknown;
  readonly training: TrainingSettings;
  /** The validation loss is computed every so many epochs and stands for those until the next. */
  readonly validateEvery: number;
}

export interface GinExample {
  readonly graph: FeatureGraph;
  /** Exact, natural log. */
  readonly logZ: number;
}

export interface GinExamples {
  readonly training: readonly GinExample[];
  /** Decides which epoch's weights stay. */
  readonly validation: readonly GinExample[];
}

export type TrainedGin = Trained<GraphIsomorphismNetwork, z.infer<typeof configurationSchema>>;

export const ginFamily = new ModelFamily({
  kind: "gin",
  schema: configurationSchema,
  create: ({ shape }) => new GraphIsomorphismNetwork(shape, Random.fromSeed(0)),
  train: trainGin,
});

/** A network with weights from the seed, trained. The caller disposes it. */
async function trainGin(
  configuration: GinConfiguration,
  examples: GinExamples,
  run: TrainingRun = {},
): Promise<{ network: GraphIsomorphismNetwork; result: TrainingResult }> {
  const { shape, training, validateEvery } = configuration;
  const network = new GraphIsomorphismNetwork(shape, Random.fromSeed(training.seed).split("weights"));
  const loss = (list: readonly GinExample[]) => {
    const graphs = list.map(({ graph }) => graph);
    const targets = tf.tensor1d(list.map(({ logZ }) => logZ));
    return tf.mean<Tf.Scalar>(tf.squaredDifference(network.logZ(ginBatch(graphs, shape)), targets));
  };
  try {
    const result = await train(
      {
        parameters: network.parameters,
        numExamples: examples.training.length,
        loss: (batch) => loss(Array.from(batch, (index) => examples.training[index])),
        validate: () => tf.tidy(() => loss(examples.validation).dataSync()[0]),
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
  }
}
