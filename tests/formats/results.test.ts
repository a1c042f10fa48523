import { describe, expect, test } from "vitest";
import { parseResults, resultsText, type Results } from "../../src/formats/results.ts";
import { formatErrorOf } from "./fixture.ts";

const plain = (results: Results): unknown =>
  results.task === "PR"
    ? results.log10Z
    : results.task === "MAR"
      ? results.marginals.map(({ values, offsets }) => [[...values], [...offsets]])
      : results.states.map((states) => [...states]);

describe("parseResults", () => {
  test.each([
    ["PR: log10 Z", "PR\n15.99\n", [15.99]],
    ["PR of Z = 0", "PR\n-inf\n", [-Infinity]],
    ["PR with a number of samples", "PR\n1\n-2.5\n", [-2.5]],
    ["PR of several samples", "PR\n3\n-2.5 1 0\n", [-2.5, 1, 0]],
    ["PR under its older name", "PE 1", [1]],
    ["the last of several answers", "PR\n1\n-BEGIN-\n1\n2\n-BEGIN-\n1\n3.5\n", [3.5]],
    [
      "MAR",
      "MAR\n2 2 0.25 0.75 3 0 1 0\n",
      [
        [
          [0.25, 0.75, 0, 1, 0],
          [0, 2, 5],
        ],
      ],
    ],
    [
      "MAR with a number of samples",
      "MAR\n1\n1 2 0.25 0.75\n",
      [
        [
          [0.25, 0.75],
          [0, 2],
        ],
      ],
    ],
    [
      "MAR of several samples",
      "BEL\n2\n1 1 1\n1 2 0.5 0.5\n",
      [
        [[1], [0, 1]],
        [
          [0.5, 0.5],
          [0, 2],
        ],
      ],
    ],
    ["MAP", "MAP\n3 0 12 1\n", [[0, 12, 1]]],
    ["MAP with a number of samples", "MPE\n1\n3 0 12 1\n", [[0, 12, 1]]],
    [
      "MAP of several samples",
      "MAP\n2\n3 0 0 0\n3 1 1 1\n",
      [
        [0, 0, 0],
        [1, 1, 1],
      ],
    ],
    ["MAP of no variables", "MAP 0", [[]]],
  ])("reads %s", (_, text, expected) => {
    expect(plain(parseResults(text))).toEqual(expected);
  });

  test.each([
    ["", "the file ends, expected the task, one of PR, PE, MAR, BEL, MAP, MPE"],
    ["Z 3", 'text:1:1: got "Z", expected the task'],
    ["PR", "a PR answer of 0 numbers"],
    ["PR 2 3", "text:1:4: a PR answer of 2 numbers"],
    ["PR nan", 'text:1:4: got "nan", expected a number of the PR answer'],
    ["MAP 3 0 1", "text:1:5: got 3 variables, but only 2 numbers follow"],
    ["MAP 2 0 1.5", "text:1:9: got 1.5, expected the state of variable 1, an integer >= 0"],
    ["MAP 3 0 1 1 1", "text:1:13: got 1, expected the end of the file"],
    ["MAR 1 2 0.5", "text:1:9: variable 0 has 2 states, but only 1 numbers follow"],
    ["MAR 1 2 0.5 -0.5", "text:1:13: got -0.5, expected a probability of variable 0"],
    ["MAR 1 2 0.5 7", "got 7, expected a probability"],
    ["MAR 1 4294967296 0.5", "only 1 numbers follow"],
    ["MAR 99999999999 2 1", "text:1:5: got 99999999999 variables"],
    ["MAR inf 2 1", "got Infinity, expected the number of variables"],
  ])("tells %j by line and column", (text, message) => {
    expect(formatErrorOf(() => parseResults(text)).message).toContain(message);
  });
});

describe("resultsText", () => {
  test("takes ln Z and writes log10 Z", () => {
    expect(resultsText({ task: "PR", logZ: 3 * Math.LN10 })).toBe("PR\n3\n");
    expect(resultsText({ task: "PR", logZ: -Infinity })).toBe("PR\n-inf\n");
    expect(() => resultsText({ task: "PR", logZ: NaN })).toThrow("cannot write NaN");
  });

  test("is read back to the last digit", () => {
    const marginals = { values: Float64Array.of(1 / 3, 2 / 3, 1e-300, 1), offsets: Int32Array.of(0, 2, 4) };
    const text = resultsText({ task: "MAR", marginals });
    expect(text).toBe(`MAR\n2 2 ${1 / 3} ${2 / 3} 2 1e-300 1\n`);
    expect(parseResults(text)).toEqual({ task: "MAR", marginals: [marginals] });
    const states = Int32Array.of(0, 5, 1);
    expect(parseResults(resultsText({ task: "MAP", states }))).toEqual({ task: "MAP", states: [states] });
  });
});
