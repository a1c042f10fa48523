/**
 * What the parts of the node-GNN are worth: the paper's training for marginals with one thing changed at a time, one
 * seed, at most 60 epochs. The baseline is trained so too, for a fair comparison.
 */
import path from "node:path";
import { modelsFolder } from "../../learning/training/committed-models.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { trainingSettings } from "../../learning/training/options.ts";
import { readModelFile } from "../../learning/training/saved-model.ts";
import { gnnSplits, structuredExamples } from "../../learning/gnn/data.ts";
import { paperGnnShape, type GnnShape } from "../../learning/gnn/network.ts";
import { PAPER_DATA_SEED, paperRandom } from "./networks.ts";
import { gnnConfiguration, paperGnnTraining } from "../../learning/gnn/train-gnn.ts";
import { trainSavedGnn } from "../../learning/gnn/train-saved.ts";
import { gnnOf, type TrainedGnn } from "../../learning/gnn/weights.ts";

interface Ablation {
  readonly shape?: Partial<GnnShape>;
  /** Training models a family; the paper's 100 by default. */
  readonly perFamily?: number;
}

/** By name; the baseline first. */
export const ablations = {
  baseline: {},
  "steps-2": { shape: { steps: 2 } },
  "steps-5": { shape: { steps: 5 } },
  "steps-20": { shape: { steps: 20 } },
  "hidden-2": { shape: { hiddenSize: 2, messageSize: 2 } },
  "hidden-16": { shape: { hiddenSize: 16, messageSize: 16 } },
  mean: { shape: { aggregation: "mean" } },
  "models-10": { perFamily: 10 },
  "models-30": { perFamily: 30 },
} as const satisfies Record<string, Ablation>;
export type AblationName = keyof typeof ablations;

/** Trains, or reads what is trained already: see `trainSavedGnn`. */
export async function trainedAblation(
  name: AblationName,
  profile: "quick" | "paper",
  folder = path.join(modelsFolder, "../downloads/yoon2018/ablations"),
  run: KeptRun = {},
): Promise<TrainedGnn> {
  if (profile === "quick")
    return gnnOf(readModelFile(path.join(modelsFolder, "yoon2018/ablations", `${name}.json`), "gnn"));
  const { shape = {}, perFamily = gnnSplits.training }: Ablation = ablations[name];
  const full: GnnShape = { architecture: "node", ...paperGnnShape, ...shape };
  const data = { source: "13 structured families", seed: PAPER_DATA_SEED, numNodes: 9, training: perFamily, validation: gnnSplits.validation }; // prettier-ignore
  const training = trainingSettings({ ...paperGnnTraining, maxEpochs: 60, seed: 1 });
  const configuration = { ...gnnConfiguration(full, "marginals", data), training };
  const examples = () => ({
    training: structuredExamples("training", 9, paperRandom(), perFamily),
    validation: structuredExamples("validation", 9, paperRandom()),
  });
  return gnnOf(await trainSavedGnn({ name, configuration, examples }, folder, run));
}
