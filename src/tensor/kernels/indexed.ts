/** Gather and (unsorted) segment sum; the latter is also the former's gradient. */
import type { TensorInfo } from "@tensorflow/tfjs";
import { asFloats } from "./layout.ts";
import { accelerate, type KernelCall } from "./register.ts";
import { tf } from "../tf.ts";

const { backend_util, util } = tf;

function gather({ inputs: { x, indices }, attrs, backend }: KernelCall): TensorInfo | undefined {
  if (x.dtype !== "float32" && x.dtype !== "int32") return undefined;
  const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0];
  const shape = backend_util.segment_util.collectGatherOpShapeInfo(
    x,
    indices,
    axis,
    (attrs.batchDims as number | undefined) ?? 0,
  );
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = shape;
  const index = backend.readInts(indices);
  const source = x.dtype === "int32" ? backend.readInts(x) : backend.readFloats(x);
  const { info, values } = x.dtype === "int32" ? backend.ints(outputShape) : backend.floats(outputShape);
  const params = [batchSize, outerSize, dimSize, sliceSize, batchSize ? index.length / batchSize : 0, 0];
  try {
    backend.library.run("gather", params, asFloats(source), index, asFloats(values));
  } catch (error) {
    backend.disposeIntermediateTensorInfo(info);
    const wrong = index.find((value) => value < 0 || value >= dimSize);
    if (wrong === undefined) throw error;
    throw new RangeError(`GatherV2: the index value ${wrong} is not in [0, ${dimSize - 1}]`, { cause: error });
  }
  return info;
}

function segmentSum({ inputs: { x, segmentIds }, attrs, backend }: KernelCall): TensorInfo | undefined {
  const numSegments = attrs.numSegments as number;
  if (x.dtype !== "float32" || segmentIds.shape.length !== 1 || segmentIds.shape[0] !== x.shape[0]) return undefined;
  const rest = x.shape.slice(1);
  const source = backend.readFloats(x);
  const ids = backend.readInts(segmentIds);
  const { info, values } = backend.floats([numSegments, ...rest]);
  backend.library.run("segmentSum", [numSegments, util.sizeFromShape(rest), 0], source, ids, values);
  return info;
}

/** Rows of `x` by index along the first axis, zeros where the index is outside it: the gradient of a segment sum. */
function rowsOrZeros({ inputs: { x, ids }, backend }: KernelCall): TensorInfo {
  const [rows, ...rest] = x.shape;
  const width = util.sizeFromShape(rest);
  const [source, index] = [backend.readFloats(x), backend.readInts(ids)];
  const { info, values } = backend.floats([...ids.shape, ...rest]);
  backend.library.run("gather", [1, 1, rows, width, index.length, 1], source, index, values);
  return info;
}

export function registerIndexed(): void {
  accelerate("GatherV2", gather);
  accelerate("UnsortedSegmentSum", segmentSum);
  accelerate("MarginaliaRowsOrZeros", rowsOrZeros);
}
