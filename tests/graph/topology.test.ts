import { describe, expect, test } from "vitest";
import { connectedComponents, isForest, isTree } from "../../src/graph/components.ts";
import { toFactorGraph } from "../../src/graph/convert.ts";
import { factorGraph } from "../../src/graph/factor-graph.ts";
import { cycle, path } from "../../src/graph/generators/structured.ts";
import { isingModel } from "../../src/graph/pairwise.ts";
import { adjacency, markovNetwork, topology, topologyOf } from "../../src/graph/topology.ts";

const uniform = (variables: number[]) => ({ variables, potentials: new Array<number>(2 ** variables.length).fill(1) });

describe("topology", () => {
  test("sorts edges, smaller end first, and counts a repeated pair once", () => {
    const graph = topology(4, [
      [3, 1],
      [0, 2],
      [1, 3],
      [1, 0],
    ]);
    expect([...graph.edges]).toEqual([0, 1, 0, 2, 1, 3]);
  });

  test.each([
    [[1, 1], "edge 1-1: expected two different nodes"],
    [[0, 4], "edge 0-4: expected two different nodes from 0 to 3"],
    [[-1, 2], "edge -1-2"],
  ] as const)("refuses the pair %j", (pair, message) => {
    expect(() => topology(4, [pair])).toThrow(message);
  });

  test("adjacency lists every node's neighbours in increasing order with their edges", () => {
    const { offsets, neighbours, edges } = adjacency(cycle(4));
    expect([...offsets]).toEqual([0, 2, 4, 6, 8]);
    expect([...neighbours]).toEqual([1, 3, 0, 2, 1, 3, 0, 2]);
    expect([...edges]).toEqual([0, 1, 0, 2, 2, 3, 1, 3]);
  });

  test("topologyOf and markovNetwork agree on a pairwise model", () => {
    const model = isingModel(
      [0, 0, 0, 0],
      [
        [2, 3, 1],
        [0, 3, 1],
      ],
    );
    expect(markovNetwork(toFactorGraph(model))).toEqual(topologyOf(model));
  });
});

describe("components", () => {
  test("numbers components in the order of their first nodes", () => {
    const { count, componentOf } = connectedComponents(
      topology(6, [
        [1, 4],
        [5, 2],
      ]),
    );
    expect(count).toBe(4);
    expect([...componentOf]).toEqual([0, 1, 2, 3, 1, 2]);
  });

  test("a factor graph's components are those of its variables; isolated ones count", () => {
    expect(connectedComponents(factorGraph([2, 2, 2, 2], [uniform([3, 0]), uniform([1])])).count).toBe(3);
    expect(connectedComponents(factorGraph([], [])).count).toBe(0);
  });

  test("tells trees and forests from graphs with cycles", () => {
    expect(isTree(path(5))).toBe(true);
    expect(isForest(cycle(5))).toBe(false);
    expect(isTree(topology(3, [[0, 1]]))).toBe(false);
    expect(isForest(topology(3, [[0, 1]]))).toBe(true);
  });

  test("in a factor graph two factors over one pair make a cycle, a wide factor and unary factors none", () => {
    expect(isTree(factorGraph([2, 2, 2], [uniform([0, 1, 2]), uniform([0]), uniform([1])]))).toBe(true);
    expect(isForest(factorGraph([2, 2, 2], [uniform([0, 1, 2]), uniform([2, 0])]))).toBe(false);
    expect(isForest(factorGraph([2, 2], [uniform([0, 1]), uniform([0, 1])]))).toBe(false);
  });
});
