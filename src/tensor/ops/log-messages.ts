/**
 * What belief propagation needs besides factor.ts, on messages in natural logs, differentiable: one kernel each with a
 * hand-written gradient on the `marginalia` back end; elsewhere factor-by-parts.ts.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";
import { normaliseByParts, sumOfOthersByParts } from "./factor-by-parts.ts";

/** No floor may be higher: gradients take e^floor for 0. */
const MAX_FLOOR = -80;

/** @throws RangeError if there is a floor whose exponential is not as good as 0. */
export function checkFloor(floor: number | undefined): void {
  if (floor !== undefined && !(floor <= MAX_FLOOR))
    throw new RangeError(`a floor of log messages is at most ${MAX_FLOOR}, where e^floor counts as 0; got ${floor}`);
}

/**
 * Messages shifted to log-sum-exp 0, then kept at `floor` or above; an entry at the floor has no gradient and no share
 * in others'.
 * @param x [rows, width], natural log
 * @param states of a message: a row holds width / states of them, by default one.
 * @param floor at most -80
 * @throws RangeError if the width is no multiple of the states, or the floor too high.
 */
export function normaliseLogs(x: Tf.Tensor2D, floor: number, states = x.shape[1]): Tf.Tensor2D {
  if (x.shape[1] % states !== 0)
    throw new RangeError(`rows of ${x.shape[1]} numbers do not hold messages of ${states} states`);
  checkFloor(floor);
  if (tf.getBackend() !== BACKEND_NAME)
    return tf.reshape(normaliseByParts(tf.reshape(x, [-1, states]), floor), x.shape);
  return tf.engine().runKernel("MarginaliaNormalise", { x }, { floor, states });
}

/**
 * For each entry of `x` [count] the sum of all others of its group: a symmetric linear map, so its own gradient.
 * @param groups int32 [count], each in [0, count of groups)
 * @throws RangeError if lengths or types do not fit, or a group is outside.
 */
export function sumOfOthers(x: Tf.Tensor1D, groups: Tf.Tensor1D, numGroups: number): Tf.Tensor1D {
  if (groups.dtype !== "int32" || groups.shape[0] !== x.shape[0])
    throw new RangeError(`${x.shape[0]} entries need as many int32 groups, got ${groups.dtype} [${groups.shape[0]}]`);
  if (tf.getBackend() !== BACKEND_NAME) return sumOfOthersByParts(x, groups, numGroups);
  return tf.engine().runKernel("MarginaliaSumOfOthers", { x, groups }, { numGroups });
}

const messageParams = ({ length }: Float32Array, attrs: KernelCall["attrs"]) => {
  const { states, floor } = attrs as { states: number; floor: number };
  return [length / states, states, floor];
};

function normalise({ inputs: { x }, attrs, backend }: KernelCall): Tf.TensorInfo {
  const source = backend.readFloats(x);
  const params = messageParams(source, attrs);
  return backend.written(x.shape, (values) => backend.library.run("normalise", params, source, values));
}

function normaliseGradient({ inputs: { y, dy }, attrs, backend }: KernelCall): Tf.TensorInfo {
  const [result, gradient] = [backend.readFloats(y), backend.readFloats(dy)];
  const params = messageParams(result, attrs);
  return backend.written(y.shape, (values) =>
    backend.library.run("normaliseGradient", params, result, gradient, values),
  );
}

function others({ inputs: { x, groups }, attrs, backend }: KernelCall): Tf.TensorInfo {
  const [source, ids] = [backend.readFloats(x), backend.readInts(groups)];
  const params = [attrs.numGroups as number];
  return backend.written(x.shape, (values) => backend.library.run("sumOfOthers", params, source, ids, values));
}

export function registerLogMessages(): void {
  accelerate("MarginaliaNormalise", normalise);
  accelerate("MarginaliaNormaliseGradient", normaliseGradient);
  accelerate("MarginaliaSumOfOthers", others);
  const engine = tf.engine();
  tf.registerGradient({
    kernelName: "MarginaliaNormalise",
    outputsToSave: [true],
    gradFunc: (dy, [y], attrs) => ({
      x: () => engine.runKernel("MarginaliaNormaliseGradient", { y, dy: dy as Tf.Tensor }, attrs),
    }),
  });
  tf.registerGradient({
    kernelName: "MarginaliaSumOfOthers",
    inputsToSave: ["groups"],
    gradFunc: (dy, [groups], attrs) => ({
      x: () => engine.runKernel("MarginaliaSumOfOthers", { x: dy as Tf.Tensor, groups }, attrs),
    }),
  });
}
