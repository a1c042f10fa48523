import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readModel } from "../../src/formats/read.ts";
import { parseUai, readUai, uaiText, writeUai } from "../../src/formats/uai.ts";
import { factorGraph, logScore, scopeOf, tableOf } from "../../src/graph/factor-graph.ts";
import { randomFactorGraph } from "../../src/graph/generators/random-factors.ts";
import { Random } from "../../src/graph/random.ts";
import { fixture, formatErrorOf, inTemporaryFolder } from "./fixture.ts";

const small = "MARKOV\n2\n2 3\n2\n1 0\n2 0 1\n2 0.5 0.5\n6\n1 2 3\n4 5 6\n";

describe("readUai", () => {
  test("takes the last variable of a scope as the fastest", () => {
    const { graph } = parseUai(small);
    expect(Math.exp(logScore(graph, [0, 2]))).toBeCloseTo(1.5, 12);
    expect(Math.exp(logScore(graph, [1, 0]))).toBeCloseTo(2, 12);
  });

  test("reads every legal oddity: constants, one-state variables, signs, exponents, numbers below the range of doubles", () => {
    const { graph, network } = readUai(fixture("every-trap.uai"));
    expect(network).toBe("MARKOV");
    expect([...graph.cardinalities]).toEqual([2, 3, 1, 2]);
    expect([...scopeOf(graph, 0)]).toEqual([1, 0]);
    expect(scopeOf(graph, 1)).toHaveLength(0);
    expect([...tableOf(graph, 1)]).toEqual([Math.log(2.5)]);
    expect([...tableOf(graph, 2)]).toEqual([-Infinity, 0]);
    expect(tableOf(graph, 4)[0]).toBeCloseTo(-400 * Math.LN10, 10);
    expect([...tableOf(graph, 5)]).toEqual([0, Math.log(0.3333333333333333), Math.log(7), Math.log(100)]);
  });

  test("reads a byte order mark and Windows line ends", () => {
    const { graph, network } = readUai(fixture("windows.uai"));
    expect(network).toBe("BAYES");
    expect([...tableOf(graph, 1)].map(Math.exp)).toEqual(
      [0.5, 0.5, 0.1, 0.9].map((p) => expect.closeTo(p, 12) as number),
    );
  });

  test("reads a zero in a factor without variables literally: Z = 0", () => {
    const { graph } = readUai(fixture("zero-constant.uai"));
    expect(graph.numFactors).toBe(3);
    expect(logScore(graph, [0])).toBe(-Infinity);
    expect(logScore(graph, [1])).toBe(-Infinity);
  });

  test("leaves out lists of integers behind the last table, with a warning that says where", () => {
    const path = fixture("query-behind.uai");
    const { graph, warnings } = readUai(path);
    expect(graph.numFactors).toBe(1);
    expect(warnings).toEqual([`${path}:9: left out 6 integers after the last table`]);
  });

  test("a model without variables or factors is legal", () => {
    expect(parseUai("MARKOV 0 0").graph.numVariables).toBe(0);
    expect(parseUai("MARKOV\n2\n2 2\n0\n").graph.numFactors).toBe(0);
  });

  test("numbers are rounded correctly, short and long ones", () => {
    const random = Random.fromSeed(0);
    const texts = [
      "0.1",
      "123456789012345678",
      "9007199254740993",
      "0.30000000000000004",
      "4.35",
      "1e22",
      "1e23",
      "8.5e-5",
    ];
    for (let i = 0; i < 2000; i++)
      texts.push(String(random.uniform() * 10 ** random.integer(40)), random.uniform().toFixed(random.integer(20)));
    const text = `MARKOV 1 ${texts.length} 1 1 0 ${texts.length} ${texts.join(" ")}`;
    const { graph } = parseUai(text);
    texts.forEach((word, index) => expect(graph.logPotentials[index]).toBe(Math.log(Number(word))));
  });

  test("a file larger than the reading buffer is the same, wherever words fall across its chunks", () => {
    inTemporaryFolder((folder) => {
      const random = randomFactorGraph(
        { numVariables: 400, numFactors: 600, arity: 3, cardinality: 5, strength: 3 },
        Random.fromSeed(1),
      );
      const text = uaiText(random);
      const { graph } = parseUai(text);
      expect(text.length).toBeGreaterThan(1.2 * 2 ** 20);
      // Shifting the text byte by byte moves the chunk's end over every position of a word.
      for (let shift = 0; shift < 24; shift++) {
        const path = join(folder, `${shift}.uai`);
        writeFileSync(path, " ".repeat(shift) + text);
        const { logPotentials } = readUai(path).graph;
        expect(logPotentials.every((value, index) => value === graph.logPotentials[index])).toBe(true);
      }
      const path = join(folder, "packed.uai.gz");
      writeFileSync(path, gzipSync(text));
      expect(readModel(path).graph).toEqual(graph);
    });
  });

  test("a gzipped file that unfolds beyond the limit is refused before it fills the memory, with the option to raise it", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "bomb.uai.gz");
      writeFileSync(path, gzipSync(Buffer.alloc(2 ** 21, 32)));
      process.env.MARGINALIA_MAX_UNPACKED_MB = "1";
      try {
        expect(() => readModel(path)).toThrow(
          /cannot be unpacked: it unpacks to more than 1 MB; unpack it first, or raise MARGINALIA_MAX_UNPACKED_MB/,
        );
      } finally {
        delete process.env.MARGINALIA_MAX_UNPACKED_MB;
      }
      expect(() => readModel(path)).toThrow(/expected "MARKOV" or "BAYES"/);
    });
  });
});

