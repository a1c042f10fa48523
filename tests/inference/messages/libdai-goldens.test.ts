/**
 * libDAI's own test grid: every row of a method that this folder has, to its printed digits.
 *
 * Left out: EXACT and JTREE (other folders), MF (mean field), TREEEP, MR, LCBP, CBP/BBP and DECMAP (tree expectation
 * propagation, loop corrections, conditioning by clamping, decimation), which Marginalia does not have.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readFg } from "../../../src/formats/fg.ts";
import { logScore, scopeOf, type FactorGraph } from "../../../src/graph/factor-graph.ts";
import { beliefPropagation, maxProduct } from "../../../src/inference/messages/belief-propagation.ts";
import { fractionalBeliefPropagation } from "../../../src/inference/messages/fractional.ts";
import { betheLogZ } from "../../../src/inference/messages/free-energy.ts";
import {
  doubleLoop,
  generalisedBeliefPropagation,
} from "../../../src/inference/messages/generalised-belief-propagation.ts";
import type { Schedule } from "../../../src/inference/messages/schedule.ts";
import { treeReweighted } from "../../../src/inference/messages/tree-reweighted.ts";
import type { InferenceResult } from "../../../src/inference/result.ts";
import { needsSharedData, sharedData } from "../../formats/shared-data.ts";
import { bruteForce, type BruteForce } from "./brute-force.ts";

interface Row {
  readonly maxVarErr: number;
  readonly avgVarErr: number;
  readonly maxFacErr: number;
  readonly avgFacErr: number;
  readonly logZErr: number;
  readonly beliefs: Readonly<Record<string, readonly number[]>>;
}

const folder = join(sharedData ?? "", "golden", "libdai");
const schedules: Readonly<Record<string, Schedule>> = {
  SEQFIX: "sequential",
  SEQRND: "random",
  SEQMAX: "residual",
  PARALL: "parallel",
};
const common = { maxIterations: 10_000, tolerance: 1e-9 };

/** Our method for a row's name; undefined where there is none. */
function methodFor(row: string): ((graph: FactorGraph) => InferenceResult) | undefined {
  const [, family, updates] = /^(F|TRW)?[BM]P(?:_(SEQFIX|SEQRND|SEQMAX|PARALL)(?:_LOG)?)?$/.exec(row) ?? [];
  if (/^(F|TRW)?[BM]P($|_)/.test(row)) {
    const temperature = row.includes("MP") ? 0 : 1;
    const options = { ...common, temperature, schedule: schedules[updates ?? "SEQMAX"] };
    if (family === "F") return (graph) => fractionalBeliefPropagation(graph, options);
    // nrtrees=0 leaves libDAI's edge weights at 1.
    if (family === "TRW") return (graph) => treeReweighted(graph, { ...options, edgeProbabilities: 1 });
    return (graph) => beliefPropagation(graph, options);
  }
  const [, loop, kind, depth] = /^(GBP|HAK)_(MIN|BETHE|DELTA|LOOP)(\d?)$/.exec(row) ?? [];
  if (!kind) return undefined;
  const options = { ...common, clusters: kind.toLowerCase() as "min", ...(depth && { loopDepth: Number(depth) }) };
  return (graph) => (loop === "GBP" ? generalisedBeliefPropagation(graph, options) : doubleLoop(graph, options));
}

