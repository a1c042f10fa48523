/**
 * The networks of one experiment, by profile: "quick" reads the weights that are committed, "paper" trains them, or
 * goes on training, in a folder of its own that git ignores, side by side in processes of their own.
 */
import path from "node:path";
import type { Profile } from "../../base/profile.ts";
import { modelsFolder } from "./committed-models.ts";
import { runJobs, type Job } from "./jobs.ts";
import type { TrainingProgress } from "./train.ts";

export interface LoadOrTrainOptions {
  readonly profile: Profile;
  /** Where the paper profile keeps models and checkpoints; by default data/downloads/<collection>. */
  readonly folder?: string;
  /** Trainings side by side; default one a core. */
  readonly workers?: number;
}

/** One network to be had. */
export interface TrainingJob<Configuration> {
  /** Of the file, without ending. */
  readonly name: string;
  readonly configuration: Configuration;
  /** Trains it and saves it in `folder`. */
  readonly job: (folder: string) => Job;
}

interface ExpectingFamily<Configuration, Found> {
  expected(file: string, configuration: Configuration): Found;
}

/**
 * Every network of the list, in its order; the caller disposes them.
 * @param collection the folder below data/models, "yoon2018".
 * @throws RangeError where the weights belong to another configuration than this code's.
 */
export async function loadOrTrain<Configuration, Found>(
  family: ExpectingFamily<Configuration, Found>,
  collection: string,
  trainings: readonly TrainingJob<Configuration>[],
  options: LoadOrTrainOptions,
  onEpoch?: (training: number, progress: TrainingProgress) => void,
): Promise<Found[]> {
  const { profile, folder = path.join(modelsFolder, "../downloads", collection), workers } = options;
  if (profile === "paper")
    await runJobs(
      trainings.map(({ job }) => job(folder)),
      { workers, onReport: (training, progress) => onEpoch?.(training, progress as TrainingProgress) },
    );
  const from = profile === "paper" ? folder : path.join(modelsFolder, collection);
  return trainings.map(({ name, configuration }) => family.expected(path.join(from, `${name}.json`), configuration));
}
