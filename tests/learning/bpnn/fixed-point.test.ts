import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { infer, openGrid, Random, toFactorGraph, type FactorGraph } from "marginalia";
import { hierarchicalIsing } from "marginalia/graph";
import { LogMessages } from "../../../src/inference/messages/log-messages.ts";
import { dampingFunction, scalarDamping, type DampingFunction } from "../../../src/learning/bpnn/damping-operator.ts"; // prettier-ignore
import { runToFixedPoint, undamped } from "../../../src/learning/bpnn/fixed-point.ts";
import { drawGraph, drawTree, relabel } from "./graphs.ts";

const seeds = fc.integer({ min: 0, max: 1e6 });
const runs = { numRuns: 25 };

/** Operators with random weights of size `scale`. */
const invertible = (random: Random, scale = 2): DampingFunction =>
  dampingFunction({ kind: "invertible", kept: 0.05, cardinalities: [2, 3] }, "h", (name) =>
    name.endsWith("strength")
      ? [Math.log(random.uniform(0.3, 1))]
      : Float64Array.from({ length: name.endsWith("bias") ? 8 : 8 * Number(name.split("/")[1]) }, () =>
          random.normal(0, scale),
        ),
  );
const mlp = (random: Random, scale = 1): DampingFunction =>
  dampingFunction({ kind: "mlp", kept: 0.05, cardinalities: [2, 3] }, "h", (name) => {
    const size = Number(name.split("/")[1]);
    return Float64Array.from({ length: name.endsWith("kernel") ? size * size : size }, () => random.normal(0, scale));
  });

/** How far belief propagation, in an implementation of its own, moves messages: largest |p' - p| / (p' + p). */
function bpResidual(graph: FactorGraph, messages: Float64Array): number {
  const bp = new LogMessages(graph, { semiring: "sum", damping: 0, dampingDomain: "log" });
  bp.takeMessages(messages);
  return bp.sweep();
}
const attractive = (random: Random, side = 4, maxCoupling = 1) =>
  hierarchicalIsing(openGrid(side, side), random, { maxField: 1, maxCoupling, interaction: "attractive" });

