/** `marginalia check`: types and lint of notebooks, and whether they are clean, without running any of their cells. */
import { readFile } from "node:fs/promises";
import pc from "picocolors";
import { findNotebooks } from "../runner/batch.ts";
import { cleanNotebook } from "../runner/notebook/clean.ts";
import { Linters } from "../runner/lint/rules.ts";
import { typeProblems } from "../runner/lint/types.ts";
import { shownPath } from "../runner/locations.ts";
import { formatNotebook, parseNotebook } from "../runner/notebook/notebook.ts";
import { taggingMistake } from "../runner/notebook/parameters.ts";
import { EXIT } from "./exit-codes.ts";

export interface CheckOptions {
  readonly lint?: boolean;
  readonly clean?: boolean;
}

export async function checkNotebooks(paths: readonly string[], options: CheckOptions): Promise<number> {
  const files = await findNotebooks(paths);
  let [errors, warnings] = [0, 0];
  let [unlinted, unread] = [0, 0];
  const linters = new Linters((project) =>
    console.error(
      pc.dim(`linted by ESLint of ${project}, which executes its eslint.config.js; --no-lint does without`),
    ),
  );
  for (const file of files) {
    const shown = shownPath(file);
    const text = await readFile(file, "utf8");
    const notebook = await parseNotebook(text, file);
    const lint = options.lint === false ? undefined : await linters.of(file);
    if (!lint) unlinted++;
    const linted = await lint?.(notebook, file);
    unread += linted?.unread.length ?? 0;
    const found = [...typeProblems(notebook, file), ...(linted?.problems ?? [])];
    found.sort((a, b) => a.cell - b.cell || a.line - b.line || a.column - b.column);
    for (const { cell, cellId, line, column, message, rule, severity } of found) {
      if (severity === "error") errors++;
      else warnings++;
      const mark = severity === "error" ? pc.red("error") : pc.yellow("warning");
      console.log(`${shown}, cell ${cell} (id ${cellId}):${line}:${column}: ${mark} ${message.replaceAll("\n", "\n    ")} ${pc.dim(rule)}`); // prettier-ignore
    }
    const tagging = taggingMistake(notebook);
    if (tagging !== undefined) {
      errors++;
      console.log(`${shown}: ${pc.red("error")} ${tagging}`);
    }
    const wanted = formatNotebook(cleanNotebook(notebook, { keepOutputs: true }));
    const isClean = options.clean === false || [wanted, formatNotebook(cleanNotebook(notebook))].includes(text);
    if (!isClean) {
      errors++;
      console.log(`${shown}: ${pc.red("error")} is not clean (execution counts, run metadata or layout); run: marginalia clean ${shown}`); // prettier-ignore
    }
  }
  const parts = [`${files.length} ${files.length === 1 ? "notebook" : "notebooks"} checked`];
  if (unlinted > 0 && options.lint !== false)
    parts.push(
      `${unlinted === files.length ? "no lint" : `${unlinted} not linted`}, since there is no project with ESLint`,
    );
  if (unread > 0)
    parts.push(`${unread} ${unread === 1 ? "cell" : "cells"} not linted, since eslint.config.js names no TypeScript parser (typescript-eslint) for them`); // prettier-ignore
  parts.push(`${errors} ${errors === 1 ? "error" : "errors"}`);
  if (warnings > 0) parts.push(`${warnings} ${warnings === 1 ? "warning" : "warnings"}`);
  console.error(parts.join(", "));
  return errors > 0 ? EXIT.failed : EXIT.ok;
}
