import { describe, expect, it } from "vitest";
import { chainGraph, sigmoidBeliefNetwork, type DirectedEdge } from "../../src/graph/chain-graph.ts";
import { connectedComponents, isForest } from "../../src/graph/components.ts";
import { toFactorGraph } from "../../src/graph/convert.ts";
import { isingModel, type IsingModel } from "../../src/graph/pairwise.ts";
import { topologyOf } from "../../src/graph/topology.ts";
import { infer } from "../../src/inference/registry.ts";

/** Deeper than any call stack. */
const DEPTH = 200_000;

/** A path, numbered forwards, backwards or from the middle outwards. */
function path(numbering: "forwards" | "backwards" | "outwards"): IsingModel {
  const number = (i: number): number =>
    numbering === "forwards" ? i : numbering === "backwards" ? DEPTH - 1 - i : i % 2 ? DEPTH - 1 - (i >> 1) : i >> 1;
  return isingModel(
    new Float64Array(DEPTH),
    Array.from({ length: DEPTH - 1 }, (_, i) => [number(i), number(i + 1), 0.5] as const),
  );
}

describe(`models ${DEPTH} variables deep`, () => {
  it("become sigmoid belief networks, parents before children, whichever way their edges point", () => {
    for (const direction of [1, -1]) {
      const edges = Array.from({ length: DEPTH - 1 }, (_, i): DirectedEdge => {
        return direction > 0 ? [i, i + 1, 0.5] : [i + 1, i, 0.5];
      });
      const { clusters, clusterOf } = sigmoidBeliefNetwork(new Float64Array(DEPTH), edges);
      expect(clusters).toHaveLength(DEPTH);
      let late = 0;
      clusters.forEach(({ parents }, at) => parents.forEach((parent) => (late += clusterOf[parent] < at ? 0 : 1)));
      expect(late).toBe(0);
    }
  });

  it("are refused as networks when their edges close a cycle", () => {
    const edges = Array.from({ length: DEPTH }, (_, i): DirectedEdge => [(i + 1) % DEPTH, i, 0.5]);
    expect(() => sigmoidBeliefNetwork(new Float64Array(DEPTH), edges)).toThrow(/close a cycle through variable 0/);
  });

  it("become one cluster where edges are undirected", () => {
    const edges = Array.from({ length: DEPTH - 1 }, (_, i) => [DEPTH - 1 - i, DEPTH - 2 - i, 0.5] as const);
    expect(chainGraph(new Float64Array(DEPTH), edges, []).clusters).toHaveLength(1);
  });

  it.each(["forwards", "backwards", "outwards"] as const)("have one component and no cycle: %s", (numbering) => {
    const model = path(numbering);
    for (const graph of [model, toFactorGraph(model), topologyOf(model)]) {
      expect(connectedComponents(graph).count).toBe(1);
      expect(isForest(graph)).toBe(true);
    }
  });

  const logZ = DEPTH * Math.LN2 + (DEPTH - 1) * Math.log(Math.cosh(0.5));

  it.each(["bp", "max-product", "trbp", "fractional-bp", "bp[schedule=tree]", "variable-elimination", "junction-tree"])(
    "are inferred by %s",
    (method) => {
      const model = path("outwards");
      for (const form of [model, toFactorGraph(model)]) {
        const result = infer(form, method);
        if (result.map) expect(result.map.score).toBeCloseTo((DEPTH - 1) / 2, 6);
        if (result.logZ !== undefined) expect(Math.abs(result.logZ - logZ)).toBeLessThan(1e-6);
      }
    },
    60_000,
  );

  it("are searched for loops as long", () => {
    const small = isingModel(
      new Float64Array(20_000),
      Array.from({ length: 19_999 }, (_, i) => [i, i + 1, 0.5] as const),
    );
    expect(infer(small, "gbp[clusters=loop,loopDepth=5,maxIterations=1]").iterations).toBe(1);
  }, 60_000);
});
