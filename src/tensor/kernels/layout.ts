/**
 * Kernels that move elements: concat, stack, split, slice, pad, transpose, tile, one-hot. Int32 elements travel as the
 * four bytes that they are; bool and strings go to tfjs-backend-cpu.
 */
import type { TensorInfo } from "@tensorflow/tfjs";
import type { MarginaliaBackend } from "../backend.ts";
import { accelerate, type KernelCall } from "./register.ts";
import { tf } from "../tf.ts";

const { backend_util, slice_util, util } = tf;

const MAX_AXES = 8;

const isWord = (tensor: TensorInfo) => tensor.dtype === "float32" || tensor.dtype === "int32";

/** The same bytes as floats. */
export const asFloats = (array: Float32Array | Int32Array) =>
  array instanceof Int32Array ? new Float32Array(array.buffer, array.byteOffset, array.length) : array;

function readWords(backend: MarginaliaBackend, tensor: TensorInfo): Float32Array {
  return tensor.dtype === "int32" ? asFloats(backend.readInts(tensor)) : backend.readFloats(tensor);
}

function words(backend: MarginaliaBackend, shape: readonly number[], dtype: string) {
  const { info, values } = dtype === "int32" ? backend.ints(shape) : backend.floats(shape);
  return { info, values, floats: asFloats(values) };
}

/** [size, source step, target step] for each axis; neighbours that walk on evenly are made one. */
function boxAxes(sizes: readonly number[], from: readonly number[], to: readonly number[]): number[] {
  const axes: [number, number, number][] = [];
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    if (sizes[axis] === 1) continue;
    const inner = axes.at(-1);
    if (inner && from[axis] === inner[0] * inner[1] && to[axis] === inner[0] * inner[2]) inner[0] *= sizes[axis];
    else axes.push([sizes[axis], from[axis], to[axis]]);
  }
  if (axes.length === 0) axes.push([1, 1, 1]);
  return axes.reverse().flat();
}

interface Box {
  sizes: readonly number[];
  from: readonly number[];
  to: readonly number[];
  sourceAt?: number;
  targetAt?: number;
}

/** Copies a box of elements; false when it has too many axes for the kernel. */
function copyBox(backend: MarginaliaBackend, source: Float32Array, target: Float32Array, box: Box): boolean {
  const axes = boxAxes(box.sizes, box.from, box.to);
  if (axes.length > 3 * MAX_AXES) return false;
  backend.library.run("copyBox", [axes.length / 3, box.sourceAt ?? 0, box.targetAt ?? 0, ...axes], source, target);
  return true;
}

const strides = (shape: readonly number[]) => {
  const result = new Array<number>(shape.length);
  for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
    result[axis] = step;
    step *= shape[axis];
  }
  return result;
};

/** A copy with its axes in the order of `order`. */
export function permuted(backend: MarginaliaBackend, x: TensorInfo, order: readonly number[]): TensorInfo {
  const from = strides(x.shape);
  const shape = order.map((axis) => x.shape[axis]);
  const { info, floats } = words(backend, shape, x.dtype);
  const box = { sizes: shape, from: order.map((axis) => from[axis]), to: strides(shape) };
  if (!copyBox(backend, readWords(backend, x), floats, box))
    throw new Error(`a transpose of more than ${MAX_AXES} scattered axes, shape [${x.shape.join(", ")}]`);
  return info;
}

