/** Trainings of GNNs whose results are kept. */
import { keptTraining, type KeptRun } from "../training/kept-training.ts";
import type { TrainingSettings } from "../training/options.ts";
import type { SavedModel } from "../training/saved-model.ts";
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

/** Trains and saves, or reads what is trained already: see `keptTraining`. */
export function trainSavedGnn(
  { name, configuration, examples }: SavedGnnTraining,
  folder: string,
  run: KeptRun = {},
): Promise<SavedModel> {
  const { shape, target, data, training: options } = configuration;
  const train = (whole: TrainingRun) => {
    const { training: trainingExamples, validation: validationExamples } = examples();
    return trainGnn({ shape, target, data, options, trainingExamples, validationExamples }, whole);
  };
  return keptTraining({ name, configuration, train }, folder, run);
}
