/** Why a run stopped, in the words and coordinates of the notebook. */
import { stripVTControlCharacters } from "node:util";
import type { Cell, CodeCell } from "./notebook/notebook.ts";

export interface CellFailure {
  readonly kind: "error" | "timeout" | "memory" | "kernel died" | "interrupted" | "difference";
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
 * How kernels write a place in the cell of an execution count: ours "cell [3]:2:7", ipykernel "Cell In[3], line 2",
 * Deno "<anonymous>:2:7" for any cell. The innermost frame comes first with V8, last with Python.
 */
const PLACES: readonly { pattern: RegExp; innermost: "first" | "last" }[] = [
  { pattern: /\bcell \[(?<count>\d+)\]:(?<line>\d+):\d+/g, innermost: "first" },
  { pattern: /\bCell In ?\[(?<count>\d+)\], line (?<line>\d+)/g, innermost: "last" },
  { pattern: /<anonymous>:(?<line>\d+):\d+/g, innermost: "first" },
];

/** The failure that an `error` output of a cell tells of. */
export function failureOfError(
  error: { ename: string; evalue: string; traceback: readonly string[] },
  cell: CodeCell,
  number: number,
): CellFailure {
  const traceback = error.traceback.flatMap((part) => stripVTControlCharacters(part).split("\n"));
  const evalue = stripVTControlCharacters(error.evalue);
  return {
    kind: "error",
    ...failingCell(cell, number, lineInCell([evalue, ...traceback].join("\n"), cell.execution_count)),
    message: evalue ? `${error.ename}: ${evalue}` : error.ename,
    traceback,
  };
}

/**
 * The line of the cell itself, even where the error was thrown further in: by a module or an earlier cell's function.
 */
function lineInCell(text: string, executionCount: number | null): number | undefined {
  for (const { pattern, innermost } of PLACES) {
    const own = [...text.matchAll(pattern)]
      .map(({ groups }) => groups as { count?: string; line: string })
      .filter(({ count }) => count === undefined || Number(count) === executionCount);
    const match = own.at(innermost === "first" ? 0 : -1);
    if (match) return Number(match.line);
  }
  return undefined;
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
  const isQuoted = sourceLine === undefined || traceback.some((text) => text.includes(sourceLine.trim()));
  const quoted = isQuoted ? [] : [`  ${line} | ${sourceLine}`];
  const firstOfMessage = message.split("\n")[0];
  const rest = traceback.filter((text, i) => !(i === 0 && text.trim() === firstOfMessage)).map((text) => `  ${text}`);
  return [`${place.filter(Boolean).join(", ")}: ${message}`, ...quoted, ...rest].join("\n");
}
