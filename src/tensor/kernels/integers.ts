/**
 * Kernels of int32 tensors: exact, and modulo 2^32 where a result does not fit, as in NumPy, PyTorch and C. These take the
 * place of tfjs-backend-cpu's that compute in float32 (which rounds beyond 2^24) or in float64 products (beyond 2^53); those
 * of its kernels that are exact stay (tests/tensor/integers.test.ts goes through all of them).
 */
import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";
import { broadcastAxes } from "./elementwise.ts";
import { runAlong } from "./reductions.ts";
import { accelerate, type KernelCall } from "./register.ts";

const { backend_util, util } = tf;

const areInts = (...tensors: readonly TensorInfo[]) => tensors.every(({ dtype }) => dtype === "int32");

function mapped(work: (value: number) => number) {
  return ({ inputs: { x }, backend }: KernelCall): TensorInfo | undefined => {
    if (!areInts(x)) return undefined;
    const source = backend.readInts(x);
    const { info, values } = backend.ints(x.shape);
    for (let at = 0; at < source.length; at++) values[at] = work(source[at]);
    return info;
  };
}

/** base^exponent modulo 2^32; of a negative exponent the integer part, as tfjs has it: 0 but for bases 1 and -1. */
function power(base: number, exponent: number): number {
  if (exponent < 0) return base === 1 ? 1 : base === -1 ? (exponent % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return result;
}

const squaredDifference = (a: number, b: number) => Math.imul((a - b) | 0, (a - b) | 0);

function combined(work: (a: number, b: number) => number) {
  return ({ inputs: { a, b }, backend }: KernelCall): TensorInfo | undefined => {
    if (!areInts(a, b)) return undefined;
    const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const [x, y] = [backend.readInts(a), backend.readInts(b)];
    const { info, values } = backend.ints(shape);
    walk(broadcastAxes(a.shape, b.shape, shape), (at, from, other) => (values[at] = work(x[from], y[other])));
    return info;
  };
}

/** Visits all places of a broadcast in order; `axes` as `broadcastAxes` gives them. */
function walk(axes: readonly number[], visit: (at: number, a: number, b: number) => void): void {
  const rank = axes.length / 3;
  const count = axes.reduce((product, value, at) => (at % 3 === 0 ? product * value : product), 1);
  const index = new Int32Array(rank);
  for (let at = 0, a = 0, b = 0; at < count; at++) {
    visit(at, a, b);
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = axes[3 * axis];
      a += axes[3 * axis + 1];
      b += axes[3 * axis + 2];
      if (++index[axis] < size) break;
      index[axis] = 0;
      a -= size * axes[3 * axis + 1];
      b -= size * axes[3 * axis + 2];
    }
  }
}

/** Sum or product over axes. */
function folded(start: number, work: (all: number, value: number) => number) {
  return ({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    if (!areInts(x)) return undefined;
    const axes = util.parseAxisParam((attrs.axis ?? null) as number[], x.shape);
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const source = backend.readInts(x);
    const { info, values } = backend.ints(
      attrs.keepDims === true ? kept : x.shape.filter((_, axis) => !axes.includes(axis)),
    );
    values.fill(start);
    walk(broadcastAxes(x.shape, kept, x.shape), (_, from, to) => (values[to] = work(values[to], source[from])));
    return info;
  };
}

function cumprod(call: KernelCall): TensorInfo | undefined {
  const { x } = call.inputs;
  if (!areInts(x) || x.shape.length === 0) return undefined;
  const source = call.backend.readInts(x);
  const { info, values } = call.backend.ints(x.shape);
  runAlong(call, x.shape, source, values, { start: 1, next: Math.imul });
  return info;
}

function segmentSum({ inputs: { x, segmentIds }, attrs, backend }: KernelCall): TensorInfo | undefined {
  if (!areInts(x) || segmentIds.shape.length !== 1 || segmentIds.shape[0] !== x.shape[0]) return undefined;
  const rest = x.shape.slice(1);
  const width = util.sizeFromShape(rest);
  const [source, ids] = [backend.readInts(x), backend.readInts(segmentIds)];
  const numSegments = attrs.numSegments as number;
  const { info, values } = backend.ints([numSegments, ...rest]);
  values.fill(0);
  for (let row = 0; row < ids.length; row++)
    if (ids[row] >= 0 && ids[row] < numSegments)
      for (let column = 0; column < width; column++) values[ids[row] * width + column] += source[row * width + column];
  return info;
}

function oneHot({ inputs: { indices }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { depth, onValue, offValue, dtype } = attrs as unknown as Record<string, number> & { dtype?: string };
  if (dtype !== "int32") return undefined;
  const source = backend.readInts(indices);
  const { info, values } = backend.ints([...indices.shape, depth]);
  values.fill(offValue);
  source.forEach((index, row) => {
    if (index >= 0 && index < depth) values[row * depth + index] = onValue;
  });
  return info;
}

/** Copies of the nearest pixels; tfjs-backend-cpu's pass through float32. */
function resizeNearest({ inputs: { images }, attrs, backend }: KernelCall): TensorInfo | undefined {
  if (!areInts(images)) return undefined;
  const { alignCorners, halfPixelCenters, size } = attrs as unknown as {
    alignCorners: boolean;
    halfPixelCenters: boolean;
    size: [number, number];
  };
  const [batch, height, width, channels] = images.shape;
  const scale = (from: number, to: number) => (alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to);
  const nearest = (from: number, to: number) =>
    Int32Array.from({ length: to }, (_, at) => {
      const place = scale(from, to) * (halfPixelCenters ? at + 0.5 : at);
      const rounded = alignCorners ? Math.round(place) : Math.floor(place);
      return Math.max(0, Math.min(from - 1, rounded));
    });
  const [rows, columns] = [nearest(height, size[0]), nearest(width, size[1])];
  const source = backend.readInts(images);
  const { info, values } = backend.ints([batch, ...size, channels]);
  let at = 0;
  for (let image = 0; image < batch; image++)
    for (const row of rows)
      for (const column of columns) {
        const from = ((image * height + row) * width + column) * channels;
        for (let channel = 0; channel < channels; channel++) values[at++] = source[from + channel];
      }
  return info;
}

export function registerIntegers(): void {
  accelerate("Abs", mapped((value) => (value < 0 ? -value : value) | 0)); // prettier-ignore
  accelerate("Square", mapped((value) => Math.imul(value, value))); // prettier-ignore
  accelerate("Multiply", combined(Math.imul));
  accelerate("SquaredDifference", combined(squaredDifference));
  accelerate("Pow", combined(power));
  accelerate("Sum", folded(0, (sum, value) => sum + value)); // prettier-ignore
  accelerate("Prod", folded(1, Math.imul));
  accelerate("Cumprod", cumprod);
  accelerate("UnsortedSegmentSum", segmentSum);
  accelerate("OneHot", oneHot);
  accelerate("ResizeNearestNeighbor", resizeNearest);
}
