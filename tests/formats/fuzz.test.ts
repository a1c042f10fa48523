/**
 * Damaged files: whatever is cut off, changed or put in, a reader answers with a FormatError or with a valid model,
 * quickly and without a large allocation; nothing else may come out.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cnfModel, parseDimacs } from "../../src/formats/dimacs.ts";
import { parseEvidence } from "../../src/formats/evidence.ts";
import { parseFg } from "../../src/formats/fg.ts";
import { FormatError } from "../../src/formats/format-error.ts";
import { parseModelCount } from "../../src/formats/model-counts.ts";
import type { Model } from "../../src/formats/model.ts";
import { parseResults } from "../../src/formats/results.ts";
import { parseUai } from "../../src/formats/uai.ts";
import { factorGraph, scopeOf, tableOf } from "../../src/graph/factor-graph.ts";
import { fixture } from "./fixture.ts";

const limits = { maxEntries: 2000 };

/** Builds the graph anew through the checks for users' input. */
function expectValid({ graph, variableLabels }: Model): void {
  const factors = Array.from({ length: graph.numFactors }, (_, factor) => ({
    variables: scopeOf(graph, factor),
    logPotentials: tableOf(graph, factor),
  }));
  expect(factorGraph(graph.cardinalities, factors)).toEqual(graph);
  if (variableLabels) expect(variableLabels).toHaveLength(graph.numVariables);
}

const model = parseUai(readFileSync(fixture("every-trap.uai"), "utf8"));
const read = (name: string): string => readFileSync(fixture(name), "utf8");

const cases: readonly { name: string; texts: readonly string[]; parse: (text: string) => void }[] = [
  {
    name: ".uai",
    texts: [read("every-trap.uai"), read("zero-constant.uai"), read("query-behind.uai"), read("windows.uai")],
    parse: (text) => expectValid(parseUai(text, "text", limits)),
  },
  {
    name: ".fg",
    texts: [read("sparse-labels.fg"), "1\n\n3\n0 1 2\n2 2 2\n2\n0 1\n7 .5\n"],
    parse: (text) => expectValid(parseFg(text, "text", limits)),
  },
  {
    name: ".cnf",
    texts: [read("weighted.cnf"), read("satlib.cnf")],
    parse: (text) => expectValid(cnfModel(parseDimacs(text, "text", limits), "text", limits)),
  },
  {
    name: ".evid",
    texts: ["3 0 1 1 2 3 0\n", "2\n1 0 1\n2 1 1 3 1\n", ""],
    parse: (text) => {
      for (const [variable, state] of parseEvidence(text, model))
        expect(state < model.graph.cardinalities[variable]).toBe(true);
    },
  },
  {
    name: "results",
    texts: ["PR\n-12.5\n", "MAR\n2 2 0.25 0.75 3 0 1 0\n", "MAP\n1\n3 0 12 1\n", "MAP\n3 0 12 1\n"],
    parse: (text) => {
      const results = parseResults(text);
      if (results.task === "MAR")
        for (const { values, offsets } of results.marginals) {
          expect(offsets.at(-1)).toBe(values.length);
          expect(values.every((value) => value >= 0)).toBe(true);
        }
    },
  },
  {
    name: "model counts",
    texts: ["s SATISFIABLE\nc s type mc\nc s log10-estimate 2.58\nc s exact arb int 384\n", "c s exact arb frac 1/2\n"],
    parse: (text) => expect(parseModelCount(text).logCount).not.toBeNaN(),
  },
];

const inserted = fc.oneof(
  fc.constantFrom(..." \n\t\r\0#%-+.eExcp/0123456789"),
  fc.constantFrom(
    "-1",
    "NaN",
    "inf",
    "1e999",
    "99999999999",
    "2147483647",
    "4294967296",
    "0.5",
    "\ufeff",
    "é",
    "c p show",
  ),
);
const damage = fc.record({ at: fc.nat(), removed: fc.nat({ max: 4 }), inserted });

describe.each(cases)("$name", ({ texts, parse }) => {
  const isAnswered = (text: string): void => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  };

  test("every truncation is read or refused", () => {
    for (const text of texts) for (let length = 0; length <= text.length; length++) isAnswered(text.slice(0, length));
  });

  test("random damage is read or refused", () => {
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(damage, { minLength: 1, maxLength: 4 }), (original, damages) => {
        let text = original;
        for (const { at, removed, inserted } of damages) {
          const position = at % (text.length + 1);
          text = text.slice(0, position) + inserted + text.slice(position + removed);
        }
        isAnswered(text);
      }),
      { numRuns: 3000, seed: 20 },
    );
  });

  test("rubbish is read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => isAnswered(Buffer.from(bytes).toString("latin1"))),
      { numRuns: 500, seed: 21 },
    );
  });
});
