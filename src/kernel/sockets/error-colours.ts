/**
 * The ANSI colours of a traceback, as front ends show them: the error's name red, squiggles red, frames of the stack
 * dim.
 */
import { styleText } from "node:util";
import type { CellError } from "../protocol/threads.ts";

const FRAME = /^\s+at /;
/** The last line of an excerpt: see excerpt.ts. */
const UNDERLINE = /^(\s+\| \s*)(\^|~+)$/;

type Style = Parameters<typeof styleText>[0];
const paint = (style: Style, text: string) => styleText(style, text, { validateStream: false });

/** The error with colours in its traceback alone; what it says stays the same. */
export function coloured(error: CellError): CellError {
  return { ...error, traceback: error.traceback.map((part) => colour(part, error.ename)) };
}

/** Parts of a traceback may have several lines. */
function colour(part: string, ename: string): string {
  return part
    .split("\n")
    .map((line) => {
      if (FRAME.test(line)) return paint("dim", line);
      const underline = UNDERLINE.exec(line);
      if (underline) return underline[1] + paint("red", underline[2]);
      return ename === "" ? line : nameInRed(line, ename);
    })
    .join("\n");
}

/** The name stands at the line's beginning, or after the place of a type error. */
function nameInRed(line: string, ename: string): string {
  const at = line.startsWith(ename) ? 0 : line.indexOf(` - ${ename} `) + 3;
  if (at < 3 && !line.startsWith(ename)) return line;
  return line.slice(0, at) + paint("red", ename) + line.slice(at + ename.length);
}
