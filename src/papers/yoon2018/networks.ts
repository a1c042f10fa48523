/**
 * The trainings of Yoon et al. 2018, and where their results stand: committed under data/models/yoon2018, one file for
 * each architecture, target and seed, named by them and by the configuration's hash inside.
 */
import path from "node:path";
import { Random } from "../../graph/random.ts";
import { setThreads } from "../../tensor/index.ts";
import { modelsFolder } from "../../learning/training/committed-models.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { configurationHash, trainingSettings } from "../../learning/training/options.ts";
import { runJobs } from "../../learning/training/jobs.ts";
import { readModelFile, type SavedModel } from "../../learning/training/saved-model.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { gnnSplits, structuredExamples } from "../../learning/gnn/data.ts";
import { gnnArchitectures, paperGnnShape, type GnnArchitecture } from "../../learning/gnn/network.ts";
import { gnnConfiguration, paperGnnTraining, type GnnTarget } from "../../learning/gnn/train-gnn.ts";
import { trainSavedGnn } from "../../learning/gnn/train-saved.ts";
import { gnnOf, type TrainedGnn } from "../../learning/gnn/weights.ts";

/** The root of everything drawn for this paper. */
export const PAPER_DATA_SEED = 2018;
export const paperSeeds = [1, 2, 3] as const;

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
export function paperGnnName({ architecture, target, seed }: PaperGnn): string {
  return `${architecture}-${target}-${seed}`;
}

/** What decides the numbers of one training. */
export function paperGnnConfiguration({ architecture, target, seed }: PaperGnn) {
  const data = {
    source: "13 structured families",
    seed: PAPER_DATA_SEED,
    numNodes: 9,
    training: gnnSplits.training,
    validation: gnnSplits.validation,
  };
  const shape = { architecture, ...paperGnnShape };
  return { ...gnnConfiguration(shape, target, data), training: trainingSettings({ ...paperGnnTraining, seed }) };
}

/** Trains one network at the paper's scale, saved in `folder`: see `trainSavedGnn`. */
export function trainPaperGnn(which: PaperGnn, folder: string, run: KeptRun = {}): Promise<SavedModel> {
  const configuration = paperGnnConfiguration(which);
  const { numNodes } = configuration.data;
  const examples = () => ({
    training: structuredExamples("training", numNodes, paperRandom()),
    validation: structuredExamples("validation", numNodes, paperRandom()),
  });
  return trainSavedGnn({ name: paperGnnName(which), configuration, examples }, folder, run);
}

/**
 * `trainPaperGnn` as a job: see training/jobs.ts. One thread each, since jobs run side by side; results do not depend
 * on it.
 */
export async function trainPaperGnnJob(
  which: PaperGnn,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  setThreads(1);
  await trainPaperGnn(which, folder, { onEpoch: report });
}

export interface PaperGnnsOptions {
  readonly target: GnnTarget;
  /** "paper" trains, or goes on training, in `folder`; "quick" reads the committed weights. */
  readonly profile: "quick" | "paper";
  /** Where the paper profile keeps models and checkpoints; by default data/downloads/yoon2018, which git ignores. */
  readonly folder?: string;
  /** Trainings side by side; default one a core. */
  readonly workers?: number;
  readonly onEpoch?: (which: PaperGnn, progress: TrainingProgress) => void;
}

/**
 * Every seed of both architectures for one target. All notebooks of the paper share the trainings of a folder.
 * @throws RangeError where committed weights belong to another configuration than this code's.
 */
export async function paperGnns(options: PaperGnnsOptions): Promise<(PaperGnn & TrainedGnn)[]> {
  const { target, profile, folder = path.join(modelsFolder, "../downloads/yoon2018"), workers, onEpoch } = options;
  const all = gnnArchitectures.flatMap((architecture) => paperSeeds.map((seed) => ({ architecture, target, seed })));
  if (profile === "paper") {
    const jobs = all.map((which) => ({
      module: import.meta.url,
      function: trainPaperGnnJob.name,
      arguments: [which, folder],
    }));
    const onReport = (job: number, progress: unknown) => onEpoch?.(all[job], progress as TrainingProgress);
    await runJobs(jobs, { workers, onReport });
  }
  const from = profile === "paper" ? folder : path.join(modelsFolder, "yoon2018");
  return all.map((which) => {
    const model = readModelFile(path.join(from, `${paperGnnName(which)}.json`), "gnn");
    const expected = configurationHash(paperGnnConfiguration(which));
    if (model.configurationHash !== expected)
      throw new RangeError(
        `the committed ${paperGnnName(which)} has configuration ${model.configurationHash.slice(0, 12)}, this code's is ` +
          `${expected.slice(0, 12)}; train it anew with profile "paper"`,
      );
    return { ...which, ...gnnOf(model) };
  });
}
