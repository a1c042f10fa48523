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
import { Random } from "../../graph/random.ts";
import { defaultMessageLayer } from "../../learning/bpnn/message-layer.ts";
import type { BpnnShape } from "../../learning/bpnn/network.ts";
import type { BpnnConfiguration } from "../../learning/bpnn/train-bpnn.ts";
import { bpnnFamily, type TrainedBpnn } from "../../learning/bpnn/weights.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { loadOrTrain, type LoadOrTrainOptions } from "../../learning/training/load-or-train.ts";
import { trainingSettings, type TrainingOptions } from "../../learning/training/options.ts";
import type { SavedModel } from "../../learning/training/saved-model.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { setThreads } from "../../tensor/index.ts";
import { isingExamples, isingTrainingSetting } from "./ising-data.ts";
import { blockModelProblems, blockModelTrainingSetting } from "./sbm-data.ts";

/** Below data/models. */
export const COLLECTION = "kuck2020";
/** The root of everything drawn for this paper. */
const KUCK_DATA_SEED = 2020;
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

/** Trains one network, saved in `folder`: see `keptTraining`. */
export function trainKuckNetwork(
  name: KuckNetwork,
  seed: number,
  folder: string,
  run: KeptRun = {},
): Promise<SavedModel> {
  const examples = () => kuckData[recipes[name].data].examples(seed);
  const configuration = kuckConfiguration(name, seed);
  return bpnnFamily.trainKept({ name: `${name}-${seed}`, configuration, examples }, folder, run);
}

/**
 * `trainKuckNetwork` as a job: see training/jobs.ts. One thread each, since jobs run side by side; results do not
 * depend on it.
 * @job
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

export interface KuckNetworksOptions extends LoadOrTrainOptions {
  readonly seeds?: readonly number[];
  readonly onEpoch?: (name: string, seed: number, progress: TrainingProgress) => void;
}

/**
 * Every seed of a network. All notebooks of the paper share the trainings of a folder.
 * @throws RangeError where committed weights belong to another configuration than this code's.
 */
export async function kuckNetworks(
  name: KuckNetwork,
  { seeds = kuckSeeds, onEpoch, ...options }: KuckNetworksOptions,
): Promise<(TrainedBpnn & { readonly seed: number })[]> {
  const trainings = seeds.map((seed) => ({
    name: `${name}-${seed}`,
    configuration: kuckConfiguration(name, seed),
    job: (folder: string) => ({
      module: import.meta.url,
      function: trainKuckNetworkJob.name,
      arguments: [name, seed, folder],
    }),
  }));
  const found = await loadOrTrain(bpnnFamily, COLLECTION, trainings, options, (training, progress) =>
    onEpoch?.(name, seeds[training], progress),
  );
  return found.map((trained, at) => ({ seed: seeds[at], ...trained }));
}
