/**
 * Every cell checked as the kernel checks it, without running any; cells after a mistaken one are checked all the same.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CellProgram } from "../../kernel/language/cell-program.ts";
import { hasTag, type Notebook } from "../notebook/notebook.ts";
import { executedCells, type CellProblem } from "./problems.ts";

const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));

/** `file` is the notebook's path: imports and tsconfig.json are found from its folder. */
export function typeProblems(notebook: Notebook, file: string): CellProblem[] {
  const program = new CellProgram(path.dirname(path.resolve(file)), packageRoot);
  return executedCells(notebook).flatMap(({ cell, number }) => {
    const { mistakes } = program.prepare(cell.source);
    if (mistakes.length === 0) program.commit();
    else program.restore([cell.source]); // what it declares is known to later cells, whatever is wrong with it
    if (hasTag(cell, "raises-exception")) return []; // it may be there to show a mistake
    return mistakes.map(({ line, column, message, code }): CellProblem => ({
      cell: number,
      cellId: cell.id,
      line,
      column,
      severity: "error",
      message,
      rule: `TS${code}`,
    }));
  });
}
