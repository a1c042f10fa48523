import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import {
  Adam,
  beliefsOfFactors,
  factorToVariable,
  gruCell,
  logSumExp,
  messagePassing,
  normaliseLogs,
  quotientToVariable,
  RmsProp,
  spreadMessages,
  sumOfOthers,
  tableMlp,
  type MessagePassing,
} from "../../src/tensor/index.ts";
import {
  beliefsByParts,
  factorToVariableByParts,
  normaliseByParts,
  quotientToVariableByParts,
  spreadByParts,
  sumOfOthersByParts,
} from "../../src/tensor/ops/factor-by-parts.ts";
import { gruCellByParts } from "../../src/tensor/ops/gru.ts";
import { messagePassingByParts } from "../../src/tensor/ops/message.ts";
import { tableMlpByParts } from "../../src/tensor/ops/table-mlp.ts";
import { expectClose, expectGradient, integers, normal, on } from "./compare.ts";

const random = (...labels: (string | number)[]) => Random.fromSeed(5).split("fused", ...labels);

/** Values and gradients of the fused form agree with those of the plain composition. */
function expectSameAsParts(
  fused: (...inputs: tf.Tensor[]) => tf.Tensor,
  parts: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: () => tf.Tensor[],
  tolerance = 2e-4,
): void {
  const both = [fused, parts].map((f) =>
    on("marginalia", () => {
      const at = inputs();
      const y = f(...at);
      const dy = normal(random("dy"), y.shape);
      return [y, ...tf.grads(f)(at, dy)];
    }),
  );
  both[0].forEach(({ values, shape }, i) => {
    expect(shape).toEqual(both[1][i].shape);
    expectClose(values, both[1][i].values, tolerance);
  });
}

interface Shape {
  rows: number;
  widths: number[];
  /** Rows and width of each block; indexed unless the rows are those of the message. */
  blocks: { rows: number; width: number; indexed: boolean }[];
  segments?: number;
}

const shapes: Shape[] = [
  { rows: 1600, widths: [64, 64, 5], blocks: [{ rows: 450, width: 5, indexed: true }, { rows: 450, width: 5, indexed: true }, { rows: 1600, width: 3, indexed: false }], segments: 450 }, // prettier-ignore
  { rows: 450, widths: [64, 64, 1], blocks: [{ rows: 450, width: 5, indexed: false }] },
  { rows: 7, widths: [3], blocks: [{ rows: 4, width: 2, indexed: true }] },
  { rows: 500, widths: [8, 4], blocks: [{ rows: 500, width: 4, indexed: false }] },
  { rows: 97, widths: [16, 5, 2], blocks: [{ rows: 30, width: 3, indexed: true }, { rows: 97, width: 2, indexed: false }], segments: 30 }, // prettier-ignore
  { rows: 0, widths: [4, 2], blocks: [{ rows: 4, width: 2, indexed: true }], segments: 3 },
  { rows: 0, widths: [4, 2], blocks: [{ rows: 0, width: 2, indexed: false }] },
  { rows: 121, widths: [17, 33, 9, 2], blocks: [{ rows: 121, width: 40, indexed: false }, { rows: 9, width: 1, indexed: true }], segments: 1 }, // prettier-ignore
];

function passingOf({ rows, blocks, widths, segments }: Shape, inputs: readonly tf.Tensor[]): MessagePassing {
  const index = (limit: number, label: string) => integers(random(label), [rows], limit) as tf.Tensor1D;
  return {
    blocks: blocks.map((block, i) => ({
      x: inputs[i] as tf.Tensor2D,
      index: block.indexed ? index(block.rows, `index ${i}`) : undefined,
    })),
    layers: widths.map((_, i) => ({
      kernel: inputs[blocks.length + 2 * i] as tf.Tensor2D,
      bias: inputs[blocks.length + 2 * i + 1] as tf.Tensor1D,
    })),
    // One row in a few belongs to no segment: id -1.
    segments:
      segments === undefined
        ? undefined
        : { ids: tf.sub(index(segments + 1, "segments"), tf.scalar(1, "int32")), count: segments },
  };
}

