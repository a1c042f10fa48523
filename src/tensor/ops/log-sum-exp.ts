/**
 * ln sum exp over any axes, with its gradient, the softmax. Unlike tf.logSumExp, a sum of zeros alone (all -Infinity,
 * or no terms) is -Infinity with gradient 0, and +Infinity stays what it is, instead of NaN.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { tf } from "../tf.ts";

/** The kernel of `marginalia`, or the plain composition elsewhere; no gradient of its own. */
function value(x: Tf.Tensor, axes: number[]): Tf.Tensor {
  if (tf.getBackend() === BACKEND_NAME)
    return tf.engine().runKernel("MarginaliaLogSumExp", { x }, { axis: axes, keepDims: true });
  const largest = tf.max(x, axes, true);
  const shift = tf.where(tf.isFinite(largest), largest, tf.zerosLike(largest));
  return tf.add(tf.log(tf.sum(tf.exp(tf.sub(x, shift)), axes, true)), shift);
}

/**
 * Natural logarithm of the sum of exponentials of `x` over `axes` (default: all).
 * @throws Error if an axis is out of range.
 */
export function logSumExp(x: Tf.Tensor, axes?: number | number[], keepDims = false): Tf.Tensor {
  const list = tf.util.parseAxisParam(axes ?? (null as unknown as number[]), x.shape);
  const kept = tf.customGrad((input, save) => {
    const out = value(input as Tf.Tensor, list);
    (save as Tf.GradSaveFunc)([input as Tf.Tensor, out]);
    return {
      value: out,
      gradFunc: (dy: Tf.Tensor, saved: Tf.Tensor[]) => {
        const [inputs, result] = saved;
        const shift = tf.where(tf.equal(result, -Infinity), tf.zerosLike(result), result);
        const weights = tf.exp(tf.sub(inputs, shift));
        return tf.mul(dy, tf.where(tf.isNaN(weights), tf.zerosLike(weights), weights));
      },
    };
  })(x);
  const shape = x.shape.filter((_, axis) => !list.includes(axis));
  return keepDims ? kept : tf.reshape(kept, shape);
}
