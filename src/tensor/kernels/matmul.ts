/** Matrix products: plain, transposed, batched, fused with bias and activation. */
import type { TensorInfo } from "@tensorflow/tfjs";
import { accelerate, type KernelCall } from "./register.ts";
import { tf } from "../tf.ts";

const { broadcast_util, util } = tf;

/** In the order of the enumeration in native/functions.h. */
export const activations = ["linear", "relu", "sigmoid", "tanh", "relu6", "elu"] as const;
export type Activation = (typeof activations)[number];

const none = new Float32Array(0);

function matMul({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { a, b, bias } = inputs;
  if (a.dtype !== "float32" || b.dtype !== "float32") return undefined;
  const transposeA = attrs.transposeA === true;
  const transposeB = attrs.transposeB === true;
  const [aInner, aOuter] = transposeA ? [a.shape.at(-2)!, a.shape.at(-1)!] : [a.shape.at(-1)!, a.shape.at(-2)!];
  const [bInner, bOuter] = transposeB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  util.assert(
    aInner === bInner,
    () =>
      `Error in matMul: inner shapes (${aInner}) and (${bInner}) of Tensors with shapes ${String(a.shape)} and ${String(b.shape)} and ` +
      `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const activation = activations.indexOf((attrs.activation as Activation | undefined) ?? "linear");
  const perColumn = !bias || bias.shape.length <= 1 || util.sizeFromShape(bias.shape) === bias.shape.at(-1);
  if (activation < 0 || !perColumn || (bias && (bias.dtype !== "float32" || bias.shape.at(-1) !== bOuter)))
    return undefined;
  const aBatch = util.sizeFromShape(a.shape.slice(0, -2));
  const bBatch = util.sizeFromShape(b.shape.slice(0, -2));
  const outer = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const batch = Math.max(aBatch, bBatch);
  if (util.sizeFromShape(outer) !== batch) return undefined; // both sides broadcast, or an empty batch
  const x = backend.readFloats(a);
  const y = backend.readFloats(b);
  const z = bias ? backend.readFloats(bias) : none;
  const { info, values } = backend.floats([...outer, aOuter, bOuter]);
  const flags = [Number(transposeA), Number(transposeB)];
  backend.library.run("matmul", [batch, aOuter, bOuter, aInner, ...flags, aBatch, bBatch, activation], x, y, z, values);
  return info;
}

export function registerMatMul(): void {
  accelerate("BatchMatMul", matMul);
  accelerate("_FusedMatMul", matMul);
}