function inputsOf({ blocks, widths }: Shape): tf.Tensor[] {
  const r = random("inputs");
  let from = blocks.reduce((sum, { width }) => sum + width, 0);
  return [
    ...blocks.map(({ rows, width }) => normal(r, [rows, width])),
    ...widths.flatMap((to) => {
      const kernel = normal(r, [from, to]).div(2 * from ** 0.5);
      from = to;
      return [kernel, normal(r, [to])];
    }),
  ];
}

describe("message passing", () => {
  for (const shape of shapes)
    for (const [hidden, last] of [
      ["relu", "linear"],
      ["tanh", "sigmoid"],
      ["elu", "relu"],
    ] as const)
      // prettier-ignore
      test(`${shape.rows} rows through ${shape.widths.join("-")}, ${hidden} and ${last}: as its parts`, () => {
        expectSameAsParts(
          (...at) => messagePassing({ ...passingOf(shape, at), hidden, last }),
          (...at) => messagePassingByParts({ ...passingOf(shape, at), hidden, last }),
          () => inputsOf(shape),
          1e-3,
        );
      });

  test("its gradient agrees with finite differences", () => {
    const shape = shapes[5];
    expectGradient(
      (...at) => messagePassing({ ...passingOf(shape, at), hidden: "tanh" }),
      inputsOf(shape),
      random("differences"),
    );
  });

  test("refuses what does not fit, and says what would", () => {
    const [x, kernel, bias] = [tf.zeros([4, 2]), tf.zeros([3, 5]), tf.zeros([5])] as never[];
    const layers = [{ kernel, bias }];
    expect(() => messagePassing({ blocks: [{ x }], layers })).toThrow(/needs a kernel \[2, to\].*got \[3, 5\]/);
    expect(() => messagePassing({ blocks: [], layers })).toThrow(/1 to 8 blocks/);
    expect(() => messagePassing({ blocks: [{ x }], layers, hidden: "swish" as never })).toThrow(
      /known are linear, relu/,
    );
    const index = tf.tensor1d([0, 9], "int32");
    const fits = [{ kernel: tf.zeros<tf.Rank.R2>([2, 1]), bias: tf.zeros<tf.Rank.R1>([1]) }];
    expect(() => messagePassing({ blocks: [{ x, index }], layers: fits })).toThrow(/index is outside its rows/);
  });
});

describe("GRU cell", () => {
  for (const [rows, input, units] of [
    [450, 5, 5],
    [1, 1, 1],
    [9, 3, 20],
    [0, 3, 4],
    [200, 40, 33],
  ])
    // prettier-ignore
    test(`${rows} rows, ${input} inputs, ${units} units: as its parts`, () => {
      const run = (f: typeof gruCell) => (x: tf.Tensor, h: tf.Tensor, ...w: tf.Tensor[]) =>
        f(x as tf.Tensor2D, h as tf.Tensor2D, {
          kernel: w[0] as tf.Tensor2D,
          recurrentKernel: w[1] as tf.Tensor2D,
          bias: w[2] as tf.Tensor1D,
          recurrentBias: w[3] as tf.Tensor1D,
        });
      const inputs = () => {
        const r = random("gru", rows, input, units);
        const shapes = [[rows, input], [rows, units], [input, 3 * units], [units, 3 * units], [3 * units], [3 * units]]; // prettier-ignore
        return shapes.map((shape) => normal(r, shape).mul(0.4));
      };
      expectSameAsParts(run(gruCell), run(gruCellByParts), inputs);
      if (rows === 9) expectGradient(run(gruCell), inputs(), random("gru differences"));
    });
});

