/** Trainings whose results are kept: a model file in a folder, and a checkpoint beside it to go on from. */
import { existsSync } from "node:fs";
import path from "node:path";
import { configurationHash } from "../training/options.ts";
import { readModelFile, savedModel, writeModel, type SavedModel } from "../training/saved-model.ts";
import type { TrainingRun } from "../training/train.ts";
import { trainBpnn, type BpnnConfiguration, type BpnnExamples } from "./train-bpnn.ts";

export interface SavedBpnnTraining {
  /** Of the files, without ending. */
  readonly name: string;
  readonly configuration: BpnnConfiguration;
  /** Made only if there is something to train. */
  readonly examples: () => BpnnExamples;
}

export type SavedBpnnRun = Omit<TrainingRun, "checkpoint"> & {
  /** Added to the saved model's provenance. */
  readonly provenance?: Readonly<Record<string, unknown>>;
};

/**
 * Trains and saves to `<folder>/<name>.json`; goes on from `<folder>/<name>.checkpoint.json` where there is one, and trains nothing if
 * the model of this configuration is there already. A training stopped by its signal leaves only the checkpoint.
 */
export async function trainSavedBpnn(
  { name, configuration, examples }: SavedBpnnTraining,
  folder: string,
  { provenance, ...run }: SavedBpnnRun = {},
): Promise<SavedModel> {
  const file = path.join(folder, `${name}.json`);
  if (existsSync(file)) {
    const model = readModelFile(file, "bpnn");
    if (model.configurationHash === configurationHash(configuration)) return model;
  }
  const checkpoint = path.join(folder, `${name}.checkpoint.json`);
  const { network, result } = await trainBpnn(configuration, examples(), { ...run, checkpoint });
  try {
    const model = savedModel("bpnn", configuration, network.parameters, result, provenance);
    if (result.stopped !== "signal") writeModel(file, model);
    return model;
  } finally {
    network.dispose();
  }
}
