/** Every gradient against central differences in double precision: see double.ts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import {
  beliefsOfFactors,
  factorToVariable,
  gruCell,
  logSumExp,
  messagePassing,
  normaliseLogs,
  quotientToVariable,
  segmentMax,
  segmentMean,
  segmentSoftmax,
  sparseMatMul,
  sparseMatrix,
  spreadMessages,
  sumOfOthers,
  tableMlp,
  type Activation,
} from "../../src/tensor/index.ts";
import { digammaOf, lgammaOf, trigammaOf } from "../../src/tensor/special/gamma.ts";
import { integers } from "./compare.ts";
import { computeInDoubles, expectGradient, normals, tensorOf } from "./double.ts";

interface Builder {
  buildAddon(output: string, options: { double: boolean; extra: string[] }): void;
  findCompiler(): unknown;
}
const builderFile = fileURLToPath(new URL("../../src/tensor/native/build.mjs", import.meta.url));
const builder = (await import(builderFile)) as Builder;
const hasCompiler = builder.findCompiler() !== undefined && process.platform !== "win32";
const scratch = mkdtempSync(path.join(tmpdir(), "marginalia-double-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
if (hasCompiler) {
  const addon = path.join(scratch, "double.node");
  builder.buildAddon(addon, { double: true, extra: ["-O1"] });
  computeInDoubles(addon);
} else console.warn("SKIPPED: no C compiler, so gradients are not checked in double precision");

const random = (...labels: (string | number)[]) => Random.fromSeed(8).split("gradients", ...labels);

/** One check a call: shapes of the inputs, and what happens to normal numbers of these shapes before `f`. */
function agrees(
  title: string,
  shapes: number[][],
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  prepare: (x: number, input: number) => number = (x) => x,
) {
  test.runIf(hasCompiler)(title, () => {
    const inputs = shapes.map((shape, input) => {
      const values = normals(random(title, input), shape).dataSync() as unknown as Float64Array;
      return tensorOf(
        values.map((x) => prepare(x, input)),
        shape,
      );
    });
    expectGradient(f, inputs, random(title, "checks"));
  });
}

describe("element-wise gradients", () => {
  const positive = (x: number) => 0.1 + Math.abs(x);
  const everywhere: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    neg: tf.neg,
    abs: tf.abs,
    exp: tf.exp,
    expm1: tf.expm1,
    square: tf.square,
    sigmoid: tf.sigmoid,
    tanh: tf.tanh,
    relu: tf.relu,
    relu6: (x) => tf.relu6(tf.mul(x, 4)),
    elu: tf.elu,
    softplus: tf.softplus,
    leakyRelu: (x) => tf.leakyRelu(x, 0.25),
    clipByValue: (x) => tf.clipByValue(x, -0.5, 1),
    logSigmoid: tf.logSigmoid,
    cast: (x) => tf.square(tf.cast(x, "float32")),
  };
  for (const [name, f] of Object.entries(everywhere)) agrees(name, [[3, 7]], f);
  for (const [name, f] of Object.entries({
    log: tf.log,
    log1p: tf.log1p,
    sqrt: tf.sqrt,
    rsqrt: tf.rsqrt,
    reciprocal: tf.reciprocal,
  }))
    agrees(name, [[3, 7]], f, positive);

  const binary: Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    div: (a, b) => tf.div(a, b),
    maximum: tf.maximum,
    minimum: tf.minimum,
    squaredDifference: tf.squaredDifference,
  };
  for (const [name, f] of Object.entries(binary))
    for (const [a, b] of [
      [
        [3, 4],
        [3, 4],
      ],
      [[3, 4], [4]],
      [
        [2, 1, 4],
        [3, 1],
      ],
      [[], [5]],
    ]) {
      // tfjs's gradients of these three do not add up over axes that were broadcast.
      if (["maximum", "minimum", "squaredDifference"].includes(name) && !tf.util.arraysEqual(a, b)) continue;
      agrees(`${name} of [${a.join(", ")}] and [${b.join(", ")}]`, [a, b], f, (x, i) => (i === 1 ? positive(x) : x));
    }

  agrees("where", [[6], [6]], (a, b) => tf.where(tf.tensor1d([1, 0, 0, 1, 1, 0], "bool"), a, b));
  agrees("addN", [[5], [5], [5]], (...all) => tf.addN(all.map((x) => tf.square(x))));
});

