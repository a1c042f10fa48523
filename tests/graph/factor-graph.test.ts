import { describe, expect, test } from "vitest";
import { factorGraph, logScore, scopeOf, tableOf } from "../../src/graph/factor-graph.ts";

describe("factorGraph", () => {
  test("keeps tables with the last variable of a scope fastest", () => {
    const graph = factorGraph([2, 3], [{ variables: [1, 0], potentials: [1, 2, 3, 4, 5, 6] }]);
    expect(Math.exp(logScore(graph, [1, 0]))).toBeCloseTo(2, 12);
    expect(Math.exp(logScore(graph, [0, 2]))).toBeCloseTo(5, 12);
    expect([...scopeOf(graph, 0)]).toEqual([1, 0]);
    expect(tableOf(graph, 0)).toHaveLength(6);
  });

  test("indexes each variable's edges in increasing order", () => {
    const ones = (length: number): number[] => new Array<number>(length).fill(1);
    const graph = factorGraph(
      [2, 2, 2],
      [
        { variables: [2, 0], potentials: ones(4) },
        { variables: [], potentials: ones(1) },
        { variables: [0, 1], potentials: ones(4) },
      ],
    );
    expect([...graph.variableEdgeOffsets]).toEqual([0, 2, 3, 4]);
    expect([...graph.variableEdges]).toEqual([1, 2, 3, 0]);
    expect([...graph.edgeFactors]).toEqual([0, 0, 2, 2]);
  });

  test("takes isolated variables, constants, one-state variables, forbidden states and no variables at all", () => {
    const graph = factorGraph(
      [1, 4],
      [
        { variables: [], logPotentials: [Math.LN2] },
        { variables: [0], potentials: [0] },
      ],
    );
    expect(logScore(graph, [0, 3])).toBe(-Infinity);
    expect(logScore(factorGraph([], []), [])).toBe(0);
  });

  test.each([
    [[0], [], "variable 0 has cardinality 0"],
    [[2.5], [], "variable 0 has cardinality 2.5"],
    [[2], [{ variables: [1], potentials: [1, 1] }], "factor 0 over variables (1): 1 is not a variable"],
    [[2], [{ variables: [0, 0], potentials: [1, 1, 1, 1] }], "variable 0 is named twice"],
    [[2], [{ variables: [0], potentials: [1] }], "factor 0 over variables (0): the table has 1 entries, expected 2"],
    [[2], [{ variables: [0], potentials: [1, -1] }], "factor 0 over variables (0): entry 1 is -1"],
    [[2], [{ variables: [0], potentials: [NaN, 1] }], "entry 0 is NaN"],
    [[2], [{ variables: [0], logPotentials: [0, Infinity] }], "entry 1 is Infinity"],
  ])("names factor and variable: cardinalities %j, factors %j", (cardinalities, factors, message) => {
    expect(() => factorGraph(cardinalities, factors)).toThrow(message);
  });

  test("logScore names the variable whose state does not exist", () => {
    expect(() => logScore(factorGraph([2, 2], []), [0, 2])).toThrow("variable 1 has no state 2, expected 0 to 1");
    expect(() => logScore(factorGraph([2, 2], []), [0])).toThrow("expected 2 states, got 1");
  });
});
