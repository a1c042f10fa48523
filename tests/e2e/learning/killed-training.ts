/**
 * A training in a process that a test kills: `killed-training.ts <checkpoint or ""> <milliseconds an epoch>`; prints
 * the parameters.
 */
import * as tf from "@tensorflow/tfjs";
import { Random } from "../../../src/graph/random.ts";
import { dropout } from "../../../src/learning/training/dropout.ts";
import { train, type TrainingTask } from "../../../src/learning/training/train.ts";

const [, , checkpoint, pause] = process.argv;
const random = Random.fromSeed(4);
const [x, y] = [0, 1].map(() => tf.tensor2d(Float32Array.from({ length: 120 }, () => random.normal()), [40, 3])); // prettier-ignore
const kernel = tf.variable(tf.tensor2d(Float32Array.from({ length: 9 }, () => random.normal()), [3, 3])); // prettier-ignore
const errors = (rows: tf.Tensor, wanted: tf.Tensor) =>
  tf.mean<tf.Scalar>(tf.square(tf.sub(tf.tanh(tf.matMul(rows as tf.Tensor2D, kernel as tf.Tensor2D)), wanted)));
const task: TrainingTask = {
  parameters: new Map([["kernel", kernel]]),
  numExamples: 40,
  loss: (batch, stream) => {
    const rows = tf.tensor1d(batch, "int32");
    return errors(dropout(tf.gather(x, rows), 0.2, stream), tf.gather(y, rows));
  },
  validate: () => tf.tidy(() => errors(x, y).dataSync()[0]),
  configuration: "killed",
};
/** Epochs that take a while, so that the test can kill between any two. */
const slow = new Int32Array(new SharedArrayBuffer(4));
const validate = () => {
  Atomics.wait(slow, 0, 0, Number(pause));
  return task.validate();
};
const result = await train(
  { ...task, validate },
  { batchSize: 7, maxEpochs: 40, learningRate: 0.02, schedule: { kind: "cosine" }, clipNorm: 0.5, weightDecay: 0.01, seed: 6 },
  { checkpoint: checkpoint || undefined, checkpointEvery: 0 },
); // prettier-ignore
console.log(JSON.stringify({ values: Array.from(kernel.dataSync()), history: result.history }));
