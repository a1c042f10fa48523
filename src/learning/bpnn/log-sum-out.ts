/**
 * ln sum exp over axes of small tables, many rows at once. A row has a few entries, so operations along it are slow and operations
 * across rows fast; for tables over binary variables an axis is therefore summed out as
 *
 *   ln(e^a + e^b) = a + softplus(b - a),      a, b = the table's halves, [rows, half]
 *
 * and rows of two are normalised as x - ln sum exp x = -softplus of the difference the other way round. Entries must be finite.
 */
import type * as Tf from "@tensorflow/tfjs";
import { logSumExp } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";

/** One binary axis summed out of tables: [entries, entries / 2] matrices that pick its state 0, and state 1 less state 0. */
interface Fold {
  readonly low: Tf.Tensor2D;
  readonly difference: Tf.Tensor2D;
}

/** How tables of one shape are summed out. */
export interface SumOut {
  readonly cardinalities: readonly number[];
  /** For each axis the folds of all others, for no axis (the last entry) of all; absent where some axis is not binary. */
  readonly folds?: readonly (readonly Fold[])[];
}

/** Its tensors live as those of a batch: see `disposeSumOut`. */
export function sumOutOf(cardinalities: readonly number[]): SumOut {
  if (!cardinalities.every((size) => size === 2)) return { cardinalities };
  const folds = [...cardinalities.keys(), -1].map((kept) => {
    const axes = [...cardinalities.keys()];
    const list: Fold[] = [];
    for (let at = axes.length - 1; at >= 0; at--) {
      if (axes[at] === kept) continue;
      list.push(fold(axes.length, at));
      axes.splice(at, 1);
    }
    return list;
  });
  return { cardinalities, folds: folds };
}

function fold(numAxes: number, axis: number): Fold {
  const size = 2 ** numAxes;
  const stride = 2 ** (numAxes - 1 - axis);
  const low = new Float32Array((size * size) / 2);
  const difference = new Float32Array(low.length);
  for (let entry = 0; entry < size; entry++) {
    const state = Math.floor(entry / stride) % 2;
    const to = Math.floor(entry / (2 * stride)) * stride + (entry % stride);
    const at = entry * (size / 2) + to;
    if (state === 0) low[at] = 1;
    difference[at] = state === 0 ? -1 : 1;
  }
  const shape: [number, number] = [size, size / 2];
  return { low: tf.tensor2d(low, shape), difference: tf.tensor2d(difference, shape) };
}

export function disposeSumOut({ folds }: SumOut): void {
  for (const list of folds ?? []) for (const { low, difference } of list) tf.dispose([low, difference]);
}

/** Tables [rows, entries] summed over all axes but `kept`: [rows, size of the axis]; over all axes without it: [rows, 1]. */
export function logSumOut(tables: Tf.Tensor2D, { cardinalities, folds }: SumOut, kept?: number): Tf.Tensor2D {
  if (folds)
    return folds[kept ?? cardinalities.length].reduce(
      (x, { low, difference }) => tf.add(tf.matMul(x, low), softplus(tf.matMul(x, difference))),
      tables,
    );
  if (kept === undefined) return logSumExp(tables, 1, true) as Tf.Tensor2D;
  if (cardinalities.length === 1) return tables;
  const axes = [...cardinalities.keys()].filter((axis) => axis !== kept).map((axis) => axis + 1);
  return logSumExp(tf.reshape(tables, [tables.shape[0], ...cardinalities]), axes) as Tf.Tensor2D;
}

/** Rows shifted to log-sum-exp 0. */
export function normaliseRows(x: Tf.Tensor2D): Tf.Tensor2D {
  if (x.shape[1] !== 2) return tf.sub(x, logSumExp(x, 1, true));
  const others = tf.tensor2d([-1, 1, 1, -1], [2, 2]); // (x_0, x_1) -> (x_1 - x_0, x_0 - x_1)
  return tf.neg(softplus(tf.matMul(x, others)));
}

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), of operations that run over vectors; its gradient is the logistic function. */
function softplus(x: Tf.Tensor2D): Tf.Tensor2D {
  return tf.customGrad((...inputs) => {
    const [input, save] = inputs as unknown as [Tf.Tensor2D, Tf.GradSaveFunc];
    save([input]);
    return {
      value: tf.add(tf.relu(input), tf.log1p(tf.exp(tf.neg(tf.abs(input))))),
      gradFunc: (dy: Tf.Tensor, [saved]: Tf.Tensor[]) => tf.mul(dy, tf.sigmoid(saved)),
    };
  })(x) as Tf.Tensor2D;
}
