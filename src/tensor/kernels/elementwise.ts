/**
 * Element-wise kernels: unary functions, binary ones with broadcasting, comparisons, selection, casts, sums of tensors.
 */
import type { TensorInfo } from "@tensorflow/tfjs";
import { accelerate, type KernelCall } from "./register.ts";
import { tf } from "../tf.ts";

const { backend_util, util } = tf;

/** In the order of the enumeration in native/elementwise.c. */
const unaryFunctions = (
  "Neg Abs Exp Expm1 Log Log1p Sqrt Rsqrt Square Reciprocal Sigmoid Tanh Relu Relu6 Elu Softplus LeakyRelu " +
  "ClipByValue Step Floor Ceil"
).split(" ");

const binaryFunctions =
  "Add Sub Multiply RealDiv Maximum Minimum SquaredDifference ReluGradient EluGrad Less LessEqual Greater GreaterEqual Equal NotEqual".split(
    " ",
  );
const firstComparison = binaryFunctions.indexOf("Less");

/** The two numbers that some functions need. */
function constants(name: string, attrs: KernelCall["attrs"]): [number, number] {
  if (name === "LeakyRelu" || name === "Step") return [attrs.alpha as number, 0];
  if (name === "ClipByValue") return [attrs.clipValueMin as number, attrs.clipValueMax as number];
  return [0, 0];
}

/** One axis of a broadcast: its size and the step in each operand, 0 where the operand repeats. */
type Axis = [size: number, aStep: number, bStep: number];

/** The axes of `out`, outermost first, neighbours that walk on evenly made one. */
export function broadcastAxes(a: readonly number[], b: readonly number[], out: readonly number[]): number[] {
  const axes: Axis[] = [];
  let aSize = 1;
  let bSize = 1;
  for (let fromEnd = 1; fromEnd <= out.length; fromEnd++) {
    const size = out[out.length - fromEnd];
    const aHere = a[a.length - fromEnd] ?? 1;
    const bHere = b[b.length - fromEnd] ?? 1;
    const axis: Axis = [size, aHere === 1 ? 0 : aSize, bHere === 1 ? 0 : bSize];
    aSize *= aHere;
    bSize *= bHere;
    if (size === 1) continue;
    const inner = axes.at(-1);
    if (inner && axis[1] === inner[1] * inner[0] && axis[2] === inner[2] * inner[0]) inner[0] *= size;
    else axes.push(axis);
  }
  if (axes.length === 0) axes.push([1, 0, 0]);
  return axes.reverse().flat();
}

function binary(name: string, number: number) {
  return ({ inputs, backend }: KernelCall): TensorInfo | undefined => {
    const { a, b } = name === "EluGrad" ? { a: inputs.dy, b: inputs.y } : inputs;
    if (a.dtype !== "float32" || b.dtype !== "float32") return undefined;
    const same = util.arraysEqual(a.shape, b.shape);
    const shape = same ? a.shape : backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const axes = same ? [util.sizeFromShape(shape), 1, 1] : broadcastAxes(a.shape, b.shape, shape);
    if (axes.length > 24) return undefined;
    const x = backend.readFloats(a);
    const y = backend.readFloats(b);
    const params = [number, axes.length / 3, ...axes];
    if (number >= firstComparison) {
      const { info, values } = backend.flags(shape);
      backend.library.run("compare", params, x, y, values);
      return info;
    }
    const { info, values } = backend.floats(shape);
    backend.library.run("binary", params, x, y, values);
    return info;
  };
}

function unary(name: string, number: number) {
  return ({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    if (x.dtype !== "float32") return undefined;
    const source = backend.readFloats(x);
    const { info, values } = backend.floats(x.shape);
    backend.library.run("unary", [number, ...constants(name, attrs)], source, values);
    return info;
  };
}

/** A float32 copy of an int32 or bool tensor; other casts are tfjs-backend-cpu's. */
function cast({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined {
  if (attrs.dtype !== "float32") {
    if (attrs.dtype !== x.dtype) return undefined;
  } else if (x.dtype === "int32" || x.dtype === "bool") {
    const source = x.dtype === "int32" ? backend.readInts(x) : backend.readFlags(x);
    const { info, values } = backend.floats(x.shape);
    backend.library.run(x.dtype === "int32" ? "intToFloat" : "byteToFloat", [], source, values);
    return info;
  } else if (x.dtype !== "float32") return undefined;
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

function select({ inputs: { condition, t, e }, backend }: KernelCall): TensorInfo | undefined {
  if (t.dtype !== "float32" || e.dtype !== "float32" || !util.arraysEqual(condition.shape, t.shape)) return undefined;
  const arrays = [backend.readFlags(condition), backend.readFloats(t), backend.readFloats(e)];
  const { info, values } = backend.floats(t.shape);
  backend.library.run("select", [], ...arrays, values);
  return info;
}

function addAll({ inputs, backend }: KernelCall): TensorInfo | undefined {
  const tensors = Object.values(inputs);
  if (tensors.length > 200 || tensors.some(({ dtype }) => dtype !== "float32")) return undefined;
  const arrays = tensors.map((tensor) => backend.readFloats(tensor));
  const { info, values } = backend.floats(tensors[0].shape);
  backend.library.run("addAll", [], values, ...arrays);
  return info;
}

function fill({ attrs, backend }: KernelCall): TensorInfo | undefined {
  const { shape, value, dtype } = attrs as unknown as { shape: number[]; value: number | string; dtype?: string };
  if (typeof value !== "number" || (dtype ?? "float32") !== "float32") return undefined;
  const { info, values } = backend.floats(shape);
  values.fill(value);
  return info;
}

const filled =
  (value: number) =>
  ({ inputs: { x }, backend }: KernelCall): TensorInfo | undefined => {
    if (x.dtype !== "float32") return undefined;
    const { info, values } = backend.floats(x.shape);
    values.fill(value);
    return info;
  };

export function registerElementwise(): void {
  unaryFunctions.forEach((name, number) => accelerate(name, unary(name, number)));
  binaryFunctions.forEach((name, number) => accelerate(name, binary(name, number)));
  accelerate("Cast", cast);
  accelerate("Select", select);
  accelerate("AddN", addAll);
  accelerate("Fill", fill);
  accelerate("ZerosLike", filled(0));
  accelerate("OnesLike", filled(1));
}