describe("BPNN-D run to convergence", () => {
  it("is damped belief propagation, iteration by iteration, when H is a scalar (Proposition 1)", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.constantFrom(0, 0.25, 0.5, 0.9),
        fc.integer({ min: 1, max: 12 }),
        (seed, alpha, maxIterations) => {
          const graph = drawGraph(Random.fromSeed(seed));
          const ours = runToFixedPoint(graph, { toVariable: scalarDamping(alpha) }, { maxIterations, tolerance: 0, dampBranches: true }); // prettier-ignore
          const bp = infer(graph, `bp[schedule=parallel,damping=${alpha},maxIterations=${maxIterations},tolerance=0]`);
          expect(Math.abs(ours.logZ! - bp.logZ!)).toBeLessThan(1e-10 * (1 + Math.abs(bp.logZ!)));
          ours.marginals!.values.forEach((p, at) => expect(Math.abs(p - bp.marginals!.values[at])).toBeLessThan(1e-11));
        },
      ),
      runs,
    );
  });

  it("keeps every fixed point of BP, whatever the weights, since H(0) = 0 (Theorem 1)", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(invertible, mlp), (seed, make) => {
        const random = Random.fromSeed(seed);
        const operator = make(random.split("operator"));
        const zero = new Float64Array(3);
        operator.apply(zero, zero);
        expect(zero.every((entry) => Math.abs(entry) < 1e-14)).toBe(true);
      }),
      runs,
    );
    // In a run: from a fixed point of BP, H of a difference of 0 moves nothing.
    const graph = drawGraph(Random.fromSeed(3), { strength: 0.4 });
    const fixed = runToFixedPoint(graph, undamped, { tolerance: 1e-13, maxIterations: 2000 });
    expect(fixed.converged).toBe(true);
    for (const make of [invertible, mlp]) {
      const toVariable = make(Random.fromSeed(9));
      const again = runToFixedPoint(
        graph,
        { toVariable },
        { tolerance: 1e-11, maxIterations: 1, start: fixed.messages },
      );
      expect(again.maxDelta[0]).toBeLessThan(1e-11);
    }
  });

  it("ends at fixed points of BP alone when H is invertible: an independent BP moves its messages by less than 1e-8 (Theorem 2)", () => {
    let converged = 0;
    fc.assert(
      fc.property(seeds, fc.boolean(), (seed, both) => {
        const random = Random.fromSeed(seed);
        const graph = drawGraph(random.split("graph"), { strength: 0.7, mostArity: 4 });
        const operators = {
          toVariable: invertible(random.split("to variable")),
          ...(both && { toFactor: invertible(random.split("to factor")) }),
        };
        const result = runToFixedPoint(graph, operators, { tolerance: 1e-11, maxIterations: 3000 });
        if (!result.converged) return;
        converged++;
        expect(bpResidual(graph, result.messages)).toBeLessThan(1e-8);
      }),
      { numRuns: 30 },
    );
    expect(converged).toBeGreaterThan(20);
  });

  it("knows when an MLP contracts enough for the same: then, too, BP agrees", () => {
    const random = Random.fromSeed(5);
    const small = mlp(random.split("small"), 1);
    const large = mlp(random.split("large"), 20);
    expect(small.zeroIsOnlyFixedPoint).toBe(true);
    expect(large.zeroIsOnlyFixedPoint).toBe(false);
    const graph = drawGraph(random, { strength: 0.7 });
    const result = runToFixedPoint(graph, { toVariable: small }, { tolerance: 1e-12, maxIterations: 3000 });
    expect(result.converged).toBe(true);
    expect(bpResidual(graph, result.messages)).toBeLessThan(1e-8);
  });

  it("an H with other fixed points can end elsewhere: x -> x keeps any messages, and says no bound", () => {
    const graph = toFactorGraph(attractive(Random.fromSeed(8)));
    const result = runToFixedPoint(graph, { toVariable: scalarDamping(1) }, {});
    expect(result).toMatchObject({ converged: true, iterations: 1, bound: "none" });
    expect(bpResidual(graph, result.messages)).toBeGreaterThan(1e-3);
  });

  it("is exact on trees, after as many iterations as the tree is high (Theorem 3 (1), Proposition 2)", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(invertible, mlp), (seed, make) => {
        const random = Random.fromSeed(seed);
        const graph = drawTree(random.split("graph"));
        const toVariable = make(random.split("operator"));
        const exact = infer(graph, "junction-tree");
        const height = graph.numFactors; // no path between leaves passes more factors
        const result = runToFixedPoint(graph, { toVariable }, { maxIterations: height, tolerance: 0 });
        expect(Math.abs(result.logZ! - exact.logZ!)).toBeLessThan(1e-9);
        result.marginals!.values.forEach((p, at) =>
          expect(Math.abs(p - exact.marginals!.values[at])).toBeLessThan(1e-9),
        );
        if (toVariable.zeroIsOnlyFixedPoint) expect(runToFixedPoint(graph, { toVariable }).bound).toBe("exact");
      }),
      runs,
    );
  });

  it("is a lower bound at convergence for attractive binary models (Theorem 3 (2)), and says so", () => {
    let bounds = 0;
    fc.assert(
      fc.property(
        seeds,
        fc.constantFrom(0.5, 2, 5),
        fc.constantFrom(1e-9, 1e-5, 1e-2),
        (seed, maxCoupling, tolerance) => {
          const random = Random.fromSeed(seed);
          const model = attractive(random.split("model"), 4, maxCoupling);
          const operators = { toVariable: invertible(random.split("operator")) };
          const result = runToFixedPoint(toFactorGraph(model), operators, { tolerance, maxIterations: 1000 });
          if (!result.converged) expect(result.bound).toBe("none");
          if (result.bound === "none") return;
          bounds++;
          expect(result.bound).toBe("lower");
          expect(result.logZ!).toBeLessThanOrEqual(infer(model, "junction-tree").logZ! + 1e-10);
        },
      ),
      runs,
    );
    expect(bounds).toBeGreaterThan(15);
  });

  it("claims no bound for frustrated models, nor for an unproved operator", () => {
    const random = Random.fromSeed(4);
    const mixed = toFactorGraph(
      hierarchicalIsing(openGrid(3, 3), random, { maxField: 1, maxCoupling: 1, interaction: "mixed" }),
    );
    expect(runToFixedPoint(mixed, undamped).bound).toBe("none");
    const graph = toFactorGraph(attractive(random, 3));
    const unproved = runToFixedPoint(graph, { toVariable: mlp(random, 20) });
    expect(unproved.bound).toBe("none");
    expect(unproved.logZ).not.toBeNaN();
  });

  it("gives relabelled messages and the same ln Z for an isomorphic graph (Theorem 4)", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = Random.fromSeed(seed);
        const graph = drawGraph(random.split("graph"));
        const other = relabel(graph, random.split("relabel"));
        const toVariable = invertible(random.split("operator"));
        const [a, b] = [graph, other.graph].map((one) =>
          runToFixedPoint(one, { toVariable }, { maxIterations: 7, tolerance: 0 }),
        );
        expect(Math.abs(a.logZ! - b.logZ!)).toBeLessThan(1e-8);
        other.variables.forEach((to, from) =>
          a
            .marginals!.of(from)
            .forEach((p, state) => expect(Math.abs(p - b.marginals!.of(to)[state])).toBeLessThan(1e-9)),
        );
      }),
      runs,
    );
  });

  it("takes impossible states as they are: evidence by -Infinity, and Z = 0", () => {
    const graph = drawGraph(Random.fromSeed(21), { strength: 0.5 });
    const logPotentials = graph.logPotentials.slice();
    logPotentials[1] = -Infinity; // factor 0 is variable 0's own
    const observed = { ...graph, logPotentials };
    const toVariable = invertible(Random.fromSeed(2));
    const result = runToFixedPoint(observed, { toVariable }, { tolerance: 1e-10, maxIterations: 2000 });
    const bp = infer(observed, "bp[maxIterations=5000]");
    expect(result.marginals!.of(0)[1]).toBe(0);
    expect(Math.abs(result.logZ! - bp.logZ!)).toBeLessThan(1e-6);
    logPotentials.fill(-Infinity, 0, graph.tableOffsets[1]);
    expect(runToFixedPoint(observed, { toVariable })).toMatchObject({ logZ: -Infinity, bound: "exact" });
  });

  it("answers a graph without factors", () => {
    const graph = drawGraph(Random.fromSeed(1), { numFactors: 0 });
    expect(runToFixedPoint(graph, undamped).logZ).toBeCloseTo(infer(graph, "junction-tree").logZ!, 10);
  });
});
