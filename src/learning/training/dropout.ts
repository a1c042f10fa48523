/**
 * Dropout (Srivastava et al. 2014), inverted: what is kept is scaled by 1 / (1 - rate), so that nothing changes at
 * inference.
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { tf } from "../../tensor/tf.ts";

/**
 * `x` with each entry set to 0 with probability `rate`.
 * @param random the step's own stream, so that a resumed training drops the same entries.
 * @throws RangeError unless 0 <= rate < 1.
 */
export function dropout<T extends Tf.Tensor>(x: T, rate: number, random: Random): T {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`the dropout rate must be at least 0 and below 1, got ${rate}`);
  if (rate === 0) return x;
  const kept = 1 / (1 - rate);
  const mask = Float32Array.from({ length: x.size }, () => (random.bernoulli(rate) ? 0 : kept));
  return tf.tidy(() => tf.mul(x, tf.tensor(mask, x.shape)));
}
