import { describe, expect, test } from "vitest";
import { cnfModel, dimacsText, parseDimacs, readCnfModel, readDimacs } from "../../src/formats/dimacs.ts";
import { modelCountText, parseModelCount } from "../../src/formats/model-counts.ts";
import { randomCnf } from "../../src/graph/generators/random-factors.ts";
import { Random } from "../../src/graph/random.ts";
import { bruteForce } from "../graph/brute-force.ts";
import { fixture, formatErrorOf } from "./fixture.ts";

describe("readDimacs", () => {
  test("reads to the end of the file, whatever the header's number of clauses, and warns", () => {
    const path = fixture("weighted.cnf");
    const { formula, warnings, announcedClauses } = readDimacs(path);
    expect([...formula.clauseOffsets]).toEqual([0, 3, 5, 7, 8]);
    expect([...formula.literals]).toEqual([1, -2, 3, -1, 4, 2, 3, -4]);
    expect(announcedClauses).toBe(2);
    expect(warnings).toEqual([`${path}: the header announces 2 clauses, the file has 4`]);
  });

  test("reads weights as fractions and exponents, completes a missing one to 1, joins lines of c p show", () => {
    const { formula, task } = readDimacs(fixture("weighted.cnf"));
    expect(task).toBe("pwmc");
    expect([...formula.weights!]).toEqual([0.75, 0.25, 0.5, 0.25, 1, 1, 1, 1]);
    expect([...formula.projection!]).toEqual([0, 1, 3]);
    expect([...formula.independentSupport!]).toEqual([0, 2]);
  });

  test('stops at the "%" of SATLIB files', () => {
    expect(readDimacs(fixture("satlib.cnf")).formula.numClauses).toBe(2);
    expect(readDimacs(fixture("satlib.cnf")).warnings).toEqual([]);
  });

  test("a formula without weights, projection or clauses has none", () => {
    const { formula } = parseDimacs("p cnf 3 0\n");
    expect(formula).toEqual({
      numVariables: 3,
      numClauses: 0,
      clauseOffsets: Int32Array.of(0),
      literals: new Int32Array(0),
    });
  });

  test.each([
    ["", 'the file ends, expected the header "p cnf VARIABLES CLAUSES"'],
    ["1 2 0\np cnf 2 1\n", 'text:1:1: got "1", expected the header "p cnf'],
    ["p wcnf 2 1\n", 'text:1:3: got "wcnf", expected "cnf"'],
    ["p cnf x 1\n", 'text:1:7: got "x", expected the number of variables'],
    ["p cnf 2 1\np cnf 2 1\n", "text:2:1: a second header"],
    ["p cnf 2 1\n1 3 0\n", 'text:2:3: got "3", expected a literal from 1 to 2 (the header\'s variables)'],
    ["p cnf 2 1\n1 -3 0\n", 'text:2:3: got "-3"'],
    ["p cnf 2 1\n1 1.5 0\n", 'text:2:3: got "1.5"'],
    ["p cnf 2 1\n1 x 0\n", 'text:2:3: got "x", expected a literal'],
    ["p cnf 2 2\n1 0\n1\n2\n", "text:5:1: the file ends, expected the 0 that closes the clause begun in line 3"],
    ["p cnf 2 0\nc p weight 1 1/2+1i 0\n", 'text:2:14: got "1/2+1i", expected a real weight'],
    ["p cnf 2 0\nc p weight 1 1/0 0\n", "expected a real weight"],
    ["p cnf 2 0\nc p weight 1 4 3 0\n", 'text:2:16: got "3", expected 0 or the end of the line'],
    ["p cnf 2 0\nc p weight 1\n", "text:2:12: the line ends, expected the weight of literal 1"],
    ["p cnf 2 0\nc p weight\n", "expected a literal and its weight"],
    ["p cnf 2 0\nc p weight 1 .5\nc p weight 1 .6\n", "text:3:14: literal 1 has weight 0.5 and weight 0.6"],
    ["c p weight 3 .5 0\np cnf 2 0\n", "text:1:12: got variable 3, expected 1 to 2"],
    ["c p show 1 9 0\np cnf 2 0\n", "text:1:12: got variable 9, expected 1 to 2"],
    ["p cnf 2 0\nc p show 1 0 2\n", 'text:2:14: got "2", expected the end of the line after 0'],
    ["p cnf 2000000000 0\n", "variables have more states than maxEntries"],
    ["p cnf 2 0\n%\n0\nmore", 'text:4:1: got "more"'],
  ])("tells %j by line and column", (text, message) => {
    expect(formatErrorOf(() => parseDimacs(text)).message).toContain(message);
  });
});

