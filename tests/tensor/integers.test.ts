/**
 * int32 tensors are exact, modulo 2^32 where a result does not fit: every kernel that takes them, over the whole range.
 */
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../../src/tensor/index.ts";

const word = (value: bigint) => Number(BigInt.asIntN(32, value));
const floored = (x: bigint, y: bigint) => x / y - (x % y !== 0n && x < 0n !== y < 0n ? 1n : 0n);
const sum = (values: readonly bigint[]) => values.reduce((all, value) => all + value, 0n);
const largest = (x: bigint, y: bigint) => (x > y ? x : y);
const least = (x: bigint, y: bigint) => (x < y ? x : y);
const ints = (values: readonly number[], shape?: number[]) => tf.tensor(values, shape, "int32");
const ids = (...values: number[]) => tf.tensor1d(values, "int32");

/** A call on x and y (six elements each) and its exact answer. */
type Case = (x: tf.Tensor1D, y: tf.Tensor1D, a: bigint[], b: bigint[]) => [tf.Tensor, readonly bigint[]];

const unary =
  (call: (x: tf.Tensor) => tf.Tensor, exact: (value: bigint) => bigint): Case =>
  (x, _y, a) => [call(x), a.map(exact)];
const binary =
  (call: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor, exact: (x: bigint, y: bigint) => bigint): Case =>
  (x, y, a, b) => [call(x, y), a.map((value, at) => exact(value, b[at]))];
const compared = (
  call: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor,
  exact: (x: bigint, y: bigint) => boolean,
): Case => binary((x, y) => tf.cast(call(x, y), "int32"), (x, y) => (exact(x, y) ? 1n : 0n)); // prettier-ignore
const divisor = (y: tf.Tensor) => tf.where(tf.equal(y, ints([0], [])), tf.onesLike(y), y);
const nonZero = (y: bigint) => (y === 0n ? 1n : y);
const running = (a: readonly bigint[], work: (all: bigint, value: bigint) => bigint, start: bigint) =>
  a.map((_, at) => a.slice(0, at + 1).reduce(work, start));
const small = (x: tf.Tensor) => tf.mod(x, tf.scalar(3, "int32"));
const smallOf = (value: bigint) => value - 3n * floored(value, 3n);

