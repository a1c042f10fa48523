/**
 * Public models with independently computed ln Z, marginals and MAP: whatever a method claims about its answer must
 * hold.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEvidence } from "../../../src/formats/evidence.ts";
import { readModel } from "../../../src/formats/read.ts";
import { condition } from "../../../src/graph/condition.ts";
import type { FactorGraph } from "../../../src/graph/factor-graph.ts";
import { infer } from "../../../src/inference/registry.ts";
import { needsSharedData, sharedData } from "../../formats/shared-data.ts";

interface Golden {
  readonly lnZ: number | null;
}

const methods = [
  "bp",
  "bp[schedule=parallel,damping=0.5,dampingDomain=probability]",
  "bp[schedule=residual]",
  "max-product[damping=0.3]",
  "fractional-bp[countingNumbers=convex]",
  "trbp",
  "trbp[edgeProbabilities=optimised,steps=3]",
  "trbp[temperature=0]",
  "gbp",
  "hak",
];

/** "pairwise" models alone for tree-reweighted methods. */
function takes(method: string, graph: FactorGraph): boolean {
  const arity = Math.max(0, ...graph.scopeOffsets.subarray(1).map((end, factor) => end - graph.scopeOffsets[factor]));
  return !method.startsWith("trbp") || arity <= 2;
}

describe.skipIf(!sharedData)(`public models${needsSharedData}`, () => {
  if (!sharedData) return;
  const folder = join(sharedData, "golden");
  const goldens = JSON.parse(readFileSync(join(folder, "goldens.json"), "utf8")) as Record<string, Golden>;
  const names = Object.keys(goldens).filter((name) => existsSync(join(folder, name)));

  it("are at hand", () => expect(names.length).toBeGreaterThan(20));

  it.each(names)("%s: bounds hold, exact answers are exact, nothing is NaN", (name) => {
    const path = join(folder, name);
    const model = readModel(path);
    const evidencePath = [`${path}.evid`, path.replace(/\.[a-z]+$/, ".evid")].find((candidate) =>
      existsSync(candidate),
    );
    const evidence = evidencePath ? readEvidence(evidencePath, model) : new Map<number, number>();
    const { graph } = condition(model.graph, evidence);
    const lnZ = goldens[name].lnZ ?? -Infinity;
    for (const method of methods) {
      if (!takes(method, graph)) continue;
      const withLimit = method.endsWith("]")
        ? `${method.slice(0, -1)},maxIterations=100]`
        : `${method}[maxIterations=100]`;
      const { logZ, bound, marginals, map } = infer(graph, withLimit);
      expect(marginals?.values.some(Number.isNaN) ?? false).toBe(false);
      if (logZ === undefined) {
        if (map?.upperBound !== undefined) expect(map.upperBound).toBeGreaterThanOrEqual(map.score - 1e-9);
        continue;
      }
      expect(logZ).not.toBeNaN();
      const slack = 1e-7 * (1 + Math.abs(lnZ));
      if (bound === "lower") expect([method, logZ <= lnZ + slack]).toEqual([method, true]);
      if (bound === "upper") expect([method, logZ >= lnZ - slack]).toEqual([method, true]);
      if (bound === "exact") expect([method, logZ === lnZ || Math.abs(logZ - lnZ) <= slack]).toEqual([method, true]);
    }
  });
});
