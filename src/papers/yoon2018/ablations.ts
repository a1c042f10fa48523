/**
 * What the parts of the node-GNN are worth: the paper's training for marginals with one thing changed at a time, one
 * seed, at most 60 epochs. The baseline is trained so too, for a fair comparison.
 */
import { gnnSplits } from "../../learning/gnn/data.ts";
import { paperGnnShape, type GnnShape } from "../../learning/gnn/network.ts";
import { paperGnnTraining, type GnnConfiguration } from "../../learning/gnn/train-gnn.ts";
import { gnnFamily, type TrainedGnn } from "../../learning/gnn/weights.ts";
import { loadOrTrain, type LoadOrTrainOptions } from "../../learning/training/load-or-train.ts";
import { trainingSettings } from "../../learning/training/options.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { COLLECTION, PAPER_DATA_SEED, paperExamples } from "./networks.ts";

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

function ablationConfiguration(name: AblationName): GnnConfiguration {
  const { shape = {}, perFamily = gnnSplits.training }: Ablation = ablations[name];
  return {
    kind: "gnn",
    shape: { architecture: "node", ...paperGnnShape, ...shape },
    target: "marginals",
    data: { source: "13 structured families", seed: PAPER_DATA_SEED, numNodes: 9, training: perFamily, validation: gnnSplits.validation }, // prettier-ignore
    training: trainingSettings({ ...paperGnnTraining, maxEpochs: 60, seed: 1 }),
  };
}

/**
 * Trains one ablation and saves it in `folder`, as a job: see training/jobs.ts.
 * @job
 */
export async function trainAblationJob(
  name: AblationName,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  const { perFamily }: Ablation = ablations[name];
  const training = { name, configuration: ablationConfiguration(name), examples: () => paperExamples(perFamily) };
  await gnnFamily.trainKept(training, folder, { onEpoch: report });
}

/** The network of one ablation, committed (quick), or trained anew, or on (paper): see `loadOrTrain`. */
export async function trainedAblation(name: AblationName, options: LoadOrTrainOptions): Promise<TrainedGnn> {
  const job = (folder: string) => ({
    module: import.meta.url,
    function: trainAblationJob.name,
    arguments: [name, folder],
  });
  const training = { name, configuration: ablationConfiguration(name), job };
  const [found] = await loadOrTrain(gnnFamily, `${COLLECTION}/ablations`, [training], options);
  return found;
}
