/**
 * The trainings of Kuck et al. 2020 on Ising models (section 4.1) and on the stochastic block model (4.2), and where
 * their results stand: data/models/kuck2020, one file for each network and seed. A seed draws training problems and
 * weights of its own, so that seeds show how much results depend on the few problems that a network has seen; the paper
 * has one seed.
 *
 *   bpnn-d-authors      BPNN-D with the authors' G, in one direction as in the paper's text
 *   bpnn-d-invertible   BPNN-D whose only fixed point is zero by construction
 *   bpnn-ising          ten untied message layers, Bethe's readout: the BPNN of Figure 3
 *   bpnn-sbm            thirty untied message layers and BPNN-B: the BPNN of Table 1
 *   bpnn-sbm-ni         the same without the mean over axes' permutations
 *   bpnn-sbm-dc         NI that counts messages twice
 *
 * Settings are the paper's own where they are known. The authors keep the last epoch's weights; here further problems,
 * which no figure shows, decide which epoch's weights stay.
 */
import path from "node:path";
import { Random } from "../../graph/random.ts";
import { setThreads } from "../../tensor/index.ts";
import { modelsFolder } from "../../learning/training/committed-models.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { runJobs } from "../../learning/training/jobs.ts";
import { configurationHash, trainingSettings, type TrainingOptions } from "../../learning/training/options.ts";
import { readModelFile, type SavedModel } from "../../learning/training/saved-model.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { isingExamples, isingTrainingSetting } from "./ising-data.ts";
import { defaultMessageLayer } from "../../learning/bpnn/message-layer.ts";
import type { BpnnShape } from "../../learning/bpnn/network.ts";
import { blockModelProblems, blockModelTrainingSetting } from "./sbm-data.ts";
import type { BpnnConfiguration, BpnnExamples } from "../../learning/bpnn/train-bpnn.ts";
import { trainSavedBpnn } from "../../learning/bpnn/train-saved.ts";
import { bpnnOf, type TrainedBpnn } from "../../learning/bpnn/weights.ts";

/** The root of everything drawn for this paper. */
export const KUCK_DATA_SEED = 2020;
export const kuckSeeds = [1, 2, 3, 4, 5] as const;

/** The stream that the paper's training, selection, validation and test problems come from. */
export function kuckRandom(): Random {
  return Random.fromSeed(KUCK_DATA_SEED).split("kuck2020");
}

/** Problems that networks are trained on, by a seed. */
export const kuckData = {
  ising: {
    describe: (seed: number) => ({
      source: "Ising",
      seed: KUCK_DATA_SEED,
      ...isingTrainingSetting,
      training: 50,
      draw: seed,
    }),
    examples: (seed: number) => ({
      training: isingExamples(50, isingTrainingSetting, kuckRandom(), "training", seed),
      validation: isingExamples(50, isingTrainingSetting, kuckRandom(), "selection", seed),
    }),
  },
  blockModel: {
    describe: (seed: number) => ({
      source: "block model",
      seed: KUCK_DATA_SEED,
      ...blockModelTrainingSetting,
      graphs: 10,
      selectionGraphs: 10,
      draw: seed,
    }),
    examples: (seed: number) => ({
      training: blockModelProblems(10, blockModelTrainingSetting, kuckRandom(), "training", seed),
      validation: blockModelProblems(10, blockModelTrainingSetting, kuckRandom(), "selection", seed),
    }),
  },
};

interface Recipe {
  readonly shape: BpnnShape;
  readonly iterations?: readonly [number, number];
  readonly data: keyof typeof kuckData;
  readonly validateEvery: number;
  readonly training: TrainingOptions;
}

const bpnnD = (operator: { kind: "mlp" | "invertible"; kept: number; push?: number }): BpnnShape => ({
  numLayers: 29,
  tied: true,
  layer: { type: "damping", operator, directions: "factor-to-variable" },
  readout: { type: "bethe" },
});

const tables = [[2], [2, 2]];
const blockModelShape = (invariant: boolean, doubleCounting: boolean): BpnnShape => ({
  numLayers: 30,
  tied: false,
  layer: { ...defaultMessageLayer, factorShapes: [[2, 2]], doubleCounting },
  readout: { type: "bethe-layer", factorShapes: tables, cardinalities: [2], activation: "linear", invariant },
});

const adam = { optimizer: "adam", batchSize: 50 } as const;
const halved = (every: number) => ({ kind: "step", every, factor: 0.5 }) as const;
const blockModelTraining = {
  optimizer: "adam",
  batchSize: 16,
  learningRate: 0.0002,
  schedule: { kind: "step", every: 50, factor: 0.9 },
  maxEpochs: 300,
} as const;

