/** Trainings whose results are kept: a model file in a folder, and a checkpoint beside it to go on from. */
import { existsSync } from "node:fs";
import path from "node:path";
import type * as Tf from "@tensorflow/tfjs";
import { configurationHash } from "./options.ts";
import { readModelFile, savedModel, writeModel, type SavedModel } from "./saved-model.ts";
import type { TrainingResult, TrainingRun } from "./train.ts";

interface TrainableNetwork {
  readonly parameters: ReadonlyMap<string, Tf.Variable>;
  dispose(): void;
}

export interface KeptTraining {
  /** Of the files, without ending. */
  readonly name: string;
  /** What decides the numbers, as JSON values; `kind` is the saved model's. */
  readonly configuration: { readonly kind: string };
  /** Asked only if there is something to train; the network is disposed by the caller, or on an error by itself. */
  readonly train: (run: TrainingRun) => Promise<{ network: TrainableNetwork; result: TrainingResult }>;
}

export type KeptRun = Omit<TrainingRun, "checkpoint"> & {
  /** Added to the saved model's provenance. */
  readonly provenance?: Readonly<Record<string, unknown>>;
};

/**
 * Trains and saves to `<folder>/<name>.json`; goes on from `<folder>/<name>.checkpoint.json` where there is one, and
 * trains nothing if the model of this configuration is there already. A training stopped by its signal leaves only the
 * checkpoint.
 */
export async function keptTraining(
  { name, configuration, train }: KeptTraining,
  folder: string,
  { provenance, ...run }: KeptRun = {},
): Promise<SavedModel> {
  const { kind } = configuration;
  const file = path.join(folder, `${name}.json`);
  if (existsSync(file)) {
    const model = readModelFile(file, kind);
    if (model.configurationHash === configurationHash(configuration)) return model;
  }
  const { network, result } = await train({ ...run, checkpoint: path.join(folder, `${name}.checkpoint.json`) });
  try {
    const model = savedModel(kind, { ...configuration }, network.parameters, result, provenance);
    if (result.stopped !== "signal") writeModel(file, model);
    return model;
  } finally {
    network.dispose();
  }
}