describe("factor to variable", () => {
  for (const cardinalities of [
    [2, 2],
    [2, 3, 4],
    [2, 2, 2, 2, 2],
    [3, 1, 2],
    [17, 5],
  ])
    test(`states ${cardinalities.join(" x ")}: as its parts`, () => {
      const width = cardinalities.reduce((a, b) => a + b, 0);
      for (const factors of [0, 1, 37]) {
        const inputs = () => [
          normal(random("table", factors), [factors, ...cardinalities]),
          normal(random("messages", factors), [factors, width]),
        ];
        expectSameAsParts(
          (table, messages) => factorToVariable(table, messages as tf.Tensor2D),
          (table, messages) => factorToVariableByParts(table, messages as tf.Tensor2D),
          inputs,
        );
        if (factors === 1)
          expectGradient((t, m) => factorToVariable(t, m as tf.Tensor2D), inputs(), random("factor differences"));
      }
    });

  test("with one variable it is the table, whatever the messages", () => {
    const table = normal(random("one"), [4, 3]);
    expectClose(factorToVariable(table, tf.zeros([4, 3])).dataSync(), table.dataSync());
    const gradient = tf.grad((t) => factorToVariable(t, tf.zeros([4, 3])))(table);
    expectClose(gradient.dataSync(), new Array<number>(12).fill(1));
  });

  test("a state that no assignment supports is -Infinity, and gradients stay finite", () => {
    const table = tf.tensor3d([0, -Infinity, 1, -Infinity], [1, 2, 2]);
    const messages = tf.tensor2d([[0.5, -Infinity, 0, 0]]);
    const [out, dTable, dMessages] = on("marginalia", () => {
      const f = (t: tf.Tensor, m: tf.Tensor) => factorToVariable(t, m as tf.Tensor2D);
      const dy = tf.ones<tf.Rank.R2>([1, 4]);
      return [f(table, messages), ...tf.grads(f)([table, messages], dy)];
    });
    expectClose(out.values, [0, 1, 0.5, -Infinity]);
    expectClose(dTable.values, [2, 0, 1, 0]);
    expectClose(dMessages.values, [1, 0, 2, 0]);
  });
});

/** Factors of these shapes, and how many: none, one, one tile of the kernels, and more than that. */
const tableShapes = [
  [2, 2],
  [2, 3, 4],
  [2, 2, 2, 2, 2],
  [17, 5],
];
const tableCounts = [0, 1, 64, 200];
const sizesOf = (cardinalities: readonly number[]) => ({
  states: cardinalities.reduce((a, b) => a * b, 1),
  width: cardinalities.reduce((a, b) => a + b, 0),
});

