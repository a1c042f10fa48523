import { describe, expect, test } from "vitest";
import { fgText, parseFg, readFg } from "../../src/formats/fg.ts";
import { parseUai, uaiText } from "../../src/formats/uai.ts";
import { factorGraph, logScore } from "../../src/graph/factor-graph.ts";
import { randomFactorGraph } from "../../src/graph/generators/random-factors.ts";
import { Random } from "../../src/graph/random.ts";
import { jointStates } from "../graph/brute-force.ts";
import { fixture, formatErrorOf } from "./fixture.ts";

describe("readFg", () => {
  test("takes the FIRST variable as the fastest, unlisted entries as 0, labels in increasing order", () => {
    const { graph, variableLabels } = readFg(fixture("sparse-labels.fg"));
    expect([...variableLabels!]).toEqual([1, 3, 10]);
    expect([...graph.cardinalities]).toEqual([3, 2, 2]);
    // Factor 0 over (10, 1): index = x10 + 2 x1.
    const listed = [
      [1, 2],
      [0, 0],
      [5, 6],
    ];
    for (const [x1, x3, x10] of jointStates(graph.cardinalities))
      expect(Math.exp(logScore(graph, [x1, x3, x10]))).toBeCloseTo(listed[x1][x10] * [0.25, 0.5][x3], 12);
  });

  test("labels 0, 1, 2, ... need no table of labels", () => {
    expect(parseFg("1\n\n1\n0\n2\n2\n0 1\n1 1\n").variableLabels).toBeUndefined();
  });

  test("reads a factor without variables, and a factor of zeros", () => {
    const { graph } = parseFg("2\n\n0\n\n\n1\n0 2.5\n\n1\n0\n2\n0\n");
    expect(graph.logPotentials[0]).toBe(Math.log(2.5));
    expect([...graph.logPotentials.subarray(1)]).toEqual([-Infinity, -Infinity]);
  });
});

describe("malformed .fg files are told by line and column", () => {
  test.each([
    ["", "the file ends, expected the number of factors"],
    ["# nothing\n", "expected the number of factors"],
    ["9\n1 0 2 1 0 1", 'text:1:1: got "9", expected at most'],
    ["1\n2\n0 0\n2 2\n1\n0 1\n", "text:3:3: factor 0 names variable 0 twice"],
    ["2\n1\n0\n2\n1\n0 1\n1\n0\n3\n1\n0 1\n", "text:9:1: factor 1 gives variable 0 3 states, but it had 2"],
    ["1\n1\n0\n2\n2\n0 1\n0 1\n", "text:7:1: factor 0 lists entry 0 twice"],
    [
      "1\n1\n0\n2\n1\n2 1\n",
      'text:6:1: got "2", expected an entry\'s index in the table of factor 0, an integer from 0 to 1',
    ],
    [
      "1\n1\n0\n2\n3\n0 1\n1 1\n1 1",
      'text:5:1: got "3", expected the number of listed entries of factor 0, an integer from 0 to 2',
    ],
    ["1\n1\n0\n2\n1\n1 -1\n", 'text:6:3: got "-1", expected entry 1 of factor 0, a finite number >= 0'],
    ["1\n1\n0\n2\n2\n0 1\n", "expected at most"],
    ["1\n1\n0\n2\n1\n0 1\n7\n", 'text:7:1: got "7", expected the end of the file after the last of 1 factors'],
  ])("%j", (text, message) => {
    expect(formatErrorOf(() => parseFg(text)).message).toContain(message);
  });

  test("a gigantic table that the file need not spell out is refused before it is made", () => {
    const labels = Array.from({ length: 50 }, (_, i) => i).join(" ");
    const text = `1\n50\n${labels}\n${"2 ".repeat(50)}\n0\n`;
    expect(formatErrorOf(() => parseFg(text)).message).toContain("needs a table of 1125899906842624 entries");
  });
});

describe("fgText", () => {
  test("and .uai describe the same model, through any number of passages", () => {
    const random = randomFactorGraph(
      { numVariables: 5, numFactors: 8, arity: 3, cardinality: 3, strength: 1 },
      Random.fromSeed(2),
    );
    const { graph } = parseUai(uaiText(random));
    const back = parseUai(uaiText(parseFg(fgText(graph)).graph)).graph;
    expect(back).toEqual(graph);
  });

  test("keeps labels", () => {
    const { graph, variableLabels } = readFg(fixture("sparse-labels.fg"));
    const text = fgText(graph, variableLabels);
    expect(text).toContain("\n10 1\n2 3\n4\n");
    expect(parseFg(text)).toEqual({ graph, variableLabels, warnings: [] });
  });

  test("says that it cannot name a variable in no factor", () => {
    expect(() => fgText(factorGraph([2], []))).toThrow("variable 0 is in no factor");
  });
});
