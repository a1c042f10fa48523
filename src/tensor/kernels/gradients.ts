/**
 * Gradients that tfjs composes of several operations and that are one kernel here; other back ends keep tfjs's. Each
 * has a gradient of its own, so that derivatives of higher order go through.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { tf } from "../tf.ts";

type Gradient = (dy: Tf.Tensor, saved: Tf.Tensor[]) => Record<string, () => Tf.Tensor>;

/** `ours` in the place of tfjs's gradient of `kernelName`, wherever it applies to the saved tensors. */
function replaceGradient(kernelName: string, applies: (saved: Tf.Tensor[]) => boolean, ours: Gradient): void {
  const theirs = tf.getGradient(kernelName);
  tf.unregisterGradient(kernelName);
  tf.registerGradient({
    ...theirs,
    gradFunc: (dy, saved, attrs) =>
      tf.getBackend() === BACKEND_NAME && !Array.isArray(dy) && dy.dtype === "float32" && applies(saved)
        ? ours(dy, saved)
        : theirs.gradFunc(dy, saved, attrs),
  });
}

const run = (kernelName: string, inputs: Tf.NamedTensorMap) => tf.engine().runKernel<Tf.Tensor>(kernelName, inputs);

/** dy where x > 0, else 0 (the kernel of the same name). */
const reluGradient = (dy: Tf.Tensor, x: Tf.Tensor) => run("ReluGradient", { a: dy, b: x });

const rowsOrZeros = (x: Tf.Tensor, ids: Tf.Tensor) => run("MarginaliaRowsOrZeros", { x, ids });

export function registerGradients(): void {
  replaceGradient(
    "Relu",
    ([x]) => x.dtype === "float32",
    (dy, [x]) => ({ x: () => reluGradient(dy, x) }),
  );
  tf.registerGradient({
    kernelName: "ReluGradient",
    inputsToSave: ["b"],
    gradFunc: (dy, [x]) => ({ a: () => reluGradient(dy as Tf.Tensor, x), b: () => tf.zerosLike(x) }),
  });
  // Where tfjs's throws at an id beyond the last segment, whose row was left out of the sum, its gradient is 0 here.
  replaceGradient(
    "UnsortedSegmentSum",
    ([ids]) => ids.rank === 1,
    (dy, [ids]) => ({ x: () => rowsOrZeros(dy, ids) }),
  );
  tf.registerGradient({
    kernelName: "MarginaliaRowsOrZeros",
    inputsToSave: ["x", "ids"],
    gradFunc: (dy, [x, ids]) => ({
      x: () => tf.unsortedSegmentSum(dy as Tf.Tensor, ids as Tf.Tensor1D, x.shape[0]),
      ids: () => tf.zerosLike(ids),
    }),
  });
}
