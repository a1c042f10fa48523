/**
 * Reductions over any axes, softmax, arg max and arg min.
 *
 * One difference: of no elements the mean is NaN, the maximum -Infinity and the minimum Infinity, as in TensorFlow;
 * tfjs-backend-cpu gives 0, NaN and NaN.
 */
import type { TensorInfo } from "@tensorflow/tfjs";
import type { MarginaliaBackend } from "../backend.ts";
import { permuted } from "./layout.ts";
import { accelerate, type KernelCall } from "./register.ts";
import { tf } from "../tf.ts";

const { backend_util, util } = tf;

/** In the order of the enumeration in native/reduce.c. */
const reductions = ["Sum", "Mean", "Max", "Min", "Prod", "MarginaliaLogSumExp"];

/** Drops axes of size 1: they are contiguous with anything. */
function isRun(axes: readonly number[], shape: readonly number[]): boolean {
  const wide = axes.filter((axis) => shape[axis] !== 1);
  return wide.every((axis, i) => {
    if (i === 0) return true;
    for (let between = wide[i - 1] + 1; between < axis; between++) if (shape[between] !== 1) return false;
    return true;
  });
}

/** [outer, middle, inner] for axes (sorted) that lie side by side in `shape`. */
function split(axes: readonly number[], shape: readonly number[]): [number, number, number] {
  const wide = axes.filter((axis) => shape[axis] !== 1);
  const size = (from: number, to: number) => util.sizeFromShape(shape.slice(from, to));
  if (wide.length === 0) return [util.sizeFromShape(shape as number[]), 1, 1];
  return [size(0, wide[0]), size(wide[0], wide.at(-1)! + 1), size(wide.at(-1)! + 1, shape.length)];
}

/** Reduces float32 `x` over `axes` by the kernel's reduction of that name. */
export function reduce(
  backend: MarginaliaBackend,
  name: string,
  x: TensorInfo,
  axes: readonly number[],
  keepDims: boolean,
): TensorInfo {
  const sorted = [...axes].sort((first, second) => first - second);
  const kept = x.shape.map((size, axis) => (sorted.includes(axis) ? 1 : size));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !sorted.includes(axis));
  let source = x;
  let parts = split(sorted, x.shape);
  if (!isRun(sorted, x.shape)) {
    const others = x.shape.map((_, axis) => axis).filter((axis) => !sorted.includes(axis));
    source = permuted(backend, x, [...others, ...sorted]);
    const middle = util.sizeFromShape(sorted.map((axis) => x.shape[axis]));
    parts = [util.sizeFromShape(others.map((axis) => x.shape[axis])), middle, 1];
  }
  const { info, values } = backend.floats(shape);
  backend.library.run("reduce", [reductions.indexOf(name), ...parts], backend.readFloats(source), values);
  if (source !== x) backend.disposeIntermediateTensorInfo(source);
  return info;
}

function reduction(name: string) {
  return ({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    if (x.dtype !== "float32") return undefined;
    const given = (attrs.axis ?? attrs.reductionIndices ?? null) as number[] | null;
    const axes = util.parseAxisParam(given as number[], x.shape);
    return reduce(backend, name, x, axes, attrs.keepDims === true);
  };
}

function softmax({ inputs: { logits }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const rank = logits.shape.length;
  const dim = attrs.dim as number;
  if (logits.dtype !== "float32" || (dim !== -1 && dim !== rank - 1)) return undefined;
  const columns = logits.shape[rank - 1] ?? 1;
  const source = backend.readFloats(logits);
  const { info, values } = backend.floats(logits.shape);
  backend.library.run("softmax", [columns ? source.length / columns : 0, columns, 0], source, values);
  return info;
}

function argExtreme(least: boolean) {
  return ({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    const axes = util.parseAxisParam(attrs.axis as number, x.shape);
    if (x.dtype !== "float32" || axes[0] !== x.shape.length - 1) return undefined;
    const columns = x.shape[axes[0]];
    if (columns === 0) return undefined;
    const [shape] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const source = backend.readFloats(x);
    const { info, values } = backend.ints(shape);
    backend.library.run("argExtreme", [source.length / columns, columns, least ? 1 : 0], source, values);
    return info;
  };
}

/** What a running sum or product begins with, and how it takes the next value in. */
export interface Running {
  readonly start: number;
  readonly next: (all: number, value: number) => number;
}

/** values = what has run up along the axis of `attrs`; of exclusive calls, what has before each place. */
export function runAlong(
  { attrs }: Pick<KernelCall, "attrs">,
  shape: number[],
  source: Float32Array | Int32Array,
  values: Float32Array | Int32Array,
  { start, next }: Running,
): void {
  const axis = util.parseAxisParam(attrs.axis as number, shape)[0];
  const size = shape[axis];
  const inner = util.sizeFromShape(shape.slice(axis + 1));
  for (let first = 0; first < source.length; first += size * inner)
    for (let column = 0; column < inner; column++) {
      let all = start;
      for (let step = 0; step < size; step++) {
        const at = first + column + inner * (attrs.reverse === true ? size - 1 - step : step);
        const after = next(all, source[at]);
        values[at] = attrs.exclusive === true ? all : after;
        all = after;
      }
    }
}

/** Running sums in double precision; tfjs-backend-cpu's keep three digits of a million terms. */
function cumsum(call: KernelCall): TensorInfo | undefined {
  const { x } = call.inputs;
  if (x.dtype !== "float32" || x.shape.length === 0) return undefined;
  const source = call.backend.readFloats(x);
  const { info, values } = call.backend.floats(x.shape);
  runAlong(call, x.shape, source, values, { start: 0, next: (all, value) => all + value });
  return info;
}

export function registerReductions(): void {
  accelerate("Cumsum", cumsum);
  for (const name of reductions) accelerate(name, reduction(name));
  accelerate("Softmax", softmax);
  accelerate("ArgMax", argExtreme(false));
  accelerate("ArgMin", argExtreme(true));
}
