import { describe, expect, it } from "vitest";
import { factorGraph, type FactorGraph } from "../../../src/graph/factor-graph.ts";
import { Random } from "../../../src/graph/random.ts";
import { treeShape } from "../../../src/inference/exact/bucket-tree.ts";
import { eliminationOrder, orderHeuristics, TreewidthError } from "../../../src/inference/exact/elimination-order.ts";
import { randomFactorGraph } from "./random-graphs.ts";

function pairwise(numVariables: number, edges: [number, number][], cardinality = 2): FactorGraph {
  const potentials = new Array<number>(cardinality ** 2).fill(1);
  return factorGraph(
    new Array<number>(numVariables).fill(cardinality),
    edges.map((variables) => ({ variables, potentials })),
  );
}

function grid(rows: number, columns: number): FactorGraph {
  const edges: [number, number][] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      if (column + 1 < columns) edges.push([at, at + 1]);
      if (row + 1 < rows) edges.push([at, at + columns]);
    }
  return pairwise(rows * columns, edges);
}

/** The textbook way: neighbour sets, joined one elimination after the other. */
function eliminateNaively(
  { numVariables, numFactors, cardinalities, scopeOffsets, scopes }: FactorGraph,
  order: Int32Array,
) {
  const neighbours = Array.from({ length: numVariables }, () => new Set<number>());
  for (let factor = 0; factor < numFactors; factor++) {
    const scope = scopes.subarray(scopeOffsets[factor], scopeOffsets[factor + 1]);
    for (const a of scope) for (const b of scope) if (a !== b) neighbours[a].add(b);
  }
  let width = 0;
  let largest = 1;
  let total = 0;
  for (const variable of order) {
    const around = [...neighbours[variable]];
    const isReal = (other: number): boolean => cardinalities[other] > 1;
    width = Math.max(width, isReal(variable) ? around.filter(isReal).length : 0);
    const size = around.reduce((product, other) => product * cardinalities[other], cardinalities[variable]);
    largest = Math.max(largest, size);
    total += isReal(variable) ? size : 1;
    for (const a of around) {
      neighbours[a].delete(variable);
      for (const b of around) if (a !== b) neighbours[a].add(b);
    }
  }
  return { width, largest, total };
}

