/**
 * The GIN baselines of Kuck et al. 2020, trained on the same problems as their BPNNs (bpnn/paper-networks.ts):
 *
 *   gin-ising   10 layers of width 4 on Ising models      gin-sbm   20 layers of width 4 on the stochastic block model
 */
import path from "node:path";
import { Random } from "../../graph/random.ts";
import { tf } from "../../tensor/tf.ts";
import { kuckData, kuckModelsFolder, kuckTrainingFolder, readExpected } from "./networks.ts";
import { keptTraining, type KeptRun } from "../../learning/training/kept-training.ts";
import { trainingSettings, type TrainingOptions } from "../../learning/training/options.ts";
import type { SavedModel } from "../../learning/training/saved-model.ts";
import { loadParameters } from "../../learning/training/tensors-as-text.ts";
import { train, type TrainingRun } from "../../learning/training/train.ts";
import { blockModelFeatureGraph, blockModelFeatures, isingFeatureGraph, isingFeatures } from "./gin-features.ts";
import { ginBatch, GraphIsomorphismNetwork, type FeatureGraph, type GinShape } from "../../learning/gin/network.ts";

const recipes = {
  "gin-ising": {
    shape: { numLayers: 10, width: 4, ...isingFeatures },
    data: "ising",
    validateEvery: 10,
    training: {
      optimizer: "adam",
      batchSize: 50,
      learningRate: 0.005,
      schedule: { kind: "step", every: 2000, factor: 0.5 },
      maxEpochs: 5000,
    },
  },
  "gin-sbm": {
    shape: { numLayers: 20, width: 4, ...blockModelFeatures },
    data: "blockModel",
    validateEvery: 5,
    training: { optimizer: "adam", batchSize: 16, learningRate: 0.0002, maxEpochs: 300 },
  },
} as const satisfies Record<
  string,
  {
    readonly shape: GinShape;
    readonly data: keyof typeof kuckData;
    readonly validateEvery: number;
    readonly training: TrainingOptions;
  }
>;
export type GinName = keyof typeof recipes;

export interface TrainedGin {
  readonly network: GraphIsomorphismNetwork;
  readonly model: SavedModel;
  readonly seed: number;
}

interface GinExample {
  readonly graph: FeatureGraph;
  /** Exact, natural log. */
  readonly logZ: number;
}

function examplesOf(name: GinName, seed: number): Record<"training" | "validation", GinExample[]> {
  if (name === "gin-ising") {
    const { training, validation } = kuckData.ising.examples(seed);
    const convert = (list: typeof training) =>
      list.map(({ model, logZ }) => ({ graph: isingFeatureGraph(model), logZ }));
    return { training: convert(training), validation: convert(validation) };
  }
  const { training, validation } = kuckData.blockModel.examples(seed);
  const convert = (list: typeof training) =>
    list.map((one) => ({ graph: blockModelFeatureGraph(one), logZ: one.logZ }));
  return { training: convert(training), validation: convert(validation) };
}

export function ginConfiguration(name: GinName, seed: number) {
  const { shape, data, training, validateEvery } = recipes[name];
  return {
    kind: "gin",
    shape,
    data: kuckData[data].describe(seed),
    training: trainingSettings({ ...training, seed }),
    validateEvery,
  };
}

/**
 * Trains one GIN on the mean squared error of ln Z and saves it to `<folder>/<name>-<seed>.json`: see `keptTraining`.
 */
export function trainGin(name: GinName, seed: number, folder: string, run: KeptRun = {}): Promise<SavedModel> {
  const configuration = ginConfiguration(name, seed);
  return keptTraining(
    { name: `${name}-${seed}`, configuration, train: (whole) => fitGin(name, seed, configuration, whole) },
    folder,
    run,
  );
}

/** A network with weights from the seed, trained. The caller disposes it. */
async function fitGin(
  name: GinName,
  seed: number,
  configuration: ReturnType<typeof ginConfiguration>,
  run: TrainingRun,
) {
  const { shape, training, validateEvery } = configuration;
  const examples = examplesOf(name, seed);
  const network = new GraphIsomorphismNetwork(shape, Random.fromSeed(seed).split("weights"));
  const loss = (list: readonly GinExample[]) => {
    const batch = ginBatch(list.map(({ graph }) => graph), shape); // prettier-ignore
    const targets = tf.tensor1d(list.map(({ logZ }) => logZ));
    return tf.mean<import("@tensorflow/tfjs").Scalar>(tf.squaredDifference(network.logZ(batch), targets));
  };
  let sinceValidation = 0;
  let validationLoss = NaN;
  try {
    const result = await train(
      {
        parameters: network.parameters,
        numExamples: examples.training.length,
        loss: (batch) => loss(Array.from(batch, (index) => examples.training[index])),
        validate: () => {
          if (sinceValidation++ % validateEvery === 0)
            validationLoss = tf.tidy(() => loss(examples.validation).dataSync()[0]);
          return validationLoss;
        },
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

/**
 * Every seed of a GIN: "paper" trains it (in this process: minutes), "quick" reads the committed weights. The caller
 * disposes them.
 */
export async function ginNetworks(
  name: GinName,
  options: { readonly profile: "quick" | "paper"; readonly seeds: readonly number[]; readonly folder?: string },
): Promise<TrainedGin[]> {
  const { profile, seeds, folder = kuckTrainingFolder } = options;
  if (profile === "paper") for (const seed of seeds) await trainGin(name, seed, folder);
  return seeds.map((seed) => {
    const file = path.join(profile === "paper" ? folder : kuckModelsFolder, `${name}-${seed}.json`);
    const model = readExpected(file, "gin", ginConfiguration(name, seed));
    const network = new GraphIsomorphismNetwork(recipes[name].shape, Random.fromSeed(0));
    loadParameters(network.parameters, model.parameters);
    return { network, model, seed };
  });
}
