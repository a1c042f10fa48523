/** Trainings of BPNNs whose results are kept. */
import { keptTraining, type KeptRun } from "../training/kept-training.ts";
import type { SavedModel } from "../training/saved-model.ts";
import type { TrainingRun } from "../training/train.ts";
import { trainBpnn, type BpnnConfiguration, type BpnnExamples } from "./train-bpnn.ts";

export interface SavedBpnnTraining {
  /** Of the files, without ending. */
  readonly name: string;
  readonly configuration: BpnnConfiguration;
  /** Made only if there is something to train. */
  readonly examples: () => BpnnExamples;
}

/** Trains and saves, or reads what is trained already: see `keptTraining`. */
export function trainSavedBpnn(
  { name, configuration, examples }: SavedBpnnTraining,
  folder: string,
  run: KeptRun = {},
): Promise<SavedModel> {
  const train = (whole: TrainingRun) => trainBpnn(configuration, examples(), whole);
  return keptTraining({ name, configuration: { ...configuration }, train }, folder, run);
}