describe("eliminationOrder", () => {
  it.each(orderHeuristics)("%s: is a permutation whose width and sizes are those of eliminating in it", (heuristic) => {
    for (let seed = 0; seed < 60; seed++) {
      const graph = randomFactorGraph(Random.fromSeed(seed), { maxVariables: 14 });
      // a variable with one state joins nothing; its neighbours here would be
      if (graph.cardinalities.includes(1)) continue;
      const found = eliminationOrder(graph, { heuristic, orderings: 5 });
      expect(Array.from(found.order).sort((a, b) => a - b)).toEqual(Array.from(found.order.keys()));
      const expected = eliminateNaively(graph, found.order);
      expect(found.width).toBe(expected.width);
      expect(found.log2LargestSize).toBeCloseTo(Math.log2(expected.largest), 9);
      expect(found.log2TotalSize).toBeCloseTo(Math.log2(expected.total), 9);
      expect(treeShape(graph, found.order).totalSize).toBe(expected.total);
    }
  });

  it.each([
    ["no variable", pairwise(0, []), 0],
    ["isolated variables", pairwise(5, []), 0],
    [
      "a path",
      pairwise(
        200,
        Array.from({ length: 199 }, (_, i): [number, number] => [i, i + 1]),
      ),
      1,
    ],
    [
      "a star",
      pairwise(
        200,
        Array.from({ length: 199 }, (_, i): [number, number] => [0, i + 1]),
      ),
      1,
    ],
    [
      "a cycle",
      pairwise(
        200,
        Array.from({ length: 200 }, (_, i): [number, number] => [i, (i + 1) % 200]),
      ),
      2,
    ],
    [
      "a complete graph",
      pairwise(
        9,
        Array.from({ length: 36 }, (_, k) => pairOf(9, k)),
      ),
      8,
    ],
    ["a ladder", grid(2, 60), 2],
    ["a 4 x 30 grid", grid(4, 30), 4],
  ])("finds the treewidth of %s", (_, graph, width) => {
    expect(eliminationOrder(graph, { heuristic: "min-fill" }).width).toBe(width);
  });

  it("keeps fill counts right: min-fill takes a variable of least fill at every step", () => {
    const graph = grid(5, 6);
    const neighbours = Array.from({ length: 30 }, () => new Set<number>());
    for (let edge = 0; edge < graph.numFactors; edge++) {
      const [a, b] = graph.scopes.subarray(2 * edge, 2 * edge + 2);
      neighbours[a].add(b);
      neighbours[b].add(a);
    }
    const left = new Set(neighbours.keys());
    const fill = (variable: number): number => {
      const around = [...neighbours[variable]];
      return around.flatMap((a, i) => around.slice(i + 1).filter((b) => !neighbours[a].has(b))).length;
    };
    for (const variable of eliminationOrder(graph, { heuristic: "min-fill", orderings: 1 }).order) {
      expect(fill(variable)).toBe(Math.min(...Array.from(left, fill)));
      left.delete(variable);
      for (const a of neighbours[variable]) {
        for (const b of neighbours[variable]) if (a !== b) neighbours[a].add(b);
        neighbours[a].delete(variable);
      }
    }
  });

  it("repeats itself under the same seed, and more orders are never worse", () => {
    const graph = grid(9, 9);
    const once = eliminationOrder(graph, { orderings: 20, random: Random.fromSeed(7) });
    expect(eliminationOrder(graph, { orderings: 20, random: Random.fromSeed(7) })).toEqual(once);
    expect(once.log2TotalSize).toBeLessThanOrEqual(eliminationOrder(graph, { orderings: 1 }).log2TotalSize);
  });

  it("takes thousands of variables", () => {
    const random = Random.fromSeed(2);
    const edges = Array.from({ length: 4999 }, (_, i): [number, number] => [random.integer(i + 1), i + 1]);
    expect(eliminationOrder(pairwise(5000, edges)).width).toBe(1);
  });

  it("says when every order is out of reach", () => {
    const complete = pairwise(
      70,
      Array.from({ length: 2415 }, (_, k) => pairOf(70, k)),
    );
    expect(() => eliminationOrder(complete)).toThrow(TreewidthError);
    expect(() => eliminationOrder(complete)).toThrow(/more than 2\^\d+ entries/);
  });
});

/** The k-th pair i < j of n. */
function pairOf(n: number, k: number): [number, number] {
  let i = 0;
  let rest = k;
  while (rest >= n - i - 1) rest -= n - i++ - 1;
  return [i, i + 1 + rest];
}

describe("hubs and isolated variables", () => {
  it.each(["min-fill", "weighted-min-fill", "min-weight", "min-degree"] as const)(
    "%s orders a star and a wheel of 8,000 spokes beside isolated variables, at the smallest width",
    (heuristic) => {
      const spokes = 8_000;
      const pair = (a: number, b: number) => ({ variables: [a, b], logPotentials: [0, 1, 1, 0] });
      const star = Array.from({ length: spokes }, (_, leaf) => pair(0, leaf + 1));
      const rim = Array.from({ length: spokes - 1 }, (_, leaf) => pair(leaf + 1, leaf + 2));
      const cardinalities = new Int32Array(2 * spokes).fill(2); // the second half is isolated
      expect(eliminationOrder(factorGraph(cardinalities, star), { heuristic, orderings: 1 }).width).toBe(1);
      expect(eliminationOrder(factorGraph(cardinalities, [...star, ...rim]), { heuristic, orderings: 1 }).width).toBe(
        2,
      );
    },
    10_000,
  );
});
