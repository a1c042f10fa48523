/**
 * All public files at hand: they parse, agree with their answers' shapes, and survive a passage through our writers.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseDimacs, dimacsText, readCnfModel, readDimacs } from "../../src/formats/dimacs.ts";
import { readEvidence, variableOf } from "../../src/formats/evidence.ts";
import { fgText, parseFg } from "../../src/formats/fg.ts";
import { FormatError } from "../../src/formats/format-error.ts";
import { readModel } from "../../src/formats/read.ts";
import { readResults } from "../../src/formats/results.ts";
import { parseUai, uaiText } from "../../src/formats/uai.ts";
import { condition } from "../../src/graph/condition.ts";
import { needsSharedData, sharedData, sharedFiles } from "./shared-data.ts";

interface Golden {
  readonly n: number;
  readonly factors: number;
  readonly evidence: Readonly<Record<string, number>>;
  readonly variableIds?: readonly number[];
  readonly network?: string;
}

/** The evidence file beside a model, in either way of naming it. */
function evidenceBeside(model: string): string | undefined {
  return [`${model}.evid`, model.replace(/\.[a-z]+$/, ".evid")].find((path) => existsSync(path));
}

describe.skipIf(!sharedData)(`shared data${needsSharedData}`, () => {
  const uaiFiles = [...sharedFiles("uai", ".uai"), ...sharedFiles("golden", ".uai")];

  test("every .uai is read, written and read again with the same bits", () => {
    expect(uaiFiles.length).toBeGreaterThan(40);
    for (const path of uaiFiles) {
      const { graph, network } = readModel(path);
      const again = parseUai(uaiText(graph, network), path);
      expect(again.network).toBe(network);
      expect(again.graph.logPotentials.every((value, index) => value === graph.logPotentials[index])).toBe(true);
      expect(again.graph.scopes).toEqual(graph.scopes);
      expect(again.graph.cardinalities).toEqual(graph.cardinalities);
    }
  });

  test("every .evid is read in its form and fits its model", () => {
    let count = 0;
    for (const path of uaiFiles) {
      const evidencePath = evidenceBeside(path);
      if (evidencePath === undefined) continue;
      const model = readModel(path);
      const evidence = readEvidence(evidencePath, model);
      expect(condition(model.graph, evidence).graph.numVariables).toBe(model.graph.numVariables - evidence.size);
      count++;
    }
    expect(count).toBeGreaterThan(40);
  });

  test("every answer is read and has its model's shape; MAR is one-hot at evidence", () => {
    let count = 0;
    for (const path of uaiFiles)
      for (const task of ["PR", "MAR", "MAP"]) {
        const answerPath = `${path}.${task}`;
        if (!existsSync(answerPath)) continue;
        count++;
        const model = readModel(path);
        const results = readResults(answerPath);
        expect(results.task).toBe(task);
        if (results.task === "PR") expect(results.log10Z).toHaveLength(1);
        else if (results.task === "MAP") {
          expect(results.states[0]).toHaveLength(model.graph.numVariables);
          expect(results.states[0].every((state, i) => state < model.graph.cardinalities[i])).toBe(true);
        } else {
          const { values, offsets } = results.marginals[0];
          model.graph.cardinalities.forEach((cardinality, i) => expect(offsets[i + 1] - offsets[i]).toBe(cardinality));
          for (const [variable, state] of readEvidence(evidenceBeside(path)!, model))
            expect(values[offsets[variable] + state]).toBe(1);
        }
      }
    expect(count).toBeGreaterThanOrEqual(30);
  });

  test("models agree with the goldens in size, labels, evidence and kind of network", () => {
    const goldens = JSON.parse(readFileSync(join(sharedData!, "golden/goldens.json"), "utf8")) as Record<
      string,
      Golden
    >;
    let count = 0;
    for (const [name, golden] of Object.entries(goldens)) {
      const path = join(sharedData!, "golden", name);
      if (!existsSync(path)) continue;
      count++;
      const model = readModel(path);
      expect([name, model.graph.numVariables, model.graph.numFactors]).toEqual([name, golden.n, golden.factors]);
      if (golden.network !== undefined) expect(model.network).toBe(golden.network);
      if (golden.variableIds)
        golden.variableIds.forEach((label, variable) => expect(variableOf(model, label)).toBe(variable));
      const evidencePath = evidenceBeside(path);
      const evidence = evidencePath === undefined ? new Map<number, number>() : readEvidence(evidencePath, model);
      expect([name, Object.fromEntries(evidence)]).toEqual([name, golden.evidence]);
    }
    expect(count).toBeGreaterThanOrEqual(25);
  });

  test("every .fg is read, written and read again with the same bits", () => {
    const files = sharedFiles("golden", ".fg");
    expect(files.length).toBeGreaterThan(8);
    for (const path of files) {
      const model = readModel(path);
      expect(parseFg(fgText(model.graph, model.variableLabels), path)).toEqual(model);
    }
  });

  test("every model counting instance is read whole, and agrees with the table of exact counts in size", () => {
    const rows = readFileSync(join(sharedData!, "cnf/counts.tsv"), "utf8").trim().split("\n").slice(1);
    expect(rows).toHaveLength(557);
    for (const row of rows) {
      const [name, category, , , variables, clauses, longest] = row.split("\t");
      const { formula, warnings } = readDimacs(join(sharedData!, "cnf", category, `${name}.cnf`));
      expect([name, formula.numVariables, formula.numClauses]).toEqual([name, Number(variables), Number(clauses)]);
      expect(warnings).toEqual([]);
      let maxLength = 0;
      for (let clause = 0; clause < formula.numClauses; clause++)
        maxLength = Math.max(maxLength, formula.clauseOffsets[clause + 1] - formula.clauseOffsets[clause]);
      expect(maxLength).toBe(Number(longest));
    }
  });

  test("golden formulas are read as their list of sizes, projections and weights says; what is not real is refused", () => {
    const list = readFileSync(join(sharedData!, "golden/cnf/exact-counts.txt"), "utf8");
    const known = new Map(
      Array.from(list.matchAll(/^(\S+\.cnf) n=(\d+) m=(\d+) show=(\S+)/gm), ([, name, n, m, show]) => [
        name,
        [Number(n), Number(m), show === "None" ? undefined : Number(show)],
      ]),
    );
    const refused: string[] = [];
    let count = 0;
    for (const path of sharedFiles("golden", ".cnf")) {
      const name = basename(path);
      try {
        const { formula, task } = readDimacs(path);
        const expected = known.get(name);
        if (expected !== undefined) {
          count++;
          expect([name, formula.numVariables, formula.numClauses, formula.projection?.length]).toEqual([
            name,
            ...expected,
          ]);
        }
        expect(parseDimacs(dimacsText(formula, task), path).formula).toEqual(formula);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        refused.push(name);
      }
    }
    expect(count).toBeGreaterThan(35);
    expect(refused.sort()).toEqual([
      "ganak-mode13.cnf", // polynomials
      "ganak-mode2_invalid_pureim.cnf", // imaginary
      "ganak-mode2_invalid_spacesepar.cnf", // two numbers
      "ganak-mode2_valid.cnf", // complex
      "ganak-mode3.cnf", // polynomials
      "ganak-mode6.cnf", // complex
    ]);
  });

  test("formulas become factor graphs of one factor a clause, those aside that are always satisfied", () => {
    for (const path of [...sharedFiles("cnf/or_50", ".cnf"), ...sharedFiles("cnf/blasted", ".cnf")]) {
      const { graph } = readCnfModel(path);
      const { formula } = readDimacs(path);
      expect(graph.numVariables).toBe(formula.numVariables);
      let numTautologies = 0;
      for (let clause = 0; clause < formula.numClauses; clause++) {
        const literals = formula.literals.subarray(formula.clauseOffsets[clause], formula.clauseOffsets[clause + 1]);
        if (literals.some((literal) => literals.includes(-literal))) numTautologies++;
      }
      expect(graph.numFactors).toBe(formula.numClauses - numTautologies);
    }
  });
});