const cases: Record<string, Case> = {
  Neg: unary(tf.neg, (x) => -x),
  Abs: unary(tf.abs, (x) => (x < 0n ? -x : x)),
  Square: unary(tf.square, (x) => x * x),
  Sign: unary(tf.sign, (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)),
  Round: unary(tf.round, (x) => x),
  Relu: unary(tf.relu, (x) => largest(x, 0n)),
  Relu6: unary(tf.relu6, (x) => least(6n, largest(x, 0n))),
  Step: unary(tf.step, (x) => (x > 0n ? 1n : 0n)),
  ClipByValue: unary(
    (x) => tf.clipByValue(x, -16777217, 33554435),
    (x) => least(33554435n, largest(x, -16777217n)),
  ),
  Identity: unary(tf.clone, (x) => x),
  Reshape: unary(
    (x) => tf.reshape(x, [2, 3]),
    (x) => x,
  ),
  ExpandDims: unary(
    (x) => tf.expandDims(x, 0),
    (x) => x,
  ),
  Cast: unary(
    (x) => tf.cast(tf.cast(tf.mod(x, tf.scalar(2 ** 24, "int32")), "float32"), "int32"),
    (x) => x - 2n ** 24n * floored(x, 2n ** 24n),
  ),
  ZerosLike: unary(tf.zerosLike, () => 0n),
  OnesLike: unary(tf.onesLike, () => 1n),
  Pow: binary(
    (x, y) => tf.pow(x, small(y)),
    (x, y) => x ** smallOf(y),
  ),
  Add: binary(tf.add, (x, y) => x + y),
  Sub: binary(tf.sub, (x, y) => x - y),
  Multiply: binary(tf.mul, (x, y) => x * y),
  SquaredDifference: binary(tf.squaredDifference, (x, y) => (x - y) ** 2n),
  Maximum: binary(tf.maximum, largest),
  Minimum: binary(tf.minimum, least),
  FloorDiv: binary(
    (x, y) => tf.floorDiv(x, divisor(y)),
    (x, y) => floored(x, nonZero(y)),
  ),
  Mod: binary(
    (x, y) => tf.mod(x, divisor(y)),
    (x, y) => x - nonZero(y) * floored(x, nonZero(y)),
  ),
  BitwiseAnd: binary(tf.bitwiseAnd, (x, y) => x & y),
  Less: compared(tf.less, (x, y) => x < y),
  LessEqual: compared(tf.lessEqual, (x, y) => x <= y),
  Greater: compared(tf.greater, (x, y) => x > y),
  GreaterEqual: compared(tf.greaterEqual, (x, y) => x >= y),
  Equal: compared(tf.equal, (x, y) => x === y),
  NotEqual: compared(tf.notEqual, (x, y) => x !== y),
  Select: binary((x, y) => tf.where(tf.less(x, y), x, y), least),
  AddN: binary(
    (x, y) => tf.addN([x, y, y]),
    (x, y) => x + y + y,
  ),
  Sum: (x, _y, a) => [tf.sum(tf.reshape(x, [2, 3]), 1), [sum(a.slice(0, 3)), sum(a.slice(3))]],
  Prod: (x, _y, a) => [tf.prod(tf.reshape(x, [2, 3]), 0), [0, 1, 2].map((at) => a[at] * a[at + 3])],
  Max: (x, _y, a) => [tf.max(x), [a.reduce(largest)]],
  Min: (x, _y, a) => [tf.min(x), [a.reduce(least)]],
  ArgMax: (x, _y, a) => [tf.argMax(x), [BigInt(a.indexOf(a.reduce(largest)))]],
  ArgMin: (x, _y, a) => [tf.argMin(x), [BigInt(a.indexOf(a.reduce(least)))]],
  Cumsum: (x, _y, a) => [tf.cumsum(x), running(a, (all, value) => all + value, 0n)],
  Cumprod: (x, _y, a) => [tf.cumprod(x), running(a, (all, value) => all * value, 1n)],
  BatchMatMul: (x, y, a, b) => [
    tf.matMul(tf.reshape(x, [2, 3]), tf.reshape(y, [2, 3]), false, true),
    [0, 1].flatMap((row) => [0, 1].map((column) => sum([0, 1, 2].map((k) => a[3 * row + k] * b[3 * column + k])))),
  ],
  Einsum: (x, y, a, b) => [
    tf.einsum("ij,ij->j", tf.reshape(x, [2, 3]), tf.reshape(y, [2, 3])),
    [0, 1, 2].map((j) => a[j] * b[j] + a[j + 3] * b[j + 3]),
  ],
  UnsortedSegmentSum: (x, _y, a) => [
    tf.unsortedSegmentSum(x, ids(1, 0, 1, 0, 1, 5), 2),
    [a[1] + a[3], a[0] + a[2] + a[4]],
  ],
  SparseSegmentSum: (x, _y, a) => [
    tf.sparse.sparseSegmentSum(tf.reshape(x, [6, 1]), ids(0, 2, 5), ids(0, 0, 1)),
    [a[0] + a[2], a[5]],
  ],
  Bincount: (x, _y, a) => [tf.bincount(ids(1, 1, 0, 1, 0, 1), x, 2), [a[2] + a[4], a[0] + a[1] + a[3] + a[5]]],
  DenseBincount: (x, _y, a) => [
    tf.denseBincount(ids(1, 1, 0, 1, 0, 1), x, 2),
    [a[2] + a[4], a[0] + a[1] + a[3] + a[5]],
  ],
  GatherV2: (x, _y, a) => [tf.gather(x, ints([4, 1])), [a[4], a[1]]],
  GatherNd: (x, _y, a) => [tf.gatherND(x, ints([4, 1], [2, 1])), [a[4], a[1]]],
  ScatterNd: (x, _y, a) => [tf.scatterND(ints([1, 1], [2, 1]), tf.slice(x, 0, 2), [3]), [0n, a[0] + a[1], 0n]],
  TensorScatterUpdate: (x, y, a, b) => [
    tf.concat([tf.tensorScatterUpdate(x, ints([2], [1, 1]), tf.slice(y, 0, 1)), x]),
    [...a.with(2, b[0]), ...a],
  ],
  SparseToDense: (x, _y, a) => [tf.sparseToDense(ints([1]), tf.slice(x, 0, 1), [2], tf.scalar(0, "int32")), [0n, a[0]]],
  OneHot: () => [tf.oneHot(ints([1]), 2, 16777217, 16777219, "int32"), [16777219n, 16777217n]],
  Fill: () => [tf.fill([1], 16777217, "int32"), [16777217n]],
  Range: () => [tf.range(16777217, 16777220, 1, "int32"), [16777217n, 16777218n, 16777219n]],
  Concat: (x, y, a, b) => [tf.concat([x, y]), [...a, ...b]],
  Pack: (x, y, a, b) => [tf.stack([x, y]), [...a, ...b]],
  Unpack: (x, _y, a) => [tf.unstack(tf.reshape(x, [2, 3]))[1], a.slice(3)],
  SplitV: (x, _y, a) => [tf.split(x, [2, 4])[1], a.slice(2)],
  Slice: (x, _y, a) => [tf.slice(x, 2, 3), a.slice(2, 5)],
  StridedSlice: (x, _y, a) => [tf.stridedSlice(x, [0], [6], [2]), [a[0], a[2], a[4]]],
  PadV2: (x, _y, a) => [tf.pad(x, [[1, 0]], 16777217), [16777217n, ...a]],
  MirrorPad: (x, _y, a) => [tf.mirrorPad(x, [[1, 0]], "reflect"), [a[1], ...a]],
  Tile: (x, _y, a) => [tf.tile(x, [2]), [...a, ...a]],
  Transpose: (x, _y, a) => [tf.transpose(tf.reshape(x, [2, 3])), [0, 3, 1, 4, 2, 5].map((at) => a[at])],
  Reverse: (x, _y, a) => [tf.reverse(x), [...a].reverse()],
  TopK: (x, _y, a) => [tf.topk(x, 2).values, [...a].sort((p, q) => (p < q ? 1 : -1)).slice(0, 2)],
  Unique: (x, _y, a) => [tf.unique(x).values, [...new Set(a)]],
  SearchSorted: () => [tf.searchSorted(ints([16777216, 16777218]), ints([16777217])), [1n]],
  SpaceToBatchND: (x, _y, a) => [
    tf.spaceToBatchND(tf.reshape(x, [1, 6, 1]), [2], [[0, 0]]),
    [a[0], a[2], a[4], a[1], a[3], a[5]],
  ],
  BatchToSpaceND: (x, _y, a) => [
    tf.batchToSpaceND(tf.reshape(x, [2, 3, 1]), [2], [[0, 0]]),
    [a[0], a[3], a[1], a[4], a[2], a[5]],
  ],
  MaxPool: (x, _y, a) => [tf.maxPool(tf.reshape<tf.Rank.R4>(x, [1, 2, 3, 1]), [2, 3], 1, "valid"), [a.reduce(largest)]],
  Diag: (x, _y, a) => [tf.diag(tf.slice(x, 0, 2)), [a[0], 0n, 0n, a[1]]],
  ResizeNearestNeighbor: (x, _y, a) => [
    tf.image.resizeNearestNeighbor(tf.reshape<tf.Rank.R4>(x, [1, 2, 3, 1]), [4, 3]),
    [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5].map((at) => a[at]),
  ],
};

