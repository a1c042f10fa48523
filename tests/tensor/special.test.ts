import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import * as engine from "../../src/tensor/index.ts";
import { expectClose, expectGradient, integers, normal, on } from "./compare.ts";

const random = (...labels: (string | number)[]) => Random.fromSeed(8).split("special", ...labels);
const between = (low: number, high: number, shape: number[], label: string) => {
  const r = random(label);
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => r.uniform(low, high)),
    shape,
  );
};
const values = (x: tf.Tensor) => x.dataSync<"float32">();

describe("gamma functions", () => {
  test("take their known values", () => {
    expectClose(values(engine.lgamma(tf.tensor1d([1, 2, 0.5, 10, 0, -1, -0.5, Infinity, 1e-6]))), [
      0, 0, Math.log(Math.PI) / 2, Math.log(362880), Infinity, Infinity, Math.log(2 * Math.sqrt(Math.PI)), Infinity,
      13.815509980749431,
    ]); // prettier-ignore
    expectClose(values(engine.digamma(tf.tensor1d([1, 0.5, 2, 0, -0.5]))), [
      -0.5772156649, -0.5772156649 - 2 * Math.LN2, 1 - 0.5772156649, NaN, 0.03648997397857652,
    ]); // prettier-ignore
    expectClose(values(engine.trigamma(tf.tensor1d([1, 0.5, -0.5]))), [
      Math.PI ** 2 / 6, Math.PI ** 2 / 2, Math.PI ** 2 / 2 + 4,
    ]); // prettier-ignore
  });

  test("keep the recurrences Gamma(x + 1) = x Gamma(x) to single precision", () => {
    const x = between(0.01, 30, [400], "recurrence");
    expectClose(values(engine.lgamma(tf.add(x, 1))), values(tf.add(engine.lgamma(x), tf.log(x))), 1e-5);
    expectClose(values(engine.digamma(tf.add(x, 1))), values(tf.add(engine.digamma(x), tf.reciprocal(x))), 1e-5);
  });

  test("have gradients that agree with finite differences", () => {
    const x = between(0.5, 6, [9], "gradient");
    expectGradient(engine.lgamma, [x], random("lgamma"));
    expectGradient(engine.digamma, [x], random("digamma"));
    expectGradient((a, b) => engine.betaln(a, b), [x, between(0.5, 6, [9], "b")], random("betaln"));
  });
});

describe("Dirichlet", () => {
  test("a uniform density is (k - 1)!, and a divergence from itself 0", () => {
    const x = tf.tensor2d([[0.2, 0.3, 0.5]]);
    expectClose(values(engine.dirichletLogDensity(x, tf.ones([1, 3]))), [Math.log(2)]);
    const a = between(0.5, 5, [4, 3], "a");
    expectClose(values(engine.dirichletDivergence(a, a)), [0, 0, 0, 0], 1e-4);
    for (const divergence of values(engine.dirichletDivergence(a, between(0.5, 5, [4, 3], "b"))))
      expect(divergence).toBeGreaterThan(0);
  });

  test("gradients agree with finite differences", () => {
    const b = between(0.5, 5, [2, 3], "b");
    expectGradient((a) => engine.dirichletDivergence(a, b), [between(1, 5, [2, 3], "a")], random("divergence"));
    const x = tf.softmax(normal(random("x"), [2, 3]));
    expectGradient((a) => engine.dirichletLogDensity(x, a), [between(1, 5, [2, 3], "a")], random("density"));
  });
});

describe("Kumaraswamy", () => {
  const [a, b] = [tf.fill([20000], 2.5), tf.fill([20000], 1.7)];
  test("samples have the mean of the formula, and it is the density's", () => {
    const samples = values(engine.kumaraswamySample(a, b, random("samples")));
    const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
    const expected = values(engine.kumaraswamyMean(tf.scalar(2.5), tf.scalar(1.7)))[0];
    expect(Math.abs(mean - expected)).toBeLessThan(5 * (0.25 / Math.sqrt(20000)));
    const x = tf.linspace(0.0005, 0.9995, 1000);
    const density = values(tf.exp(engine.kumaraswamyLogDensity(x, tf.scalar(2.5), tf.scalar(1.7))));
    const at = values(x);
    expect(density.reduce((sum, p) => sum + p / 1000, 0)).toBeCloseTo(1, 3);
    expect(density.reduce((sum, p, i) => sum + (p * at[i]) / 1000, 0)).toBeCloseTo(expected, 3);
  });

  test("its divergence from a Beta agrees with an integral, and vanishes where the two are one", () => {
    const divergence = (aOf: number, bOf: number, alpha: number, beta: number) =>
      values(engine.kumaraswamyBetaDivergence(tf.scalar(aOf), tf.scalar(bOf), { alpha, beta, terms: 200 }))[0];
    expect(divergence(1, 3, 1, 3)).toBeCloseTo(0, 2);
    const points = 20000;
    const logNormaliser = values(engine.betaln(tf.scalar(1.5), tf.scalar(2)))[0];
    let integral = 0;
    for (let i = 0; i < points; i++) {
      const x = (i + 0.5) / points;
      const p = Math.log(2.5 * 1.7) + 1.5 * Math.log(x) + 0.7 * Math.log1p(-(x ** 2.5));
      const q = 0.5 * Math.log(x) + Math.log1p(-x) - logNormaliser;
      integral += (Math.exp(p) * (p - q)) / points;
    }
    expect(divergence(2.5, 1.7, 1.5, 2)).toBeCloseTo(integral, 2);
  });

  test("samples are differentiable by both parameters", () => {
    const draw = (p: tf.Tensor, q: tf.Tensor) => engine.kumaraswamySample(p, q, random("same noise"));
    expectGradient(draw, [between(1, 4, [6], "p"), between(1, 4, [6], "q")], random("kumaraswamy"));
  });
});

