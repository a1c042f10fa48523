/**
 * The exact methods against a plain loop over all states, on thousands of small models with everything that is legal in
 * them.
 */
import { describe, expect, it } from "vitest";
import {
  factorGraph,
  fromArrays,
  logScore,
  scopeOf,
  tableOf,
  type FactorGraph,
} from "../../../src/graph/factor-graph.ts";
import { Random } from "../../../src/graph/random.ts";
import { enumerateFactorGraph } from "../../../src/inference/exact/factor-graph-enumeration.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { eliminateVariables } from "../../../src/inference/exact/variable-elimination.ts";
import { Marginals, type InferenceResult } from "../../../src/inference/result.ts";
import { bruteForce, randomFactorGraph, type BruteForce } from "./random-graphs.ts";

const methods = {
  enumeration: enumerateFactorGraph,
  "junction tree": (graph: FactorGraph) => junctionTree(graph),
  "variable elimination": (graph: FactorGraph) => eliminateVariables(graph, { task: "both" }),
  // 200 bytes hold messages of a few variables only.
  "junction tree, conditioning for want of memory": (graph: FactorGraph) =>
    junctionTree(graph, { memory: 200 / 2 ** 30 }),
  "variable elimination, conditioning for want of memory": (graph: FactorGraph) =>
    eliminateVariables(graph, { task: "both", memory: 50 / 2 ** 30 }),
} as const;

function largestDifference(found: Marginals, expected: number[][]): number {
  let largest = 0;
  expected.forEach((distribution, item) => {
    expect(found.of(item).length).toBe(distribution.length);
    distribution.forEach((value, at) => (largest = Math.max(largest, Math.abs(value - found.of(item)[at]))));
  });
  return largest;
}

/** Relative where numbers are large: scores of a few thousand carry rounding in proportion. */
function expectAgreement(graph: FactorGraph, found: Omit<InferenceResult, "method">, expected: BruteForce): void {
  const tolerance = 1e-12 * (1 + Math.max(...expected.scores.filter(Number.isFinite).map(Math.abs), 0));
  expect(found.bound).toBe("exact");
  if (expected.logZ === -Infinity) {
    expect(found.logZ).toBe(-Infinity);
    expect(found.marginals).toBeUndefined();
    expect(found.factorMarginals).toBeUndefined();
    expect(found.map).toBeUndefined();
    return;
  }
  expect(Math.abs(found.logZ! - expected.logZ)).toBeLessThan(tolerance);
  expect(Math.abs(found.map!.score - expected.maxScore)).toBeLessThan(tolerance);
  expect(found.map!.upperBound).toBe(found.map!.score);
  expect(logScore(graph, found.map!.states)).toBe(found.map!.score);
  if (found.marginals) expect(largestDifference(found.marginals, expected.marginals)).toBeLessThan(tolerance);
  if (found.factorMarginals)
    expect(largestDifference(found.factorMarginals, expected.factorMarginals)).toBeLessThan(tolerance);
}

const settings = [
  { title: "positive factors", zeros: 0, spread: 1.5, count: 250 },
  { title: "some forbidden entries", zeros: 0.1, spread: 1.5, count: 250 },
  { title: "so many forbidden entries that Z is often 0", zeros: 0.4, spread: 1.5, count: 250 },
  { title: "potentials over thousands of orders of magnitude", zeros: 0.1, spread: 600, count: 250 },
];

for (const [name, run] of Object.entries(methods))
  describe(`${name} agrees with a loop over all states`, () => {
    it.each(settings)("on random factor graphs with $title", ({ zeros, spread, count }) => {
      for (let seed = 0; seed < count; seed++) {
        const graph = randomFactorGraph(Random.fromSeed(seed), { zeros, spread });
        expectAgreement(graph, run(graph), bruteForce(graph));
      }
    });

    it.each([
      ["no variables at all", factorGraph([], [])],
      ["a constant alone", factorGraph([], [{ variables: [], potentials: [7] }])],
      ["a constant of 0", factorGraph([2], [{ variables: [], potentials: [0] }])],
      ["isolated variables", factorGraph([3, 1, 2], [])],
      ["a factor of zeros", factorGraph([2, 2], [{ variables: [0, 1], potentials: [0, 0, 0, 0] }])],
      [
        "constraints that leave one state",
        factorGraph(
          [2, 3],
          [
            { variables: [0, 1], potentials: [0, 0, 0, 0, 5, 0] },
            { variables: [1], potentials: [1, 2, 3] },
          ],
        ),
      ],
      [
        "constraints that contradict each other only together",
        factorGraph(
          [2, 2, 2],
          [
            [0, 1],
            [1, 2],
            [0, 2],
          ].map((variables) => ({ variables, potentials: [0, 1, 1, 0] })),
        ),
      ],
      [
        "one variable of more states than a block of the table loop has rows",
        factorGraph(
          [3000, 2, 2],
          [[1, 0], [0, 2], [2, 1], [1]].map((variables) => ({
            variables,
            potentials: Array.from(
              { length: variables.includes(0) ? 6000 : 2 ** variables.length },
              (_, i) => 1 + (i % 7),
            ),
          })),
        ),
      ],
    ])("with %s", (_, graph) => expectAgreement(graph, run(graph), bruteForce(graph)));
  });

