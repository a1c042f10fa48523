/** What is wrong in a notebook's cells, with positions in the cells. */
import type { CodeCell, Notebook } from "../notebook/notebook.ts";
import { hasTag } from "../notebook/notebook.ts";

export interface CellProblem {
  /** 1-based over all cells. */
  readonly cell: number;
  readonly cellId: string;
  /** 1-based, in the cell. */
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  readonly message: string;
  /** TS2322, or a lint rule's name. */
  readonly rule: string;
}

/** Code cells that a run would execute, with their numbers. */
export function executedCells(notebook: Notebook): { cell: CodeCell; number: number }[] {
  return notebook.cells.flatMap((cell, i) =>
    cell.cell_type === "code" && !hasTag(cell, "skip-execution") ? [{ cell, number: i + 1 }] : [],
  );
}
