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
  return { code: number, message, line: before.length, column: before[before.length - 1].length + 1, length };
}
