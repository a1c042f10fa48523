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
import {
  configurationHash,
  learningRateAt,
  trainingSettings,
  type TrainingOptions,
  type TrainingSettings,
} from "./options.ts";
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
 *   checkpoint of another configuration.
 */
export async function train(
  task: TrainingTask,
  options: TrainingOptions,
  run: TrainingRun = {},
): Promise<TrainingResult> {
  const training = new Training(task, trainingSettings(options), run);
  try {
    await training.resume();
    let savedAt = performance.now();
    while (training.epochsLeft > 0 && !run.signal?.aborted) {
      training.runEpoch();
      if (performance.now() - savedAt > 1000 * (run.checkpointEvery ?? 30)) {
        await training.save();
        savedAt = performance.now();
      }
      await setImmediate(); // others in this process, and signals, get their turn
    }
    await training.save();
    return training.finish();
  } finally {
    training.dispose();
  }
}

/** Where a training stands: what a checkpoint keeps, and the steps that take it further. */
class Training {
  readonly #task: TrainingTask;
  readonly #settings: TrainingSettings;
  readonly #run: TrainingRun;
  readonly #hash: string;
  readonly #random: Random;
  readonly #optimizer: TrainingOptimizer;
  readonly #started: number;
  #secondsBefore = 0;
  #history: readonly Epoch[] = [];
  #bestEpoch = -1;
  #bestParameters: ReturnType<typeof saveParameters>;

  constructor(task: TrainingTask, settings: TrainingSettings, run: TrainingRun) {
    if (task.numExamples < 1) throw new RangeError(`training needs at least one example, got ${task.numExamples}`);
    this.#task = task;
    this.#settings = settings;
    this.#run = run;
    this.#hash = configurationHash({ training: settings, task: task.configuration });
    this.#random = Random.fromSeed(settings.seed).split("training");
    this.#optimizer = new TrainingOptimizer(task.parameters, settings);
    this.#started = performance.now();
    this.#bestParameters = saveParameters(task.parameters);
  }

  /** Of all runs that contributed. */
  get #seconds(): number {
    return this.#secondsBefore + secondsSince(this.#started);
  }

  get #lowest(): number {
    return this.#bestEpoch < 0 ? Infinity : this.#history[this.#bestEpoch].validationLoss;
  }

  /** Until the training ends at the earliest. */
  get epochsLeft(): number {
    const { maxEpochs, window = Infinity } = this.#settings;
    const numEpochs = this.#history.length;
    return Math.min(maxEpochs - numEpochs, window - (numEpochs - 1 - this.#bestEpoch));
  }

  /** Goes on from the checkpoint, if there is one. */
  async resume(): Promise<void> {
    const { checkpoint } = this.#run;
    const saved = checkpoint === undefined ? undefined : readCheckpoint(checkpoint, this.#hash);
    if (!saved) return;
    loadParameters(this.#task.parameters, saved.parameters);
    await this.#optimizer.load(saved.optimizer);
    this.#history = saved.history;
    this.#bestEpoch = saved.bestEpoch;
    this.#bestParameters = saved.bestParameters;
    this.#secondsBefore = saved.secondsBefore;
  }

  /** Writes the checkpoint, if there is to be one. */
  async save(): Promise<void> {
    const { checkpoint } = this.#run;
    if (checkpoint === undefined) return;
    writeCheckpoint(checkpoint, {
      format: "marginalia-checkpoint",
      version: 1,
      configurationHash: this.#hash,
      history: [...this.#history],
      parameters: saveParameters(this.#task.parameters),
      bestEpoch: this.#bestEpoch,
      bestParameters: this.#bestParameters,
      optimizer: await this.#optimizer.save(),
      secondsBefore: this.#seconds,
    });
  }

  /** One pass over all examples, its validation, and word of both. */
  runEpoch(): void {
    const epoch = this.#history.length;
    const learningRate = learningRateAt(this.#settings, epoch);
    const trainingLoss = this.#stepThroughExamples(epoch, learningRate);
    const validationLoss = this.#validate(epoch);
    const isBest = validationLoss < this.#lowest;
    this.#history = [...this.#history, { epoch, trainingLoss, validationLoss }];
    if (isBest) {
      this.#bestEpoch = epoch;
      this.#bestParameters = saveParameters(this.#task.parameters);
    }
    const numEpochs = this.#history.length;
    const each = this.#seconds / numEpochs;
    this.#run.onEpoch?.({
      ...this.#history[epoch],
      bestEpoch: this.#bestEpoch,
      learningRate,
      secondsLeft: [Math.max(0, this.epochsLeft) * each, (this.#settings.maxEpochs - numEpochs) * each],
    });
  }

  /** A step for each batch, in this epoch's order; the mean loss of the examples. */
  #stepThroughExamples(epoch: number, learningRate: number): number {
    const task = this.#task;
    const { batchSize } = this.#settings;
    const order = this.#random.split("epoch", epoch).permutation(task.numExamples);
    let sum = 0;
    for (let first = 0; first < task.numExamples; first += batchSize) {
      const batch = order.subarray(first, first + batchSize);
      const stream = this.#random.split("step", this.#optimizer.stepsTaken);
      sum += batch.length * this.#optimizer.step(() => task.loss(batch, stream), learningRate);
    }
    return sum / task.numExamples;
  }

  /** The validation loss of this epoch: a new one when it is due, else the last. */
  #validate(epoch: number): number {
    const { validateEvery = 1 } = this.#task;
    const loss = epoch % validateEvery === 0 ? this.#task.validate() : this.#history[epoch - 1].validationLoss;
    const { stepsTaken } = this.#optimizer;
    if (!Number.isFinite(loss))
      throw new TrainingError(stepsTaken, `the validation loss is ${loss} after step ${stepsTaken}`);
    return loss;
  }

  /** Leaves the best parameters in place. */
  finish(): TrainingResult {
    const isCut = this.epochsLeft > 0;
    const isWhole = this.#history.length >= this.#settings.maxEpochs;
    loadParameters(this.#task.parameters, this.#bestParameters);
    return {
      history: this.#history,
      bestEpoch: this.#bestEpoch,
      validationLoss: this.#lowest,
      steps: this.#optimizer.stepsTaken,
      stopped: isCut ? "signal" : isWhole ? "maxEpochs" : "window",
      seconds: this.#seconds,
      configurationHash: this.#hash,
    };
  }

  dispose(): void {
    this.#optimizer.dispose();
  }
}
