/**
 * The GIN baselines of Kuck et al. 2020, trained on the same problems as their BPNNs (bpnn/paper-networks.ts):
 *
 *   gin-ising   10 layers of width 4 on Ising models      gin-sbm   20 layers of width 4 on the stochastic block model
 */
import {
  ginFamily,
  type GinConfiguration,
  type GinExample,
  type GinExamples,
  type TrainedGin,
} from "../../learning/gin/family.ts";
import type { GinShape } from "../../learning/gin/network.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { loadOrTrain, type LoadOrTrainOptions } from "../../learning/training/load-or-train.ts";
import { trainingSettings, type TrainingOptions } from "../../learning/training/options.ts";
import type { SavedModel } from "../../learning/training/saved-model.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { setThreads } from "../../tensor/index.ts";
import { blockModelFeatureGraph, blockModelFeatures, isingFeatureGraph, isingFeatures } from "./gin-features.ts";
import { COLLECTION, kuckData } from "./networks.ts";

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

function examplesOf(name: GinName, seed: number): GinExamples {
  if (name === "gin-ising") {
    const { training, validation } = kuckData.ising.examples(seed);
    const convert = (list: typeof training): GinExample[] =>
      list.map(({ model, logZ }) => ({ graph: isingFeatureGraph(model), logZ }));
    return { training: convert(training), validation: convert(validation) };
  }
  const { training, validation } = kuckData.blockModel.examples(seed);
  const convert = (list: typeof training): GinExample[] =>
    list.map((one) => ({ graph: blockModelFeatureGraph(one), logZ: one.logZ }));
  return { training: convert(training), validation: convert(validation) };
}

export function ginConfiguration(name: GinName, seed: number): GinConfiguration {
  const { shape, data, training, validateEvery } = recipes[name];
  return {
    kind: "gin",
    shape,
    data: kuckData[data].describe(seed),
    training: trainingSettings({ ...training, seed }),
    validateEvery,
  };
}

/** Trains one GIN and saves it to `<folder>/<name>-<seed>.json`: see `keptTraining`. */
export function trainGin(name: GinName, seed: number, folder: string, run: KeptRun = {}): Promise<SavedModel> {
  const examples = () => examplesOf(name, seed);
  const training = { name: `${name}-${seed}`, configuration: ginConfiguration(name, seed), examples };
  return ginFamily.trainKept(training, folder, run);
}

/**
 * `trainGin` as a job: see training/jobs.ts.
 * @job
 */
export async function trainGinJob(
  name: GinName,
  seed: number,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  setThreads(1);
  await trainGin(name, seed, folder, { onEpoch: report });
}

/** Every seed of a GIN; the caller disposes them. See `loadOrTrain`. */
export async function ginNetworks(
  name: GinName,
  { seeds, ...options }: LoadOrTrainOptions & { readonly seeds: readonly number[] },
): Promise<(TrainedGin & { readonly seed: number })[]> {
  const trainings = seeds.map((seed) => ({
    name: `${name}-${seed}`,
    configuration: ginConfiguration(name, seed),
    job: (folder: string) => ({
      module: import.meta.url,
      function: trainGinJob.name,
      arguments: [name, seed, folder],
    }),
  }));
  const found = await loadOrTrain(ginFamily, COLLECTION, trainings, options);
  return found.map((trained, at) => ({ seed: seeds[at], ...trained }));
}
