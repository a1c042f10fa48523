import * as tf from "@tensorflow/tfjs";
import { describe, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import { expectGradient, expectSame, normal } from "./compare.ts";

const random = (...labels: (string | number)[]) => Random.fromSeed(6).split("images", ...labels);
const image = (...shape: number[]) => normal(random("image", ...shape), shape) as tf.Tensor4D;

type Pad = "same" | "valid" | number | [[number, number], [number, number], [number, number], [number, number]];
const cases: { side: number[]; filter: number[]; strides: number | [number, number]; pad: Pad; dilations?: number }[] =
  [
    { side: [2, 7, 6, 3], filter: [3, 3, 3, 5], strides: 1, pad: "same" },
    { side: [1, 8, 9, 4], filter: [3, 2, 4, 17], strides: 2, pad: "same" },
    { side: [2, 9, 9, 2], filter: [3, 3, 2, 3], strides: 1, pad: "valid", dilations: 2 },
    { side: [3, 5, 5, 6], filter: [1, 1, 6, 4], strides: 1, pad: "valid" },
    { side: [1, 6, 6, 1], filter: [1, 1, 1, 4], strides: 2, pad: "same" },
    { side: [1, 5, 7, 2], filter: [3, 3, 2, 2], strides: 1, pad: 2 },
    { side: [2, 33, 31, 8], filter: [3, 3, 8, 8], strides: 1, pad: "same" },
    { side: [3, 1, 1, 5], filter: [1, 1, 5, 33], strides: 1, pad: "same" },
    { side: [2, 3, 2, 3], filter: [5, 7, 3, 2], strides: 1, pad: "same" },
    { side: [2, 6, 40, 1], filter: [1, 5, 1, 3], strides: [1, 3], pad: "valid" },
    {
      side: [1, 5, 6, 2],
      filter: [2, 2, 2, 3],
      strides: [2, 1],
      pad: [
        [0, 0],
        [3, 0],
        [0, 4],
        [0, 0],
      ],
    },
    {
      side: [1, 4, 4, 2],
      filter: [2, 2, 2, 3],
      strides: 1,
      pad: [
        [0, 0],
        [3, 2],
        [1, 3],
        [0, 0],
      ],
    },
    { side: [5, 9, 3, 2], filter: [3, 3, 2, 2], strides: 1, pad: "same" },
    { side: [1, 9, 9, 3], filter: [3, 3, 3, 4], strides: 1, pad: "same", dilations: 3 },
    { side: [0, 4, 4, 2], filter: [3, 3, 2, 3], strides: 1, pad: "same" },
  ];

describe("convolutions", () => {
  test("agree, fused and plain, with their gradients", () => {
    for (const { side, filter, strides, pad, dilations = 1 } of cases) {
      const x = () => image(...side);
      const w = () => normal(random("filter", ...filter), filter) as tf.Tensor4D;
      const conv = (a: tf.Tensor, b: tf.Tensor) =>
        tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad, "NHWC", dilations);
      expectSame(() => conv(x(), w()), 1e-4);
      const bias = () => normal(random("bias"), [filter[3]]);
      expectSame(
        () => tf.fused.conv2d({ x: x(), filter: w(), strides, pad, dilations, bias: bias(), activation: "relu" }),
        1e-4,
      );
      if (dilations === 1)
        expectSame(() => {
          const y = conv(x(), w());
          const dy = normal(random("dy"), y.shape);
          return tf.grads((a, b) => conv(a, b))([x(), w()], dy);
        }, 1e-3);
    }
  });

  test("depthwise agree with any multiplier, with their gradients", () => {
    for (const { side, filter, strides, pad } of cases.filter(({ dilations }) => !dilations))
      for (const multiplier of [1, 2]) {
        const shape = [filter[0], filter[1], side[3], multiplier];
        const conv = (a: tf.Tensor, b: tf.Tensor) =>
          tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
        const w = () => normal(random("depthwise", ...shape), shape);
        expectSame(() => conv(image(...side), w()), 1e-4);
        expectSame(() => tf.grads((a, b) => tf.square(conv(a, b)))([image(...side), w()]), 1e-3);
      }
  });

  test("gradients agree with finite differences", () => {
    expectGradient(
      (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, "same"),
      [image(2, 5, 6, 3), normal(random("w"), [3, 3, 3, 4])],
      random("differences"),
    );
    expectGradient(
      (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same"),
      [image(2, 5, 6, 3), normal(random("w"), [3, 3, 3, 2])],
      random("depthwise differences"),
    );
  });
});

test("NaN and infinities of an image reach the pixels under the filter, and no others", () => {
  const odd = () => {
    const values = normal(random("odd"), [2, 9, 11, 2]).dataSync().slice();
    for (const [at, value] of [[30, NaN], [131, Infinity], [260, -Infinity], [301, Infinity]]) values[at] = value; // prettier-ignore
    return tf.tensor4d(values as Float32Array, [2, 9, 11, 2]);
  };
  const w = () => normal(random("odd filter"), [3, 3, 2, 3]) as tf.Tensor4D;
  expectSame(() => tf.conv2d(odd(), w(), 1, "same"), 1e-4);
  expectSame(() => tf.grad((x) => tf.conv2d(x as tf.Tensor4D, w(), 1, "same"))(odd(), normal(random("dy"), [2, 9, 11, 3])), 1e-4); // prettier-ignore
  for (const pool of [tf.maxPool, tf.avgPool]) expectSame(() => pool(odd(), 3, 2, "valid"));
});

describe("pooling", () => {
  for (const side of [
    [2, 6, 8, 3],
    [1, 7, 5, 17],
  ])
    test(`agrees on ${side.join(" x ")}, and its gradient with finite differences`, () => {
      for (const [size, strides, pad] of [
        [2, 2, "valid"],
        [3, 2, "same"],
        [3, 1, "same"],
        [[1, 2], 1, "valid"],
      ] as [number | [number, number], number, "same" | "valid"][])
        for (const f of [tf.maxPool, tf.avgPool]) {
          const pool = (x: tf.Tensor) => f(x as tf.Tensor4D, size, strides, pad);
          expectSame(() => pool(image(...side)));
          if (f === tf.maxPool || pad === "valid")
            expectSame(() => tf.grad((x) => tf.square(pool(x)))(image(...side)), 1e-4);
          expectGradient(pool, [image(...side)], random("pool"), { step: 1e-3, tolerance: 5e-2 });
        }
    });
});

test("resizing agrees, with its gradients", () => {
  for (const bilinear of [true, false])
    for (const [alignCorners, halfPixel] of [
      [false, false],
      [true, false],
      [false, true],
    ])
      // prettier-ignore
      for (const size of [[4, 9], [10, 10], [3, 2], [1, 1]] as [number, number][]) { // prettier-ignore
        const f = bilinear ? tf.image.resizeBilinear : tf.image.resizeNearestNeighbor;
        const resize = (x: tf.Tensor) => f(x as tf.Tensor4D, size, alignCorners, halfPixel);
        expectSame(() => resize(image(2, 5, 6, 3)));
        expectGradient(resize, [image(2, 5, 6, 3)], random("resize"));
        // Square: tfjs-backend-cpu swaps height and width in this gradient's shape.
        if (!halfPixel && bilinear) expectSame(() => tf.grad((x) => tf.square(resize(x)))(image(2, 5, 5, 3)), 1e-4);
      }
});

test("batch normalisation agrees with every subset of its parameters", () => {
  const x = () => image(2, 3, 4, 5);
  const one = (name: string) => normal(random(name), [5]) as tf.Tensor1D;
  for (const offset of [undefined, () => one("offset")])
    for (const scale of [undefined, () => one("scale")])
      expectSame(() => tf.batchNorm(x(), one("mean"), one("variance").abs(), offset?.(), scale?.(), 1e-3), 1e-4);
  expectSame(() => tf.batchNorm(x(), x(), x().abs(), x(), x()), 1e-4);
});
