/**
 * Segment operations with gradients: rows of `x` [count, width] belong to segments by `ids` [count] (int32); rows with
 * an id outside [0, segments) belong to none. The sum is tf.unsortedSegmentSum. On other back ends than `marginalia` a
 * segment operation is computed by the plain composition.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";

function check(x: Tf.Tensor2D, ids: Tf.Tensor1D, segments: number): void {
  if (x.rank !== 2)
    throw new RangeError(`rows are a tensor [count, width], got [${x.shape.join(", ")}] of rank ${x.rank}`);
  if (ids.rank !== 1) throw new RangeError(`segment ids are a tensor [count], got [${ids.shape.join(", ")}]`);
  if (ids.dtype !== "int32" || ids.shape[0] !== x.shape[0])
    throw new RangeError(
      `${x.shape[0]} rows need as many int32 segment ids, got ${ids.dtype} [${ids.shape.join(", ")}]`,
    );
  if (!Number.isInteger(segments) || segments < 0)
    throw new RangeError(`the number of segments must be a size, got ${segments}`);
}

/** Rows of `values` by id, zeros for rows of no segment. */
function rowsOf(values: Tf.Tensor2D, ids: Tf.Tensor1D): Tf.Tensor2D {
  if (tf.getBackend() === BACKEND_NAME) return tf.engine().runKernel("MarginaliaRowsOrZeros", { x: values, ids });
  const segments = values.shape[0];
  if (segments === 0 || ids.shape[0] === 0) return tf.zeros([ids.shape[0], values.shape[1]]);
  const inside = tf.logicalAnd(tf.greaterEqual(ids, 0), tf.less(ids, segments));
  const rows = tf.gather(values, tf.mul<Tf.Tensor1D>(ids, tf.cast(inside, "int32")));
  return tf.mul(rows, tf.reshape(tf.cast(inside, "float32"), [-1, 1]));
}

/** Mean of each segment's rows, [segments, width]; of an empty segment 0. */
export function segmentMean(x: Tf.Tensor2D, ids: Tf.Tensor1D, segments: number): Tf.Tensor2D {
  check(x, ids, segments);
  const counts = tf.unsortedSegmentSum(tf.ones([x.shape[0], 1]), ids, segments);
  return tf.div(tf.unsortedSegmentSum(x, ids, segments), tf.maximum(counts, 1));
}

/** Largest of each segment's rows, column by column, [segments, width]; of an empty segment -Infinity. */
export function segmentMax(x: Tf.Tensor2D, ids: Tf.Tensor1D, segments: number): Tf.Tensor2D {
  check(x, ids, segments);
  const [, width] = x.shape;
  const gradient = (dy: Tf.Tensor, winners: Tf.Tensor): Tf.Tensor => {
    // Element (segment, column) came from row `winner`: its gradient goes there, all others get none.
    const columns = tf.tile(tf.range(0, width, 1, "int32"), [segments]);
    const rows = tf.reshape<Tf.Rank.R1>(winners, [-1]);
    const places = tf.add<Tf.Tensor1D>(tf.mul(rows, tf.scalar(width, "int32")), columns);
    const nowhere = tf.onesLike(places).mul<Tf.Tensor1D>(tf.scalar(-1, "int32"));
    const targets = tf.where<Tf.Tensor1D>(tf.greaterEqual(rows, 0), places, nowhere);
    const flat = tf.unsortedSegmentSum(tf.reshape(dy, [segments * width]), targets, x.shape[0] * width);
    return tf.reshape(flat, x.shape);
  };
  return tf.customGrad((input, save) => {
    const [largest, winners] = maxima(input as Tf.Tensor2D, ids, segments);
    (save as Tf.GradSaveFunc)([winners]);
    return { value: largest, gradFunc: (dy: Tf.Tensor, saved: Tf.Tensor[]) => gradient(dy, saved[0]) };
  })(x);
}

