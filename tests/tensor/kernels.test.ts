import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import { expectSame, integers, normal, on } from "./compare.ts";

const shapes = [[], [1], [7], [0], [3, 0], [2, 3], [33, 5], [4, 1, 6], [2, 3, 4, 5], [130, 17]];
const random = (...labels: (string | number)[]) => Random.fromSeed(4).split("kernels", ...labels);

describe("element-wise functions", () => {
  const unary: Record<string, (x: tf.Tensor) => tf.Tensor> = {
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
    leakyRelu: (x) => tf.leakyRelu(x, 0.3),
    clip: (x) => tf.clipByValue(x, -0.5, 1.5),
    step: (x) => tf.step(x, 0.25),
    floor: tf.floor,
    ceil: tf.ceil,
    selu: tf.selu,
    sin: tf.sin,
    erf: tf.erf,
  };
  for (const [name, f] of Object.entries(unary))
    test(`${name} agrees with tfjs-cpu on every shape, NaN and infinities`, () => {
      for (const shape of shapes)
        for (const special of [false, true]) expectSame(() => f(normal(random(name, ...shape), shape, special)));
    });

  const binary: Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    div: tf.div,
    maximum: tf.maximum,
    minimum: tf.minimum,
    squaredDifference: tf.squaredDifference,
    less: tf.less,
    lessEqual: tf.lessEqual,
    greater: tf.greater,
    greaterEqual: tf.greaterEqual,
    equal: tf.equal,
    notEqual: tf.notEqual,
    pow: tf.pow,
  };
  const pairs = [
    [[5], [5]],
    [[], [3, 4]],
    [[3, 4], []],
    [[3, 4], [4]],
    [
      [3, 4],
      [3, 1],
    ],
    [
      [1, 4],
      [3, 1],
    ],
    [
      [2, 1, 4, 1],
      [3, 1, 5],
    ],
    [[0, 4], [4]],
    [
      [7, 1, 2],
      [1, 9, 1],
    ],
    [[300, 65], [65]],
    [
      [300, 65],
      [300, 1],
    ],
  ];
  for (const [name, f] of Object.entries(binary))
    test(`${name} broadcasts as tfjs-cpu does, for float32, int32 and bool`, () => {
      for (const [a, b] of pairs)
        for (const dtype of ["float32", "int32"] as const)
          expectSame(() => {
            const r = random(name, ...a, "x", ...b);
            const draw = (shape: number[]) =>
              dtype === "float32" ? normal(r, shape, name !== "pow") : integers(r, shape, 5).add(1);
            return f(draw(a), draw(b));
          });
      expectSame(() => f(tf.tensor1d([true, false, true], "bool"), tf.tensor1d([1, 0, 1], "bool")));
      expectSame(() => f(tf.tensor1d([true, false, true], "bool"), tf.tensor1d([1.5, 0, 1])));
    });

  test("select, casts, sums of many and constants agree", () => {
    for (const shape of shapes) {
      const flags = () => integers(random("flags", ...shape), shape, 2).cast("bool");
      const x = () => normal(random("x", ...shape), shape, true);
      expectSame(() => tf.where(flags(), x(), tf.zerosLike(x())));
      expectSame(() => flags().cast("float32"));
      expectSame(() => tf.mul(flags().cast("float32"), tf.exp(flags().cast("float32"))));
      expectSame(() => integers(random("i", ...shape), shape, 99).cast("float32"));
      expectSame(() => tf.addN([x(), x().abs(), x()]));
      expectSame(() => [tf.zerosLike(x()), tf.onesLike(x()), tf.fill(shape, 2.5), tf.zeros(shape)]);
    }
  });
});