describe("gradients of reductions", () => {
  for (const [name, f] of Object.entries({ sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min }))
    for (const axes of [undefined, [0], [2], [0, 2]])
      agrees(`${name} over ${axes ? `axes ${axes.join(", ")}` : "all"}`, [[3, 4, 5]], (x) => tf.square(f(x, axes)));
  for (const axes of [undefined, 1, [0, 2]])
    agrees(`logSumExp over ${axes === undefined ? "all" : String(axes)}`, [[3, 4, 5]], (x) => logSumExp(x, axes));
  agrees("tf.logSumExp", [[3, 4]], (x) => tf.logSumExp(x, 1));
  agrees("softmax", [[3, 4]], (x) => tf.softmax(x));
  agrees("logSoftmax", [[3, 4]], (x) => tf.logSoftmax(x));
});

describe("gradients of matrix products", () => {
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      agrees(
        `matMul, transposed ${transposeA}, ${transposeB}`,
        [transposeA ? [5, 3] : [3, 5], transposeB ? [4, 5] : [5, 4]],
        (a, b) => tf.matMul(a, b, transposeA, transposeB),
      );
  agrees("batched matMul", [[2, 3, 5], [2, 5, 4]], (a, b) => tf.matMul(a, b)); // prettier-ignore
  for (const activation of ["linear", "relu", "sigmoid", "elu"] as const)
    agrees(`fused matMul with ${activation}`, [[3, 5], [5, 4], [4]], (a, b, bias) => tf.fused.matMul({ a, b, bias, activation })); // prettier-ignore
});

describe("gradients of layout", () => {
  agrees("concat", [[2, 3], [2, 1]], (a, b) => tf.square(tf.concat([a, b], 1))); // prettier-ignore
  agrees("stack", [[2, 3], [2, 3]], (a, b) => tf.square(tf.stack([a, b], 1))); // prettier-ignore
  agrees("split", [[4, 6]], (x) => tf.mul(...(tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor])));
  agrees("unstack", [[2, 5]], (x) => tf.mul(...(tf.unstack(x) as [tf.Tensor, tf.Tensor])));
  agrees("slice", [[4, 6]], (x) => tf.square(tf.slice(x, [1, 2], [2, 3])));
  agrees("pad", [[2, 3]], (x) => tf.square(tf.pad(x, [[1, 0], [0, 2]], 1))); // prettier-ignore
  agrees("transpose", [[2, 3, 4]], (x) => tf.square(tf.transpose(x, [2, 0, 1])));
  agrees("tile", [[2, 3]], (x) => tf.square(tf.tile(x, [2, 3])));
});

describe("gradients by index", () => {
  for (const axis of [0, 1])
    agrees(`gather along ${axis}`, [[4, 5]], (x) => tf.square(tf.gather(x, tf.tensor1d([3, 0, 3, 1], "int32"), axis)));
  const ids = () => tf.tensor1d([2, 0, -1, 2, 3, 7, 0], "int32");
  agrees("unsortedSegmentSum", [[7, 3]], (x) => tf.square(tf.unsortedSegmentSum(x, ids(), 4)));
  agrees("segmentMean", [[7, 3]], (x) => tf.square(segmentMean(x as tf.Tensor2D, ids(), 4)));
  agrees("segmentMax", [[7, 3]], (x) => tf.exp(segmentMax(x as tf.Tensor2D, ids(), 4)));
  agrees("segmentSoftmax", [[7, 3]], (x) => segmentSoftmax(x as tf.Tensor2D, ids(), 4));
  const matrix = () => sparseMatrix(3, 4, { row: [2, 0, 0, 2, 1], column: [1, 3, 0, 1, 2] });
  agrees("sparse times dense, by both", [[4, 2], [5]], (x, values) => {
    const pattern = matrix();
    return sparseMatMul(pattern, x as tf.Tensor2D, values as tf.Tensor1D);
  }); // prettier-ignore
});

