/**
 * The trainings of Yoon et al. 2018, and where their results stand: committed under data/models/yoon2018, one file for
 * each architecture, target and seed, named by them and by the configuration's hash inside.
 */
import { Random } from "../../graph/random.ts";
import { gnnSplits, structuredExamples } from "../../learning/gnn/data.ts";
import { gnnArchitectures, paperGnnShape, type GnnArchitecture } from "../../learning/gnn/network.ts";
import {
  paperGnnTraining,
  type GnnConfiguration,
  type GnnExamples,
  type GnnTarget,
} from "../../learning/gnn/train-gnn.ts";
import { gnnFamily, type TrainedGnn } from "../../learning/gnn/weights.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { loadOrTrain, type LoadOrTrainOptions } from "../../learning/training/load-or-train.ts";
import { trainingSettings } from "../../learning/training/options.ts";
import type { SavedModel } from "../../learning/training/saved-model.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { setThreads } from "../../tensor/index.ts";

/** The root of everything drawn for this paper. */
export const PAPER_DATA_SEED = 2018;
export const paperSeeds = [1, 2, 3] as const;
/** Below data/models. */
export const COLLECTION = "yoon2018";
const NUM_NODES = 9;

export interface PaperGnn {
  readonly architecture: GnnArchitecture;
  readonly target: GnnTarget;
  readonly seed: number;
}

/** The stream that the paper's training, validation and test models come from. */
export function paperRandom(): Random {
  return Random.fromSeed(PAPER_DATA_SEED).split("yoon2018");
}

/** "node-marginals-1" */
function paperGnnName({ architecture, target, seed }: PaperGnn): string {
  return `${architecture}-${target}-${seed}`;
}

/** What decides the numbers of one training. */
function paperGnnConfiguration({ architecture, target, seed }: PaperGnn): GnnConfiguration {
  return {
    kind: "gnn",
    shape: { architecture, ...paperGnnShape },
    target,
    data: {
      source: "13 structured families",
      seed: PAPER_DATA_SEED,
      numNodes: NUM_NODES,
      training: gnnSplits.training,
      validation: gnnSplits.validation,
    },
    training: trainingSettings({ ...paperGnnTraining, seed }),
  };
}

/** The paper's training and validation models. @param perFamily training models a family. */
export function paperExamples(perFamily: number = gnnSplits.training): GnnExamples {
  return {
    training: structuredExamples("training", NUM_NODES, paperRandom(), perFamily),
    validation: structuredExamples("validation", NUM_NODES, paperRandom()),
  };
}

/** Trains one network at the paper's scale, saved in `folder`: see `keptTraining`. */
export function trainPaperGnn(which: PaperGnn, folder: string, run: KeptRun = {}): Promise<SavedModel> {
  const configuration = paperGnnConfiguration(which);
  return gnnFamily.trainKept({ name: paperGnnName(which), configuration, examples: paperExamples }, folder, run);
}

/**
 * `trainPaperGnn` as a job: see training/jobs.ts. One thread each, since jobs run side by side; results do not depend
 * on it.
 * @job
 */
export async function trainPaperGnnJob(
  which: PaperGnn,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  setThreads(1);
  await trainPaperGnn(which, folder, { onEpoch: report });
}

export interface PaperGnnsOptions extends LoadOrTrainOptions {
  readonly target: GnnTarget;
  readonly onEpoch?: (which: PaperGnn, progress: TrainingProgress) => void;
}

/**
 * Every seed of both architectures for one target. All notebooks of the paper share the trainings of a folder.
 * @throws RangeError where committed weights belong to another configuration than this code's.
 */
export async function paperGnns({ target, onEpoch, ...options }: PaperGnnsOptions): Promise<(PaperGnn & TrainedGnn)[]> {
  const all = gnnArchitectures.flatMap((architecture) => paperSeeds.map((seed) => ({ architecture, target, seed })));
  const trainings = all.map((which) => ({
    name: paperGnnName(which),
    configuration: paperGnnConfiguration(which),
    job: (folder: string) => ({
      module: import.meta.url,
      function: trainPaperGnnJob.name,
      arguments: [which, folder],
    }),
  }));
  const found = await loadOrTrain(gnnFamily, COLLECTION, trainings, options, (training, progress) =>
    onEpoch?.(all[training], progress),
  );
  return found.map((trained, at) => ({ ...all[at], ...trained }));
}
