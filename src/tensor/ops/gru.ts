/**
 * GRU cell (Cho et al. 2014), in the form of cuDNN, PyTorch and Keras's reset_after:
 *
 *   r = sigmoid(x W_r + b_r + h U_r + c_r),  z = sigmoid(x W_z + b_z + h U_z + c_z)
 *   n = tanh(x W_n + b_n + r (h U_n + c_n)),  h' = (1 - z) n + z h
 *
 * The weights hold the gates r, z, n side by side. One kernel with a hand-written gradient on the `marginalia` back
 * end.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";

export interface GruWeights {
  /** W [input, 3 units] */
  readonly kernel: Tf.Tensor2D;
  /** U [units, 3 units] */
  readonly recurrentKernel: Tf.Tensor2D;
  /** b [3 units] */
  readonly bias: Tf.Tensor1D;
  /** c [3 units] */
  readonly recurrentBias: Tf.Tensor1D;
}

/**
 * The new state [rows, units] from input `x` [rows, input] and state `h` [rows, units].
 * @throws RangeError if the shapes do not fit each other.
 */
export function gruCell(x: Tf.Tensor2D, h: Tf.Tensor2D, weights: GruWeights): Tf.Tensor2D {
  const { kernel, recurrentKernel, bias, recurrentBias } = weights;
  const [rows, units] = h.shape;
  const gates = 3 * units;
  const fits =
    x.shape[0] === rows &&
    kernel.shape[0] === x.shape[1] &&
    recurrentKernel.shape[0] === units &&
    [kernel.shape[1], recurrentKernel.shape[1], bias.shape[0], recurrentBias.shape[0]].every((size) => size === gates);
  if (!fits)
    throw new RangeError(
      `GRU: x [${x.shape.join(", ")}], h [${h.shape.join(", ")}] need W [${x.shape[1]}, ${gates}], ` +
        `U [${units}, ${gates}], b and c [${gates}]; got [${kernel.shape.join(", ")}], ` +
        `[${recurrentKernel.shape.join(", ")}], [${bias.shape.join(", ")}], [${recurrentBias.shape.join(", ")}]`,
    );
  if (tf.getBackend() !== BACKEND_NAME) return gruCellByParts(x, h, weights);
  const inputs = { x, h, kernel, recurrentKernel, bias, recurrentBias };
  const [next, gateValues] = tf.engine().runKernel("MarginaliaGru", inputs) as unknown as Tf.Tensor2D[];
  gateValues.dispose(); // the gradient keeps its own
  return next;
}

/** The same by tfjs's own operations: the test oracle, and what other back ends compute. */
export function gruCellByParts(x: Tf.Tensor2D, h: Tf.Tensor2D, weights: GruWeights): Tf.Tensor2D {
  const [xr, xz, xn] = tf.split(tf.add(tf.matMul(x, weights.kernel), weights.bias), 3, 1);
  const [hr, hz, hn] = tf.split(tf.add(tf.matMul(h, weights.recurrentKernel), weights.recurrentBias), 3, 1);
  const r = tf.sigmoid(tf.add(xr, hr));
  const z = tf.sigmoid(tf.add(xz, hz));
  const n = tf.tanh(tf.add(xn, tf.mul(r, hn)));
  return tf.add(n, tf.mul(z, tf.sub(h, n)));
}

function forward({ inputs, backend }: KernelCall): Tf.TensorInfo[] {
  const { x, h, kernel, recurrentKernel, bias, recurrentBias } = inputs;
  const arrays = [x, h, kernel, recurrentKernel, bias, recurrentBias].map((tensor) => backend.readFloats(tensor));
  const next = backend.floats(h.shape);
  const gates = backend.floats([4, ...h.shape]);
  backend.library.run("gru", [h.shape[0], x.shape[1], h.shape[1]], ...arrays, next.values, gates.values);
  return [next.info, gates.info];
}

function backward({ inputs, backend }: KernelCall): Tf.TensorInfo[] {
  const { dy, gates, x, h, kernel, recurrentKernel } = inputs;
  const arrays = [dy, gates, x, h, kernel, recurrentKernel].map((tensor) => backend.readFloats(tensor));
  const bias = [kernel.shape[1]];
  const shapes = [x.shape, h.shape, kernel.shape, recurrentKernel.shape, bias, bias];
  const results = shapes.map((shape) => backend.floats(shape));
  const written = results.map(({ values }) => values);
  backend.library.run("gruGradient", [h.shape[0], x.shape[1], h.shape[1]], ...arrays, ...written);
  return results.map(({ info }) => info);
}

export function registerGru(): void {
  accelerate("MarginaliaGru", forward);
  accelerate("MarginaliaGruGradient", backward);
  tf.registerGradient({
    kernelName: "MarginaliaGru",
    inputsToSave: ["x", "h", "kernel", "recurrentKernel"],
    outputsToSave: [false, true],
    gradFunc: (dy, saved) => {
      const [x, h, kernel, recurrentKernel, gates] = saved;
      const inputs = { dy: (dy as Tf.Tensor[])[0], gates, x, h, kernel, recurrentKernel };
      const results = tf.engine().runKernel("MarginaliaGruGradient", inputs) as unknown as Tf.Tensor[];
      const names = ["x", "h", "kernel", "recurrentKernel", "bias", "recurrentBias"];
      return Object.fromEntries(names.map((name, i) => [name, () => results[i]]));
    },
  });
}