/** Not through exp, tanh and others whose gradient uses their result: tfjs forgets where a saved result came from. */
describe("gradients of gradients", () => {
  const twice = (f: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.grad((y) => tf.sum(tf.square(f(y))))(x);
  const ids = () => tf.tensor1d([1, 0, 5, 1], "int32");
  agrees("relu", [[3, 4]], twice(tf.relu));
  agrees(
    "unsortedSegmentSum",
    [[4, 3]],
    twice((x) => tf.unsortedSegmentSum(tf.mul(x, tf.square(x)), ids(), 3)),
  );
  agrees(
    "matMul",
    [[4, 4]],
    twice((x) => tf.matMul(x, tf.square(x))),
  );
});

describe("gradients of images", () => {
  const convolutions: [title: string, x: number[], filter: number[], strides: number | [number, number], pad: "same" | "valid" | number][] = [
    ["3 x 3", [2, 5, 6, 3], [3, 3, 3, 4], 1, "same"],
    ["2 x 3, valid", [1, 5, 6, 2], [2, 3, 2, 9], 1, "valid"],
    ["1 x 1", [2, 4, 3, 2], [1, 1, 2, 3], 1, "valid"],
    ["strides 2", [2, 5, 6, 3], [3, 3, 3, 4], 2, "same"],
    ["strides 2 and 1, wide padding", [1, 4, 5, 2], [3, 2, 2, 3], [2, 1], 2],
  ]; // prettier-ignore
  for (const [title, x, filter, strides, pad] of convolutions) {
    agrees(`conv2d ${title}`, [x, filter], (a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad));
    const depthwise = filter.with(3, 2);
    agrees(`depthwise ${title}`, [x, depthwise], (a, b) =>
      tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad),
    );
  }
  agrees("fused conv2d", [[2, 5, 5, 2], [3, 3, 2, 3], [3]], (x, filter, bias) =>
    tf.fused.conv2d({ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, bias, strides: 1, pad: "same", activation: "relu" }),
  ); // prettier-ignore
  agrees("conv2dTranspose", [[1, 3, 3, 2], [2, 2, 3, 2]], (x, filter) =>
    tf.conv2dTranspose(x as tf.Tensor4D, filter as tf.Tensor4D, [1, 6, 6, 3], 2, "valid"),
  ); // prettier-ignore
  for (const [name, f] of Object.entries({ maxPool: tf.maxPool, avgPool: tf.avgPool }))
    for (const [size, strides, pad] of [
      [2, 2, "valid"],
      [3, 2, "same"],
      [3, 1, "same"],
    ] as const)
      agrees(`${name} ${size} by ${strides}, ${pad}`, [[2, 6, 5, 3]], (x) => f(x as tf.Tensor4D, size, strides, pad));
  for (const [name, f] of Object.entries({
    bilinear: tf.image.resizeBilinear,
    nearest: tf.image.resizeNearestNeighbor,
  }))
    for (const corners of [false, true])
      agrees(`resize ${name}, corners aligned: ${corners}`, [[2, 4, 5, 3]], (x) =>
        f(x as tf.Tensor4D, [7, 3], corners),
      );
  agrees(
    "batchNorm",
    [[3, 4, 2], [2], [2], [2], [2]],
    (x, mean, variance, offset, scale) => tf.batchNorm(x, mean, variance, offset, scale),
    (x, input) => (input === 2 ? 0.5 + Math.abs(x) : x),
  ); // prettier-ignore
});

describe("gradients of fused message passing", () => {
  const index = (label: string, count: number, limit: number) => integers(random(label), [count], limit) as tf.Tensor1D;
  const activations: [Activation, Activation][] = [["relu", "linear"], ["tanh", "sigmoid"], ["elu", "relu6"], ["sigmoid", "elu"]]; // prettier-ignore
  for (const [hidden, last] of activations)
    for (const summed of [true, false])
      agrees(
        `messages by ${hidden} and ${last}${summed ? ", summed by segment" : ""}`,
        [[9, 3], [125, 2], [5, 7], [7], [7, 6], [6], [6, 2], [2]],
        (x, y, ...weights) => {
          const segments = summed ? { ids: tf.sub<tf.Tensor1D>(index("to", 125, 12), tf.scalar(1, "int32")), count: 10 } : undefined; // prettier-ignore
          const layers = [0, 2, 4].map((at) => ({ kernel: weights[at] as tf.Tensor2D, bias: weights[at + 1] as tf.Tensor1D })); // prettier-ignore
          const blocks = [{ x: x as tf.Tensor2D, index: index("from", 125, 9) }, { x: y as tf.Tensor2D }];
          return messagePassing({ blocks, layers, segments, hidden, last });
        },
      );
  agrees("a plain stack of layers", [[130, 4], [4, 3], [3]], (x, kernel, bias) =>
    messagePassing({ blocks: [{ x: x as tf.Tensor2D }], layers: [{ kernel: kernel as tf.Tensor2D, bias: bias as tf.Tensor1D }], last: "tanh" }),
  ); // prettier-ignore
  agrees("GRU cell", [[7, 3], [7, 4], [3, 12], [4, 12], [12], [12]], (x, h, ...w) =>
    gruCell(x as tf.Tensor2D, h as tf.Tensor2D, {
      kernel: w[0] as tf.Tensor2D,
      recurrentKernel: w[1] as tf.Tensor2D,
      bias: w[2] as tf.Tensor1D,
      recurrentBias: w[3] as tf.Tensor1D,
    }),
  ); // prettier-ignore
});