/** Maxima, and the row that each came from: -1 for none. */
function maxima(x: Tf.Tensor2D, ids: Tf.Tensor1D, segments: number): Tf.Tensor2D[] {
  if (tf.getBackend() === BACKEND_NAME)
    return tf.engine().runKernel("MarginaliaSegmentMax", { x, ids }, { segments }) as unknown as Tf.Tensor2D[];
  const [count, width] = x.shape;
  const [values, index] = [x.dataSync(), ids.dataSync()];
  const largest = new Float32Array(segments * width).fill(-Infinity);
  const winners = new Int32Array(segments * width).fill(-1);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < width && index[row] >= 0 && index[row] < segments; column++) {
      const at = index[row] * width + column;
      const value = values[row * width + column];
      if (winners[at] >= 0 && !(value > largest[at])) continue;
      largest[at] = value;
      winners[at] = row;
    }
  return [tf.tensor2d(largest, [segments, width]), tf.tensor2d(winners, [segments, width], "int32")];
}

/**
 * exp(x) divided by its sum over the row's segment, column by column, [count, width]. Rows of no segment, and segments
 * of
 * -Infinity alone, give zeros.
 */
export function segmentSoftmax(x: Tf.Tensor2D, ids: Tf.Tensor1D, segments: number): Tf.Tensor2D {
  check(x, ids, segments);
  return tf.customGrad((input, save) => {
    const y = softmax(input as Tf.Tensor2D, ids, segments);
    (save as Tf.GradSaveFunc)([y, ids]);
    const gradFunc = (dy: Tf.Tensor2D, [out, savedIds]: Tf.Tensor[]) => {
      const weighted = tf.mul<Tf.Tensor2D>(dy, out);
      const means = tf.unsortedSegmentSum(weighted, savedIds as Tf.Tensor1D, segments);
      return tf.sub(weighted, tf.mul(out, rowsOf(means, savedIds as Tf.Tensor1D)));
    };
    return { value: y, gradFunc: gradFunc };
  })(x);
}

function softmax(x: Tf.Tensor2D, ids: Tf.Tensor1D, segments: number): Tf.Tensor2D {
  if (tf.getBackend() === BACKEND_NAME)
    return tf.engine().runKernel("MarginaliaSegmentSoftmax", { x, ids }, { segments });
  const [largest] = maxima(x, ids, segments);
  const shift = tf.where<Tf.Tensor2D>(tf.isFinite(largest), largest, tf.zerosLike(largest));
  const inside = rowsOf(tf.ones([segments, 1]), ids);
  const powers = tf.mul<Tf.Tensor2D>(tf.exp(tf.sub(x, rowsOf(shift, ids))), inside);
  const sums = rowsOf(tf.unsortedSegmentSum(powers, ids, segments), ids);
  return tf.divNoNan(powers, sums);
}

function maxKernel({ inputs: { x, ids }, attrs, backend }: KernelCall): Tf.TensorInfo[] {
  const segments = attrs.segments as number;
  const [values, index] = [backend.readFloats(x), backend.readInts(ids)];
  const largest = backend.floats([segments, x.shape[1]]);
  const winners = backend.ints([segments, x.shape[1]]);
  backend.library.run("segmentMax", [segments, x.shape[1]], values, index, largest.values, winners.values);
  return [largest.info, winners.info];
}

function softmaxKernel({ inputs: { x, ids }, attrs, backend }: KernelCall): Tf.TensorInfo {
  const [values, index] = [backend.readFloats(x), backend.readInts(ids)];
  const { info, values: out } = backend.floats(x.shape);
  backend.library.run("segmentSoftmax", [attrs.segments as number, x.shape[1]], values, index, out);
  return info;
}

export function registerSegments(): void {
  accelerate("MarginaliaSegmentMax", maxKernel);
  accelerate("MarginaliaSegmentSoftmax", softmaxKernel);
}
