/** Intervals against the published answers of the competition's instances. Needs the shared data. */
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { readEvidence } from "../../../src/formats/evidence.ts";
import { readModel } from "../../../src/formats/read.ts";
import { readResults } from "../../../src/formats/results.ts";
import { condition, liftMarginals, type Conditioned } from "../../../src/graph/condition.ts";
import { inferBounds } from "../../../src/inference/bounds/method.ts";
import { needsSharedData, sharedData, sharedFiles } from "../../formats/shared-data.ts";

/**
 * Pairwise and binary, or so once zeros have removed what they rule out. The widths leave no grid to the junction tree
 * alone.
 */
const families = /\/(Grids|Segmentation|Promedus|grid10x10)/;
const options = { exactWidth: 4, seconds: 0.3 };
/** Published to six digits. */
const digits = 1e-5;

const instances = (folder: string) =>
  sharedFiles(folder, ".uai")
    .filter((path) => families.test(path))
    .map((path): [string, string] => [basename(path), path]);

function readInstance(path: string): Conditioned {
  const model = readModel(path);
  return condition(model.graph, readEvidence(`${path}.evid`, model));
}

describe.skipIf(!sharedData)(`UAI instances${needsSharedData}`, () => {
  it.each(instances("uai/PR"))("%s: log10 Z as published lies in the interval", (_, path) => {
    const published = readResults(`${path}.PR`);
    if (published.task !== "PR") throw new Error(`${path}.PR is no PR file`);
    const { logZInterval } = inferBounds(readInstance(path).graph, { ...options, marginals: false });
    const [lower, upper] = logZInterval!.map((end) => end / Math.LN10);
    const [log10Z] = published.log10Z;
    const tolerance = digits * Math.max(1, Math.abs(log10Z));
    expect(lower).toBeLessThanOrEqual(log10Z + tolerance);
    expect(upper).toBeGreaterThanOrEqual(log10Z - tolerance);
  });

  it.each(instances("uai/MAR"))("%s: every marginal as published lies in its interval", (_, path) => {
    const published = readResults(`${path}.MAR`);
    if (published.task !== "MAR") throw new Error(`${path}.MAR is no MAR file`);
    const conditioned = readInstance(path);
    const { marginalIntervals } = inferBounds(conditioned.graph, options);
    const [lower, upper] = [marginalIntervals!.lower, marginalIntervals!.upper].map((ends) =>
      liftMarginals(conditioned, ends),
    );
    const { values, offsets } = published.marginals[0];
    expect(offsets).toEqual(lower.offsets);
    values.forEach((p, at) => {
      expect(lower.values[at]).toBeLessThanOrEqual(p + digits);
      expect(upper.values[at]).toBeGreaterThanOrEqual(p - digits);
    });
  });
});