/** Total variation distances of two lists of distributions. */
function distances(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[] {
  return a.map((row, i) => row.reduce((sum, value, j) => sum + Math.abs(value - b[i][j]), 0) / 2);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Four digits are printed, and the answers converge to 1e-9. */
function expectPrinted(found: number, printed: number): void {
  expect(Math.abs(found - printed)).toBeLessThanOrEqual(
    0.5001 * 10 ** (Math.floor(Math.log10(Math.abs(printed))) - 3) + 3e-9,
  );
}

/** Exact max-marginals of variables and factors, normalised, by brute force; logZ stays that of the sum. */
function maxMarginals(graph: FactorGraph, exact: BruteForce): BruteForce {
  const marginals = exact.marginals.map((row) => row.map(() => -Infinity));
  const factorMarginals = exact.factorMarginals.map((row) => row.map(() => -Infinity));
  for (let index = 0; index < 2 ** graph.numVariables; index++) {
    const states = Array.from({ length: graph.numVariables }, (_, i) => (index >> i) & 1);
    const score = logScore(graph, states);
    states.forEach((state, i) => (marginals[i][state] = Math.max(marginals[i][state], score)));
    factorMarginals.forEach((row, factor) => {
      const at = scopeOf(graph, factor).reduce((sum, variable) => 2 * sum + states[variable], 0);
      row[at] = Math.max(row[at], score);
    });
  }
  const normalised = (row: number[]): number[] => {
    const best = Math.max(...row);
    const total = row.reduce((sum, score) => sum + Math.exp(score - best), 0);
    return row.map((score) => Math.exp(score - best) / total);
  };
  return { ...exact, marginals: marginals.map(normalised), factorMarginals: factorMarginals.map(normalised) };
}

describe.skipIf(!sharedData)(`libDAI's 4x4 grid${needsSharedData}`, () => {
  if (!sharedData) return;
  const { graph } = readFg(join(folder, "testfast.fg"));
  const { methods } = JSON.parse(readFileSync(join(folder, "testfast.expected.json"), "utf8")) as {
    methods: Record<string, Row>;
  };
  const exact = bruteForce(graph);
  const exactMax = maxMarginals(graph, exact);
  const rows = Object.keys(methods).filter(methodFor);

  it("has 54 rows of methods that we have", () => expect(rows).toHaveLength(54));

  it.each(rows)("%s is matched to its printed digits", (name) => {
    const expected = methods[name];
    const result = methodFor(name)!(graph);
    const isMax = result.map !== undefined;
    const reference = isMax ? exactMax : exact;
    expect(result.converged).toBe(true);
    result
      .marginals!.toArrays()
      .forEach((row, variable) =>
        row.forEach((belief, state) => expectPrinted(belief, expected.beliefs[variable][state])),
      );
    const variableErrors = distances(result.marginals!.toArrays(), reference.marginals);
    const factorErrors = distances(result.factorMarginals!.toArrays(), reference.factorMarginals);
    expectPrinted(Math.max(...variableErrors), expected.maxVarErr);
    expectPrinted(mean(variableErrors), expected.avgVarErr);
    expectPrinted(Math.max(...factorErrors), expected.maxFacErr);
    expectPrinted(mean(factorErrors), expected.avgFacErr);
    if (!isMax) {
      expectPrinted(result.logZ! - exact.logZ, expected.logZErr);
      return;
    }
    // For max-product libDAI prints Bethe's value less that of its max-product junction tree; decimation's row prints
    // the best score less the same.
    const bethe = betheLogZ(graph, { variables: result.marginals!.values, factors: result.factorMarginals!.values });
    expect(bethe - exact.bestScore).toBeCloseTo(expected.logZErr - methods["DECMAP"].logZErr, 3);
    expect(result.map.score).toBeCloseTo(exact.bestScore, 12);
    const decoded = Array.from(result.map.states, (state) => (state === 0 ? [1, 0] : [0, 1]));
    expect(decoded).toEqual(Object.values(methods["DECMAP"].beliefs));
  });
});

describe.skipIf(!sharedData)(`libDAI's bug files${needsSharedData}`, () => {
  const small = ["hoi1", "hoi2", "hoi3", "hoi4", "twofactors", "zeroes1", "maxprodbug", "maxprodbug2", "jtreemapbug"];
  it.each(small)("%s.fg gets finite, consistent answers", (name) => {
    const { graph } = readFg(join(folder, `${name}.fg`));
    const states = graph.cardinalities.reduce((product, cardinality) => product * cardinality, 1);
    const sum = beliefPropagation(graph);
    const max = maxProduct(graph);
    expect(sum.marginals!.values.some(Number.isNaN)).toBe(false);
    if (states > 2 ** 17) return;
    const exact = bruteForce(graph);
    expect(max.map!.score).toBeLessThanOrEqual(exact.bestScore + 1e-9);
    if (sum.bound !== "exact") return;
    expect(sum.logZ).toBeCloseTo(exact.logZ, 9);
    expect(max.map!.score).toBeCloseTo(exact.bestScore, 9);
  });
});
