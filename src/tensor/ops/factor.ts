/**
 * Factor to variable, for a batch of factors of one shape (BPNN's and BP's step), in the log domain:
 *
 *   out_i(x_i) = ln sum over x without x_i of exp(table(x) + sum over j != i of message_j(x_j))
 *
 * A sum of zeros alone is -Infinity with gradient 0, never NaN. One kernel with a hand-written gradient on the `marginalia`
 * back end.
 */
import type * as Tf from "@tensorflow/tfjs";
import { backendName } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { logSumExp } from "./log-sum-exp.ts";
import { tf } from "../tf.ts";

const mostVariables = 5;

/**
 * Messages [factors, sum of cardinalities] from factors to variables, natural log, not normalised.
 * @param table [factors, c_1, ..., c_n], natural log, 1 <= n <= 5
 * @param messages [factors, c_1 + ... + c_n]: the messages to each variable's axis, natural log, in the order of the axes
 * @throws RangeError if the shapes do not fit.
 */
export function factorToVariable(table: Tf.Tensor, messages: Tf.Tensor2D): Tf.Tensor2D {
  const cardinalities = table.shape.slice(1);
  const width = cardinalities.reduce((sum, size) => sum + size, 0);
  if (cardinalities.length < 1 || cardinalities.length > mostVariables)
    throw new RangeError(`a factor has 1 to ${mostVariables} variables, got a table [${table.shape.join(", ")}]`);
  if (messages.shape[0] !== table.shape[0] || messages.shape[1] !== width)
    throw new RangeError(
      `tables [${table.shape.join(", ")}] need messages [${table.shape[0]}, ${width}], got [${messages.shape.join(", ")}]`,
    );
  if (tf.getBackend() !== backendName) return factorToVariableByParts(table, messages);
  return tf.engine().runKernel("MarginaliaFactor", { table, messages });
}

/** The same by tfjs's own operations: the test oracle, and what other back ends compute. */
export function factorToVariableByParts(table: Tf.Tensor, messages: Tf.Tensor2D): Tf.Tensor2D {
  const cardinalities = table.shape.slice(1);
  const parts = tf.split(messages, cardinalities, 1).map((part, axis) => {
    const shape = cardinalities.map((size, other) => (other === axis ? size : 1));
    return tf.reshape(part, [table.shape[0], ...shape]);
  });
  const out = cardinalities.map((_, axis) => {
    const total = parts.reduce((sum, part, other) => (other === axis ? sum : tf.add(sum, part)), table);
    const others = cardinalities.map((_size, other) => other + 1).filter((other) => other !== axis + 1);
    return others.length ? logSumExp(total, others) : total;
  });
  return tf.concat(out, 1) as Tf.Tensor2D;
}

function forward({ inputs: { table, messages }, backend }: KernelCall): Tf.TensorInfo {
  const arrays = [backend.readFloats(table), backend.readFloats(messages)];
  const { info, values } = backend.floats(messages.shape);
  backend.library.run("factor", table.shape, ...arrays, values);
  return info;
}

function backward({ inputs: { table, messages, out, dy }, backend }: KernelCall): Tf.TensorInfo[] {
  const arrays = [table, messages, out, dy].map((tensor) => backend.readFloats(tensor));
  const results = [backend.floats(table.shape), backend.floats(messages.shape)];
  backend.library.run("factorGradient", table.shape, ...arrays, results[0].values, results[1].values);
  return results.map(({ info }) => info);
}

export function registerFactor(): void {
  accelerate("MarginaliaFactor", forward);
  accelerate("MarginaliaFactorGradient", backward);
  tf.registerGradient({
    kernelName: "MarginaliaFactor",
    inputsToSave: ["table", "messages"],
    outputsToSave: [true],
    gradFunc: (dy, [table, messages, out]) => {
      const inputs = { table, messages, out, dy: dy as Tf.Tensor };
      const [dTable, dMessages] = tf.engine().runKernel("MarginaliaFactorGradient", inputs) as unknown as Tf.Tensor[];
      return { table: () => dTable, messages: () => dMessages };
    },
  });
}
