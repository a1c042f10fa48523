/**
 * The whole back end in double precision: the same C kernels compiled with MARGINALIA_DOUBLE, the same TypeScript
 * around them, tensors of "float32" that hold Float64Arrays. So a gradient can be held against central differences to
 * ten digits, where single precision would hide an error of a thousandth. tfjs-backend-cpu's kernels, where ours pass a
 * call on, still round.
 */
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { Random } from "../../src/graph/random.ts";
import { BACKEND_NAME, MarginaliaBackend } from "../../src/tensor/backend.ts";
import { loadAddon, loadLibrary, type KernelArray, type Library } from "../../src/tensor/library.ts";

type Stored = { values: unknown; dtype: string };

class DoubleBackend extends MarginaliaBackend {
  override floats(shape: readonly number[]) {
    const values = new Float64Array(tf.util.sizeFromShape([...shape]));
    return { info: this.#info(shape, values), values: values as unknown as Float32Array };
  }

  override readFloats(tensor: tf.TensorInfo): Float32Array {
    const { values } = this.data.get(tensor.dataId) as Stored;
    const doubles = values instanceof Float64Array ? values : Float64Array.from((values ?? []) as ArrayLike<number>);
    return doubles as unknown as Float32Array;
  }

  override readSync(dataId: tf.TensorInfo["dataId"]) {
    const { values } = this.data.get(dataId) as Stored;
    return values instanceof Float64Array ? (values as unknown as Float32Array) : super.readSync(dataId);
  }

  #info(shape: readonly number[], values: Float64Array): tf.TensorInfo {
    return this.makeTensorInfo([...shape], "float32", values as unknown as Float32Array);
  }

  tensor(values: Float64Array, shape: readonly number[]): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.#info(shape, values));
  }
}

/** Puts the kernels compiled in `addon` behind the back end's name, for the rest of this process. */
export function computeInDoubles(addon: string): void {
  const library = loadAddon(addon);
  const ordinary = loadLibrary().library;
  const run: Library["run"] = (operation, params, ...arrays) => {
    // Integers that travel as words of four bytes are for the ordinary kernels. "None" is an empty Float32Array in
    // calls.
    const inWords = arrays.some((array) => array instanceof Float32Array && array.length > 0);
    const widen = (array: KernelArray) => (array instanceof Float32Array ? new Float64Array(0) : array);
    if (inWords) ordinary.run(operation, params, ...arrays);
    else library.run(operation, params, ...(arrays.map(widen) as KernelArray[]));
  };
  tf.removeBackend(BACKEND_NAME);
  tf.registerBackend(BACKEND_NAME, () => new DoubleBackend({ ...library, run }), 10);
  void tf.setBackend(BACKEND_NAME);
}

export const tensorOf = (values: Float64Array, shape: readonly number[]) =>
  (tf.backend() as DoubleBackend).tensor(values, shape);

/** Independent standard normal numbers, `scale` wide. */
export const normals = (random: Random, shape: readonly number[], scale = 1) =>
  tensorOf(
    Float64Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => random.normal(0, scale)),
    shape,
  );

/**
 * Checks d sum(w f(x)) / dx for random w against central differences of fourth order. The error may be 2e-7 of the
 * largest derivative by the same input: what the float32 constants in tfjs's own gradients leave.
 */
export function expectGradient(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly tf.Tensor[],
  random: Random,
  { checks = 24, tolerance = 2e-7, step = 1e-4 } = {},
): void {
  const doubles = (x: tf.Tensor) => x.dataSync() as unknown as Float64Array;
  const out = f(...inputs);
  expect(doubles(out), "the result is not in double precision").toBeInstanceOf(Float64Array);
  const weights = normals(random, out.shape);
  const w = doubles(weights);
  const total = (...at: tf.Tensor[]) => {
    const y = doubles(tf.tidy(() => f(...at)));
    return y.reduce((sum, value, i) => sum + value * w[i], 0);
  };
  const gradients = tf.grads((...at: tf.Tensor[]) => f(...at))([...inputs], weights);
  inputs.forEach((input, which) => {
    const values = doubles(input);
    const gradient = doubles(gradients[which]);
    expect(gradients[which].shape).toEqual(input.shape);
    const moved = (at: number, by: number) => {
      const shifted = Float64Array.from(values);
      shifted[at] += by;
      const tensor = tensorOf(shifted, input.shape);
      const result = total(...inputs.map((other, i) => (i === which ? tensor : other)));
      tensor.dispose();
      return result;
    };
    const scale = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    for (let check = 0; check < Math.min(checks, values.length); check++) {
      const at = values.length <= checks ? check : random.integer(values.length);
      const near = moved(at, step) - moved(at, -step);
      const far = moved(at, 2 * step) - moved(at, -2 * step);
      const numeric = (8 * near - far) / (12 * step);
      if (!(Math.abs(numeric - gradient[at]) <= tolerance * scale))
        expect.fail(`input ${which}, element ${at}: gradient ${gradient[at]}, by differences ${numeric}`);
    }
  });
}
