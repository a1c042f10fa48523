import { describe, expect, test } from "vitest";
import { isingModel, pairwiseFromArrays } from "../../src/graph/pairwise.ts";

const build = (sources: number[], targets: number[], weights: number[], biases = [0, 0, 0], logConstant = 0) =>
  pairwiseFromArrays(
    "ising",
    Float64Array.from(biases),
    Int32Array.from(sources),
    Int32Array.from(targets),
    Float64Array.from(weights),
    logConstant,
  );

describe("pairwiseFromArrays", () => {
  test("gives what isingModel gives from tuples", () => {
    const fromTuples = isingModel(
      [0.1, 0.2, 0.3],
      [
        [2, 1, 5],
        [0, 2, 4],
        [1, 0, 3],
      ],
      7,
    );
    expect(build([0, 0, 1], [1, 2, 2], [3, 4, 5], [0.1, 0.2, 0.3], 7)).toEqual(fromTuples);
  });

  test.each([
    [() => build([1], [0], [1]), "edge 0 is 1-0, expected variables 0 to 2, the smaller one first"],
    [() => build([1], [1], [1]), "edge 0 is 1-1"],
    [() => build([0], [3], [1]), "edge 0 is 0-3, expected variables 0 to 2"],
    [() => build([-1], [1], [1]), "edge 0 is -1-1"],
    [() => build([0, 0], [1, 1], [1, 1]), "edge 0-1 is given twice"],
    [() => build([0, 0], [2, 1], [1, 1]), "edge 0-1 stands after 0-2"],
    [() => build([1, 0], [2, 1], [1, 1]), "edge 0-1 stands after 1-2"],
    [() => build([0], [1], [NaN]), "the weight of edge 0-1 must be a finite number, got NaN"],
    [() => build([], [], [], [0, Infinity]), "the bias of variable 1 must be a finite number, got Infinity"],
    [() => build([], [], [], [0], NaN), "the log constant must be a finite number"],
    [() => build([0], [1], []), "expected one source, target and weight an edge, got 1, 1 and 0"],
  ])("refuses what is out of order, range or finite numbers: %#", (make, message) => {
    expect(make).toThrow(message);
  });
});
