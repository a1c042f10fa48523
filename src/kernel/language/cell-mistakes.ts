/** What TypeScript finds wrong with a cell, as the cell's author is told it. */
import ts from "typescript";

/** A mistake found before the cell runs. */
export interface CellMistake {
  /** TypeScript's number, as in TS2322. */
  readonly code: number;
  readonly message: string;
  /** 1-based, in the cell; the column in UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** Of the underlined text, in UTF-16 units. */
  readonly length: number;
}

/** Reported by TypeScript, yet no reason to refuse a cell. */
const harmless = new Set([
  1543, // JSON imported without { type: "json" }
  2695, // left side of comma operator is unused
  7016, // an untyped JavaScript package: its exports are `any`
  7027, // unreachable code
  7028, // unused label
  7059, // <T>x, and
  7060, // <T>(x: T) => x are reserved in .mts files, which cells are only to TypeScript
]);
const ASSIGNS_IMPORT = 2632;
/** "Relative import paths need explicit file extensions", which cells do not: the module is not there. */
const NEEDS_EXTENSION = [2834, 2835];

const UNKNOWN_NAME = 2304;
/** Mistakes with smaller numbers are of syntax. */
const FIRST_OF_TYPES = 2000;

/** `!ls -l` is the difference of two names to TypeScript. */
const SHELL = /^\s*(!\s?[a-z][\w./-]*(\s+[-\w./~"'*$]|\s*$)|%%?(bash|sh|script)\b)/;

/** What people write who know IPython, and what to write instead; asked only of lines that TypeScript refuses. */
const IPYTHON: readonly (readonly [line: RegExp, instead: string])[] = [
  [
    /^\s*%%?time(it)?\b/,
    'put console.time("cell"); before the code to be timed and console.timeEnd("cell"); behind it',
  ],
  [/^\s*%(cd|pwd)\b/, "use process.chdir(path) and process.cwd()"],
  [/^\s*%(env|set_env)\b/, 'use process.env.NAME = "value"'],
  [SHELL, 'use import { execSync } from "node:child_process"; execSync("command", { stdio: "inherit" })'],
  [/^\s*%(pip|conda|npm)\b/, "install packages in a terminal: npm install name"],
  [/^\s*(\?+\s*[\w$.]+|[\w$.]+\?+)\s*$/, "press Shift-Tab at the name for its type and documentation"],
  [/^\s*%%?\w+/, "cells are TypeScript alone, without magics"],
];
const IPYTHON_NAMES = /^(_{1,3}|_\d+|_i+\d*|Out|In)$/;

/** Another language's habit, told how it is done here. */
function hint(number: number, line: string, marked: string): string {
  if (number === UNKNOWN_NAME && IPYTHON_NAMES.test(marked))
    return " (Results of earlier cells are not kept under such names: give what is needed again a name of its own.)";
  if (number >= FIRST_OF_TYPES && !SHELL.test(line)) return "";
  const known = IPYTHON.find(([pattern]) => pattern.test(line));
  return known ? ` (This is IPython's, not TypeScript: ${known[1]}.)` : "";
}

/**
 * @param cell its code, and where that begins in the file that TypeScript sees
 * @param isOfEarlier whether an earlier cell declares this name
 * @returns undefined for what is no reason to refuse the cell, or is wrong with the header (cell-program.ts)
 */
export function mistakeIn(
  { code, start: begin }: { readonly code: string; readonly start: number },
  { category, code: number, messageText, start: position = begin, length = 1 }: ts.Diagnostic,
  isOfEarlier: (name: string) => boolean,
): CellMistake | undefined {
  const start = position - begin;
  if (category !== ts.DiagnosticCategory.Error || harmless.has(number) || start < 0) return undefined;
  const before = code.slice(0, start).split("\n");
  const marked = code.slice(start, start + length);
  let message = ts.flattenDiagnosticMessageText(messageText, "\n");
  if (number === ASSIGNS_IMPORT && isOfEarlier(marked))
    message = `Cannot assign to '${marked}' because an earlier cell declares it as a constant.`;
  if (NEEDS_EXTENSION.includes(number)) message = `Cannot find module ${marked}.`;
  message = message.replaceAll(/import\("[^"]*\/__cell_\d+__"\)\./g, "");
  message += hint(number, code.split("\n")[before.length - 1], marked);
  return { code: number, message, line: before.length, column: before[before.length - 1].length + 1, length };
}
