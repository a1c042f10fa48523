/**
 * Fused message passing, differentiable: gather -> concatenate -> MLP -> segment sum.
 *
 *   input[e] = [block_1[index_1[e]], ..., block_B[index_B[e]]]
 *   y[e]     = last(hidden(... hidden(input[e] W_1 + b_1) ...) W_L + b_L)
 *   out[s]   = sum of y[e] over the rows e with segment s
 *
 * On the `marginalia` back end it is one kernel with a hand-written gradient that never stores a hidden layer for all
 * rows; on any other back end the plain composition below, which is also its test oracle.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME, type MarginaliaBackend } from "../backend.ts";
import { activations, type Activation } from "../kernels/matmul.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";

export type { Activation } from "../kernels/matmul.ts";

/**
 * Columns of the MLP's input: rows of `x` [rows, width], picked by `index` [count] (int32), or row by row without one.
 */
export interface MessageBlock {
  readonly x: Tf.Tensor2D;
  readonly index?: Tf.Tensor1D;
}

/** kernel [from, to], bias [to] */
export interface DenseLayer {
  readonly kernel: Tf.Tensor2D;
  readonly bias: Tf.Tensor1D;
}

export interface MessagePassing {
  /** One to eight; their columns are concatenated in this order. */
  readonly blocks: readonly MessageBlock[];
  /** One to eight. */
  readonly layers: readonly DenseLayer[];
  /** Of all layers but the last; default relu. */
  readonly hidden?: Activation;
  /** Of the last layer; default linear. */
  readonly last?: Activation;
  /** Sum rows by segment; without it the result has a row for each row of input. Ids outside [0, count) are dropped. */
  readonly segments?: { readonly ids: Tf.Tensor1D; readonly count: number };
}

interface Attributes {
  blocks: number;
  layers: number;
  indexed: boolean[];
  summed: boolean;
  segments: number;
  hidden: number;
  last: number;
}

/** Tensors in the order of the kernel's arrays, without the empty ones that mean "none". */
function listTensors({ blocks, layers, segments }: MessagePassing): Tf.Tensor[] {
  const ids = segments ? [segments.ids] : [];
  return [
    ...ids,
    ...blocks.flatMap(({ x, index }) => (index ? [x, index] : [x])),
    ...layers.flatMap(({ kernel, bias }) => [kernel, bias]),
  ];
}

function check({ blocks, layers, segments, hidden = "relu", last = "linear" }: MessagePassing): void {
  const refuse = (text: string) => {
    throw new RangeError(`message passing: ${text}`);
  };
  for (const [what, list] of Object.entries({ blocks, layers }))
    if (list.length < 1 || list.length > 8) refuse(`from 1 to 8 ${what} are possible, got ${list.length}`);
  for (const name of [hidden, last])
    if (!activations.includes(name)) refuse(`activation "${name}" is unknown; known are ${activations.join(", ")}`);
  const counts = blocks.map(({ x, index }) => (index ?? x).shape[0]);
  if (segments) counts.push(segments.ids.shape[0]);
  if (new Set(counts).size > 1) refuse(`blocks and segments have different numbers of rows: ${counts.join(", ")}`);
  for (const { x, index } of blocks)
    if (x.rank !== 2 || x.dtype !== "float32" || (index && (index.rank !== 1 || index.dtype !== "int32")))
      refuse(`a block needs float32 [rows, width] and an int32 index [count], got ${x.dtype} [${x.shape.join(", ")}]`);
  if (segments && segments.ids.dtype !== "int32") refuse(`segment ids must be int32, got ${segments.ids.dtype}`);
  let width = blocks.reduce((sum, { x }) => sum + x.shape[1], 0);
  for (const { kernel, bias } of layers) {
    if (kernel.shape[0] !== width || bias.shape[0] !== kernel.shape[1])
      refuse(
        `a layer needs a kernel [${width}, to] and a bias [to], ` +
          `got [${kernel.shape.join(", ")}] and [${bias.shape.join(", ")}]`,
      );
    width = kernel.shape[1];
  }
}

/**
 * Tensor of shape [segments.count or rows, width of the last layer].
 * @throws RangeError if shapes, types or names do not fit, or an index is outside its block.
 */
export function messagePassing(passing: MessagePassing): Tf.Tensor2D {
  check(passing);
  if (tf.getBackend() !== BACKEND_NAME) return messagePassingByParts(passing);
  const { blocks, layers, segments, hidden = "relu", last = "linear" } = passing;
  const attributes: Attributes = {
    blocks: blocks.length,
    layers: layers.length,
    indexed: blocks.map(({ index }) => index !== undefined),
    summed: segments !== undefined,
    segments: segments?.count ?? 0,
    hidden: activations.indexOf(hidden),
    last: activations.indexOf(last),
  };
  const tensors = listTensors(passing) as unknown as Tf.NamedTensorMap;
  return tf.engine().runKernel("MarginaliaMessage", tensors, attributes as unknown as Tf.NamedAttrMap);
}

