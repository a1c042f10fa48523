import { describe, expect, it } from "vitest";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { isingModel, type WeightedEdge } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { TreewidthError } from "../../../src/inference/exact/elimination-order.ts";
import { infer } from "../../../src/inference/registry.ts";

const root = Random.fromSeed(61);
/** Seconds that planning may take here; before, it took minutes or forever. Machines may be busy. */
const PATIENCE_MS = 60_000;

function withoutFields(numVariables: number, edges: readonly WeightedEdge[]) {
  return isingModel(new Float64Array(numVariables), edges);
}

/** ln Z of a tree without fields: n ln 2 + sum ln cosh J. */
function treeLogZ(numVariables: number, edges: readonly WeightedEdge[]): number {
  return numVariables * Math.LN2 + edges.reduce((sum, [, , weight]) => sum + Math.log(Math.cosh(weight)), 0);
}

describe("elimination on large sparse models", () => {
  const random = root.split("weights");
  const star = Array.from({ length: 199_999 }, (_, i) => [0, i + 1, random.normal()] as const);
  const chain = Array.from({ length: 299_999 }, (_, i) => [i, i + 1, random.normal()] as const);

  it.each([
    ["a star of 200,000 leaves", star],
    ["a chain of 300,000 variables", chain],
  ])(
    "answers %s in little time and memory",
    (_, edges) => {
      const numVariables = edges.length + 1;
      const model = withoutFields(numVariables, edges);
      const { logZ, map, marginals, bound } = infer(model, "junction-tree");
      expect(bound).toBe("exact");
      expect(Math.abs(logZ! - treeLogZ(numVariables, edges))).toBeLessThan(1e-6);
      expect(map!.score).toBeCloseTo(
        edges.reduce((sum, [, , weight]) => sum + Math.abs(weight), 0),
        5,
      );
      expect(map!.upperBound).toBe(map!.score);
      expect(marginals!.of(numVariables - 1)[0]).toBeCloseTo(0.5, 9);
      expect(infer(model, "exact-map").map!.score).toBe(map!.score);
    },
    PATIENCE_MS,
  );

  it(
    "orders a wheel, whose hub all others share",
    () => {
      const numRim = 30_000;
      const edges: WeightedEdge[] = [];
      for (let i = 0; i < numRim; i++) edges.push([0, i + 1, 0.1], [i + 1, 1 + ((i + 1) % numRim), 0.3]);
      const { logZ } = infer(withoutFields(numRim + 1, edges), "variable-elimination");
      // Given the hub the rim is a ring: the trace of a power of its transfer matrix, whose second eigenvalue is gone
      // by then.
      const [a, b, c] = [Math.exp(0.3 + 0.1), Math.exp(-0.3), Math.exp(0.3 - 0.1)];
      const eigenvalue = (a + c) / 2 + Math.hypot((a - c) / 2, b);
      expect(Math.abs(logZ! - Math.LN2 - numRim * Math.log(eigenvalue))).toBeLessThan(1e-6);
    },
    PATIENCE_MS,
  );

  it(
    "refuses a 3-regular graph of 50,000 variables early",
    () => {
      const numVariables = 50_000;
      const order = random.permutation(numVariables);
      const pairs = new Map<number, WeightedEdge>();
      const add = (a: number, b: number): void => {
        const [i, j] = [Math.min(a, b), Math.max(a, b)];
        pairs.set(i * numVariables + j, [i, j, 0.2]);
      };
      for (let i = 0; i < numVariables; i++) add(i, (i + 1) % numVariables);
      for (let i = 0; i < numVariables; i += 2) add(order[i], order[i + 1]);
      const model = withoutFields(numVariables, [...pairs.values()]);
      expect(() => infer(model, "variable-elimination")).toThrow(TreewidthError);
    },
    PATIENCE_MS,
  );

  it("finds that a large forest has no possible state", () => {
    const numVariables = 6000;
    const equal = { potentials: [1, 0, 0, 1] };
    const graph = factorGraph(new Array<number>(numVariables).fill(2), [
      ...Array.from({ length: numVariables - 1 }, (_, i) => ({ variables: [i, i + 1], ...equal })),
      { variables: [0], potentials: [1, 0] },
      { variables: [numVariables - 1], potentials: [0, 1] },
    ]);
    for (const method of ["variable-elimination", "junction-tree", "exact-map"])
      expect(infer(graph, method)).toMatchObject({ logZ: -Infinity, bound: "exact" });
  });

  it("gives the same answers on either side of what counts as large, with forbidden states", () => {
    for (const numVariables of [4990, 5010]) {
      const stream = root.split("sides");
      const graph = factorGraph(
        new Array<number>(numVariables).fill(3),
        Array.from({ length: numVariables - 1 }, (_, i) => ({
          variables: [stream.integer(i + 1), i + 1],
          logPotentials: Array.from({ length: 9 }, (_, at) =>
            at % 3 !== 0 && stream.bernoulli(0.1) ? -Infinity : stream.normal(),
          ),
        })),
      );
      const exact = infer(graph, "junction-tree");
      // An extra loop of weight one brings elimination back.
      const looped = factorGraph(graph.cardinalities, [
        ...Array.from({ length: graph.numFactors }, (_, factor) => ({
          variables: graph.scopes.subarray(2 * factor, 2 * factor + 2),
          logPotentials: graph.logPotentials.subarray(9 * factor, 9 * factor + 9),
        })),
        { variables: [0, 1], logPotentials: new Float64Array(9) },
      ]);
      const other = infer(looped, "junction-tree");
      expect(exact.logZ).toBeCloseTo(other.logZ!, 8);
      expect(exact.map!.score).toBeCloseTo(other.map!.score, 8);
      const difference = exact.marginals!.values.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - other.marginals!.values[at])),
        0,
      );
      expect(difference).toBeLessThan(1e-9);
    }
  }, 60_000);
});
