import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../../src/graph/random.ts";
import { dropout } from "../../../src/learning/training/dropout.ts";
import { TrainingError } from "../../../src/learning/training/optimizer.ts";
import { configurationHash, learningRateAt, trainingSettings } from "../../../src/learning/training/options.ts";
import type { TrainingOptions } from "../../../src/learning/training/options.ts";
import { readModelFile, savedModel, writeModel } from "../../../src/learning/training/saved-model.ts";
import { restoreTensor, saveTensor } from "../../../src/learning/training/tensors-as-text.ts";
import { train, type TrainingRun, type TrainingTask } from "../../../src/learning/training/train.ts";
import { fill, onSmallDisk } from "../../base/small-disk.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "marginalia-training-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a parameter that the loss does not reach", () => {
  const options = { learningRate: 0.1, maxEpochs: 2, batchSize: 2, seed: 1 };
  const task = (loss: () => tf.Scalar, parameters: Map<string, tf.Variable>) => ({ parameters, numExamples: 2, loss, validate: () => 0.5, configuration: "test" }); // prettier-ignore

  it.each(["adam", "rmsprop", "sgd"] as const)("stays as it is, and the others are trained: %s", async (optimizer) => {
    const [reached, other] = [tf.variable(tf.scalar(2)), tf.variable(tf.tensor1d([3, 4]))];
    const loss = () => tf.square(reached) as unknown as tf.Scalar;
    const parameters = new Map<string, tf.Variable>([["reached", reached], ["other", other]]); // prettier-ignore
    const decayed = { ...options, optimizer, weightDecay: 0.1 };
    const result = await train({ ...task(loss, parameters), validate: () => reached.dataSync()[0] }, decayed);
    expect(result.bestEpoch).toBe(1);
    expect(reached.dataSync()[0]).toBeLessThan(2);
    expect(Array.from(other.dataSync())).toEqual([3, 4]);
  });

  it("is refused where it is the only one, with its name", async () => {
    const alone = tf.variable(tf.scalar(2));
    const loss = () => tf.scalar(1);
    await expect(train(task(loss, new Map([["alone", alone]])), options)).rejects.toThrow(
      /none of the parameters alone/,
    );
  });
});

/** y = 2 x_0 - x_1 + .5 with a little noise, fitted by a linear layer under dropout, so that every stream is in use. */
function regression(rate = 0) {
  const random = Random.fromSeed(3);
  const inputs = Array.from({ length: 40 }, () => [random.normal(), random.normal()]);
  const outputs = inputs.map(([a, b]) => 2 * a - b + 0.5 + random.normal(0, 0.01));
  const kernel = tf.variable(tf.tensor2d([0.1, -0.2], [2, 1]));
  const bias = tf.variable(tf.tensor1d([0]));
  const lossOf = (indices: number[], stream?: Random) => {
    const x = tf.tensor2d(indices.map((i) => inputs[i]));
    const y = tf.tensor2d(indices.map((i) => [outputs[i]]));
    const seen = stream ? dropout(x, rate, stream) : x;
    return tf.mean<tf.Scalar>(tf.square(tf.sub(tf.add(tf.matMul(seen, kernel as tf.Tensor2D), bias), y)));
  };
  const task: TrainingTask = {
    parameters: new Map<string, tf.Variable>([
      ["kernel", kernel],
      ["bias", bias],
    ]),
    numExamples: 30,
    loss: (batch, stream) => lossOf(Array.from(batch), stream),
    validate: () => tf.tidy(() => lossOf([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]).dataSync()[0]),
    configuration: { rate },
  };
  return { task, values: () => [...kernel.dataSync(), ...bias.dataSync()] };
}