describe("belief propagation's steps on tables, as their parts", () => {
  for (const cardinalities of tableShapes)
    for (const factors of tableCounts) {
      const { states, width } = sizesOf(cardinalities);
      const r = random("tables", factors, ...cardinalities);
      // Wide enough for some entries to fall below the floor.
      const wide = (label: string, shape: number[]) => normal(r.split(label), shape).mul(40);
      const title = `${factors} tables of ${cardinalities.join(" x ")}`;
      test(`messages and beliefs, ${title}`, () => {
        const inputs = () => [wide("table", [factors, ...cardinalities]), wide("messages", [factors, width])];
        for (const [fused, parts] of [
          [factorToVariable, factorToVariableByParts],
          [beliefsOfFactors, beliefsByParts],
        ] as const)
          expectSameAsParts(
            (table, messages) => fused(table, messages as tf.Tensor2D, -81),
            (table, messages) => parts(table, messages as tf.Tensor2D, -81),
            inputs,
          );
      });
      test(`messages from quotients, ${title}`, () => {
        const numerators = () => wide("numerators", [factors, states]);
        const denominators = () => wide("denominators", [cardinalities.length * factors, states]);
        for (const floor of [undefined, -81]) {
          expectSameAsParts(
            (...q) => quotientToVariable(q[0] as tf.Tensor2D, q[1] as tf.Tensor2D, cardinalities, floor),
            (...q) => quotientToVariableByParts(q[0] as tf.Tensor2D, q[1] as tf.Tensor2D, cardinalities, floor),
            () => [numerators(), denominators()],
          );
          expectSameAsParts(
            (q) => quotientToVariable(q as tf.Tensor2D, undefined, cardinalities, floor),
            (q) => quotientToVariableByParts(q as tf.Tensor2D, undefined, cardinalities, floor),
            () => [numerators()],
          );
        }
      });
      test(`messages spread over tables, ${title}`, () => {
        expectSameAsParts(
          (m) => spreadMessages(m as tf.Tensor2D, cardinalities),
          (m) => spreadByParts(m as tf.Tensor2D, cardinalities),
          () => [wide("messages", [factors, width])],
        );
      });
    }

  for (const states of [1, 2, 3, 4, 9])
    test(`messages of ${states} states, normalised`, () => {
      for (const rows of [0, 1, 64, 131]) {
        const x = () => [normal(random("normalise", rows, states), [rows, 2 * states]).mul(60)];
        expectSameAsParts(
          (y) => normaliseLogs(y as tf.Tensor2D, -81, states),
          (y) => tf.reshape(normaliseByParts(tf.reshape(y, [2 * rows, states]), -81), [rows, 2 * states]),
          x,
        );
      }
    });

  test("normalised zeros alone are the floor, with no gradient, and never NaN", () => {
    const x = tf.tensor2d([[-Infinity, -Infinity]]);
    expectClose(normaliseLogs(x, -99).dataSync(), [-99, -99]);
    expectClose(
      tf
        .grad((y: tf.Tensor) => normaliseLogs(y as tf.Tensor2D, -99))(x)
        .dataSync(),
      [0, 0],
    );
    expectClose(normaliseLogs(x, -Infinity).dataSync(), [-Infinity, -Infinity]);
    expect(() => normaliseLogs(x, -5)).toThrow(/at most -80.*got -5/);
    const q = tf.zeros<tf.Rank.R2>([1, 4]);
    expect(() => quotientToVariable(q, undefined, [2, 2], -5)).toThrow(/at most -80.*got -5/);
  });

  test("the sum of others of a group", () => {
    for (const count of [0, 1, 50]) {
      const groups = integers(random("groups", count), [count], 7) as tf.Tensor1D;
      expectSameAsParts(
        (x) => sumOfOthers(x as tf.Tensor1D, groups, 7),
        (x) => sumOfOthersByParts(x as tf.Tensor1D, groups, 7),
        () => [normal(random("others", count), [count])],
      );
    }
    expect(() => sumOfOthers(tf.zeros([2]), tf.tensor1d([0, 3], "int32"), 3)).toThrow(/group/);
    expect(() => sumOfOthers(tf.zeros([2]), tf.tensor1d([0], "int32"), 3)).toThrow(/2 entries/);
  });

  for (const [states, orders] of [
    [2, [[0, 1]]],
    [
      4,
      [
        [0, 1, 2, 3],
        [0, 2, 1, 3],
      ],
    ],
    [6, [[3, 1, 2, 0, 5, 4]]],
    [18, [[...Array(18).keys()], [...Array(18).keys()].reverse()]],
  ] as [number, number[][]][])
    // prettier-ignore
    test(`an MLP on tables of ${states} states, ${orders.length} permutations`, () => {
      // Of more tables some unit lies so near its kink that rounding decides the side; gradients.test.ts has them in
      // double precision.
      for (const tables of [0, 1, 64]) {
        const r = random("table mlp", states, tables);
        const run =
          (f: typeof tableMlp) =>
          (...w: tf.Tensor[]) =>
            f(w[0] as tf.Tensor2D, {
              permutations: tf.tensor2d(orders, [orders.length, states], "int32"),
              layers: [
                { kernel: w[1] as tf.Tensor2D, bias: w[2] as tf.Tensor1D },
                { kernel: w[3] as tf.Tensor2D, bias: w[4] as tf.Tensor1D },
              ],
              share: 0.5,
              floor: 0.02,
            });
        const shapes = [[tables, states], [states, states], [states], [states, states], [states]]; // prettier-ignore
        const inputs = () => shapes.map((shape, at) => normal(r.split(at), shape).mul(at === 0 ? 2 : 0.5).sub(at === 0 ? 3 : 0)); // prettier-ignore
        expectSameAsParts(run(tableMlp), run(tableMlpByParts), inputs, 1e-3); // long sums in another order
      }
    });

  test("an MLP on tables refuses what does not fit", () => {
    const dense = (size: number) => ({
      kernel: tf.zeros<tf.Rank.R2>([size, size]),
      bias: tf.zeros<tf.Rank.R1>([size]),
    });
    const mlp = (size: number, order: number[]) => ({
      permutations: tf.tensor2d(order, [1, order.length], "int32"),
      layers: [dense(size), dense(size)] as const,
      share: 0.5,
      floor: 0.1,
    });
    expect(() => tableMlp(tf.zeros([3, 2]), mlp(3, [0, 1]))).toThrow(/tables of 2 states need kernels \[2, 2\]/);
    expect(() => tableMlp(tf.zeros([3, 2]), mlp(2, [0, 2]))).toThrow(/name each state once/);
    expect(() => tableMlp(tf.zeros([3, 2]), mlp(2, [1, 1]))).toThrow(/name each state once/);
  });
});

