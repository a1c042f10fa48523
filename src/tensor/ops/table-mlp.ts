/**
 * An MLP on distributions over the states of small tables, in logs, mixed with its input (BPNN's message layer),
 * differentiable:
 *
 *   y = ln p + ln(1 + share (q - p) / max(p, floor)),      p = exp(logs),
 *   q = relu(mean over permutations Q of (relu(p Q W_1 + b_1) W_2 + b_2) Q^T)
 *
 * so y is ln((1 - share) p + share q), relative to p where p is below the floor. One kernel with a hand-written
 * gradient on the `marginalia` back end; on any other the plain composition, which is also its test oracle.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";
import type { DenseLayer } from "./message.ts";

export interface TableMlp {
  /** int32 [permutations, states]: (x Q)[s] = x[permutation[s]]. */
  readonly permutations: Tf.Tensor2D;
  /** Both [states, states]. */
  readonly layers: readonly [DenseLayer, DenseLayer];
  readonly share: number;
  readonly floor: number;
}

/**
 * y for rows of `logs` [tables, states], natural log.
 * @throws RangeError if shapes or types do not fit, or a permutation does not name each state once.
 */
export function tableMlp(logs: Tf.Tensor2D, mlp: TableMlp): Tf.Tensor2D {
  const { permutations, layers, share, floor } = mlp;
  const states = logs.shape[1];
  const fits = layers.every(({ kernel, bias }) => kernel.shape.every((size) => size === states) && bias.shape[0] === states); // prettier-ignore
  if (!fits || permutations.dtype !== "int32" || permutations.shape[1] !== states)
    throw new RangeError(
      `tables of ${states} states need kernels [${states}, ${states}] and int32 permutations [count, ${states}], got kernels ` +
        `${layers.map(({ kernel }) => `[${kernel.shape.join(", ")}]`).join(", ")} and ${permutations.dtype} [${permutations.shape.join(", ")}]`,
    );
  if (tf.getBackend() !== BACKEND_NAME) return tableMlpByParts(logs, mlp);
  const weights = layers.flatMap(({ kernel, bias }) => [kernel, bias]);
  const inputs = [logs, permutations, ...weights] as unknown as Tf.NamedTensorMap;
  return tf.engine().runKernel("MarginaliaTableMlp", inputs, { share, floor });
}

/** The same by tfjs's own operations. */
export function tableMlpByParts(
  logs: Tf.Tensor2D,
  { permutations, layers: [first, second], share, floor }: TableMlp,
): Tf.Tensor2D {
  const p = tf.exp(logs);
  const orders = permutations.arraySync();
  const outputs = orders.map((order) => {
    const hidden = tf.relu(tf.add(tf.matMul(tf.gather(p, order, 1), first.kernel), first.bias));
    const out = tf.add<Tf.Tensor2D>(tf.matMul(hidden, second.kernel), second.bias);
    const inverse = order.map((_, state) => order.indexOf(state));
    return tf.gather(out, inverse, 1);
  });
  const q = tf.relu(tf.div(tf.addN(outputs), orders.length));
  return tf.add(logs, tf.log1p(tf.mul(tf.div(tf.sub(q, p), tf.maximum(p, floor)), share)));
}

/** The arrays that both kernels read, and their parameters. */
function readCall({ attrs, backend }: KernelCall, tensors: readonly Tf.TensorInfo[]) {
  const [logs, permutations, ...weights] = tensors;
  const { share, floor } = attrs as { share: number; floor: number };
  const arrays = [
    backend.readFloats(logs),
    backend.readInts(permutations),
    ...weights.map((w) => backend.readFloats(w)),
  ];
  return { arrays, params: [...logs.shape, permutations.shape[0], share, floor], weights };
}

function forward(call: KernelCall): Tf.TensorInfo {
  const tensors = Object.values(call.inputs);
  const { arrays, params } = readCall(call, tensors);
  const { library } = call.backend;
  return call.backend.written(tensors[0].shape, (values) => library.run("tableMlp", params, ...arrays, values));
}

/** Inputs: the gradient of the result, then those of the MLP. */
function backward(call: KernelCall): Tf.TensorInfo[] {
  const [dy, ...tensors] = Object.values(call.inputs);
  const { arrays, params, weights } = readCall(call, tensors);
  const results = [tensors[0], ...weights].map(({ shape }) => call.backend.floats(shape));
  const written = results.map(({ values }) => values);
  call.backend.library.run("tableMlpGradient", params, ...arrays, call.backend.readFloats(dy), ...written);
  return results.map(({ info }) => info);
}

export function registerTableMlp(): void {
  accelerate("MarginaliaTableMlp", forward);
  accelerate("MarginaliaTableMlpGradient", backward);
  tf.registerGradient({
    kernelName: "MarginaliaTableMlp",
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) => {
      const inputs = [dy as Tf.Tensor, ...saved] as unknown as Tf.NamedTensorMap;
      const [dlogs, ...dweights] = tf.engine().runKernel("MarginaliaTableMlpGradient", inputs, attrs) as unknown as Tf.Tensor[]; // prettier-ignore
      const undefinedGradient = () => {
        throw new Error("an MLP on tables has no gradient by its permutations");
      };
      const all = [() => dlogs, undefinedGradient, ...dweights.map((gradient) => () => gradient)];
      return all as unknown as Record<string, () => Tf.Tensor>;
    },
  });
}
