/**
 * Images: convolution (plain, fused, depthwise), pooling, resizing and their gradients, batch normalisation. Layout
 * [batch, height, width, channels]; channels-first calls go to tfjs-backend-cpu.
 *
 * One difference: tfjs-backend-cpu's gradient of an average pool divides by the whole window where the forward pass
 * divides by the part of it inside the image; ours is the derivative of the forward pass.
 */
import type { backend_util as Util, TensorInfo } from "@tensorflow/tfjs";
import type { MarginaliaBackend } from "../backend.ts";
import { activations, type Activation } from "./matmul.ts";
import { accelerate, type KernelCall } from "./register.ts";
import { tf } from "../tf.ts";

const { backend_util, util } = tf;

type Shape4 = [number, number, number, number];

interface Attributes {
  strides: number | [number, number];
  pad: "valid" | "same" | number | Util.ExplicitPadding;
  /** tfjs also passes null. */
  dilations?: number | [number, number] | null;
  dataFormat?: "NHWC" | "NCHW";
  dimRoundingMode?: "floor" | "round" | "ceil";
  activation?: Activation;
  filterSize: number | [number, number];
  filterShape: Shape4;
  inputShape: Shape4;
}

const read = (attrs: KernelCall["attrs"]) => attrs as unknown as Attributes;
const none = new Float32Array(0);

/** The kernels' fifteen sizes. */
function sizes(info: Util.Conv2DInfo, outChannels: number): number[] {
  return [
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    ...[info.filterHeight, info.filterWidth, outChannels, info.outHeight, info.outWidth],
    ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
    ...[info.padInfo.top, info.padInfo.left],
  ];
}

function convolution(input: Shape4, filter: Shape4, attrs: Attributes, depthwise = false) {
  const { strides, pad, dilations, dimRoundingMode, dataFormat = "NHWC" } = attrs;
  if (dataFormat !== "NHWC") return undefined;
  return backend_util.computeConv2DInfo(input, filter, strides, dilations ?? 1, pad, dimRoundingMode, depthwise);
}

function run(
  backend: MarginaliaBackend,
  kernel: string,
  params: number[],
  tensors: (TensorInfo | undefined)[],
  shape: number[],
) {
  const arrays = tensors.map((tensor) => (tensor ? backend.readFloats(tensor) : none));
  const { info, values } = backend.floats(shape);
  backend.library.run(kernel, params, ...arrays, values);
  return info;
}

const areFloats = (tensors: (TensorInfo | undefined)[]) =>
  tensors.every((tensor) => tensor === undefined || tensor.dtype === "float32");