describe("malformed .uai files are told by line and column", () => {
  test.each([
    ["", 'text:1:1: the file ends, expected "MARKOV" or "BAYES"'],
    ["MARKOW\n1", 'text:1:1: got "MARKOW", expected "MARKOV" or "BAYES"'],
    ["MARKOV\n", "text:2:1: the file ends, expected the number of variables"],
    ["MARKOV\n-1\n", 'text:2:1: got "-1", expected the number of variables, an integer from 0'],
    ["MARKOV\n2.0\n2 2\n0", 'text:2:1: got "2.0", expected the number of variables'],
    ["MARKOV\n2\n2 x\n0\n", 'text:3:3: got "x", expected the cardinality of variable 1, an integer from 1'],
    ["MARKOV\n2\n2 0\n0\n", 'text:3:3: got "0", expected the cardinality of variable 1'],
    ["MARKOV\n4\n2 2\n", 'text:2:1: got "4", expected at most 3 variables'],
    ["MARKOV\n4000000000\n2 2\n", 'text:2:1: got "4000000000", expected the number of variables'],
    ["MARKOV\n2\n2 2\n9 1 0 2 1 1\n", 'text:4:1: got "9", expected at most 6 factors'],
    [
      "MARKOV\n1\n2\n1\n1 1\n2 1 1\n",
      'text:5:3: got "1", expected variable 0 of the scope of factor 0, an integer from 0 to 0',
    ],
    ["MARKOV\n2\n2 2\n1\n2 1 1\n4 1 1 1 1\n", "text:5:5: factor 0 names variable 1 twice"],
    [
      "MARKOV\n1\n2\n1\n3 0 0 0\n8 1 1 1 1 1 1 1 1\n",
      'text:5:1: got "3", expected the number of variables of factor 0, an integer from 0 to 1',
    ],
    [
      "MARKOV\n2\n2 2\n1\n2 0 1\n3 1 1 1 1\n",
      'text:6:1: got "3", expected 4, the table length of factor 0 over variables (0, 1)',
    ],
    [
      "MARKOV\n1\n2\n1\n1 0\n2 1 -0.5\n",
      'text:6:5: got "-0.5", expected entry 1 of factor 0 over variables (0), a finite number >= 0 (2 entries)',
    ],
    ["MARKOV\n1\n2\n1\n1 0\n2 nan 1\n", 'text:6:3: got "nan", expected entry 0 of factor 0'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 inf\n", 'text:6:5: got "inf", expected entry 1'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 0x10\n", 'got "0x10", expected entry 1'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 1e\n", 'got "1e", expected entry 1'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 1.2.3\n", 'got "1.2.3", expected entry 1'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1\n", "text:7:1: the file ends, expected entry 1 of factor 0 over variables (0)"],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 1 1\n", 'text:6:7: got "1", expected the end of the file after the last table'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 1\nmore\n", 'text:7:1: got "more", expected the end of the file after the last table'],
    ["MARKOV\n1\n2\n1\n1 0\n2 1 1\n2 0.5 0.5\n", 'text:7:3: got "0.5", expected the end of the file'],
  ])("%j", (text, message) => {
    const error = formatErrorOf(() => parseUai(text));
    expect(error.message).toContain(message);
    expect(error.file).toBe("text");
  });

  test("a table larger than the file is refused before anything is reserved for it", () => {
    const scope = Array.from({ length: 60 }, (_, i) => i).join(" ");
    const text = `MARKOV\n60\n${"9 ".repeat(60)}\n1\n60 ${scope}\n${9 ** 20} 1 1 1`;
    expect(formatErrorOf(() => parseUai(text)).message).toMatch(
      /factor 0 of 60 variables needs a table of 1.79\S+e\+57 entries/,
    );
    const states = formatErrorOf(() => parseUai("MARKOV\n2\n2000000000 2000000000\n0\n"));
    expect(states.message).toContain(
      "text:3:1: variables 0 to 0 have 2000000000 states together, more than maxEntries",
    );
  });

  test("binary rubbish and endless words are no numbers", () => {
    expect(formatErrorOf(() => parseUai("MARKOV \u0000\u0001")).message).toContain("expected the number of variables");
    expect(formatErrorOf(() => parseUai(`MARKOV ${"1".repeat(1 << 17)}`)).message).toContain("a word of more than");
  });

  test("a broken archive is a FormatError", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "broken.uai.gz");
      writeFileSync(path, "MARKOV");
      expect(formatErrorOf(() => readModel(path)).message).toContain("cannot be unpacked");
    });
  });

  test("an unknown ending is answered with those that are known", () => {
    expect(formatErrorOf(() => readModel("model.xml")).message).toContain(".uai, .erg, .fg, .cnf");
  });
});