describe("reductions", () => {
  const axesOf = (rank: number) => [undefined, ...Array.from({ length: 2 ** rank - 1 }, (_, mask) => mask + 1)];
  const reductions: Record<string, (x: tf.Tensor, axes: number[] | undefined, keep: boolean) => tf.Tensor> = {
    sum: tf.sum,
    mean: tf.mean,
    max: tf.max,
    min: tf.min,
    prod: tf.prod,
    logSumExp: tf.logSumExp,
  };
  for (const [name, f] of Object.entries(reductions))
    test(`${name} agrees over any set of axes, kept or dropped`, () => {
      for (const shape of shapes.filter((shape) => !shape.includes(0) || name === "sum"))
        for (const mask of axesOf(shape.length))
          for (const keep of [false, true]) {
            const axes = mask === undefined ? undefined : shape.map((_, i) => i).filter((i) => (mask >> i) & 1);
            expectSame(() => f(normal(random(name, ...shape), shape).mul(0.3), axes, keep), 1e-4);
          }
      expectSame(() => f(integers(random(name), [3, 4], 3), [1], false));
    });

  test("NaN and infinities go through maxima, minima and sums as in tfjs-cpu", () => {
    for (const axis of [0, 1])
      for (const f of [tf.max, tf.min, tf.sum])
        expectSame(() => f<tf.Tensor>(normal(random("special", axis), [40, 9], true), axis));
  });

  test("softmax and arg max agree", () => {
    for (const shape of shapes.filter((shape) => shape.length > 0 && !shape.includes(0))) {
      const x = () => normal(random("softmax", ...shape), shape);
      expectSame(() => [
        tf.softmax(x()),
        tf.logSoftmax(x()),
        tf.argMax(x(), -1),
        tf.argMin(x(), -1),
        tf.argMax(x(), 0),
      ]);
    }
  });
});

describe("matrix products", () => {
  const sizes = [
    [1, 1, 1],
    [3, 5, 2],
    [13, 64, 33],
    [70, 300, 40],
    [5, 0, 4],
    [0, 3, 4],
    [97, 65, 130],
  ];
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      test(`agree (transposeA=${transposeA}, transposeB=${transposeB})`, () => {
        for (const [m, k, n] of sizes)
          expectSame(() => {
            const r = random("matmul", m, k, n);
            const a = normal(r, transposeA ? [k, m] : [m, k]);
            return tf.matMul(a, normal(r, transposeB ? [n, k] : [k, n]), transposeA, transposeB);
          }, 1e-4);
      });

  test("batches broadcast", () => {
    for (const [a, b] of [
      [
        [4, 3, 5],
        [4, 5, 2],
      ],
      [
        [1, 3, 5],
        [4, 5, 2],
      ],
      [
        [2, 3, 3, 5],
        [1, 1, 5, 2],
      ],
      [
        [2, 1, 3, 5],
        [1, 3, 5, 2],
      ],
    ])
      expectSame(() => tf.matMul(normal(random("batch", ...a), a), normal(random("batch", ...b), b)));
  });

  test("fused bias and activation agree", () => {
    for (const activation of ["linear", "relu", "sigmoid", "elu", "relu6", "leakyrelu"] as const)
      expectSame(() => {
        const r = random("fused", activation);
        const bias = normal(r, [9]);
        return tf.fused.matMul({
          a: normal(r, [6, 20]),
          b: normal(r, [20, 9]),
          bias,
          activation,
        });
      });
  });
});

