import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readDimacs } from "../../src/formats/dimacs.ts";
import { readFg } from "../../src/formats/fg.ts";
import { Tokenizer } from "../../src/formats/tokenizer.ts";
import { formatErrorOf, inTemporaryFolder } from "./fixture.ts";

/** Longer than the reading buffer. */
const LONG = 2 ** 20 + 5;

/** Every word with its place. */
const placesOf = (tokens: Tokenizer): string[] => {
  const places: string[] = [];
  while (tokens.advance()) places.push(`${tokens.word}@${tokens.line}:${tokens.column}`);
  return places;
};

describe("Tokenizer", () => {
  test("knows line and column of every word, tabs and Windows line ends counted as bytes", () => {
    const text = "\ufeffab  c\r\n\r\n\td\n e";
    expect(Tokenizer.readText(text, "t", placesOf)).toEqual(["ab@1:1", "c@1:5", "d@3:2", "e@4:2"]);
  });

  test("places stay right behind blanks, comments and words at a chunk's end", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "long");
      for (const filler of [" ".repeat(LONG), `#${"x".repeat(LONG)}`, `${"\n".repeat(LONG - 1)} `])
        for (const shift of [0, 3, 4, 5, 6, 7]) {
          const text = `${"a".repeat(shift)} ${filler}\nword 2`;
          writeFileSync(path, text);
          const expected = Tokenizer.readText(text, "t", placesOf, true);
          expect(Tokenizer.readFile(path, placesOf, true)).toEqual(expected);
          expect(expected.at(-1)).toBe(`2@${text.split("\n").length}:6`);
        }
    });
  });

  test("a word across a chunk's end is one word", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "words");
      for (let shift = 0; shift < 12; shift++) {
        writeFileSync(path, `${" ".repeat(2 ** 20 - shift)}123456789 end`);
        expect(Tokenizer.readFile(path, placesOf)).toEqual([
          `123456789@1:${2 ** 20 - shift + 1}`,
          `end@1:${2 ** 20 - shift + 11}`,
        ]);
      }
    });
  });

  test("an empty file and one of blanks have no words", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "empty");
      for (const text of ["", " \n"]) {
        writeFileSync(path, text);
        expect(Tokenizer.readFile(path, placesOf)).toEqual([]);
      }
    });
  });
});

describe("line-wise readers", () => {
  test("comments and weight lines longer than a chunk, or at its end, are read whole", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "long.cnf");
      const rest = "c p weight 1 1/4 0\nc p show 1 0\n1 2 0\n";
      for (let shift = 0; shift < rest.length; shift++) {
        writeFileSync(path, `p cnf 2 1\nc ${"- ".repeat(2 ** 19).slice(0, 2 ** 20 - 13 - shift)}\n${rest}`);
        const { formula, warnings } = readDimacs(path);
        expect([...formula.weights!]).toEqual([0.75, 0.25, 1, 1]);
        expect([...formula.projection!]).toEqual([0]);
        expect([...formula.literals]).toEqual([1, 2]);
        expect(warnings).toEqual([]);
      }
      const fg = join(folder, "long.fg");
      writeFileSync(fg, `#${"-".repeat(LONG)}\n1 #${"-".repeat(LONG)}\n\n1\n0\n2\n1\n0 1 #`);
      expect(readFg(fg).graph.numFactors).toBe(1);
    });
  });

  test("an error far down the file has its place", () => {
    inTemporaryFolder((folder) => {
      const path = join(folder, "late.cnf");
      writeFileSync(path, `p cnf 2 400000\n${"1 -2 0\n".repeat(400000)} 1 x 0\n`);
      const error = formatErrorOf(() => readDimacs(path));
      expect([error.line, error.column, error.file]).toEqual([400002, 4, path]);
    });
  });
});
