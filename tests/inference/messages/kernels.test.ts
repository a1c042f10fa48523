import { describe, expect, it } from "vitest";
import type { FactorGraph } from "../../../src/graph/factor-graph.ts";
import { Random } from "../../../src/graph/random.ts";
import { BinaryRatioMessages, binaryRatiosFit } from "../../../src/inference/messages/binary-ratio-messages.ts";
import { LogMessages } from "../../../src/inference/messages/log-messages.ts";
import { PairwiseLogMessages } from "../../../src/inference/messages/pairwise-log-messages.ts";
import { PairwiseRatioMessages, ratiosFit } from "../../../src/inference/messages/pairwise-ratio-messages.ts";
import { ProductMessages } from "../../../src/inference/messages/product-messages.ts";
import { runSchedule, type MessageKernel } from "../../../src/inference/messages/schedule.ts";
import { randomFactorGraph, randomIsing } from "./brute-force.ts";

const root = Random.fromSeed(24);
/** Not residual: forms measure changes of different numbers, entries or ratios, so they may choose another order. */
const fixedOrders = ["parallel", "sequential", "random"] as const;
const dampings = [
  { damping: 0, dampingDomain: "log" },
  { damping: 0.3, dampingDomain: "log" },
  { damping: 0.6, dampingDomain: "probability" },
] as const;

/** Runs kernels side by side for a few iterations; their messages must stay the same. */
function expectSame(
  kernels: (MessageKernel & { logMessages(): Float64Array })[],
  damping: number,
  iterations: number,
): void {
  for (const schedule of fixedOrders) {
    const options = { schedule, tolerance: -1, maxIterations: iterations, damping };
    for (const kernel of kernels) runSchedule(kernel, options, Random.fromSeed(1));
    const expected = kernels[0].logMessages();
    for (const kernel of kernels.slice(1))
      kernel.logMessages().forEach((entry, state) => {
        const difference = entry === expected[state] ? 0 : Math.abs(entry - expected[state]);
        expect(difference).toBeLessThan(1e-9 * (1 + Math.abs(expected[state])));
      });
  }
}

const logKernel = (graph: FactorGraph, damping: (typeof dampings)[number]) =>
  new LogMessages(graph, { semiring: "sum", ...damping });

describe("messages of the different forms agree, message by message, under every schedule and damping", () => {
  it("logs, products and ratios on binary factor graphs of any arity, past the refreshes of their totals", () => {
    for (const [trial, damping] of dampings.entries()) {
      const graph = randomFactorGraph(root.split("binary", trial), {
        numVariables: 8,
        numFactors: 14,
        minCardinality: 2,
        maxCardinality: 2,
        maxArity: 5,
      });
      expect(binaryRatiosFit(graph)).toBe(true);
      const kernels = [
        logKernel(graph, damping),
        new ProductMessages(graph, damping),
        new BinaryRatioMessages(graph, damping),
      ];
      expectSame(kernels, damping.damping, 50);
    }
  });

  it("logs and products on graphs of any cardinality with forbidden states", () => {
    for (let trial = 0; trial < 12; trial++) {
      const damping = dampings[trial % 3];
      const graph = randomFactorGraph(root.split("any", trial), { numVariables: 7, numFactors: 12, forbidden: 0.15 });
      const kernels = [logKernel(graph, damping), new ProductMessages(graph, damping)];
      if (kernels.some((kernel) => kernel.stopped)) continue;
      expectSame(kernels, damping.damping, 3);
    }
  });

  it("log ratios and ratios on Ising models", () => {
    for (const damping of dampings) {
      const model = randomIsing(root.split("ising"), { numVariables: 10, edges: 0.4, bias: 1, weight: 0.8 });
      expect(ratiosFit(model)).toBe(true);
      const kernels = [
        new PairwiseLogMessages(model, { semiring: "sum", ...damping }),
        new PairwiseRatioMessages(model, damping),
      ].map((kernel) => Object.assign(kernel, { logMessages: () => kernel.logRatios() }));
      expectSame(kernels, damping.damping, 10);
    }
  });
});

describe("ratios are used only where they fit", () => {
  it("not beyond the range of float64, not with forbidden or further states", () => {
    const options = { numVariables: 6, minCardinality: 2, maxCardinality: 2, numFactors: 8 };
    expect(binaryRatiosFit(randomFactorGraph(root.split("steep"), { ...options, strength: 500 }))).toBe(false);
    expect(binaryRatiosFit(randomFactorGraph(root.split("hard"), { ...options, forbidden: 0.5 }))).toBe(false);
    expect(binaryRatiosFit(randomFactorGraph(root.split("three"), { ...options, maxCardinality: 3 }))).toBe(false);
    expect(ratiosFit(randomIsing(root.split("strong"), { numVariables: 6, edges: 0.8, bias: 1, weight: 200 }))).toBe(
      false,
    );
  });
});
