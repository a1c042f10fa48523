import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  evidenceText,
  parseEvidence,
  readEvidence,
  readEvidenceSamples,
  writeEvidence,
} from "../../src/formats/evidence.ts";
import { readFg } from "../../src/formats/fg.ts";
import { parseUai } from "../../src/formats/uai.ts";
import { fixture, formatErrorOf, inTemporaryFolder } from "./fixture.ts";

describe("parseEvidence", () => {
  test.each([
    [
      "the newer form",
      "2 3 1 0 2",
      [
        [3, 1],
        [0, 2],
      ],
    ],
    [
      "the older form, one sample",
      "1\n2 3 1 0 2\n",
      [
        [3, 1],
        [0, 2],
      ],
    ],
    ["one pair in the newer form, which is no sample of 6 pairs", "1 6 0\r\n", [[6, 0]]],
    ["pairs on lines of their own", "1\n1 0\n\n", [[1, 0]]],
    ["an empty file", "", []],
    ["white space only", " \n\n", []],
    ["a 0", "0", []],
    ["a 0 with a pair left behind", "0\n2 0\n\n", []],
    ["the older form without evidence", "1\n0\n", []],
    ["the same observation twice", "2 1 0 1 0", [[1, 0]]],
  ] as const)("reads %s", (_, text, expected) => {
    expect([...parseEvidence(text)]).toEqual(expected);
  });

  test.each([
    ["1 6", "text:1:1: the count 1 does not fit the 1 numbers after it"],
    ["2 1 0 1", "text:1:1: the count 2 does not fit the 3 numbers after it"],
    ["1 1 0 1 1 1", "expected the end of the file"],
    ["1 x 0", 'text:1:3: got "x", expected a variable, a state or a count of the evidence'],
    ["1 2 -1", 'text:1:5: got "-1", expected a variable, a state or a count of the evidence, an integer >= 0'],
    ["1 2 0.5", 'text:1:5: got "0.5"'],
    ["1\n2\nnan", 'text:3:1: got "nan"'],
    ["2 1 0 1 1", "text:1:7: variable 1 is observed in state 0 and in state 1"],
    ["99999999999999 1 0", "does not fit the 2 numbers after it"],
  ])("tells %j by line and column", (text, message) => {
    expect(formatErrorOf(() => parseEvidence(text)).message).toContain(message);
  });

  test("given the model, tells a variable or state that it does not have", () => {
    const model = parseUai("MARKOV 2 2 3 0");
    expect([...parseEvidence("1 1 2", model)]).toEqual([[1, 2]]);
    expect(formatErrorOf(() => parseEvidence("1 2 0", model)).message).toBe(
      "text:1:3: the model has no variable 2, expected 0 to 1",
    );
    expect(formatErrorOf(() => parseEvidence("1 1 3", model)).message).toBe(
      "text:1:5: variable 1 has no state 3, expected 0 to 2",
    );
  });

  test("names variables as the model's file does", () => {
    const model = readFg(fixture("sparse-labels.fg"));
    expect([...parseEvidence("2 10 1 1 2", model)]).toEqual([
      [2, 1],
      [0, 2],
    ]);
    expect(formatErrorOf(() => parseEvidence("1 2 0", model)).message).toBe("text:1:3: the model has no variable 2");
  });

  test("several samples are read by their own reader, and refused by the other", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "samples.evid");
      writeFileSync(path, "3\n1 0 1\n2 0 0 1 1\n0\n");
      expect(readEvidenceSamples(path).map((sample) => [...sample])).toEqual([
        [[0, 1]],
        [
          [0, 0],
          [1, 1],
        ],
        [],
      ]);
      expect(formatErrorOf(() => readEvidence(path)).message).toContain("holds 3 samples of evidence, expected one");
    });
  });
});

test("what writeEvidence writes is read back, no evidence too", () => {
  inTemporaryFolder((folder) => {
    const path = join(folder, "model.evid");
    for (const evidence of [
      new Map([
        [7, 1],
        [2, 0],
      ]),
      new Map<number, number>(),
    ]) {
      writeEvidence(path, evidence);
      expect(new Map(readEvidence(path))).toEqual(evidence);
    }
  });
  expect(
    evidenceText(
      new Map([
        [7, 1],
        [2, 0],
      ]),
    ),
  ).toBe("2 2 0 7 1\n");
});