describe("gradients of belief propagation's steps", () => {
  for (const cardinalities of [[4], [2, 3], [3, 2, 2], [2, 2, 2, 2], [2, 3, 2, 2, 2]]) {
    const states = cardinalities.reduce((a, b) => a * b);
    const width = cardinalities.reduce((a, b) => a + b);
    const of = `states ${cardinalities.join(" x ")}`;
    const shapes = [[3, ...cardinalities], [3, width]]; // prettier-ignore
    // Normal numbers stay above the floor.
    for (const floor of [undefined, -90])
      agrees(`factor to variable, ${of}, floor ${floor}`, shapes, (table, m) =>
        factorToVariable(table, m as tf.Tensor2D, floor),
      );
    agrees(`beliefs, ${of}`, shapes, (table, messages) => beliefsOfFactors(table, messages as tf.Tensor2D, -90));
    for (const floor of [undefined, -90])
      agrees(`quotients, ${of}, floor ${floor}`, [[3, states], [3 * cardinalities.length, states]], (p, q) =>
        quotientToVariable(p as tf.Tensor2D, q as tf.Tensor2D, cardinalities, floor),
      ); // prettier-ignore
    agrees(`quotients without denominators, ${of}`, [[3, states]], (p) =>
      quotientToVariable(p as tf.Tensor2D, undefined, cardinalities),
    );
    agrees(`spread messages, ${of}`, [[3, width]], (m) => tf.square(spreadMessages(m as tf.Tensor2D, cardinalities)));
  }
  agrees("normalised messages", [[70, 6]], (x) => normaliseLogs(x as tf.Tensor2D, -90, 3));
  agrees("sum of others", [[9]], (x) => {
    const groups = tf.tensor1d([0, 2, 2, 1, 0, 0, 4, 2, 1], "int32");
    return tf.square(sumOfOthers(x as tf.Tensor1D, groups, 5));
  });
  for (const states of [4, 18])
    agrees(
      `an MLP on tables of ${states} states`,
      [[130, states], [states, states], [states], [states, states], [states]],
      (x, ...w) => {
        const order = [...Array(states).keys()];
        return tableMlp(x as tf.Tensor2D, {
          permutations: tf.tensor2d([order, order.toReversed()], [2, states], "int32"),
          layers: [
            { kernel: w[0] as tf.Tensor2D, bias: w[1] as tf.Tensor1D },
            { kernel: w[2] as tf.Tensor2D, bias: w[3] as tf.Tensor1D },
          ],
          share: 0.3,
          floor: 0.2,
        });
      },
    ); // prettier-ignore
});

test("digamma and trigamma are the derivatives of ln Gamma, which is computed in double precision", () => {
  const slope = (f: (x: number) => number, x: number, h = 1e-4) =>
    (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h);
  for (const x of [0.1, 0.6, 1, 1.5, 2, 3.7, 7.9, 8.1, 25, 300, -0.3, -1.6, -7.2]) {
    expect(Math.abs(slope(lgammaOf, x) - digammaOf(x))).toBeLessThan(1e-9 * Math.max(1, Math.abs(digammaOf(x))));
    expect(Math.abs(slope(digammaOf, x) - trigammaOf(x))).toBeLessThan(1e-9 * Math.max(1, Math.abs(trigammaOf(x))));
  }
});
