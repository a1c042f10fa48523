/** Ten thousand training steps, as many as a long training's first minutes, in batches of varying size. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import {
  Adam,
  factorToVariable,
  gruCell,
  logSumExp,
  messagePassing,
  segmentSoftmax,
  sparseMatMul,
  sparseMatrix,
} from "../../src/tensor/index.ts";
import { integers, normal } from "./compare.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("no tensor and no memory is lost over 10,000 training steps", () => {
  const random = Random.fromSeed(10).split("leaks");
  const weight = (...shape: number[]) => tf.tidy(() => tf.variable(tf.mul(normal(random, shape), 0.1)));
  const [kernel, bias, filter] = [weight(7, 3), weight(3), weight(3, 3, 1, 2)];
  const [w, u, b, c] = [weight(3, 9), weight(3, 9), weight(9), weight(9)];
  const variables = [kernel, bias, filter, w, u, b, c];
  const ring = { row: [0, 1, 2, 3, 4], column: [1, 2, 3, 4, 0] };
  const matrix = sparseMatrix(5, 5, ring);
  const optimizer = new Adam(0.001);

  /** One step on a batch of its own size: every fused operation, and a convolution with its fallbacks. */
  const step = (edges: number) =>
    tf.tidy(() => {
      const index = (limit: number) => integers(random, [edges], limit) as tf.Tensor1D;
      const states = normal(random, [5, 3]) as tf.Tensor2D;
      const edge = normal(random, [edges, 4]) as tf.Tensor2D;
      const [from, to] = [index(5), index(5)];
      const image = normal(random, [1, 4, 4, 1]) as tf.Tensor4D;
      return optimizer
        .minimize(() => {
          const messages = messagePassing({
            blocks: [{ x: states, index: from }, { x: edge }],
            layers: [{ kernel: kernel as unknown as tf.Tensor2D, bias: bias as unknown as tf.Tensor1D }],
            segments: { ids: to, count: 5 },
          });
          const weights = { kernel: w, recurrentKernel: u, bias: b, recurrentBias: c } as never;
          const next = sparseMatMul(matrix, gruCell(messages, states, weights));
          const attention = segmentSoftmax(tf.gather(next, from), to, 5);
          const factor = factorToVariable(tf.reshape(tf.slice(next, [0, 0], [4, 3]), [3, 2, 2]), tf.zeros([3, 4]));
          const pixels = tf.relu(tf.conv2d(image, filter as tf.Tensor4D, 1, "same"));
          const terms = [
            logSumExp(next),
            tf.mean(attention),
            tf.mean(factor),
            tf.mean(tf.maxPool(pixels, 2, 2, "valid")),
          ];
          return tf.addN(terms as tf.Scalar[]);
        }, true)!
        .dataSync()[0];
    });

  const memory = () => {
    collectGarbage();
    const { numTensors, numDataBuffers, pooledBytes } = tf.memory() as tf.MemoryInfo & { pooledBytes: number };
    const { arrayBuffers, rss } = process.memoryUsage();
    return { numTensors, numDataBuffers, pooledBytes, arrayBuffers, rss };
  };
  for (let i = 0; i < 1000; i++) step(70 + (i % 9));
  const before = memory();
  let total = 0; // an assertion for each step would itself take memory
  for (let i = 0; i < 9000; i++) total += step(70 + (i % 9));
  const after = memory();
  expect(total).not.toBeNaN();
  expect(after.numTensors).toBe(before.numTensors);
  expect(after.numDataBuffers).toBe(before.numDataBuffers);
  expect(after.pooledBytes).toBe(before.pooledBytes);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 20);
  // a matrix of 64 x 64 lost at each step would be more; the heap beside it grows by up to 60 MB
  expect(after.rss - before.rss).toBeLessThan(2 ** 27);
  optimizer.dispose();
  matrix.dispose();
  tf.dispose(variables);
}, 240_000);