const recipes = {
  "bpnn-d-authors": {
    shape: bpnnD({ kind: "mlp", kept: 0.05 }),
    iterations: [5, 29],
    data: "ising",
    validateEvery: 5,
    training: { ...adam, learningRate: 0.5, schedule: halved(20), maxEpochs: 1000 },
  },
  "bpnn-d-invertible": {
    shape: bpnnD({ kind: "invertible", kept: 0.1, push: 0.4 }),
    iterations: [5, 29],
    data: "ising",
    validateEvery: 5,
    training: { ...adam, learningRate: 0.0005, schedule: halved(20), maxEpochs: 1000 },
  },
  "bpnn-ising": {
    shape: {
      numLayers: 10,
      tied: false,
      layer: { ...defaultMessageLayer, factorShapes: [[2, 2]] },
      readout: { type: "bethe" },
    },
    data: "ising",
    validateEvery: 5,
    training: { ...adam, learningRate: 0.0005, schedule: halved(300), maxEpochs: 1000 },
  },
  "bpnn-sbm": {
    shape: blockModelShape(true, false),
    data: "blockModel",
    validateEvery: 5,
    training: blockModelTraining,
  },
  "bpnn-sbm-ni": {
    shape: blockModelShape(false, false),
    data: "blockModel",
    validateEvery: 5,
    training: blockModelTraining,
  },
  "bpnn-sbm-dc": {
    shape: blockModelShape(false, true),
    data: "blockModel",
    validateEvery: 5,
    training: blockModelTraining,
  },
} as const satisfies Record<string, Recipe>;

export type KuckNetwork = keyof typeof recipes;

/** What decides the numbers of one training. */
export function kuckConfiguration(name: KuckNetwork, seed: number): BpnnConfiguration {
  const { shape, iterations, data, training, validateEvery }: Recipe = recipes[name];
  return {
    kind: "bpnn",
    shape,
    ...(iterations && { iterations }),
    data: kuckData[data].describe(seed),
    training: trainingSettings({ ...training, seed }),
    validateEvery,
  };
}

/** Trains one network, saved in `folder`: see `trainSavedBpnn`. */
export function trainKuckNetwork(
  name: KuckNetwork,
  seed: number,
  folder: string,
  run: KeptRun = {},
): Promise<SavedModel> {
  const examples = (): BpnnExamples => kuckData[recipes[name].data].examples(seed);
  const configuration = kuckConfiguration(name, seed);
  return trainSavedBpnn({ name: `${name}-${seed}`, configuration, examples }, folder, run);
}

/**
 * `trainKuckNetwork` as a job: see training/jobs.ts. One thread each, since jobs run side by side; results do not
 * depend on it.
 */
export async function trainKuckNetworkJob(
  name: KuckNetwork,
  seed: number,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  setThreads(1);
  await trainKuckNetwork(name, seed, folder, { onEpoch: report });
}

export interface KuckNetworksOptions {
  /** "paper" trains, or goes on training, in `folder`; "quick" reads the committed weights. */
  readonly profile: "quick" | "paper";
  /** Where the paper profile keeps models and checkpoints; by default data/downloads/kuck2020, which git ignores. */
  readonly folder?: string;
  /** Trainings side by side; default one a core. */
  readonly workers?: number;
  readonly seeds?: readonly number[];
  readonly onEpoch?: (name: string, seed: number, progress: TrainingProgress) => void;
}

export const kuckModelsFolder = path.join(modelsFolder, "kuck2020");
export const kuckTrainingFolder = path.join(modelsFolder, "../downloads/kuck2020");

/**
 * Every seed of a network. All notebooks of the paper share the trainings of a folder.
 * @throws RangeError where committed weights belong to another configuration than this code's.
 */
export async function kuckNetworks(
  name: KuckNetwork,
  { profile, folder = kuckTrainingFolder, workers, seeds = kuckSeeds, onEpoch }: KuckNetworksOptions,
): Promise<(TrainedBpnn & { readonly seed: number })[]> {
  if (profile === "paper") {
    const jobs = seeds.map((seed) => ({
      module: import.meta.url,
      function: trainKuckNetworkJob.name,
      arguments: [name, seed, folder],
    }));
    const onReport = (job: number, progress: unknown) => onEpoch?.(name, seeds[job], progress as TrainingProgress);
    await runJobs(jobs, { workers, onReport });
  }
  return seeds.map((seed) => {
    const file = path.join(profile === "paper" ? folder : kuckModelsFolder, `${name}-${seed}.json`);
    return { seed, ...bpnnOf(readExpected(file, "bpnn", kuckConfiguration(name, seed))) };
  });
}

/** @throws RangeError if the model at `file` is not of this configuration. */
export function readExpected(file: string, kind: string, configuration: unknown): SavedModel {
  const model = readModelFile(file, kind);
  const expected = configurationHash(configuration);
  if (model.configurationHash !== expected)
    throw new RangeError(
      `${path.basename(file)} has configuration ${model.configurationHash.slice(0, 12)}, this code's is ` +
        `${expected.slice(0, 12)}; train it anew with profile "paper"`,
    );
  return model;
}
