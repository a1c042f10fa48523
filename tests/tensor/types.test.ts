/**
 * Every kernel that the back end replaces, on each type that tfjs lets in and on shapes that are empty, of one element,
 * odd and of many axes: the same shapes, types and values as tfjs-backend-cpu, or an error where that one has an error.
 */
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import { expectSame, integers, normal } from "./compare.ts";

type Type = "float32" | "int32" | "bool";
const types: readonly Type[] = ["float32", "int32", "bool"];
const shapes = [
  [],
  [1],
  [0],
  [7],
  [3, 0],
  [0, 4],
  [1, 1],
  [3, 5],
  [2, 1, 3],
  [2, 3, 0, 2],
  [3, 2, 1, 5],
  [1, 2, 3, 1, 2],
];

const random = (...labels: (string | number)[]) => Random.fromSeed(9).split("types", ...labels);

/** The same tensor at every call. NaN, infinities, zeros of both signs and huge numbers are among the floats. */
function draw(type: Type, shape: readonly number[], ...labels: (string | number)[]): tf.Tensor {
  const r = random(type, ...shape, ...labels);
  if (type === "float32") return normal(r, [...shape], true);
  if (type === "int32") return tf.sub(integers(r, [...shape], 9), tf.scalar(4, "int32"));
  return tf.cast(integers(r, [...shape], 2), "bool");
}

/** What the call gives on both back ends is the same, or both refuse it. */
function expectAlike(work: () => tf.Tensor | tf.Tensor[]): void {
  const refusal = (backend: string) => {
    void tf.setBackend(backend);
    try {
      tf.tidy(() => void work());
      return false;
    } catch {
      return true;
    } finally {
      void tf.setBackend("marginalia");
    }
  };
  const [ours, theirs] = [refusal("marginalia"), refusal("cpu")];
  expect(ours, "refused by marginalia, by cpu").toBe(theirs);
  if (!ours) expectSame(work, 1e-4);
}

const finite = (x: tf.Tensor) => tf.where(tf.isFinite(x), x, tf.onesLike(x));

type Unary = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];
const lastAxis =
  (f: (x: tf.Tensor, axis: number) => tf.Tensor): Unary =>
  (x) =>
    f(x, x.rank - 1);
const unary: Record<string, Unary> = {
  neg: tf.neg,
  abs: tf.abs,
  exp: tf.exp,
  expm1: tf.expm1,
  log: tf.log,
  log1p: tf.log1p,
  sqrt: tf.sqrt,
  rsqrt: tf.rsqrt,
  square: tf.square,
  reciprocal: tf.reciprocal,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  relu: tf.relu,
  relu6: tf.relu6,
  elu: tf.elu,
  softplus: tf.softplus,
  leakyRelu: (x) => tf.leakyRelu(x),
  clip: (x) => tf.clipByValue(x, -1, 2),
  step: (x) => tf.step(x, 2),
  floor: tf.floor,
  ceil: tf.ceil,
  toFloat: (x) => tf.cast(x, "float32"),
  toInt: (x) => tf.cast(x, "int32"),
  toBool: (x) => tf.cast(x, "bool"),
  zerosLike: tf.zerosLike,
  onesLike: tf.onesLike,
  isNaN: tf.isNaN,
  isFinite: tf.isFinite,
  sumAll: (x) => tf.sum(x),
  sumFirst: (x) => tf.sum(x, 0),
  sumLast: lastAxis(tf.sum),
  meanAll: (x) => tf.mean(x),
  meanLast: lastAxis(tf.mean),
  maxAll: (x) => tf.max(x),
  maxLast: lastAxis(tf.max),
  minAll: (x) => tf.min(x),
  minFirst: (x) => tf.min(x, 0),
  prodAll: (x) => tf.prod(x),
  prodLast: lastAxis(tf.prod),
  any: (x) => tf.any(x),
  argMax: lastAxis(tf.argMax),
  argMinFirst: (x) => tf.argMin(x, 0),
  cumsum: (x) => tf.cumsum(x),
  concatSelf: (x) => tf.concat([x, x], 0),
  stackSelf: (x) => tf.stack([x, x, x], 0),
  unstack: (x) => tf.unstack(x),
  split: (x) => tf.split(x, 1, 0),
  reverse: (x) => tf.reverse(x),
  transpose: (x) => tf.transpose(x),
  tile: (x) => tf.tile(x, x.shape.map(() => 2)), // prettier-ignore
  pad: (x) => tf.pad(x, x.shape.map(() => [1, 2] as [number, number]), 1), // prettier-ignore
  slice: (x) => tf.slice(x, x.shape.map(() => 0), x.shape.map((size) => Math.ceil(size / 2))), // prettier-ignore
  reshape: (x) => tf.reshape(x, [-1]),
  expandDims: (x) => tf.expandDims(x, 0),
  whereSelf: (x) => tf.where(tf.cast(x, "bool"), x, tf.onesLike(x)),
  addN: (x) => tf.addN([x, x]),
  oneHot: (x) => tf.oneHot(tf.cast(tf.clipByValue(tf.cast(x, "float32"), -1, 5), "int32"), 4),
  gather: (x) => tf.gather(x, tf.tensor1d([0, 0], "int32")),
  gatherNone: (x) => tf.gather(x, tf.tensor1d([], "int32")),
  segmentSum: (x) => {
    const sums = tf.unsortedSegmentSum(x.dtype === "float32" ? finite(x) : x, tf.range(0, x.shape[0], 1, "int32"), 3);
    return tf.cast(sums, "float32"); // of int32 they are int32 here, float32 there
  },
  matMul: (x) => tf.matMul(x, x, false, true),
  dot: (x) => tf.dot(x, x),
};