/** What has no integer arithmetic of its own, and why. */
const others: Record<string, string> = {
  "float32 alone, or a float32 result":
    "Acos Acosh Asin Asinh Atan Atan2 Atanh AvgPool3D AvgPool3DGrad ComplexAbs Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 " +
    "Cos Cosh CropAndResize DepthToSpace Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput Draw Erf FFT FusedDepthwiseConv2D " +
    "IFFT IsFinite IsInf IsNan LinSpace LRN LRNGrad MaxPool3D MaxPool3DGrad MaxPoolWithArgmax Multinomial NonMaxSuppressionV3 " +
    "NonMaxSuppressionV4 NonMaxSuppressionV5 Prelu RotateWithOffset FlipLeftRight Selu Sin Sinh SparseSegmentMean Tan Transform " +
    "Exp Expm1 Log Log1p Sqrt Rsqrt Reciprocal Sigmoid Tanh Elu Softplus LeakyRelu Floor Ceil RealDiv ReluGradient EluGrad Mean " +
    "Softmax Conv2D FusedConv2D Conv2DBackpropInput Conv2DBackpropFilter DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput " +
    "DepthwiseConv2dNativeBackpropFilter AvgPool MaxPoolGrad AvgPoolGrad ResizeBilinear ResizeBilinearGrad " +
    "ResizeNearestNeighborGrad FusedBatchNorm _FusedMatMul",
  "truth values": "All Any LogicalAnd LogicalNot LogicalOr",
  "shapes, indices, strings, complex numbers":
    "BroadcastArgs Complex Imag Real RaggedGather RaggedRange RaggedTensorToTensor SparseFillEmptyRows SparseReshape StaticRegexReplace " +
    "StringNGrams StringSplit StringToHashBucketFast",
};

const anyInt = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
  fc.constantFrom(0, 1, -1, 5001, 46341, 16777217, -16777217, 2 ** 31 - 1, -(2 ** 31)),
);
const six = fc.array(anyInt, { minLength: 6, maxLength: 6 });

describe("int32", () => {
  it.each(Object.entries(cases))("%s is exact over the whole range", (_name, call) => {
    fc.assert(
      fc.property(six, six, (a, b) => {
        tf.tidy(() => {
          const [got, exact] = call(ints(a) as tf.Tensor1D, ints(b) as tf.Tensor1D, a.map(BigInt), b.map(BigInt));
          expect(got.dtype).toBe("int32");
          expect(Array.from(got.dataSync())).toEqual(exact.map(word));
        });
      }),
      { numRuns: 60 },
    );
  });

  it("has a case for every kernel of the back end, or a reason why not", () => {
    const excused = new Set(Object.values(others).flatMap((names) => names.split(" ")));
    const forgotten = tf
      .getKernelsForBackend("marginalia")
      .map(({ kernelName }) => kernelName)
      .filter((name) => !(name in cases) && !excused.has(name) && !name.startsWith("Marginalia"));
    expect(forgotten).toEqual([]);
  });

  it("of a fused product takes neither bias nor activation, and says so", () => {
    const square = ints([1, 2, 3, 4], [2, 2]) as tf.Tensor2D;
    expect(() => tf.fused.matMul({ a: square, b: square, activation: "relu" })).toThrow(/neither bias nor activation/);
  });
});
