/**
 * Published and independently computed answers: 32 small models (golden), the competition's instances (uai). Needs the
 * shared data.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEvidence } from "../../../src/formats/evidence.ts";
import { readModel } from "../../../src/formats/read.ts";
import { readResults } from "../../../src/formats/results.ts";
import { condition, liftMarginals, liftStates, type Conditioned } from "../../../src/graph/condition.ts";
import { logScore } from "../../../src/graph/factor-graph.ts";
import { exactMap } from "../../../src/inference/exact/exact-map.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { eliminateVariables } from "../../../src/inference/exact/variable-elimination.ts";
import { needsSharedData, sharedData, sharedFiles } from "../../formats/shared-data.ts";

interface Golden {
  readonly evidence: Record<string, number>;
  readonly lnZ: number | null;
  readonly marginals: Record<string, number[]> | null;
  readonly mapLnScore: number | null;
}

describe.skipIf(!sharedData)(`goldens${needsSharedData}`, () => {
  const path = join(sharedData ?? "", "golden/goldens.json");
  const goldens = sharedData ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, Golden>) : {};
  const present = Object.keys(goldens).filter((name) => existsSync(join(sharedData!, "golden", name)));

  it("are there", () => expect(present.length).toBeGreaterThanOrEqual(25));

  it.each(present)("%s: ln Z, every marginal, MAP score", (name) => {
    const golden = goldens[name];
    const { graph, variableLabels } = readModel(join(sharedData!, "golden", name));
    const labels = variableLabels ?? Int32Array.from(graph.cardinalities.keys());
    const evidence = new Map(
      Object.entries(golden.evidence).map(([label, state]) => [labels.indexOf(Number(label)), state]),
    );
    const conditioned = condition(graph, evidence);
    const { logZ, marginals, map } = junctionTree(conditioned.graph);
    if (golden.lnZ === null) {
      expect(logZ).toBe(-Infinity);
      expect(marginals).toBeUndefined();
      return;
    }
    expect(logZ).toBeCloseTo(golden.lnZ, 9);
    const { values, offsets } = liftMarginals(conditioned, marginals!);
    for (const [label, distribution] of Object.entries(golden.marginals ?? {})) {
      const variable = labels.indexOf(Number(label));
      distribution.forEach((p, state) => expect(values[offsets[variable] + state]).toBeCloseTo(p, 9));
    }
    expect(map!.score).toBeCloseTo(golden.mapLnScore ?? map!.score, 9);
    expect(logScore(graph, liftStates(conditioned, map!.states))).toBeCloseTo(map!.score, 9);
  });
});

function readInstance(path: string): Conditioned {
  const model = readModel(path);
  return condition(model.graph, readEvidence(`${path}.evid`, model));
}

/**
 * Wide ones take longer than a test should (`marginalia infer` answers them): sums over 20 x 20 grids, DBN_11, the
 * circuits, MAP of Grids_26.
 */
const isQuick = (path: string): boolean => !/Grids_1[57]|DBN_11|2bitcomp|c432|log-1|sat-grid/.test(path);

describe.skipIf(!sharedData)(`UAI instances${needsSharedData}`, () => {
  it.each(
    sharedFiles("uai/PR", ".uai")
      .filter(isQuick)
      .map((path) => [basename(path), path]),
  )("%s: log10 Z as published", (_, path) => {
    const published = readResults(`${path}.PR`);
    if (published.task !== "PR") throw new Error(`${path}.PR is no PR file`);
    const log10Z = eliminateVariables(readInstance(path).graph).logZ! / Math.LN10;
    // Published to six digits.
    expect(Math.abs(log10Z - published.log10Z[0])).toBeLessThan(1e-5 * Math.max(1, Math.abs(log10Z)));
  });

  it.each(
    sharedFiles("uai/MAR", ".uai")
      .filter(isQuick)
      .map((path) => [basename(path), path]),
  )("%s: marginals as published", (_, path) => {
    const published = readResults(`${path}.MAR`);
    if (published.task !== "MAR") throw new Error(`${path}.MAR is no MAR file`);
    const conditioned = readInstance(path);
    const { marginals } = junctionTree(conditioned.graph, { map: false });
    const { values, offsets } = liftMarginals(conditioned, marginals!);
    expect(offsets).toEqual(published.marginals[0].offsets);
    // Published to six decimals.
    published.marginals[0].values.forEach((p, at) => expect(Math.abs(values[at] - p)).toBeLessThan(1e-6));
  });

  // The published states of Segmentation_11 and _13 are known not to be optimal (toulbar2 proves the same scores as we
  // do).
  it.each([
    ["Promedas_70", -9.4902931, 0],
    ["Segmentation_13", -49.8587448, 1.3747137],
    ["Segmentation_11", -312.7596648, 4.1044494],
    ["Grids_29", 1542.6646642, 0],
  ])(
    "%s: MAP is proven to have score %f, better than the published one by %f",
    (name, score, gain) => {
      const path = join(sharedData!, "uai/MAP", `${name}.uai`);
      const published = readResults(`${path}.MAP`);
      if (published.task !== "MAP") throw new Error(`${path}.MAP is no MAP file`);
      const conditioned = readInstance(path);
      const { map, converged } = exactMap(conditioned.graph);
      const states = liftStates(conditioned, map!.states);
      expect(converged).toBe(true);
      expect(map!.upperBound).toBe(map!.score);
      expect(map!.score).toBeCloseTo(score, 6);
      expect(logScore(conditioned.whole, states)).toBeCloseTo(map!.score, 9);
      expect(map!.score - logScore(conditioned.whole, published.states[0])).toBeCloseTo(gain, 6);
    },
    60_000,
  );
});