describe("log-sum-exp over several axes", () => {
  test("of zeros alone is -Infinity with gradient 0; infinities stay; elsewhere it is tfjs's", () => {
    const x = tf.tensor2d([[-Infinity, -Infinity], [1, -Infinity], [Infinity, 0]]); // prettier-ignore
    expectClose(logSumExp(x, 1).dataSync(), [-Infinity, 1, Infinity]);
    const gradient = tf.grad((at) => logSumExp(at, 1).slice([0], [2]))(x);
    expectClose(gradient.dataSync(), [0, 0, 1, 0, 0, 0]);
    const r = normal(random("lse"), [3, 4, 5]);
    expectClose(logSumExp(r, [0, 2]).dataSync(), tf.logSumExp(r, [0, 2]).dataSync());
    expect(logSumExp(r, [0, 2], true).shape).toEqual([1, 4, 1]);
    expectGradient((at) => logSumExp(at, [0, 2]), [r], random("lse differences"));
  });
});

describe("optimisers", () => {
  /** Loss sum (x - target)^2 / 2, fifty steps. */
  const train = (optimizer: tf.Optimizer) => {
    const x = tf.variable(normal(random("start"), [33]));
    const target = normal(random("target"), [33]);
    for (let i = 0; i < 50; i++) optimizer.minimize(() => tf.sum<tf.Scalar>(tf.square(tf.sub(x, target))), false);
    const values = x.dataSync<"float32">().slice();
    tf.dispose([x, target]);
    return values;
  };

  test("Adam and RMSProp take tfjs's steps", () => {
    expectClose(train(new Adam(0.05, { epsilon: 1e-7 })), train(tf.train.adam(0.05, 0.9, 0.999, 1e-7)), 1e-4);
    expectClose(
      train(new RmsProp(0.05, { decay: 0.9, momentum: 0.5, epsilon: 1e-6 })),
      train(tf.train.rmsprop(0.05, 0.9, 0.5, 1e-6)),
      1e-3,
    );
  });

  test("a restored optimiser goes on to the same numbers", async () => {
    const x = tf.variable(tf.tensor1d([1, -2, 3]), true, "restored");
    const loss = () => tf.sum<tf.Scalar>(tf.square(x));
    const first = new Adam(0.1, { weightDecay: 0.01 });
    for (let i = 0; i < 5; i++) first.minimize(loss);
    const state = (await first.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }));
    const at = x.clone();
    for (let i = 0; i < 5; i++) first.minimize(loss);
    const expected = x.dataSync().slice();
    x.assign(at);
    const second = new Adam(0.1, { weightDecay: 0.01 });
    await second.setWeights(state);
    for (let i = 0; i < 5; i++) second.minimize(loss);
    expect(x.dataSync()).toEqual(expected);
    first.dispose();
    second.dispose();
    x.dispose();
  });
});