const activate: Record<Activation, (x: Tf.Tensor) => Tf.Tensor> = {
  linear: (x) => x,
  relu: tf.relu,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  relu6: tf.relu6,
  elu: tf.elu,
};

/** The same by tfjs's own operations. */
export function messagePassingByParts(passing: MessagePassing): Tf.Tensor2D {
  const { blocks, layers, segments, hidden = "relu", last = "linear" } = passing;
  const inputs = blocks.map(({ x, index }) => (index ? tf.gather(x, index) : x));
  let rows: Tf.Tensor = inputs.length === 1 ? inputs[0] : tf.concat(inputs, 1);
  layers.forEach(({ kernel, bias }, i) => {
    rows = activate[i === layers.length - 1 ? last : hidden](tf.add(tf.matMul(rows, kernel), bias));
  });
  return (segments ? tf.unsortedSegmentSum(rows, segments.ids, segments.count) : rows) as Tf.Tensor2D;
}

const none = new Int32Array(0);

/** The kernel's read arrays and its parameters after the first. */
function readCall(backend: MarginaliaBackend, tensors: readonly Tf.TensorInfo[], attrs: Attributes) {
  let at = 0;
  const segment = attrs.summed ? backend.readInts(tensors[at++]) : none;
  const arrays: (Float32Array | Int32Array)[] = [segment];
  const sizes: number[] = [];
  const blocks: Tf.TensorInfo[] = [];
  const layers: Tf.TensorInfo[] = [];
  let count = segment.length;
  for (let b = 0; b < attrs.blocks; b++) {
    const x = tensors[at++];
    const index = attrs.indexed[b] ? backend.readInts(tensors[at++]) : none;
    count = attrs.indexed[b] ? index.length : x.shape[0];
    blocks.push(x);
    arrays.push(backend.readFloats(x), index);
    sizes.push(x.shape[0], x.shape[1]);
  }
  for (let l = 0; l < attrs.layers; l++) {
    const [kernel, bias] = tensors.slice(at, (at += 2));
    layers.push(kernel, bias);
    arrays.push(backend.readFloats(kernel), backend.readFloats(bias));
    sizes.push(kernel.shape[1]);
  }
  const params = [count, attrs.segments, attrs.blocks, attrs.layers, attrs.hidden, attrs.last, ...sizes];
  return { arrays, params, blocks, layers, count };
}

function forward({ inputs, attrs, backend }: KernelCall): Tf.TensorInfo {
  const attributes = attrs as unknown as Attributes;
  const { arrays, params, layers, count } = readCall(backend, Object.values(inputs), attributes);
  const shape = [attributes.summed ? attributes.segments : count, layers.at(-1)!.shape[0]];
  return backend.written(shape, (values) => backend.library.run("message", [1, ...params], values, ...arrays));
}

/** Inputs: the gradient of the result, then those of the message. */
function backward({ inputs, attrs, backend }: KernelCall): Tf.TensorInfo[] {
  const [dy, ...tensors] = Object.values(inputs);
  const { arrays, params, blocks, layers } = readCall(backend, tensors, attrs as unknown as Attributes);
  const results = [...blocks, ...layers].map(({ shape }) => backend.floats(shape));
  const written = results.map(({ values }) => values);
  backend.library.run("messageGradient", [written.length, ...params], ...written, backend.readFloats(dy), ...arrays);
  return results.map(({ info }) => info);
}

export function registerMessage(): void {
  accelerate("MarginaliaMessage", forward);
  accelerate("MarginaliaMessageGradient", backward);
  tf.registerGradient({
    kernelName: "MarginaliaMessage",
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) => {
      const { blocks, indexed, summed } = attrs as unknown as Attributes;
      const inputs = [dy as Tf.Tensor, ...saved] as unknown as Tf.NamedTensorMap;
      const gradients = tf.engine().runKernel("MarginaliaMessageGradient", inputs, attrs) as unknown as Tf.Tensor[];
      const undefinedGradient = () => {
        throw new Error("message passing has no gradient by an index");
      };
      const ofBlocks = gradients.slice(0, blocks).flatMap((gradient, b) => {
        const own = () => gradient;
        return indexed[b] ? [own, undefinedGradient] : [own];
      });
      const ofLayers = gradients.slice(blocks).map((gradient) => () => gradient);
      const all = [...(summed ? [undefinedGradient] : []), ...ofBlocks, ...ofLayers];
      return all as unknown as Record<string, () => Tf.Tensor>;
    },
  });
}