describe("readCnfModel", () => {
  test("Z is the weighted count over all variables; the projection is said not to be taken in", () => {
    const { graph, variableLabels, warnings } = readCnfModel(fixture("weighted.cnf"));
    expect([...variableLabels!]).toEqual([1, 2, 3, 4]);
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain("the projection (c p show) is not taken in");
    // -4 and (-1 or 4) leave 1 = 0; then (-2 or 3) and (2 or 3): 3 = 1, 2 free. .75 * (.5 + .25) = .5625
    expect(bruteForce(graph).z).toBeCloseTo(0.5625, 12);
  });

  test("says where auxiliary variables begin", () => {
    const dimacs = parseDimacs("p cnf 5 1\n1 2 3 4 5 0\n");
    expect(cnfModel(dimacs).firstAuxiliaryVariable).toBeUndefined();
    const model = cnfModel(dimacs, "text", { maxArity: 3 });
    expect(model.firstAuxiliaryVariable).toBe(5);
    expect(bruteForce(model.graph).z).toBeCloseTo(31, 9);
  });

  test("a signed weight is a FormatError", () => {
    const error = formatErrorOf(() => cnfModel(parseDimacs("p cnf 1 0\nc p weight 1 -2 0\n")));
    expect(error.message).toContain("literal 1 has weight -2; a factor graph needs finite weights >= 0");
  });
});

test("dimacsText is read back as the same formula", () => {
  const plain = randomCnf(30, 100, 4, Random.fromSeed(1));
  expect(parseDimacs(dimacsText(plain)).formula).toEqual(plain);
  const { formula, task } = readDimacs(fixture("weighted.cnf"));
  expect(parseDimacs(dimacsText(formula, task))).toMatchObject({ formula, task: "pwmc", warnings: [] });
  const empty = parseDimacs("p cnf 1 1\n0\n").formula;
  expect(parseDimacs(dimacsText(empty)).formula).toEqual(empty);
});

describe("parseModelCount", () => {
  test.each([
    ["s SATISFIABLE\nc s type mc\nc s log10-estimate 2.58\nc s exact arb int 384\n", Math.log(384), 384n],
    ["s UNSATISFIABLE\n", -Infinity, 0n],
    ["c s exact arb frac 1/2\n", Math.log(0.5), undefined],
    ["c o exact quadruple float 1.20000000e+03\n", Math.log(1200), undefined],
    ["c s exact double prec-sci 1.5e+400\n", Math.log(1.5) + 400 * Math.LN10, undefined],
    ["c s log10-estimate 3\n", 3 * Math.LN10, undefined],
    ["s SATISFIABLE\nc s log10-estimate -inf\n", -Infinity, undefined],
    [`c s exact arb int 1${"0".repeat(5000)}\n`, 5000 * Math.LN10, 10n ** 5000n],
  ])("reads %j", (text, logCount, count) => {
    const answer = parseModelCount(text);
    if (Number.isFinite(logCount)) expect(answer.logCount / logCount).toBeCloseTo(1, 12);
    else expect(answer.logCount).toBe(logCount);
    expect(answer.count).toBe(count);
  });

  test.each([
    ["", "expected a count"],
    ["s MAYBE\n", 'text:1:3: got "MAYBE"'],
    ["c s exact arb int 1.5\n", 'text:1:19: got "1.5", expected a count, an integer >= 0'],
    ["c s exact arb float x\n", 'text:1:21: got "x", expected a count'],
    ["c s exact arb float -3\n", "expected a number >= 0"],
  ])("tells %j", (text, message) => {
    expect(formatErrorOf(() => parseModelCount(text)).message).toContain(message);
  });

  test("reads what modelCountText writes", () => {
    for (const text of [
      "s SATISFIABLE\nc s type mc\nc s exact arb int 384\n",
      "s UNSATISFIABLE\nc s exact arb int 0\n",
    ]) {
      const answer = parseModelCount(text);
      expect(parseModelCount(modelCountText(answer))).toEqual(answer);
    }
  });
});
