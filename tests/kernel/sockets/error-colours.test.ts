import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { coloured } from "../../../src/kernel/sockets/error-colours.ts";

const RED = "\u001b[31m";
const DIM = "\u001b[2m";

test("the names and squiggles of errors are red, frames are dim, and the text is what it was", () => {
  const traceback = [
    "cell [3]:1:7 - TypeScriptError TS2322: wrong",
    "> 1 | const x = 'a';",
    "    |       ~~",
    "    at fail (cell [3]:1:7)\n    at cell [3]:2:1",
    "TypeScriptError: wrong",
  ];
  const shown = coloured({ ename: "TypeScriptError", evalue: "wrong", traceback }).traceback;
  expect(shown.map((line) => stripVTControlCharacters(line))).toEqual(traceback);
  expect(shown[0]).toContain(`${RED}TypeScriptError`);
  expect(shown[1]).toBe(traceback[1]);
  expect(shown[2]).toContain(`${RED}~~`);
  expect(shown[3].split(DIM)).toHaveLength(3);
  expect(shown[4].startsWith(`${RED}TypeScriptError`)).toBe(true);
});
