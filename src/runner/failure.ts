/** Why a run stopped, in the words and coordinates of the notebook. */
import { stripVTControlCharacters } from "node:util";
import type { Cell } from "./notebook.ts";

export interface CellFailure {
  readonly kind: "error" | "timeout" | "kernel died" | "interrupted";
  /** 1-based over all cells of the executed notebook; undefined when no cell was running. */
  readonly cell?: number;
  readonly cellId?: string;
  /** 1-based line of the cell and its text, where the traceback tells. */
  readonly line?: number;
  readonly sourceLine?: string;
  /** The error's name and message, or what happened. */
  readonly message: string;
  /** As the kernel sent it, without colours. */
  readonly traceback: readonly string[];
}

/**
 * Where in a cell kernels say that an error happened, most telling first: ours and any that quotes "cell <count>:<line>",
 * ipykernel's "Cell In[2], line 3", Deno's "<anonymous>:3:5". A traceback's first frame is the innermost with V8, its last
 * with Python.
 */
const PLACES: readonly { pattern: RegExp; innermost: "first" | "last" }[] = [
  { pattern: /\bcell \[?\w*\]?:(?<line>\d+):\d+/gi, innermost: "first" },
  { pattern: /\bIn ?\[\d+\], line (?<line>\d+)/g, innermost: "last" },
  { pattern: /<anonymous>:(?<line>\d+):\d+/g, innermost: "first" },
];

/** The failure that an `error` output of a cell tells of. */
export function failureOfError(
  error: { ename: string; evalue: string; traceback: readonly string[] },
  cell: Cell,
  number: number,
): CellFailure {
  const traceback = error.traceback.flatMap((part) => stripVTControlCharacters(part).split("\n"));
  const evalue = stripVTControlCharacters(error.evalue);
  const text = [evalue, ...traceback].join("\n");
  let line: number | undefined;
  for (const { pattern, innermost } of PLACES) {
    const match = [...text.matchAll(pattern)].at(innermost === "first" ? 0 : -1);
    if (match?.groups) line = Number(match.groups.line);
    if (line !== undefined) break;
  }
  return {
    kind: "error",
    ...failingCell(cell, number, line),
    message: evalue ? `${error.ename}: ${evalue}` : error.ename,
    traceback,
  };
}

/** Number, id and, where it is known, the line of the cell that a failure happened in. */
export function failingCell(cell: Cell, number: number, line?: number) {
  const sourceLine = line === undefined ? undefined : cell.source.split("\n").at(line - 1);
  return { cell: number, cellId: cell.id, ...(sourceLine === undefined ? {} : { line, sourceLine }) };
}

/** One paragraph for a terminal: file, cell, line, message, the source line, and the rest of the traceback. */
export function describeFailure(failure: CellFailure, file: string): string {
  const { cell, cellId, line, sourceLine, message, traceback } = failure;
  const place = [
    file,
    cell === undefined ? "" : `cell ${cell} (id ${cellId})`,
    line === undefined ? "" : `line ${line}`,
  ];
  const quoted = sourceLine === undefined ? [] : [`  ${line} | ${sourceLine}`];
  const firstOfMessage = message.split("\n")[0];
  const rest = traceback.filter((text, i) => !(i === 0 && text.trim() === firstOfMessage)).map((text) => `  ${text}`);
  return [`${place.filter(Boolean).join(", ")}: ${message}`, ...quoted, ...rest].join("\n");
}
