/**
 * Every cell held against the project's own ESLint rules, where the project has ESLint. Rules that need types are left out (the
 * type check has its own answers), and those that would misjudge a cell, whose top-level names are for other cells.
 */
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { ESLint as ESLintClass, Linter } from "eslint";
import { projectOfNotebook } from "../locations.ts";
import type { Notebook } from "../notebook.ts";
import { executedCells, type CellProblem } from "./problems.ts";

/** Of a cell alone these say nothing: its names are used, reassigned and declared again by others. */
const OFF = ["no-unused-vars", "@typescript-eslint/no-unused-vars", "no-undef", "prefer-const", "no-var", "no-redeclare", "@typescript-eslint/no-unused-expressions", "no-unused-expressions"]; // prettier-ignore

type Packages = { ESLint: typeof ESLintClass; typescript?: { configs: { disableTypeChecked: Linter.Config } } };

/** Undefined when the notebook's project has no ESLint of its own. */
export async function openLinter(
  file: string,
): Promise<((notebook: Notebook, file: string) => Promise<CellProblem[]>) | undefined> {
  const project = projectOfNotebook(file);
  const packages = await load(project);
  if (!packages) return undefined;
  const { ESLint, typescript } = packages;
  const off = Object.fromEntries(OFF.map((name) => [name, "off" as const]));
  const config: Linter.Config[] = [
    {
      files: ["**/*.ts"],
      languageOptions: { parserOptions: { projectService: false, project: false, program: null } },
    },
    ...(typescript ? [{ ...typescript.configs.disableTypeChecked, files: ["**/*.ts"] }] : []),
    // Rules of plugins that a project does not use must not be named, not even to turn them off.
    {
      files: ["**/*.ts"],
      rules: Object.fromEntries(Object.entries(off).filter(([name]) => typescript || !name.includes("/"))),
    },
  ];
  const linter = new ESLint({ cwd: project, overrideConfig: config, warnIgnored: false });
  return async (notebook, notebookFile) => {
    const problems: CellProblem[] = [];
    for (const { cell, number } of executedCells(notebook)) {
      const name = `${notebookFile.replace(/\.ipynb$/i, "")}-cell-${number}.ts`;
      const results = await linter.lintText(`${cell.source}\nexport {};\n`, { filePath: path.resolve(name) });
      for (const { line, column, message, ruleId, severity } of results.flatMap((result) => result.messages))
        if (ruleId !== null || severity === 2)
          problems.push({
            cell: number,
            cellId: cell.id,
            line,
            column,
            severity: severity === 2 ? "error" : "warning",
            message,
            rule: ruleId ?? "syntax",
          });
    }
    return problems;
  };
}

async function load(project: string): Promise<Packages | undefined> {
  const { resolve } = createRequire(path.join(project, "package.json"));
  const from = (name: string) => import(pathToFileURL(resolve(name)).href);
  try {
    const { ESLint } = ((await from("eslint")) as { default: { ESLint: typeof ESLintClass } }).default;
    const typescript = await from("typescript-eslint").then(
      (found) => (found as { default: Packages["typescript"] }).default,
      () => undefined,
    );
    return { ESLint, typescript };
  } catch {
    return undefined; // not installed there
  }
}