function convolve({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { x, filter, bias } = inputs;
  const info = convolution(x.shape as Shape4, filter.shape as Shape4, read(attrs));
  const activation = activations.indexOf(read(attrs).activation ?? "linear");
  const plainBias = !bias || (bias.shape.length <= 1 && util.sizeFromShape(bias.shape) === filter.shape[3]);
  if (!info || activation < 0 || !plainBias || !areFloats([x, filter, bias])) return undefined;
  return run(backend, "convolve", [...sizes(info, info.outChannels), activation], [x, filter, bias], info.outShape);
}

function convolveInputGradient({ inputs: { dy, filter }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const info = convolution(read(attrs).inputShape, filter.shape as Shape4, read(attrs));
  // tfjs lets a gradient be of another shape than the convolution's result, and its kernel reads a part of it.
  if (!info || !util.arraysEqual(dy.shape, info.outShape) || !areFloats([dy, filter])) return undefined;
  return run(backend, "convolveInputGradient", sizes(info, info.outChannels), [dy, filter], info.inShape);
}

function convolveFilterGradient({ inputs: { x, dy }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const info = convolution(x.shape as Shape4, read(attrs).filterShape, read(attrs));
  if (!info || !areFloats([x, dy])) return undefined;
  return run(backend, "convolveFilterGradient", sizes(info, info.outChannels), [x, dy], info.filterShape);
}

/** Arrays in the order that native/convolve.c's depthwise kernel wants for each mode. */
const depthwiseModes = {
  DepthwiseConv2dNative: ["x", "filter"],
  DepthwiseConv2dNativeBackpropInput: ["filter", "dy"],
  DepthwiseConv2dNativeBackpropFilter: ["x", "dy"],
};

function depthwise(mode: number, names: readonly string[]) {
  return ({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined => {
    const tensors = names.map((name) => inputs[name]);
    const input = (mode === 1 ? read(attrs).inputShape : inputs.x.shape) as Shape4;
    const filter = (mode === 2 ? read(attrs).filterShape : inputs.filter.shape) as Shape4;
    const info = convolution(input, filter, read(attrs), true);
    if (!info || !areFloats(tensors)) return undefined;
    const shape = [info.outShape, info.inShape, filter][mode];
    return run(backend, "depthwise", [...sizes(info, filter[3]), mode], tensors, shape);
  };
}

function pooling(input: Shape4, attrs: Attributes) {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  return backend_util.computePool2DInfo(input, filterSize, strides, 1, pad, dimRoundingMode);
}

function pool(average: boolean) {
  return ({ inputs: { x }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    if (x.dtype !== "float32") return undefined;
    const info = pooling(x.shape as Shape4, read(attrs));
    if (info.filterHeight === 1 && info.filterWidth === 1 && util.arraysEqual(info.inShape, info.outShape)) {
      backend.incRef(x.dataId); // whatever the padding, as in tfjs
      return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
    }
    return run(backend, "pool", [...sizes(info, 1), Number(average)], [x], info.outShape);
  };
}

function poolGradient(average: boolean) {
  return ({ inputs: { dy, input }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    if (!areFloats([dy, input])) return undefined;
    const info = pooling(input.shape as Shape4, read(attrs));
    const source = average ? undefined : input;
    return run(backend, "poolGradient", [...sizes(info, 1), Number(average)], [dy, source], info.inShape);
  };
}

interface ResizeAttributes {
  size: [number, number];
  alignCorners: boolean;
  halfPixelCenters: boolean;
}

function resize(bilinear: boolean) {
  return ({ inputs: { images }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    const { size, alignCorners, halfPixelCenters } = attrs as unknown as ResizeAttributes;
    const [batch, height, width, channels] = images.shape;
    if (images.dtype !== "float32" || util.sizeFromShape(images.shape) === 0) return undefined;
    const flags = [alignCorners, halfPixelCenters, bilinear, false].map(Number);
    const params = [batch, height, width, ...size, channels, ...flags];
    return run(backend, "resize", params, [images], [batch, ...size, channels]);
  };
}

function resizeGradient(bilinear: boolean) {
  return ({ inputs: { images, dy }, attrs, backend }: KernelCall): TensorInfo | undefined => {
    const { alignCorners, halfPixelCenters } = attrs as unknown as ResizeAttributes;
    const [batch, height, width, channels] = images.shape;
    if (dy.dtype !== "float32") return undefined;
    const flags = [alignCorners, halfPixelCenters ?? false, bilinear, true].map(Number);
    const params = [batch, height, width, dy.shape[1], dy.shape[2], channels, ...flags];
    return run(backend, "resize", params, [dy], images.shape);
  };
}

function batchNorm({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { x, mean, variance, offset, scale } = inputs;
  const channels = x.shape.at(-1)!;
  const perChannel = [mean, variance, offset, scale].every(
    (tensor) => !tensor || (tensor.shape.length === 1 && tensor.shape[0] === channels),
  );
  if (!perChannel || !areFloats([x, mean, variance, offset, scale])) return undefined;
  const rows = channels === 0 ? 0 : util.sizeFromShape(x.shape) / channels;
  const params = [rows, channels, (attrs.varianceEpsilon as number | undefined) ?? 0.001];
  return run(backend, "batchNorm", params, [x, mean, variance, offset, scale], x.shape);
}

export function registerImages(): void {
  accelerate("Conv2D", convolve);
  accelerate("FusedConv2D", convolve);
  accelerate("Conv2DBackpropInput", convolveInputGradient);
  accelerate("Conv2DBackpropFilter", convolveFilterGradient);
  Object.entries(depthwiseModes).forEach(([name, tensors], mode) => accelerate(name, depthwise(mode, tensors)));
  accelerate("MaxPool", pool(false));
  accelerate("AvgPool", pool(true));
  accelerate("MaxPoolGrad", poolGradient(false));
  accelerate("AvgPoolGrad", poolGradient(true));
  accelerate("ResizeBilinear", resize(true));
  accelerate("ResizeNearestNeighbor", resize(false));
  accelerate("ResizeBilinearGrad", resizeGradient(true));
  accelerate("ResizeNearestNeighborGrad", resizeGradient(false));
  accelerate("FusedBatchNorm", batchNorm);
}
