/** Trainings whose results are kept: a model file in a folder, and a checkpoint beside it to go on from. */
import { existsSync } from "node:fs";
import path from "node:path";
import { configurationHash, type TrainingSettings } from "../training/options.ts";
import { readModelFile, savedModel, writeModel, type SavedModel } from "../training/saved-model.ts";
import type { TrainingRun } from "../training/train.ts";
import type { GnnExample } from "./data.ts";
import type { GnnShape } from "./network.ts";
import { trainGnn, type GnnTarget } from "./train-gnn.ts";

export interface SavedGnnTraining {
  /** Of the files, without ending. */
  readonly name: string;
  /** What decides the numbers, as JSON values. */
  readonly configuration: {
    readonly kind: string;
    readonly shape: GnnShape;
    readonly target: GnnTarget;
    readonly data: unknown;
    readonly training: TrainingSettings;
  };
  /** Made only if there is something to train. */
  readonly examples: () => { readonly training: readonly GnnExample[]; readonly validation: readonly GnnExample[] };
}

export type SavedGnnRun = Omit<TrainingRun, "checkpoint"> & {
  /** Added to the saved model's provenance. */
  readonly provenance?: Readonly<Record<string, unknown>>;
};

/**
 * Trains and saves to `<folder>/<name>.json`; goes on from `<folder>/<name>.checkpoint.json` where there is one, and trains nothing if
 * the model of this configuration is there already. A training stopped by its signal leaves only the checkpoint.
 */
export async function trainSavedGnn(
  { name, configuration, examples }: SavedGnnTraining,
  folder: string,
  { provenance, ...run }: SavedGnnRun = {},
): Promise<SavedModel> {
  const file = path.join(folder, `${name}.json`);
  if (existsSync(file)) {
    const model = readModelFile(file, "gnn");
    if (model.configurationHash === configurationHash(configuration)) return model;
  }
  const { shape, target, data, training: options } = configuration;
  const { training: trainingExamples, validation: validationExamples } = examples();
  const { network, result } = await trainGnn(
    { shape, target, data, options, trainingExamples, validationExamples },
    { ...run, checkpoint: path.join(folder, `${name}.checkpoint.json`) },
  );
  try {
    const model = savedModel("gnn", configuration, network.parameters, result, provenance);
    if (result.stopped !== "signal") writeModel(file, model);
    return model;
  } finally {
    network.dispose();
  }
}