describe("train", () => {
  it.each(["adam", "rmsprop", "sgd"] as const)("fits a linear function by %s", async (optimizer) => {
    const { task, values } = regression();
    const result = await train(task, { optimizer, learningRate: 0.03, batchSize: 8, maxEpochs: 150 });
    [2, -1, 0.5].forEach((wanted, i) => expect(values()[i]).toBeCloseTo(wanted, 1));
    expect(result.steps).toBe(150 * 4);
    expect(result.validationLoss).toBe(Math.min(...result.history.map(({ validationLoss }) => validationLoss)));
  });

  it.each([
    { optimizer: "adam", weightDecay: 0.01 },
    { optimizer: "rmsprop", clipNorm: 0.5 },
    { optimizer: "sgd", schedule: { kind: "cosine" } },
  ] as TrainingOptions[])("goes on from a checkpoint to the same numbers, bit for bit: %o", async (more) => {
    const options = { ...more, learningRate: 0.02, batchSize: 7, maxEpochs: 9, seed: 5 };
    const whole = regression(0.3);
    const unbroken = await train(whole.task, options);
    const checkpoint = path.join(folder, "a", "regression.json");
    const first = regression(0.3);
    const stop = new AbortController();
    const onEpoch: TrainingRun["onEpoch"] = ({ epoch }) => epoch === 3 && stop.abort();
    expect((await train(first.task, options, { checkpoint, onEpoch, signal: stop.signal })).stopped).toBe("signal");
    const second = regression(0.3);
    const resumed = await train(second.task, options, { checkpoint });
    expect(second.values()).toEqual(whole.values());
    expect(resumed.history).toEqual(unbroken.history);
    expect(readdirSync(path.dirname(checkpoint))).toEqual(["regression.json"]);
  });

  it("on a full disk ends with its reason and leaves the checkpoint as it was, from which it goes on to the same numbers", async ({
    skip,
  }) => {
    const options = { learningRate: 0.02, batchSize: 7, maxEpochs: 80, seed: 5 };
    const whole = regression(0.3);
    const unbroken = await train(whole.task, options);
    const isMounted = await onSmallDisk(folder, 64, async () => {
      const checkpoint = path.join(folder, "regression.json");
      let [giveBack, before] = [() => {}, ""];
      // The history makes every checkpoint longer than the last: the next finds room for its beginning alone.
      const onEpoch: TrainingRun["onEpoch"] = ({ epoch }) => {
        if (epoch !== 60) return;
        before = readFileSync(checkpoint, "utf8");
        expect(before.length).toBeGreaterThan(4096);
        giveBack = fill(folder, 4);
      };
      await expect(train(regression(0.3).task, options, { checkpoint, checkpointEvery: 0, onEpoch })).rejects.toThrow(
        /ENOSPC/,
      );
      expect(readFileSync(checkpoint, "utf8")).toBe(before);
      giveBack();
      expect(readdirSync(folder)).toEqual(["regression.json"]);
      const again = regression(0.3);
      expect((await train(again.task, options, { checkpoint })).history).toEqual(unbroken.history);
      expect(again.values()).toEqual(whole.values());
    });
    if (!isMounted) skip();
  });

  it("refuses the checkpoint of another configuration, and a file that is none", async () => {
    const checkpoint = path.join(folder, "c.json");
    await train(regression().task, { maxEpochs: 1 }, { checkpoint });
    await expect(train(regression().task, { maxEpochs: 2 }, { checkpoint })).rejects.toThrow(/another configuration/);
    writeFileSync(checkpoint, "{");
    await expect(train(regression().task, { maxEpochs: 1 }, { checkpoint })).rejects.toThrow(/is not JSON/);
  });

  it("depends on the seed and on nothing else", async () => {
    const run = async (seed: number) => {
      const { task, values } = regression(0.2);
      await train(task, { maxEpochs: 3, batchSize: 5, seed });
      return values();
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it("stops after a window of epochs without a new best, and leaves the best parameters", async () => {
    const { task, values } = regression();
    let calls = 0;
    const losses = [5, 4, 3, 3.5, 3.2, 3.1, 9, 9];
    const seen: number[][] = [];
    const validate = () => {
      seen.push(values());
      return losses[calls++];
    };
    const result = await train({ ...task, validate }, { maxEpochs: 8, window: 3 });
    expect(result).toMatchObject({ stopped: "window", bestEpoch: 2, validationLoss: 3 });
    expect(result.history).toHaveLength(6);
    expect(values()).toEqual(seen[2]);
  });

  it("says which step went wrong, and keeps the parameters from before it", async () => {
    const { task, values } = regression();
    let step = 0;
    let before: number[] = [];
    const loss: TrainingTask["loss"] = (batch, stream) => {
      if (++step === 6) before = values();
      const fine = task.loss(batch, stream);
      return step === 6 ? tf.mul(fine, NaN) : fine;
    };
    const failure = await train({ ...task, loss }, { batchSize: 10, maxEpochs: 5 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TrainingError);
    expect((failure as TrainingError).step).toBe(6);
    expect(values()).toEqual(before);
  });

  it("tells the loss, the best epoch and how long it may take", async () => {
    const left: (readonly [number, number])[] = [];
    await train(
      regression().task,
      { maxEpochs: 4, window: 2 },
      { onEpoch: ({ secondsLeft }) => left.push(secondsLeft) },
    );
    for (const [earliest, latest] of left) expect(earliest).toBeLessThanOrEqual(latest);
    expect(left.at(-1)).toEqual([0, 0]);
  });

  it("clips the gradient's norm over all parameters", async () => {
    const before = regression();
    const start = before.values();
    await train(before.task, { optimizer: "sgd", learningRate: 1, clipNorm: 1e-3, batchSize: 30, maxEpochs: 1 });
    const moved = Math.hypot(...before.values().map((value, i) => value - start[i]));
    expect(moved).toBeCloseTo(1e-3, 6);
  });

  it("leaves no tensor behind", async () => {
    const { task } = regression(0.5);
    await train(task, { maxEpochs: 1 });
    const { numTensors } = tf.memory();
    await train(task, { maxEpochs: 3 });
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it("names the option that is wrong", async () => {
    await expect(train(regression().task, { learningRate: -1 })).rejects.toThrow(/learningRate/);
  });
});

describe("learningRateAt", () => {
  it("is constant, falls by steps, or follows a cosine from first to final", () => {
    const base = { learningRate: 0.8, maxEpochs: 11 };
    expect(learningRateAt(trainingSettings(base), 7)).toBe(0.8);
    const step = trainingSettings({ ...base, schedule: { kind: "step", every: 3, factor: 0.5 } });
    expect([0, 2, 3, 6].map((epoch) => learningRateAt(step, epoch))).toEqual([0.8, 0.8, 0.4, 0.2]);
    const cosine = trainingSettings({ ...base, schedule: { kind: "cosine", final: 0.25 } });
    [0.8, 0.5, 0.2].forEach((wanted, i) => expect(learningRateAt(cosine, 5 * i)).toBeCloseTo(wanted, 12));
  });
});

describe("configurationHash", () => {
  it("does not depend on the order of keys, and on everything else", () => {
    expect(configurationHash({ a: 1, b: { c: [1, 2], d: 3 } })).toBe(
      configurationHash({ b: { d: 3, c: [1, 2] }, a: 1 }),
    );
    expect(configurationHash({ a: [1, 2] })).not.toBe(configurationHash({ a: [2, 1] }));
  });
});

describe("dropout", () => {
  it("keeps the mean, and drops the same entries for the same stream", () => {
    const x = tf.ones([100, 100]);
    const random = () => Random.fromSeed(1).split("step", 4);
    const dropped = dropout(x, 0.25, random());
    expect(tf.mean(dropped).dataSync()[0]).toBeCloseTo(1, 1);
    expect(dropped.dataSync()).toEqual(dropout(x, 0.25, random()).dataSync());
    expect(() => dropout(x, 1, random())).toThrow(/below 1/);
  });
});

describe("saved tensors and models", () => {
  it("give every bit back, infinities and subnormal numbers too", () => {
    const values = new Float32Array([1 / 3, -0, Infinity, -Infinity, 1e-45, NaN, 3.4e38]);
    const restored = restoreTensor(saveTensor("x", tf.tensor1d(values)));
    expect(restored.dataSync()).toEqual(values);
    expect(() => restoreTensor({ name: "x", shape: [3], dtype: "float32", values: "AAAA" })).toThrow(/needs 12 bytes/);
  });

  it("are refused when absent, damaged, of another kind, or changed after training", async () => {
    const { task } = regression();
    const result = await train(task, { maxEpochs: 2 });
    const file = path.join(folder, "model.json");
    expect(() => readModelFile(file, "line")).toThrow(/no trained model/);
    const model = savedModel("line", { width: 2 }, task.parameters, result);
    writeModel(file, model);
    expect(existsSync(file)).toBe(true);
    expect(readModelFile(file, "line")).toEqual(model);
    expect(() => readModelFile(file, "gnn")).toThrow(/expected gnn/);
    writeModel(file, { ...model, configuration: { width: 3 } });
    expect(() => readModelFile(file, "line")).toThrow(/hash/);
    writeFileSync(file, "not a model");
    expect(() => readModelFile(file, "line")).toThrow(/is not JSON/);
  });
});
