import { describe, expect, it } from "vitest";
import { cycle, path, squareGrid } from "../../src/graph/generators/structured.ts";
import { topology, type Topology } from "../../src/graph/topology.ts";
import { drawGraph, graphLayout } from "../../src/report/graph-drawing.ts";

function edgeLengths(graph: Topology): number[] {
  const { x, y } = graphLayout(graph);
  return Array.from({ length: graph.edges.length / 2 }, (_, e) => {
    const [i, j] = [graph.edges[2 * e], graph.edges[2 * e + 1]];
    return Math.hypot(x[i] - x[j], y[i] - y[j]);
  });
}

describe("graphLayout", () => {
  it("stays within the square from -1 to 1 and fills it one way", () => {
    const { x, y } = graphLayout(squareGrid(9));
    expect(Math.max(...x.map(Math.abs), ...y.map(Math.abs))).toBeCloseTo(1, 12);
  });

  it("draws the edges of paths, cycles and grids nearly equally long", () => {
    for (const graph of [path(8), cycle(9), squareGrid(9)]) {
      const lengths = edgeLengths(graph);
      expect(Math.max(...lengths) / Math.min(...lengths)).toBeLessThan(1.3);
    }
  });

  it("sets a grid upright: every edge along an axis", () => {
    const graph = squareGrid(16);
    const { x, y } = graphLayout(graph);
    for (let e = 0; e < graph.edges.length; e += 2) {
      const [i, j] = [graph.edges[e], graph.edges[e + 1]];
      const [across, up] = [Math.abs(x[i] - x[j]), Math.abs(y[i] - y[j])];
      expect(Math.min(across, up)).toBeLessThan(0.25 * Math.max(across, up));
    }
  });

  it("has finite places for one node, for none, and for parts that are not joined", () => {
    for (const graph of [topology(1, []), topology(0, []), topology(4, [[0, 1]])])
      expect([...graphLayout(graph).x, ...graphLayout(graph).y].every(Number.isFinite)).toBe(true);
  });
});

describe("drawGraph", () => {
  it("has a piece of line for each edge and a dot for each node", () => {
    const [lines, dots] = drawGraph(cycle(5)) as { x: (number | null)[] }[];
    expect(lines.x).toHaveLength(15);
    expect(lines.x.filter((value) => value === null)).toHaveLength(5);
    expect(dots.x).toHaveLength(5);
  });
});
