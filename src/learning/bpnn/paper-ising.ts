/**
 * The trainings of Kuck et al. 2020 on Ising models (section 4.1), and where their results stand: data/models/kuck2020, one file for
 * each network and seed. A seed draws training models and weights of its own, so that seeds show how much results depend on the 50
 * models that a network has seen; the paper has one seed.
 *
 *   bpnn-d-authors      BPNN-D with the authors' G, in one direction as in the paper's text
 *   bpnn-d-invertible   BPNN-D whose only fixed point is zero by construction
 *   bpnn-ising          ten untied message layers, Bethe's readout: the BPNN of Figure 3
 *
 * The authors keep the last epoch's weights; here 50 further models, which no figure shows, decide which epoch's weights stay.
 */
import path from "node:path";
import { Random } from "../../graph/random.ts";
import { setThreads } from "../../tensor/index.ts";
import { modelsFolder } from "../gnn/weights.ts";
import { runJobs } from "../training/jobs.ts";
import { configurationHash, trainingSettings, type TrainingOptions } from "../training/options.ts";
import { readModelFile, type SavedModel } from "../training/saved-model.ts";
import type { TrainingProgress } from "../training/train.ts";
import type { DampingKind } from "./damping-operator.ts";
import { isingExamples, isingTrainingSetting } from "./ising-data.ts";
import { defaultMessageLayer } from "./message-layer.ts";
import type { BpnnShape } from "./network.ts";
import type { BpnnConfiguration } from "./train-bpnn.ts";
import { trainSavedBpnn, type SavedBpnnRun } from "./train-saved.ts";
import { bpnnOf, type TrainedBpnn } from "./weights.ts";

/** The root of everything drawn for this paper. */
export const kuckDataSeed = 2020;
export const kuckSeeds = [1, 2, 3, 4, 5] as const;
export const kuckIsingModels = 50;

/** The stream that the paper's training, selection and test models come from. */
export function kuckRandom(): Random {
  return Random.fromSeed(kuckDataSeed).split("kuck2020");
}

const damping = (kind: DampingKind): BpnnShape => ({
  numLayers: 29,
  tied: true,
  layer: { type: "damping", operator: { kind, kept: 0.05 }, directions: "factor-to-variable" },
  readout: { type: "bethe" },
});

interface Recipe {
  readonly shape: BpnnShape;
  readonly iterations?: readonly [number, number];
  readonly options: TrainingOptions;
}

const full = { optimizer: "adam", batchSize: kuckIsingModels } as const;
const recipes = {
  "bpnn-d-authors": {
    shape: damping("mlp"),
    iterations: [5, 29],
    options: { ...full, learningRate: 0.05, schedule: { kind: "step", every: 50, factor: 0.5 }, maxEpochs: 400 },
  },
  "bpnn-d-invertible": {
    shape: damping("invertible"),
    iterations: [5, 29],
    options: { ...full, learningRate: 0.02, schedule: { kind: "step", every: 50, factor: 0.5 }, maxEpochs: 400 },
  },
  "bpnn-ising": {
    shape: {
      numLayers: 10,
      tied: false,
      layer: { ...defaultMessageLayer, factorShapes: [[2, 2]] },
      readout: { type: "bethe" },
    },
    options: { ...full, learningRate: 0.0005, schedule: { kind: "step", every: 300, factor: 0.5 }, maxEpochs: 1000 },
  },
} as const satisfies Record<string, Recipe>;

export type IsingNetwork = keyof typeof recipes;

/** What decides the numbers of one training. */
export function isingConfiguration(name: IsingNetwork, seed: number): BpnnConfiguration {
  const recipe: Recipe = recipes[name];
  return {
    kind: "bpnn",
    shape: recipe.shape,
    ...(recipe.iterations && { iterations: recipe.iterations }),
    data: { source: "Ising", seed: kuckDataSeed, ...isingTrainingSetting, training: kuckIsingModels, draw: seed },
    training: trainingSettings({ ...recipe.options, seed }),
    validateEvery: 5,
  };
}

/** Trains one network at the paper's scale, saved in `folder`: see `trainSavedBpnn`. */
export function trainIsingNetwork(
  name: IsingNetwork,
  seed: number,
  folder: string,
  run: SavedBpnnRun = {},
): Promise<SavedModel> {
  const examples = () => ({
    training: isingExamples(kuckIsingModels, isingTrainingSetting, kuckRandom(), "training", seed),
    validation: isingExamples(kuckIsingModels, isingTrainingSetting, kuckRandom(), "selection", seed),
  });
  return trainSavedBpnn(
    { name: `${name}-${seed}`, configuration: isingConfiguration(name, seed), examples },
    folder,
    run,
  );
}

/** `trainIsingNetwork` as a job: see training/jobs.ts. One thread each, since jobs run side by side; results do not depend on it. */
export async function trainIsingNetworkJob(
  name: IsingNetwork,
  seed: number,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  setThreads(1);
  await trainIsingNetwork(name, seed, folder, { onEpoch: report });
}

export interface IsingNetworksOptions {
  /** "paper" trains, or goes on training, in `folder`; "quick" reads the committed weights. */
  readonly profile: "quick" | "paper";
  /** Where the paper profile keeps models and checkpoints; by default data/downloads/kuck2020, which git ignores. */
  readonly folder?: string;
  /** Trainings side by side; default one a core. */
  readonly workers?: number;
  readonly seeds?: readonly number[];
  readonly onEpoch?: (name: string, seed: number, progress: TrainingProgress) => void;
}

/**
 * Every seed of a network. All notebooks of the paper share the trainings of a folder.
 * @throws RangeError where committed weights belong to another configuration than this code's.
 */
export async function isingNetworks(
  name: IsingNetwork,
  options: IsingNetworksOptions,
): Promise<(TrainedBpnn & { readonly seed: number })[]> {
  const { profile, folder = path.join(modelsFolder, "../downloads/kuck2020"), workers, seeds = kuckSeeds } = options;
  if (profile === "paper") {
    const jobs = seeds.map((seed) => ({
      module: import.meta.url,
      function: trainIsingNetworkJob.name,
      arguments: [name, seed, folder],
    }));
    const onReport = (job: number, progress: unknown) =>
      options.onEpoch?.(name, seeds[job], progress as TrainingProgress);
    await runJobs(jobs, { workers, onReport });
  }
  const from = profile === "paper" ? folder : path.join(modelsFolder, "kuck2020");
  return seeds.map((seed) => {
    const model = readModelFile(path.join(from, `${name}-${seed}.json`), "bpnn");
    const expected = configurationHash(isingConfiguration(name, seed));
    if (model.configurationHash !== expected)
      throw new RangeError(
        `the committed ${name}-${seed} has configuration ${model.configurationHash.slice(0, 12)}, this code's is ` +
          `${expected.slice(0, 12)}; train it anew with profile "paper"`,
      );
    return { seed, ...bpnnOf(model) };
  });
}