function transpose({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined {
  if (!isWord(x) || x.shape.length > MAX_AXES) return undefined;
  return permuted(backend, x, attrs.perm as number[]);
}

function slice({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined {
  if (!isWord(x)) return undefined;
  const [begin, size] = slice_util.parseSliceParams(x, attrs.begin as number[], attrs.size as number[]);
  slice_util.assertParamsValid(x, begin, size);
  return sliced(backend, x, begin, size);
}

function sliced(
  backend: MarginaliaBackend,
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
): TensorInfo | undefined {
  if (boxAxes(size, strides(x.shape), strides(size)).length > 3 * MAX_AXES) return undefined;
  const from = strides(x.shape);
  const { info, floats } = words(backend, size, x.dtype);
  const sourceAt = begin.reduce((at, index, axis) => at + index * from[axis], 0);
  copyBox(backend, readWords(backend, x), floats, { sizes: size, from, to: strides(size), sourceAt });
  return info;
}

function splitUp({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo[] | undefined {
  if (!isWord(x) || x.shape.length > MAX_AXES) return undefined;
  const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0];
  const sizes = backend_util.prepareSplitSize(x, attrs.numOrSizeSplits as number[], axis);
  const begin = x.shape.map(() => 0);
  return sizes.map((size) => {
    const shape = x.shape.with(axis, size);
    const part = sliced(backend, x, begin, shape)!;
    begin[axis] += size;
    return part;
  });
}

/** `tensors` side by side along `axis`; the result has `shape`. */
function joined(backend: MarginaliaBackend, tensors: readonly TensorInfo[], axis: number, shape: number[]): TensorInfo {
  const outer = util.sizeFromShape(shape.slice(0, axis));
  const arrays = tensors.map((tensor) => readWords(backend, tensor));
  const { info, floats } = words(backend, shape, tensors[0].dtype);
  const widths = arrays.map((array) => (outer === 0 ? 0 : array.length / outer));
  backend.library.run("concat", [outer, ...widths], floats, ...arrays);
  return info;
}

function concat({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const tensors = Object.values(inputs);
  const dtype = tensors[0].dtype;
  if (tensors.length > 200 || !tensors.every((tensor) => isWord(tensor) && tensor.dtype === dtype)) return undefined;
  const axis = util.parseAxisParam(attrs.axis as number, tensors[0].shape)[0];
  const shapes = tensors.map(({ shape }) => shape);
  backend_util.assertParamsConsistent(shapes, axis);
  return joined(backend, tensors, axis, backend_util.computeOutShape(shapes, axis));
}

/** tf.stack: a concatenation along a new axis. */
function pack({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const tensors = Object.values(inputs);
  const { dtype, shape } = tensors[0];
  if (tensors.length > 200 || !tensors.every((tensor) => isWord(tensor) && tensor.dtype === dtype)) return undefined;
  for (const tensor of tensors)
    util.assertShapesMatch(shape, tensor.shape, "All tensors passed to stack must have matching shapes");
  const axis = attrs.axis as number;
  return joined(backend, tensors, axis, shape.toSpliced(axis, 0, tensors.length));
}

/** tf.unstack */
function unpack({ inputs: { value }, attrs, backend }: KernelCall): TensorInfo[] | undefined {
  if (!isWord(value) || value.shape.length > MAX_AXES) return undefined;
  const rank = value.shape.length;
  const axis = (attrs.axis as number) < 0 ? (attrs.axis as number) + rank : (attrs.axis as number);
  const size = value.shape.with(axis, 1);
  return Array.from({ length: value.shape[axis] }, (_, index) => {
    const begin = value.shape.map((_size, at) => (at === axis ? index : 0));
    const part = sliced(backend, value, begin, size)!;
    return { ...part, shape: size.toSpliced(axis, 1) };
  });
}

function pad({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { paddings, constantValue } = attrs as unknown as { paddings: [number, number][]; constantValue: number };
  if (!isWord(x) || x.shape.length > MAX_AXES) return undefined;
  const shape = x.shape.map((size, axis) => size + paddings[axis][0] + paddings[axis][1]);
  const to = strides(shape);
  const source = readWords(backend, x);
  const { info, values, floats } = words(backend, shape, x.dtype);
  values.fill(constantValue);
  const targetAt = paddings.reduce((at, [before], axis) => at + before * to[axis], 0);
  if (source.length > 0) copyBox(backend, source, floats, { sizes: x.shape, from: strides(x.shape), to, targetAt });
  return info;
}

function tile({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const reps = attrs.reps as number[];
  const from = strides(x.shape);
  const shape = x.shape.map((size, axis) => size * reps[axis]);
  const to = strides(shape);
  const box = {
    sizes: reps.flatMap((count, axis) => [count, x.shape[axis]]),
    from: reps.flatMap((_, axis) => [0, from[axis]]),
    to: reps.flatMap((_, axis) => [to[axis] * x.shape[axis], to[axis]]),
  };
  if (!isWord(x) || boxAxes(box.sizes, box.from, box.to).length > 3 * MAX_AXES) return undefined;
  const { info, floats } = words(backend, shape, x.dtype);
  if (floats.length > 0) copyBox(backend, readWords(backend, x), floats, box);
  return info;
}

function oneHot({ inputs: { indices }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { depth, onValue, offValue, dtype } = attrs as unknown as Record<string, number> & { dtype?: string };
  if (dtype !== undefined && dtype !== "float32") return undefined;
  const source = backend.readInts(indices);
  const { info, values } = backend.floats([...indices.shape, depth]);
  backend.library.run("oneHot", [depth, onValue, offValue], source, values);
  return info;
}

export function registerLayout(): void {
  accelerate("Transpose", transpose);
  accelerate("Slice", slice);
  accelerate("SplitV", splitUp);
  accelerate("Concat", concat);
  accelerate("Pack", pack);
  accelerate("Unpack", unpack);
  accelerate("PadV2", pad);
  accelerate("Tile", tile);
  accelerate("OneHot", oneHot);
}
