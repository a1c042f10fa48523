/** `marginalia check`: types and lint of notebooks, and whether they are clean, without running anything. */
import { readFile } from "node:fs/promises";
import pc from "picocolors";
import { findNotebooks } from "../runner/batch.ts";
import { cleanNotebook } from "../runner/clean.ts";
import { openLinter } from "../runner/lint/rules.ts";
import { typeProblems } from "../runner/lint/types.ts";
import { shownPath } from "../runner/locations.ts";
import { formatNotebook, parseNotebook } from "../runner/notebook.ts";
import { EXIT } from "./exit-codes.ts";

export interface CheckOptions {
  readonly lint?: boolean;
  readonly clean?: boolean;
}

export async function checkNotebooks(paths: readonly string[], options: CheckOptions): Promise<number> {
  const files = await findNotebooks(paths);
  let [errors, warnings] = [0, 0];
  const linter = options.lint === false || files.length === 0 ? undefined : await openLinter(files[0]);
  for (const file of files) {
    const shown = shownPath(file);
    const text = await readFile(file, "utf8");
    const notebook = await parseNotebook(text, file);
    const found = [...typeProblems(notebook, file), ...((await linter?.(notebook, file)) ?? [])];
    found.sort((a, b) => a.cell - b.cell || a.line - b.line || a.column - b.column);
    for (const { cell, cellId, line, column, message, rule, severity } of found) {
      if (severity === "error") errors++;
      else warnings++;
      const mark = severity === "error" ? pc.red("error") : pc.yellow("warning");
      console.log(`${shown}, cell ${cell} (id ${cellId}):${line}:${column}: ${mark} ${message.replaceAll("\n", "\n    ")} ${pc.dim(rule)}`); // prettier-ignore
    }
    const wanted = formatNotebook(cleanNotebook(notebook, { keepOutputs: true }));
    const isClean = options.clean === false || [wanted, formatNotebook(cleanNotebook(notebook))].includes(text);
    if (!isClean) {
      errors++;
      console.log(`${shown}: ${pc.red("error")} is not clean (execution counts, run metadata or layout); run: marginalia clean ${shown}`); // prettier-ignore
    }
  }
  const parts = [`${files.length} ${files.length === 1 ? "notebook" : "notebooks"} checked`];
  if (!linter && options.lint !== false) parts.push("no lint, since the project has no ESLint");
  parts.push(`${errors} ${errors === 1 ? "error" : "errors"}`);
  if (warnings > 0) parts.push(`${warnings} ${warnings === 1 ? "warning" : "warnings"}`);
  console.error(parts.join(", "));
  return errors > 0 ? EXIT.failed : EXIT.ok;
}