describe("products beyond the range of float64", () => {
  it("are exact: two factors that each rule a state out by exp(-800) leave both equally likely", () => {
    const graph = factorGraph(
      [2, 2],
      [
        { variables: [0], logPotentials: [0, -800] },
        { variables: [0, 1], logPotentials: [-800, -800, 0, 0] },
      ],
    );
    const { logZ, marginals } = junctionTree(graph);
    expect(logZ).toBeCloseTo(-800 + Math.log(4), 10);
    expect(marginals!.toArrays()).toEqual([
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
  });

  it("may pile up along a chain of 2000 variables without harm", () => {
    const length = 2000;
    const factors = Array.from({ length: length - 1 }, (_, i) => ({
      variables: [i, i + 1],
      logPotentials: [-300 - i, -500 - i, -500 - i, -299 - i],
    }));
    const { logZ, map } = junctionTree(factorGraph(new Array<number>(length).fill(2), factors));
    const offset = factors.reduce((sum, _, i) => sum - 299 - i, 0);
    // Only the constant states count: every change of state costs a factor exp(-200).
    expect(logZ).toBeCloseTo(offset + Math.log1p(Math.exp(-(length - 1))), 6);
    expect(map!.states.every((state) => state === 1)).toBe(true);
  });
});

describe("the junction tree", () => {
  const graph = randomFactorGraph(Random.fromSeed(11), { maxVariables: 9, zeros: 0.1 });
  const { logZ, marginals } = junctionTree(graph);
  const inputs = Array.from({ length: graph.numFactors }, (_, factor) => ({
    variables: Array.from(scopeOf(graph, factor)),
    logPotentials: tableOf(graph, factor),
  }));

  it("does not depend on the numbering of the variables", () => {
    const renamed = Random.fromSeed(3).permutation(graph.numVariables);
    const cardinalities = new Int32Array(graph.numVariables);
    graph.cardinalities.forEach((cardinality, variable) => (cardinalities[renamed[variable]] = cardinality));
    const again = junctionTree(
      factorGraph(
        cardinalities,
        inputs.map((input) => ({ ...input, variables: input.variables.map((v) => renamed[v]) })),
      ),
    );
    expect(again.logZ).toBeCloseTo(logZ!, 12);
    for (let variable = 0; variable < graph.numVariables; variable++)
      again
        .marginals!.of(renamed[variable])
        .forEach((p, state) => expect(p).toBeCloseTo(marginals!.of(variable)[state], 12));
  });

  it("does not depend on the order of a factor's variables", () => {
    const reversed = inputs.map(({ variables, logPotentials }) => {
      const strides: number[] = [];
      variables.reduce((stride, v) => (strides.push(stride), stride * graph.cardinalities[v]), 1);
      const table = new Float64Array(logPotentials.length);
      logPotentials.forEach((value, index) => {
        let rest = index;
        let to = 0;
        for (let position = variables.length - 1; position >= 0; position--) {
          const cardinality = graph.cardinalities[variables[position]];
          to += (rest % cardinality) * strides[position];
          rest = Math.floor(rest / cardinality);
        }
        table[to] = value;
      });
      return { variables: [...variables].reverse(), logPotentials: table };
    });
    const again = junctionTree(factorGraph(graph.cardinalities, reversed));
    expect(again.logZ).toBeCloseTo(logZ!, 12);
    expect(largestDifference(again.marginals!, marginals!.toArrays())).toBeLessThan(1e-12);
  });

  it("takes a factor times c as ln Z plus ln c", () => {
    const scaled = inputs.map(({ variables, logPotentials }, factor) => ({
      variables,
      logPotentials: logPotentials.map((value) => value + factor - 2),
    }));
    const again = junctionTree(factorGraph(graph.cardinalities, scaled));
    expect(again.logZ).toBeCloseTo(logZ! + inputs.reduce((sum, _, factor) => sum + factor - 2, 0), 10);
    expect(largestDifference(again.marginals!, marginals!.toArrays())).toBeLessThan(1e-12);
  });

  it("leaves the graph it was given untouched", () => {
    const copy = fromArrays(
      graph.cardinalities.slice(),
      graph.scopeOffsets.slice(),
      graph.scopes.slice(),
      graph.tableOffsets.slice(),
      graph.logPotentials.slice(),
    );
    junctionTree(graph);
    expect(graph).toEqual(copy);
  });
});
