/** The oracle of every kernel: the same computation on tfjs-backend-cpu, from the same seed. */
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { Random } from "../../src/graph/random.ts";
import "../../src/tensor/index.ts";

export type Values = Float32Array | Int32Array | Uint8Array;

/** Runs `work` on a back end; its tensors come back as plain values. */
export function on(backend: "cpu" | "marginalia", work: () => tf.Tensor | tf.Tensor[]) {
  void tf.setBackend(backend);
  try {
    const results = tf.tidy(() => work());
    return (Array.isArray(results) ? results : [results]).map((tensor) => {
      const found = { shape: tensor.shape, dtype: tensor.dtype, values: tensor.dataSync().slice() as Values };
      tensor.dispose();
      return found;
    });
  } finally {
    void tf.setBackend("marginalia");
  }
}

/** Like `close`, and says which element differs. NaN equals NaN, infinities must agree in sign. */
export function expectClose(ours: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 2e-5): void {
  expect(ours.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(ours[i], expected[i]) || ours[i] === expected[i]) continue;
    const error = Math.abs(ours[i] - expected[i]);
    if (!(error <= tolerance * Math.max(1, Math.abs(expected[i]))))
      expect.fail(`element ${i} of ${expected.length} is ${ours[i]}, expected ${expected[i]}`);
  }
}

/** Both back ends give the same shapes, types and, within the tolerance, values. */
export function expectSame(work: () => tf.Tensor | tf.Tensor[], tolerance?: number): void {
  const ours = on("marginalia", work);
  const theirs = on("cpu", work);
  expect(ours.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    theirs.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  ours.forEach(({ values }, i) => expectClose(values, theirs[i].values, tolerance));
}

/** A tensor of normal numbers; with `special`, some are NaN, infinite, zero or huge. */
export function normal(random: Random, shape: number[], special = false): tf.Tensor {
  const odd = [NaN, Infinity, -Infinity, 0, -0, 1e30, -1e30, 1e-40];
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () =>
    special && random.bernoulli(0.15) ? odd[random.integer(odd.length)] : random.normal(0, 2),
  );
  return tf.tensor(values, shape, "float32");
}

export function integers(random: Random, shape: number[], count: number): tf.Tensor {
  const values = Int32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.integer(count));
  return tf.tensor(values, shape, "int32");
}

/**
 * Checks d sum(f(x) w) / dx for random w by central differences. The function runs in single precision, so the step is
 * wide and the tolerance with it; sums are taken in double precision here.
 */
export function expectGradient(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: tf.Tensor[],
  random: Random,
  { step = 1e-2, tolerance = 2e-2, checks = 12 } = {},
): void {
  const out = f(...inputs);
  const weights = normal(random, out.shape);
  const w = weights.dataSync<"float32">();
  const total = (...at: tf.Tensor[]) => {
    const y = tf.tidy(() => f(...at));
    const sum = y.dataSync<"float32">().reduce((before, value, i) => before + value * w[i], 0);
    y.dispose();
    return sum;
  };
  const gradients = tf.grads((...at: tf.Tensor[]) => tf.sum(tf.mul(f(...at), weights)))(inputs);
  inputs.forEach((input, which) => {
    const values = input.dataSync<"float32">();
    const gradient = gradients[which].dataSync<"float32">();
    expect(gradients[which].shape).toEqual(input.shape);
    for (let check = 0; check < Math.min(checks, values.length); check++) {
      const at = values.length <= checks ? check : random.integer(values.length);
      const moved = (by: number) => {
        const shifted = Float32Array.from(values);
        shifted[at] += by;
        const tensor = tf.tensor(shifted, input.shape);
        const result = total(...inputs.map((other, i) => (i === which ? tensor : other)));
        tensor.dispose();
        return result;
      };
      const numeric = (moved(step) - moved(-step)) / (2 * step);
      const error = Math.abs(numeric - gradient[at]);
      if (!(error <= tolerance * Math.max(1, Math.abs(numeric))))
        expect.fail(`input ${which}, element ${at}: gradient ${gradient[at]}, by differences ${numeric}`);
    }
  });
  tf.dispose([out, weights, ...gradients]);
}
