/**
 * Gumbel noise and the Concrete (Gumbel-softmax) relaxation of categorical and Bernoulli variables: Maddison, Mnih &
 * Teh 2017, Jang, Gu & Poole 2017. All randomness comes from the explicit generator.
 *
 *   y = softmax((logits + g) / temperature),  g_k = -ln(-ln u_k)
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { uniformTensor } from "./distributions.ts";
import { tf } from "../tf.ts";

function checkTemperature(temperature: number): void {
  if (!(temperature > 0)) throw new RangeError(`a temperature must be positive, got ${temperature}`);
}

/** Standard Gumbel samples of the given shape. */
export function gumbelSample(shape: number[], random: Random): Tf.Tensor {
  return tf.tidy(() => tf.neg(tf.log(tf.neg(tf.log(uniformTensor(shape, random))))));
}

/**
 * A relaxed one-hot sample over the last axis of `logits`, differentiable by them; with `hard` the sample itself is
 * one-hot, its gradient that of the relaxation (straight-through).
 * @throws RangeError unless the temperature is positive.
 */
export function concreteSample(
  logits: Tf.Tensor,
  { temperature, random, hard = false }: { temperature: number; random: Random; hard?: boolean },
): Tf.Tensor {
  checkTemperature(temperature);
  const relaxed = tf.softmax(tf.div(tf.add(logits, gumbelSample(logits.shape, random)), temperature));
  if (!hard) return relaxed;
  return tf.customGrad((y) => {
    const states = (y as Tf.Tensor).shape.at(-1)!;
    const value = tf.cast(tf.oneHot(tf.argMax<Tf.Tensor1D>(y as Tf.Tensor, -1), states), "float32");
    return { value, gradFunc: (dy: Tf.Tensor) => dy };
  })(relaxed);
}

/**
 * A relaxed Bernoulli sample of probability sigmoid(logits), differentiable by them: sigmoid((logits + ln u/(1 - u)) /
 * t).
 * @throws RangeError unless the temperature is positive.
 */
export function binaryConcreteSample(
  logits: Tf.Tensor,
  { temperature, random }: { temperature: number; random: Random },
): Tf.Tensor {
  checkTemperature(temperature);
  const u = uniformTensor(logits.shape, random);
  const noise = tf.sub(tf.log(u), tf.log1p(tf.neg(u)));
  return tf.sigmoid(tf.div(tf.add(logits, noise), temperature));
}