/** tfjs-backend-cpu is not the measure here: see "where tfjs-cpu is not followed". */
const notFollowed = (name: string, shape: readonly number[]) =>
  /^(mean|max|min)/.test(name) && tf.util.sizeFromShape([...shape]) === 0;

describe("one tensor", () => {
  test.each(Object.entries(unary))("%s: every type and shape as tfjs-cpu", (name, f) => {
    for (const type of types)
      for (const shape of shapes) if (!notFollowed(name, shape)) expectAlike(() => f(draw(type, shape, name)));
  });
});

describe("where tfjs-cpu is not followed", () => {
  test("the mean of nothing is NaN, its maximum -Infinity, its minimum Infinity, as in TensorFlow (there: 0, NaN, NaN)", () => {
    const nothing = tf.zeros([2, 0]);
    expect(Array.from(tf.mean(nothing, 1).dataSync())).toEqual([NaN, NaN]);
    expect(Array.from(tf.max(nothing, 1).dataSync())).toEqual([-Infinity, -Infinity]);
    expect(Array.from(tf.min(nothing, 1).dataSync())).toEqual([Infinity, Infinity]);
    expect(tf.mean(tf.zeros([0, 3]), 1).shape).toEqual([0]);
  });

  test("NaN and infinities stay in their own segment (there they reach every segment, since it sums rows times 0)", () => {
    const x = tf.tensor2d([[NaN, 1], [2, Infinity], [3, 4]]); // prettier-ignore
    const sums = tf.unsortedSegmentSum(x, tf.tensor1d([0, 1, 2], "int32"), 4);
    expect(Array.from(sums.dataSync())).toEqual([NaN, 1, 2, Infinity, 3, 4, 0, 0]);
  });
});

const binary: Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: (a, b) => tf.div(a, b),
  floorDiv: tf.floorDiv,
  maximum: tf.maximum,
  minimum: tf.minimum,
  squaredDifference: tf.squaredDifference,
  less: tf.less,
  lessEqual: tf.lessEqual,
  greater: tf.greater,
  greaterEqual: tf.greaterEqual,
  equal: tf.equal,
  notEqual: tf.notEqual,
  mod: tf.mod,
};

describe("two tensors", () => {
  const pairs = [[[], []], [[1], []], [[0], [1]], [[3, 5], [5]], [[3, 1], [1, 4]], [[2, 3, 1], [3, 0]], [[3], [2]]]; // prettier-ignore
  test.each(Object.entries(binary))("%s: every pair of types, broadcast as tfjs-cpu, or refused", (name, f) => {
    for (const first of types)
      for (const second of types)
        for (const [a, b] of pairs) expectAlike(() => f(draw(first, a, name, 1), draw(second, b, name, 2)));
  });

  test("logical operations on flags", () => {
    const [a, b] = [() => draw("bool", [3, 5], "a"), () => draw("bool", [5], "b")];
    expectAlike(() => [tf.logicalAnd(a(), b()), tf.logicalOr(a(), b()), tf.logicalNot(a()), tf.logicalXor(a(), b())]);
    expectAlike(() => [tf.all(a()), tf.any(a(), 0), tf.sum(a(), 1), tf.cumsum(tf.cast(a(), "int32"))]);
  });

  test("where with flags that broadcast, and of every type", () => {
    for (const type of types) {
      expectAlike(() => tf.where(draw("bool", [3], "c"), draw(type, [3], 1), draw(type, [3], 2)));
      expectAlike(() => tf.where(draw("bool", [2, 3], "c"), draw(type, [2, 3], 1), draw(type, [], 2)));
    }
  });

  test("concatenation of different types", () => {
    for (const first of types)
      for (const second of types) expectAlike(() => tf.concat([draw(first, [2, 3], 1), draw(second, [2, 1], 2)], 1));
  });
});

describe("images", () => {
  test("of every type and of no pixels", () => {
    for (const type of types)
      for (const shape of [
        [1, 4, 4, 2],
        [0, 4, 4, 2],
        [1, 1, 1, 1],
        [2, 5, 3, 1],
      ]) {
        // prettier-ignore
        const x = () => draw(type, shape, "image") as tf.Tensor4D;
        expectAlike(() => tf.maxPool(x(), 2, 1, "same"));
        expectAlike(() => tf.image.resizeNearestNeighbor(x(), [3, 6]));
        expectAlike(() => tf.image.resizeBilinear(x(), [3, 6]));
        const filter = () => draw("float32", [1, 1, shape[3], 2], "filter") as tf.Tensor4D;
        expectAlike(() => tf.conv2d(x(), filter(), 1, "same"));
        expectAlike(() => tf.depthwiseConv2d(x(), filter(), 1, "same"));
      }
  });
});
