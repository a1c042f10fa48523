import { describe, expect, it } from "vitest";
import { describeMethods, infer, openGrid, Random } from "marginalia";
import { hierarchicalIsing } from "marginalia/graph";
import { operatorsOf, bpnnBatch, bpnnFamily } from "marginalia/learning";
import {
  blockModelProblems,
  blockModelTrainingSetting,
  compareConvergence,
  isingExamples,
  isingTrainingSetting,
  kuckRandom,
  rootMeanSquare,
} from "marginalia/papers/kuck2020";
import { drawTree } from "./graphs.ts";

// Models that nothing was trained or selected on.
const fresh = isingExamples(12, isingTrainingSetting, Random.fromSeed(4711), "fresh");

describe("bpnn, as a method string", () => {
  it("is registered, and says what the weights and options are", () => {
    expect(describeMethods()).toMatch(/bpnn: a trained belief propagation neural network/);
    expect(() => infer(fresh[0].model, "bpnn[weights=kuck2020/none]")).toThrow(
      /no weights "kuck2020\/none".*bpnn-ising/,
    );
    expect(() => infer(fresh[0].model, "bpnn[layers=3]")).toThrow(/unknown option layers.*weights/);
  });

  it("by BPNN-D gives a lower bound on attractive models it was not trained on, and BP agrees that it is a fixed point", () => {
    for (const { model, logZ } of fresh.slice(0, 6)) {
      const result = infer(model, "bpnn");
      expect(result.method).toBe("bpnn");
      expect(result.bound).toBe(result.converged ? "lower" : "none");
      expect(result.maxDelta).toHaveLength(result.iterations);
      if (result.converged) expect(result.logZ!).toBeLessThanOrEqual(logZ + 1e-6);
      for (const [p, q] of result.marginals!.toArrays()) expect(p + q).toBeCloseTo(1, 12);
    }
  });

  it("by BPNN-D is exact on trees, and no bound where couplings are mixed", () => {
    const tree = drawTree(Random.fromSeed(1));
    const binary = tree.cardinalities.every((states) => states === 2) ? tree : undefined;
    const path = hierarchicalIsing(openGrid(1, 9), Random.fromSeed(2), {
      ...isingTrainingSetting,
      interaction: "mixed",
    });
    for (const model of binary ? [binary, path] : [path]) {
      const result = infer(model, "bpnn");
      expect(result.bound).toBe("exact");
      expect(result.logZ!).toBeCloseTo(infer(model, "junction-tree").logZ!, 8);
    }
    const mixed = hierarchicalIsing(openGrid(5, 5), Random.fromSeed(3), {
      ...isingTrainingSetting,
      interaction: "mixed",
    });
    expect(infer(mixed, "bpnn").bound).toBe("none");
  });

  it("by layers estimates ln Z without a bound, far nearer than BP in as many iterations", () => {
    const results = fresh.map(({ model }) => infer(model, "bpnn[weights=kuck2020/bpnn-ising]"));
    const bp = fresh.map(({ model }) => infer(model, "bp[schedule=parallel,damping=0.5,maxIterations=10]").logZ!);
    expect(results[0]).toMatchObject({ method: "bpnn[weights=kuck2020/bpnn-ising]", bound: "none", iterations: 10 });
    const ours = rootMeanSquare(results.map(({ logZ }, k) => logZ! - fresh[k].logZ));
    expect(ours).toBeLessThan(2);
    expect(ours).toBeLessThan(0.3 * rootMeanSquare(bp.map((logZ, k) => logZ - fresh[k].logZ)));
  });

  it("answers many graphs in one run as one by one", () => {
    const { network } = bpnnFamily.named("kuck2020/bpnn-ising");
    const graphs = fresh.slice(0, 3).map(({ graph }) => graph);
    const together = bpnnBatch(graphs, network);
    graphs.forEach((graph, k) => expect(together[k].logZ!).toBeCloseTo(bpnnBatch([graph], network)[0].logZ!, 3));
  });

  it("refuses tables that it has no weights for, naming those it knows", () => {
    expect(() => infer(drawTree(Random.fromSeed(8), 9), "bpnn[weights=kuck2020/bpnn-ising]")).toThrow(
      /no MLP for tables \[2,.*it knows \[2,2\]/,
    );
  });
});

describe("committed BPNN-D weights", () => {
  it("converge where BP does not, with tighter bounds on models drawn anew (Kuck et al. 2020, section 4.1)", () => {
    const { network } = bpnnFamily.named("kuck2020/bpnn-d-invertible");
    const compared = compareConvergence(fresh, operatorsOf(network)!);
    expect(compared.bpnnConverged).toBeGreaterThanOrEqual(compared.bpConverged);
    expect(compared.bpnnErrorOnAll).toBeLessThan(2);
  });

  it("name what they were trained with", () => {
    const model = bpnnFamily.read("kuck2020/bpnn-d-invertible");
    expect(model.provenance.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(model.training.history.length).toBeGreaterThan(10);
  });
});

describe("block model problems", () => {
  it("have the exact ln Z of a fixed node, and two that add up to the graph's", () => {
    const setting = { ...blockModelTrainingSetting, numNodes: 8 };
    const problems = blockModelProblems(1, setting, kuckRandom(), "unit");
    expect(problems).toHaveLength(16);
    for (const { graph, logZ } of problems.slice(0, 6))
      expect(logZ).toBeCloseTo(infer(graph, "junction-tree").logZ!, 9);
    const total = (node: number) => Math.log(Math.exp(problems[2 * node].logZ) + Math.exp(problems[2 * node + 1].logZ));
    expect(total(0)).toBeCloseTo(total(5), 9);
  });
});
