/** The memory estimate, the refusal, and what conditioning makes possible. */
import { describe, expect, it } from "vitest";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { boltzmannMachine, type BoltzmannMachine, type WeightedEdge } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { treeShape } from "../../../src/inference/exact/bucket-tree.ts";
import { eliminationOrder, TreewidthError } from "../../../src/inference/exact/elimination-order.ts";
import { exactSampler } from "../../../src/inference/exact/junction-tree-sampling.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { asFactorGraph } from "../../../src/inference/exact/model.ts";
import { estimateBytes } from "../../../src/inference/exact/plan.ts";
import { eliminateVariables } from "../../../src/inference/exact/variable-elimination.ts";

function randomGrid(size: number, seed: number): BoltzmannMachine {
  const random = Random.fromSeed(seed);
  const edges: WeightedEdge[] = [];
  for (let at = 0; at < size * size; at++) {
    if ((at + 1) % size) edges.push([at, at + 1, random.normal()]);
    if (at + size < size * size) edges.push([at, at + size, random.normal()]);
  }
  return boltzmannMachine(Array.from({ length: size * size }, () => random.normal()), edges); // prettier-ignore
}

/** ln Z row by row: the transfer matrix, an entry a state of the last row. */
function transferMatrixLogZ({ biases, weights, edgeSources, edgeTargets }: BoltzmannMachine, size: number): number {
  const weight = new Map(Array.from(weights, (value, edge) => [`${edgeSources[edge]}-${edgeTargets[edge]}`, value]));
  const rowScore = (row: number, state: number): number => {
    let score = 0;
    for (let column = 0; column < size; column++) {
      const at = row * size + column;
      if (!((state >> column) & 1)) continue;
      score += biases[at];
      if (column + 1 < size && (state >> (column + 1)) & 1) score += weight.get(`${at}-${at + 1}`)!;
    }
    return score;
  };
  const states = 1 << size;
  let logSums = Array.from({ length: states }, (_, state) => rowScore(0, state));
  const logSumExp = (values: number[]): number => {
    const largest = Math.max(...values);
    return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  };
  for (let row = 1; row < size; row++) {
    const before = logSums;
    logSums = before.map((_, state) => {
      const own = rowScore(row, state);
      return own + logSumExp(before.map((value, above) => {
        let score = value;
        for (let column = 0; column < size; column++)
          if ((state & above) >> column & 1) score += weight.get(`${(row - 1) * size + column}-${row * size + column}`)!;
        return score;
      })); // prettier-ignore
    });
  }
  return logSumExp(logSums);
}

describe("exact inference on grids", () => {
  it("equals the transfer matrix on 7 x 7", () => {
    const model = randomGrid(7, 1);
    expect(junctionTree(model).logZ).toBeCloseTo(transferMatrixLogZ(model, 7), 10);
  });

  it("does 14 x 14: marginals agree with the derivative of ln Z by a bias", () => {
    const model = randomGrid(14, 2);
    const { logZ, marginals, factorMarginals, map } = junctionTree(model);
    expect(factorMarginals!.length).toBe(model.numEdges);
    expect(eliminateVariables(model).logZ).toBeCloseTo(logZ!, 10);
    const nudged = { ...model, biases: model.biases.with(90, model.biases[90] + 1e-5) };
    const lower = { ...model, biases: model.biases.with(90, model.biases[90] - 1e-5) };
    const slope = (eliminateVariables(nudged).logZ! - eliminateVariables(lower).logZ!) / 2e-5;
    expect(marginals!.of(90)[1]).toBeCloseTo(slope, 6);
    expect(map!.upperBound).toBe(map!.score);
    expect(map!.score).toBeLessThan(logZ!);
  });

  it("gives the same answers when conditioning is needed to fit a tenth of the memory", () => {
    const model = randomGrid(9, 3);
    const graph = asFactorGraph(model);
    const bytes = estimateBytes(treeShape(graph, eliminationOrder(graph).order), "messages");
    const whole = junctionTree(model);
    const split = junctionTree(model, { memory: bytes / 10 / 2 ** 30 });
    expect(split.logZ).toBeCloseTo(whole.logZ!, 10);
    split.marginals!.values.forEach((p, at) => expect(p).toBeCloseTo(whole.marginals!.values[at], 10));
    split.factorMarginals!.values.forEach((p, at) => expect(p).toBeCloseTo(whole.factorMarginals!.values[at], 10));
    expect(split.map!.score).toBe(whole.map!.score);
  });
});

describe("the memory estimate", () => {
  it("of a chain: one message waits at a time, all of them for the way back", () => {
    const chain = factorGraph([3, 3, 3, 3], [0, 1, 2].map((i) => ({ variables: [i, i + 1], potentials: new Array<number>(9).fill(1) }))); // prettier-ignore
    const shape = treeShape(chain, [0, 1, 2, 3]);
    // Messages of 3, 3, 3 and the root's of 1; while one is computed its predecessor still waits.
    expect(shape.totalMessageSize).toBe(10);
    expect(shape.peakMessageSize).toBe(6);
    expect(estimateBytes(shape, "nothing")).toBe(48);
    expect(estimateBytes(shape, "argmaxes")).toBe(48 + 10);
    expect(estimateBytes(shape, "messages")).toBe(8 * 16);
  });
});

describe("the refusal", () => {
  const edges: WeightedEdge[] = [];
  for (let i = 0; i < 50; i++) for (let j = 0; j < i; j++) edges.push([j, i, 0.1]);
  const complete = boltzmannMachine(new Float64Array(50), edges);

  it.each([
    ["junction tree", () => junctionTree(complete)],
    ["variable elimination", () => eliminateVariables(complete)],
    ["exact sampling", () => exactSampler(complete)],
  ])("of %s names the memory it would take, the limit, and what else to do", (_, run) => {
    expect(run).toThrow(TreewidthError);
    expect(run).toThrow(/would hold .* GB of tables \(induced width 49, .*limit of 4 GB.*approximation/);
  });

  it("carries the estimate as a number", () => {
    try {
      junctionTree(complete);
      expect.unreachable();
    } catch (error) {
      expect((error as TreewidthError).log2Entries).toBeGreaterThan(49);
    }
  });
});