describe("Gumbel and Concrete", () => {
  test("arg max of logits plus Gumbel noise is categorical", () => {
    const logits = tf.log(tf.tensor1d([0.1, 0.2, 0.7]));
    const noise = engine.gumbelSample([20000, 3], random("gumbel"));
    const counts = [0, 0, 0];
    for (const state of tf.argMax(tf.add(noise, logits), 1).dataSync()) counts[state]++;
    [0.1, 0.2, 0.7].forEach((p, i) => {
      expect(Math.abs(counts[i] / 20000 - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 20000));
    });
  });

  test("relaxed samples follow the generator, are differentiable, and hard ones are one-hot", () => {
    const logits = normal(random("logits"), [5, 4]);
    const sample = (x: tf.Tensor, hard = false) =>
      engine.concreteSample(x, { temperature: 0.7, random: random("noise"), hard });
    expect(values(sample(logits))).toEqual(values(sample(logits)));
    expectGradient((at) => sample(at), [logits], random("concrete"));
    expectClose(values(tf.sum(sample(logits, true), -1)), [1, 1, 1, 1, 1]);
    const through = values(tf.grad((x) => sample(x, true).square())(logits));
    expect(through.some((x) => x !== 0)).toBe(true);
    const binary = (x: tf.Tensor) => engine.binaryConcreteSample(x, { temperature: 0.5, random: random("binary") });
    expectGradient(binary, [logits], random("binary differences"));
    expect(() => engine.concreteSample(logits, { temperature: 0, random: random("x") })).toThrow(/must be positive/);
  });
});

describe("segments", () => {
  const x = () => normal(random("rows"), [40, 3]) as tf.Tensor2D;
  const ids = () => tf.sub<tf.Tensor1D>(integers(random("ids"), [40], 8), tf.scalar(1, "int32"));
  for (const f of [engine.segmentMax, engine.segmentMean, engine.segmentSoftmax]) {
    test(`${f.name} gives the same on every back end, with its gradient`, () => {
      const run = () => {
        const once = (at: tf.Tensor) => f(at as tf.Tensor2D, ids(), 9);
        return [once(x()), tf.grad((at) => tf.sum(tf.square(tf.clipByValue(once(at), -9, 9))))(x())];
      };
      const [ours, theirs] = [on("marginalia", run), on("cpu", run)];
      ours.forEach(({ values: found }, i) => expectClose(found, theirs[i].values, 1e-4));
    });
    test(`${f.name}'s gradient agrees with finite differences`, () => {
      const finite = (at: tf.Tensor) => tf.clipByValue(f(at as tf.Tensor2D, ids(), 7), -50, 50);
      expectGradient(finite, [x()], random("segment differences"), { step: 1e-3, tolerance: 5e-2 });
    });
  }
});

describe("sparse times dense", () => {
  const entries = () => {
    const r = random("entries");
    const count = 60;
    return {
      row: Int32Array.from({ length: count }, () => r.integer(9)),
      column: Int32Array.from({ length: count }, () => r.integer(13)),
      value: Float32Array.from({ length: count }, () => r.normal()),
    };
  };
  test("agrees with the dense product on every back end, repeated entries added up", () => {
    const { row, column, value } = entries();
    const dense = new Float32Array(9 * 13);
    row.forEach((r, i) => (dense[r * 13 + column[i]] += value[i]));
    const matrix = engine.sparseMatrix(9, 13, entries());
    const x = normal(random("x"), [13, 5]) as tf.Tensor2D;
    const expected = values(tf.matMul(tf.tensor2d(dense, [9, 13]), x));
    for (const backend of ["marginalia", "cpu"] as const)
      expectClose(on(backend, () => engine.sparseMatMul(matrix, x))[0].values, expected, 1e-4);
    matrix.dispose();
  });

  test("gradients by the dense matrix and by the entries agree with finite differences", () => {
    const matrix = engine.sparseMatrix(9, 13, entries());
    const x = normal(random("x"), [13, 5]);
    expectGradient(
      (at, weights) => engine.sparseMatMul(matrix, at as tf.Tensor2D, weights as tf.Tensor1D),
      [x, normal(random("weights"), [60])],
      random("sparse"),
    );
    matrix.dispose();
  });

  test("refuses entries outside the matrix", () => {
    expect(() => engine.sparseMatrix(2, 2, { row: [0, 2], column: [0, 0] })).toThrow(/entry 1 at \(2, 0\) is outside/);
  });
});
