import { describe, expect, it } from "vitest";
import { fullyConnectedBoltzmann } from "../../../src/graph/generators/boltzmann.ts";
import { boltzmannMachine, toBoltzmann } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { orderRules, recursionOrder } from "../../../src/inference/bounds/order.ts";
import { recursiveBound } from "../../../src/inference/bounds/recursion.ts";
import { randomPairwise } from "../pairwise-models.ts";

describe("recursionOrder", () => {
  it("gives a permutation for every rule and model", () => {
    for (let seed = 0; seed < 200; seed++) {
      const model = toBoltzmann(randomPairwise(seed));
      for (const rule of orderRules) {
        const order = recursionOrder(model, rule, Random.fromSeed(seed));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: model.numVariables }, (_, i) => i));
      }
    }
  });

  it("weakest-first and strongest-first count only the variables that are left", () => {
    // A star with a weak edge beside it: once leaf 1 is gone, the centre 0 is weaker than 3-4.
    const model = boltzmannMachine(new Float64Array(5), [
      [0, 1, 1],
      [0, 2, -1.5],
      [3, 4, 2],
    ]);
    const random = Random.fromSeed(0);
    expect([...recursionOrder(model, "weakest-first", random)]).toEqual([1, 0, 2, 3, 4]);
    expect([...recursionOrder(model, "strongest-first", random)]).toEqual([0, 3, 1, 2, 4]);
    expect([...recursionOrder(model, "index", random)]).toEqual([0, 1, 2, 3, 4]);
  });

  it("least-slack takes isolated variables first, since they cost nothing", () => {
    const model = boltzmannMachine([1, 2, 3, 4], [[0, 2, 3]]);
    expect([...recursionOrder(model, "least-slack", Random.fromSeed(0))].slice(0, 2)).toEqual([1, 3]);
  });

  it("survives huge weights", () => {
    const model = fullyConnectedBoltzmann(30, 1e80, Random.fromSeed(1));
    expect(new Set(recursionOrder(model, "least-slack", Random.fromSeed(0))).size).toBe(30);
  });

  it("makes the refined bound tighter on average: least-slack < weakest-first < random < strongest-first", () => {
    const rules = ["least-slack", "weakest-first", "random", "strongest-first"] as const;
    const totals = new Map(rules.map((order) => [order, 0]));
    for (let k = 0; k < 80; k++) {
      const model = fullyConnectedBoltzmann(8, 1, Random.fromSeed(k));
      for (const order of rules) {
        const { logZ } = recursiveBound(model, { bound: "refined-upper", order, tolerance: 1e-6 });
        totals.set(order, totals.get(order)! + logZ);
      }
    }
    const values = rules.map((order) => totals.get(order)!);
    expect(values).toEqual([...values].sort((a, b) => a - b));
  });
});
