/**
 * The trainings of Yoon et al. 2018, and where their results stand: committed under data/models/yoon2018, one file for each
 * architecture, target and seed, named by them and by the configuration's hash inside.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { Random } from "../../graph/random.ts";
import { configurationHash, trainingSettings } from "../training/options.ts";
import { readModelFile, savedModel, writeModel, type SavedModel } from "../training/saved-model.ts";
import type { TrainingRun } from "../training/train.ts";
import { gnnSplits, structuredExamples } from "./data.ts";
import { paperGnnShape, type GnnArchitecture } from "./network.ts";
import { gnnConfiguration, paperGnnTraining, trainGnn, type GnnTarget } from "./train-gnn.ts";

/** The root of everything drawn for this paper. */
export const paperDataSeed = 2018;
export const paperSeeds = [1, 2, 3] as const;

export interface PaperGnn {
  readonly architecture: GnnArchitecture;
  readonly target: GnnTarget;
  readonly seed: number;
}

/** The stream that the paper's training, validation and test models come from. */
export function paperRandom(): Random {
  return Random.fromSeed(paperDataSeed).split("yoon2018");
}

/** "node-marginals-1" */
export function paperGnnName({ architecture, target, seed }: PaperGnn): string {
  return `${architecture}-${target}-${seed}`;
}

/** What decides the numbers of one training. */
export function paperGnnConfiguration({ architecture, target, seed }: PaperGnn) {
  const data = {
    source: "13 structured families",
    seed: paperDataSeed,
    numNodes: 9,
    training: gnnSplits.training,
    validation: gnnSplits.validation,
  };
  const shape = { architecture, ...paperGnnShape };
  return { ...gnnConfiguration(shape, target, data), training: trainingSettings({ ...paperGnnTraining, seed }) };
}

/**
 * Trains one network at the paper's scale and saves it to `<folder>/<name>.json`; goes on from `<folder>/<name>.checkpoint.json`
 * where there is one, and trains nothing if the model is there already.
 */
export async function trainPaperGnn(
  which: PaperGnn,
  folder: string,
  run: Omit<TrainingRun, "checkpoint"> & { readonly provenance?: Readonly<Record<string, unknown>> } = {},
): Promise<SavedModel> {
  const name = paperGnnName(which);
  const file = path.join(folder, `${name}.json`);
  const configuration = paperGnnConfiguration(which);
  if (existsSync(file)) {
    const model = readModelFile(file, "gnn");
    if (model.configurationHash === configurationHash(configuration)) return model;
  }
  const random = paperRandom();
  const { shape, target, data, training: options } = configuration;
  const { network, result } = await trainGnn(
    {
      shape,
      target,
      data,
      options,
      trainingExamples: structuredExamples("training", data.numNodes, random),
      validationExamples: structuredExamples("validation", data.numNodes, random),
    },
    { ...run, checkpoint: path.join(folder, `${name}.checkpoint.json`) },
  );
  try {
    const model = savedModel("gnn", configuration, network.parameters, result, run.provenance);
    if (result.stopped !== "signal") writeModel(file, model);
    return model;
  } finally {
    network.dispose();
  }
}
