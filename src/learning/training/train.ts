/**
 * The training loop: shuffled batches, an optimiser with a schedule, early stopping on the validation loss,
 * checkpoints.
 *
 * Every random number comes from a stream that is named by the seed and by what it is for (the epoch's order, the
 * step), so a training that goes on from a checkpoint sees the same numbers as one that was never stopped. The
 * parameters that stay are those of the epoch with the lowest validation loss.
 */
import { setImmediate } from "node:timers/promises";
import type * as tf from "@tensorflow/tfjs";
import { Random } from "../../graph/random.ts";
import { secondsSince } from "../../inference/result.ts";
import { readCheckpoint, writeCheckpoint, type Epoch } from "./checkpoint.ts";
import { TrainingError, TrainingOptimizer } from "./optimizer.ts";
import { configurationHash, learningRateAt, trainingSettings, type TrainingOptions } from "./options.ts";
import { loadParameters, saveParameters } from "./tensors-as-text.ts";

/** What is trained on what. */
export interface TrainingTask {
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly numExamples: number;
  /** Mean loss of the examples in `batch`. @param random this step's own stream, for dropout and the like. */
  readonly loss: (batch: Int32Array, random: Random) => tf.Scalar;
  /** Validation loss of the present parameters. */
  readonly validate: () => number;
  /** It is computed every so many epochs and stands for those until the next; default 1. */
  readonly validateEvery?: number;
  /** Everything else that decides the numbers (model, data), as JSON values: what a checkpoint must agree with. */
  readonly configuration: unknown;
}

export interface TrainingProgress extends Epoch {
  readonly bestEpoch: number;
  readonly learningRate: number;
  /** Seconds until the training can end at the earliest, and until it ends at the latest. */
  readonly secondsLeft: readonly [number, number];
}

export interface TrainingRun {
  /** File to go on from and to write to; absent: none. */
  readonly checkpoint?: string;
  /** Seconds between two checkpoints; default 30. The last epoch always writes one. */
  readonly checkpointEvery?: number;
  readonly onEpoch?: (progress: TrainingProgress) => void;
  /** Stops after the present epoch, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface TrainingResult {
  readonly history: readonly Epoch[];
  readonly bestEpoch: number;
  readonly validationLoss: number;
  readonly steps: number;
  readonly stopped: "window" | "maxEpochs" | "signal";
  /** Of all runs that contributed. */
  readonly seconds: number;
  readonly configurationHash: string;
}

/**
 * Trains `task.parameters` in place.
 * @throws TrainingError naming the step whose loss or gradient is not finite; RangeError for wrong options or a
 *   checkpoint
 * of another configuration.
 */
export async function train(
  task: TrainingTask,
  options: TrainingOptions,
  run: TrainingRun = {},
): Promise<TrainingResult> {
  const settings = trainingSettings(options);
  const { parameters, numExamples, validateEvery = 1 } = task;
  if (numExamples < 1) throw new RangeError(`training needs at least one example, got ${numExamples}`);
  const { maxEpochs, window = Infinity, batchSize } = settings;
  const hash = configurationHash({ training: settings, task: task.configuration });
  const random = Random.fromSeed(settings.seed).split("training");
  const optimizer = new TrainingOptimizer(parameters, settings);
  const started = performance.now();
  let secondsBefore = 0;
  let history: Epoch[] = [];
  let bestEpoch = -1;
  let bestParameters = saveParameters(parameters);

  const saved = run.checkpoint === undefined ? undefined : readCheckpoint(run.checkpoint, hash);
  if (saved) {
    loadParameters(parameters, saved.parameters);
    await optimizer.load(saved.optimizer);
    ({ history, bestEpoch, bestParameters, secondsBefore } = saved);
  }
  const secondsSpent = () => secondsBefore + secondsSince(started);
  const lowest = () => (bestEpoch < 0 ? Infinity : history[bestEpoch].validationLoss);
  const epochsLeft = () => Math.min(maxEpochs - history.length, window - (history.length - 1 - bestEpoch));
  const save = async () => {
    if (run.checkpoint === undefined) return;
    writeCheckpoint(run.checkpoint, {
      format: "marginalia-checkpoint",
      version: 1,
      configurationHash: hash,
      history,
      parameters: saveParameters(parameters),
      bestEpoch,
      bestParameters,
      optimizer: await optimizer.save(),
      secondsBefore: secondsSpent(),
    });
  };

  try {
    let savedAt = performance.now();
    while (epochsLeft() > 0 && !run.signal?.aborted) {
      const epoch = history.length;
      const learningRate = learningRateAt(settings, epoch);
      const order = random.split("epoch", epoch).permutation(numExamples);
      let sum = 0;
      for (let first = 0; first < numExamples; first += batchSize) {
        const batch = order.subarray(first, first + batchSize);
        const stream = random.split("step", optimizer.stepsTaken);
        sum += batch.length * optimizer.step(() => task.loss(batch, stream), learningRate);
      }
      const validationLoss = epoch % validateEvery === 0 ? task.validate() : history[epoch - 1].validationLoss;
      if (!Number.isFinite(validationLoss))
        throw new TrainingError(
          optimizer.stepsTaken,
          `the validation loss is ${validationLoss} after step ${optimizer.stepsTaken}`,
        );
      const isBest = validationLoss < lowest();
      history = [...history, { epoch, trainingLoss: sum / numExamples, validationLoss }];
      if (isBest) {
        bestEpoch = epoch;
        bestParameters = saveParameters(parameters);
      }
      const each = secondsSpent() / history.length;
      run.onEpoch?.({
        ...history[epoch],
        bestEpoch,
        learningRate,
        secondsLeft: [Math.max(0, epochsLeft()) * each, (maxEpochs - history.length) * each],
      });
      if (performance.now() - savedAt > 1000 * (run.checkpointEvery ?? 30)) {
        await save();
        savedAt = performance.now();
      }
      await setImmediate(); // others in this process, and signals, get their turn
    }
    await save();
    const stopped = epochsLeft() > 0 ? "signal" : history.length >= maxEpochs ? "maxEpochs" : "window";
    loadParameters(parameters, bestParameters);
    return {
      history,
      bestEpoch,
      validationLoss: lowest(),
      steps: optimizer.stepsTaken,
      stopped,
      seconds: secondsSpent(),
      configurationHash: hash,
    };
  } finally {
    optimizer.dispose();
  }
}