describe("layout", () => {
  test("concat, stack, split, unstack agree on every axis", () => {
    for (const axis of [0, 1, 2]) {
      const x = (dtype: "float32" | "int32", width: number) => {
        const shape = [3, 4, 5].with(axis, width);
        return dtype === "int32" ? integers(random(axis, width), shape, 9) : normal(random(axis, width), shape, true);
      };
      for (const dtype of ["float32", "int32"] as const) {
        expectSame(() => tf.concat([x(dtype, 2), x(dtype, 0), x(dtype, 7), x(dtype, 1)], axis));
        expectSame(() => tf.stack([x(dtype, 2), x(dtype, 2)], axis));
        expectSame(() => tf.split(x(dtype, 7), [1, 0, 4, 2], axis));
        expectSame(() => tf.unstack(x(dtype, 3), axis));
      }
    }
  });

  test("slice, pad, transpose, tile, reverse and one-hot agree", () => {
    const x = () => normal(random("layout"), [3, 4, 5, 2], true);
    expectSame(() => tf.slice(x(), [1, 0, 2, 0], [2, 4, 1, 2]));
    expectSame(() => tf.slice(x(), [0, 0, 0, 0], [0, 4, 1, 2]));
    expectSame(() => tf.slice(x(), [2, 0, 0, 0], [1, 4, 5, 2]));
    expectSame(() => tf.pad(x(), [[0, 1], [2, 0], [0, 0], [3, 3]], 1.5)); // prettier-ignore
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 0, 3, 2],
      [0, 2, 1, 3],
      [2, 3, 0, 1],
    ])
      // prettier-ignore
      expectSame(() => tf.transpose(x(), order));
    expectSame(() => tf.transpose(normal(random("wide"), [70, 50])));
    expectSame(() => tf.tile(x(), [2, 1, 3, 2]));
    expectSame(() => tf.tile(integers(random("tile"), [4], 9), [3]));
    expectSame(() => tf.reverse(x(), [1, 3]));
    expectSame(() => tf.oneHot(tf.tensor1d([0, 3, 5, -1], "int32"), 4));
    expectSame(() => tf.oneHot(tf.tensor2d([0, 3, 1, 2], [2, 2], "int32"), 4, 2, -1).cast("float32"));
  });
});

describe("rows by index", () => {
  test("gather agrees on every axis and with batches", () => {
    const x = () => normal(random("gather"), [4, 5, 6], true);
    for (const axis of [0, 1, 2]) {
      expectSame(() => tf.gather(x(), integers(random("index", axis), [7], 4), axis));
      expectSame(() => tf.gather(x(), integers(random("index", axis), [2, 3], 4), axis));
      expectSame(() => tf.gather(x(), tf.tensor1d([], "int32"), axis));
    }
    expectSame(() => tf.gather(x(), integers(random("batched"), [4, 3], 5), 1, 1));
    expectSame(() => tf.gather(integers(random("ints"), [5, 2], 99), tf.tensor1d([4, 0, 4], "int32")));
  });

  test("an index outside the axis is an error that names it", () => {
    expect(() => tf.gather(tf.zeros([3, 2]), tf.tensor1d([0, 3], "int32"))).toThrow(/index value 3 is not in \[0, 2\]/);
    expect(() => tf.gather(tf.zeros([3, 2]), tf.tensor1d([-1], "int32"))).toThrow(/index value -1/);
  });

  test("segment sums agree; ids outside are left out", () => {
    expectSame(() => {
      const ids = integers(random("ids"), [50], 9).sub<tf.Tensor1D>(tf.scalar(1, "int32"));
      return tf.unsortedSegmentSum(normal(random("rows"), [50, 3, 2]), ids, 6);
    });
    expectSame(() => tf.unsortedSegmentSum(tf.zeros([0, 3]), tf.tensor1d([], "int32"), 4));
  });
});

test("memory that tensors leave behind is never handed out while anyone can see it", () => {
  const kept: [Float32Array, number][] = [];
  for (let i = 0; i < 200; i++) {
    const x = tf.fill([257], i);
    const y = tf.add(x, 1);
    kept.push([y.dataSync() as Float32Array, i + 1]);
    const part = tf.reshape(tf.slice(y, [3], [40]), [8, 5]);
    const kept2 = tf.reverse(part, [0]).dataSync() as Float32Array;
    kept.push([kept2, i + 1]);
    tf.dispose([x, y, part]);
  }
  for (const [values, expected] of kept) for (const value of values) expect(value).toBe(expected);
});

test("results are the same bytes again, and do not depend on what ran before", () => {
  const work = () => tf.matMul(normal(random("same"), [200, 100]), normal(random("again"), [100, 70]));
  const [first] = on("marginalia", work);
  on("marginalia", () => tf.exp(normal(random("other"), [64, 64])));
  const [second] = on("marginalia", work);
  expect(Buffer.from(first.values.buffer).equals(Buffer.from(second.values.buffer))).toBe(true);
});