describe("writeUai", () => {
  const odd = factorGraph(
    [2, 1, 3],
    [
      { variables: [2, 0], logPotentials: [0, -Infinity, -1e-9, 1e-9, Math.log(1 / 3), 5] },
      { variables: [], logPotentials: [-Infinity] },
      { variables: [], logPotentials: [1234.5] },
      { variables: [0], logPotentials: [-5000, -708.5] },
      { variables: [1], logPotentials: [709.9] },
    ],
  );

  test("is read back as the same graph, isolated variables, constants and Z = 0 included", () => {
    const { graph } = parseUai(uaiText(odd));
    expect({ ...graph, logPotentials: undefined }).toEqual({ ...odd, logPotentials: undefined });
    odd.logPotentials.forEach((expected, index) => {
      // ln of a double near 1 cannot be finer than the double: 2^-53. Elsewhere the value itself has 15 digits or more.
      if (expected === -Infinity) expect(graph.logPotentials[index]).toBe(-Infinity);
      else
        expect(Math.abs(graph.logPotentials[index] - expected)).toBeLessThanOrEqual(
          2 ** -52 * Math.max(1, Math.abs(expected)),
        );
    });
  });

  test("what was read is written with the same numbers, so that reading it again gives the same bits", () => {
    for (const name of ["every-trap.uai", "windows.uai", "zero-constant.uai"]) {
      const { graph, network } = readUai(fixture(name));
      const text = uaiText(graph, network);
      const again = parseUai(text);
      expect(again.graph).toEqual(graph);
      expect(uaiText(again.graph, again.network)).toBe(text);
    }
    expect(uaiText(parseUai(small).graph)).toContain(" 0.5 0.5\n");
    expect(uaiText(parseUai(small).graph)).toContain(" 1 2 3\n 4 5 6\n");
  });

  test("random potentials of every size come back to the last digit that a double allows", () => {
    const random = Random.fromSeed(4);
    const logPotentials = Float64Array.from({ length: 4000 }, () => random.normal() * 10 ** random.integer(5));
    const { graph } = parseUai(uaiText(factorGraph([4000], [{ variables: [0], logPotentials }])));
    logPotentials.forEach((expected, index) =>
      expect(Math.abs(graph.logPotentials[index] - expected)).toBeLessThanOrEqual(
        2 ** -52 * Math.max(1, Math.abs(expected)),
      ),
    );
  });

  test("leaves no half file: on an error the old one stays", () => {
    const folder = mkdtempSync(join(tmpdir(), "marginalia-formats-"));
    const path = join(folder, "model.uai");
    writeUai(path, odd);
    const broken = factorGraph([2], [{ variables: [0], potentials: [1, 1] }]);
    broken.logPotentials[1] = NaN;
    expect(() => writeUai(path, broken)).toThrow("cannot write ln potential NaN");
    expect(readdirSync(folder)).toEqual(["model.uai"]);
    expect(readUai(path).graph.numVariables).toBe(3);
    rmSync(folder, { recursive: true });
  });
});
