/**
 * factor.ts and log-messages.ts by tfjs's own operations: the test oracle, and what other back ends than `marginalia`
 * compute.
 */
import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../tf.ts";
import { logSumExp } from "./log-sum-exp.ts";

/** ln sum exp over all axes but one of tables [factors, c_1, ..., c_n]. */
function sumOut(table: Tf.Tensor, axis: number): Tf.Tensor2D {
  const others = [...table.shape.keys()].filter((other) => other !== 0 && other !== axis + 1);
  return (others.length ? logSumExp(table, others) : table) as Tf.Tensor2D;
}

/** Side by side, normalised if there is a floor. */
function join(messages: readonly Tf.Tensor2D[], floor: number | undefined): Tf.Tensor2D {
  return tf.concat2d(floor === undefined ? [...messages] : messages.map((x) => normaliseByParts(x, floor)), 1);
}

/** Messages by axis, each [factors, 1, ..., c_i, ..., 1]. */
function spread(messages: Tf.Tensor2D, cardinalities: readonly number[]): Tf.Tensor[] {
  return tf.split(messages, [...cardinalities], 1).map((part, axis) => {
    const shape = cardinalities.map((size, other) => (other === axis ? size : 1));
    return tf.reshape(part, [messages.shape[0], ...shape]);
  });
}

export function factorToVariableByParts(table: Tf.Tensor, messages: Tf.Tensor2D, floor?: number): Tf.Tensor2D {
  const parts = spread(messages, table.shape.slice(1));
  const out = parts.map((_, axis) => {
    const total = parts.reduce((sum, part, other) => (other === axis ? sum : tf.add(sum, part)), table);
    return sumOut(total, axis);
  });
  return join(out, floor);
}

export function quotientToVariableByParts(
  numerators: Tf.Tensor2D,
  denominators: Tf.Tensor2D | undefined,
  cardinalities: readonly number[],
  floor?: number,
): Tf.Tensor2D {
  const [factors, states] = numerators.shape;
  const out = cardinalities.map((_, axis) => {
    const own = denominators && tf.slice<Tf.Rank.R2, Tf.Tensor2D>(denominators, [axis * factors, 0], [factors, states]);
    const quotients = own ? tf.sub(numerators, own) : numerators;
    return sumOut(tf.reshape(quotients, [factors, ...cardinalities]), axis);
  });
  return join(out, floor);
}

export function beliefsByParts(table: Tf.Tensor, messages: Tf.Tensor2D, floor: number): Tf.Tensor2D {
  const total = spread(messages, table.shape.slice(1)).reduce((sum, part) => tf.add(sum, part), table);
  const states = table.shape.slice(1).reduce((product, size) => product * size, 1);
  return normaliseByParts(tf.reshape(total, [table.shape[0], states]), floor);
}

export function spreadByParts(messages: Tf.Tensor2D, cardinalities: readonly number[]): Tf.Tensor2D {
  const states = cardinalities.reduce((product, size) => product * size, 1);
  const whole = tf.zeros([messages.shape[0], ...cardinalities]);
  const parts = spread(messages, cardinalities).map((part) => tf.reshape(tf.add(whole, part), [-1, states]));
  return tf.concat2d(parts as Tf.Tensor2D[], 0);
}

export function normaliseByParts(x: Tf.Tensor2D, floor: number): Tf.Tensor2D {
  return tf.maximum(tf.sub(x, logSumExp(x, 1, true)), floor);
}

export function sumOfOthersByParts(x: Tf.Tensor1D, groups: Tf.Tensor1D, count: number): Tf.Tensor1D {
  return tf.sub(tf.gather(tf.unsortedSegmentSum(x, groups, count), groups), x);
}
