/**
 * Whole eliminations as functions of their parameters: the chain of single steps, valid anywhere, gradients by finite
 * differences.
 */
import { describe, expect, it } from "vitest";
import { toBoltzmann, type BoltzmannMachine } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { orderModel, type Elimination, type OrderedModel } from "../../../src/inference/bounds/elimination.ts";
import { eliminateFactorisedLower, factorisedLower } from "../../../src/inference/bounds/factorised-lower.ts";
import { eliminateFactorisedUpper, factorisedUpper } from "../../../src/inference/bounds/factorised-upper.ts";
import { eliminateRefinedUpper, refinedUpper } from "../../../src/inference/bounds/refined-upper.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { randomPairwise } from "../pairwise-models.ts";

interface Kind {
  readonly name: string;
  readonly sign: 1 | -1;
  readonly elimination: (model: OrderedModel) => Elimination;
  /**
   * One step of the chain, the parameters as `describe` gives them; `slots` are the positions of the later neighbours
   * in the row.
   */
  readonly step: (model: BoltzmannMachine, variable: number, row: Float64Array) => BoltzmannMachine;
}

const kinds: readonly Kind[] = [
  {
    name: "factorised lower",
    sign: -1,
    elimination: factorisedLower,
    step: (model, variable, row) => eliminateFactorisedLower(model, variable, row[0]),
  },
  { name: "factorised upper", sign: 1, elimination: factorisedUpper, step: eliminateFactorisedUpper },
  {
    name: "refined upper",
    sign: 1,
    elimination: refinedUpper,
    step: (model, variable, row) => eliminateRefinedUpper(model, variable, row[0]),
  },
];

function* randomCases(kind: Kind, count: number, numVariables: (random: Random) => number) {
  for (let seed = 0; seed < count; seed++) {
    const random = Random.fromSeed(seed).split("elimination", kind.name);
    const model = toBoltzmann(randomPairwise(seed, { numVariables: numVariables(random) }));
    const n = model.numVariables;
    const numEliminated = random.integer(n + 1);
    const order = random.permutation(n);
    const elimination = kind.elimination(orderModel(model, order, numEliminated));
    const parameters = new Float64Array(elimination.numParameters);
    elimination.start(parameters, random.bernoulli() ? random : undefined);
    for (let k = 0; k < parameters.length; k++) parameters[k] += random.normal(0, 1);
    yield { model, order, numEliminated, elimination, parameters, exact: enumerate(model).logZ!, random };
  }
}

describe.each(kinds)("$name, a whole elimination", (kind) => {
  it("bounds ln Z at random parameters, for any subset in any order", () => {
    for (const { elimination, parameters, exact } of randomCases(kind, 1500, (random) => random.integer(9))) {
      const gradient = new Float64Array(parameters.length);
      const value = elimination.evaluate(parameters, gradient);
      expect(Number.isNaN(value)).toBe(false);
      expect(kind.sign * (value - exact)).toBeGreaterThanOrEqual(-1e-9 * (1 + Math.abs(exact)));
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("has the gradient of its value", () => {
    for (const { elimination, parameters } of randomCases(kind, 150, (random) => 1 + random.integer(8))) {
      const [gradient, unused] = [new Float64Array(parameters.length), new Float64Array(parameters.length)];
      const value = elimination.evaluate(parameters, gradient);
      if (!(Math.abs(value) < 1e4)) continue; // differences of larger values keep too few digits
      const step = 1e-5;
      for (let k = 0; k < parameters.length; k++) {
        const at = (shift: number): number => {
          const moved = parameters.slice();
          moved[k] += shift;
          return elimination.evaluate(moved, unused);
        };
        const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
        expect(Math.abs(slope - gradient[k])).toBeLessThan(1e-6 * (1 + Math.abs(gradient[k]) + Math.abs(value)));
      }
    }
  });

  it("is the chain of its single steps", () => {
    for (const each of randomCases(kind, 150, (random) => random.integer(8))) {
      const { elimination, parameters, numEliminated, order } = each;
      const value = elimination.evaluate(parameters, new Float64Array(parameters.length));
      const rows = elimination.describe(parameters);
      expect(rows.length).toBe(numEliminated);
      let model = each.model;
      const left = Array.from({ length: model.numVariables }, (_, i) => i);
      for (let p = 0; p < numEliminated; p++) {
        const variable = left.indexOf(order[p]);
        model = kind.step(model, variable, inVariableOrder(kind, each.model, order, p, rows[p], left));
        left.splice(variable, 1);
      }
      const chained = enumerate(model).logZ!;
      // A variable without later neighbours is eliminated exactly by the whole elimination, at any xi by the single
      // step.
      if (kind.name === "refined upper") expect(value).toBeLessThanOrEqual(chained + 1e-9 * (1 + Math.abs(chained)));
      else expect(Math.abs(value - chained)).toBeLessThan(1e-9 * (1 + Math.abs(chained)));
    }
  });
});

describe("refined upper, dense", () => {
  it("is the chain of its single steps up to the last variable, which is eliminated exactly", () => {
    for (let seed = 0; seed < 50; seed++) {
      const model = toBoltzmann(randomPairwise(seed, { numVariables: 6, edgeProbability: 1, maxWeight: 2 }));
      const order = Int32Array.from([3, 0, 5, 1, 2, 4]);
      const elimination = refinedUpper(orderModel(model, order, 6));
      const parameters = new Float64Array(6);
      elimination.start(parameters);
      const value = elimination.evaluate(parameters, new Float64Array(6));
      let reduced = model;
      const left = [0, 1, 2, 3, 4, 5];
      for (let p = 0; p < 5; p++) {
        const variable = left.indexOf(order[p]);
        reduced = eliminateRefinedUpper(reduced, variable, Math.exp(parameters[p]));
        left.splice(variable, 1);
      }
      expect(value).toBeCloseTo(enumerate(reduced).logZ!, 9);
    }
  });
});

/** q rows come in the order of elimination; the single step wants neighbours increasing by variable. */
function inVariableOrder(
  kind: Kind,
  model: BoltzmannMachine,
  order: Int32Array,
  p: number,
  row: Float64Array,
  left: readonly number[],
): Float64Array {
  if (kind.name !== "factorised upper") return row;
  const isNeighbour = (j: number): boolean =>
    model.weights.some(
      (weight, edge) =>
        weight !== 0 &&
        Math.min(order[p], j) === model.edgeSources[edge] &&
        Math.max(order[p], j) === model.edgeTargets[edge],
    );
  const later = [...order.slice(p + 1)].filter(isNeighbour);
  expect(row.length).toBe(later.length);
  return Float64Array.from(
    left.filter((j) => later.includes(j)),
    (j) => row[later.indexOf(j)],
  );
}
