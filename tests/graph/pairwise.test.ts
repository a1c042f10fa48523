import { describe, expect, it } from "vitest";
import {
  boltzmannMachine,
  isingModel,
  logPotential,
  toBoltzmann,
  toIsing,
  type WeightedEdge,
} from "../../src/graph/pairwise.ts";
import { allStates, naive, randomPairwise } from "../inference/pairwise-models.ts";

describe("boltzmannMachine and isingModel", () => {
  it("counts each pair once and adds the constant", () => {
    const edges: WeightedEdge[] = [[2, 0, 5]];
    const boltzmann = boltzmannMachine([1, 2, 3], edges, 10);
    expect(logPotential(boltzmann, [1, 0, 1])).toBe(10 + 1 + 3 + 5);
    expect(logPotential(boltzmann, [1, 1, 0])).toBe(10 + 1 + 2);
    const ising = isingModel([1, 2, 3], edges, 10);
    expect(logPotential(ising, [1, 0, 1])).toBe(10 + 1 - 2 + 3 + 5);
    expect(logPotential(ising, [1, 1, 0])).toBe(10 + 1 + 2 - 3 - 5);
  });

  it("sorts edges by (source, target), whatever order and direction they are given in", () => {
    const model = boltzmannMachine(
      [0, 0, 0, 0],
      [
        [3, 1, 0.1],
        [0, 2, 0.2],
        [1, 0, 0.3],
      ],
    );
    expect([...model.edgeSources]).toEqual([0, 0, 1]);
    expect([...model.edgeTargets]).toEqual([1, 2, 3]);
    expect([...model.weights]).toEqual([0.3, 0.2, 0.1]);
  });

  it("lists each variable's neighbours in increasing order with their edges", () => {
    const model = randomPairwise(1, { kind: "boltzmann", numVariables: 9, edgeProbability: 0.5 });
    for (let i = 0; i < 9; i++) {
      const [from, to] = [model.neighbourOffsets[i], model.neighbourOffsets[i + 1]];
      const neighbours = [...model.neighbours.subarray(from, to)];
      const expected: number[] = [];
      for (let edge = 0; edge < model.numEdges; edge++) {
        if (model.edgeSources[edge] === i) expected.push(model.edgeTargets[edge]);
        if (model.edgeTargets[edge] === i) expected.push(model.edgeSources[edge]);
      }
      expect(neighbours).toEqual(expected.sort((a, b) => a - b));
      neighbours.forEach((j, at) => {
        const edge = model.neighbourEdges[from + at];
        expect([model.edgeSources[edge], model.edgeTargets[edge]]).toEqual([Math.min(i, j), Math.max(i, j)]);
      });
    }
  });

  it("does not keep hold of the caller's array of biases", () => {
    const biases = new Float64Array([1, 2]);
    const model = boltzmannMachine(biases);
    biases[0] = 7;
    expect(model.biases[0]).toBe(1);
  });

  it("names the variable or edge that is wrong", () => {
    expect(() => boltzmannMachine([0, 0], [[0, 2, 1]])).toThrow(
      /edge \[0, 2, 1\]: 2 is not a variable, expected 0 to 1/,
    );
    expect(() => boltzmannMachine([0, 0], [[-1, 1, 1]])).toThrow(/-1 is not a variable/);
    expect(() => boltzmannMachine([0, 0], [[0.5, 1, 1]])).toThrow(/0.5 is not a variable/);
    expect(() => boltzmannMachine([0, 0], [[1, 1, 1]])).toThrow(/joins variable 1 to itself/);
    expect(() =>
      isingModel(
        [0, 0],
        [
          [0, 1, 1],
          [1, 0, 2],
        ],
      ),
    ).toThrow(/edge 0-1 is given twice/);
    expect(() => boltzmannMachine([0, NaN])).toThrow(/bias of variable 1 must be a finite number, got NaN/);
    expect(() => boltzmannMachine([0, 0], [[1, 0, Infinity]])).toThrow(/weight of edge 0-1 must be a finite number/);
    expect(() => boltzmannMachine([], [], NaN)).toThrow(/log constant must be a finite number/);
    expect(() => logPotential(boltzmannMachine([0, 0]), [0])).toThrow(/expected 2 states, got 1/);
  });

  it("takes models without variables or edges", () => {
    expect(logPotential(boltzmannMachine([], [], 3), [])).toBe(3);
    expect(logPotential(toIsing(boltzmannMachine([4])), [1])).toBeCloseTo(4, 14);
  });
});

describe("conversion between Boltzmann machine and Ising model", () => {
  it("keeps ln p~ of every state and ln Z, in both directions", () => {
    for (let seed = 0; seed < 200; seed++) {
      const model = randomPairwise(seed);
      const converted = model.kind === "ising" ? toBoltzmann(model) : toIsing(model);
      expect(converted.kind).not.toBe(model.kind);
      for (const states of allStates(model.numVariables))
        expect(Math.abs(logPotential(converted, states) - logPotential(model, states))).toBeLessThan(
          1e-12 * scale(model),
        );
      expect(Math.abs(naive(converted).logZ - naive(model).logZ)).toBeLessThan(1e-12 * scale(model));
    }
  });

  it("comes back to where it started", () => {
    for (let seed = 0; seed < 200; seed++) {
      const model = randomPairwise(seed);
      const back = model.kind === "ising" ? toIsing(toBoltzmann(model)) : toBoltzmann(toIsing(model));
      expect(back.kind).toBe(model.kind);
      expect([...back.weights]).toEqual([...model.weights]); // factors of 4 are exact
      back.biases.forEach((bias, i) => expect(Math.abs(bias - model.biases[i])).toBeLessThan(1e-13 * scale(model)));
      expect(Math.abs(back.logConstant - model.logConstant)).toBeLessThan(1e-12 * scale(model));
    }
  });

  it("returns a model of the wanted kind as it is", () => {
    const model = isingModel([1]);
    expect(toIsing(model)).toBe(model);
  });
});

function scale(model: { biases: Float64Array; weights: Float64Array }): number {
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + Math.abs(value), 0);
  return 1 + sum(model.biases) + sum(model.weights);
}
