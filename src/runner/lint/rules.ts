/**
 * Every cell held against the project's own ESLint rules, where the project has ESLint; that executes its
 * eslint.config.js. Rules that need types are left out (the type check has its own answers), and those that would
 * misjudge a cell, whose top-level names are for other cells.
 */
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { ESLint as ESLintClass, Linter } from "eslint";
import { InputError } from "../../base/input-error.ts";
import { projectRoot } from "../locations.ts";
import type { Notebook } from "../notebook/notebook.ts";
import { executedCells, type CellProblem } from "./problems.ts";

/** Of a cell alone these say nothing: its names are used, reassigned and declared again by others. */
const OFF = ["no-unused-vars", "@typescript-eslint/no-unused-vars", "no-undef", "prefer-const", "no-var", "no-redeclare", "@typescript-eslint/no-unused-expressions", "no-unused-expressions"]; // prettier-ignore

type Packages = { ESLint: typeof ESLintClass; typescript?: { configs: { disableTypeChecked: Linter.Config } } };

export interface Linted {
  readonly problems: readonly CellProblem[];
  /** Numbers of cells in TypeScript that the project's ESLint cannot read, having no parser for it. */
  readonly unread: readonly number[];
}
export type Lint = (notebook: Notebook, file: string) => Promise<Linted>;

/** A linter for each project that notebooks come from: ESLint lints no file outside of its own. */
export class Linters {
  readonly #byProject = new Map<string, Promise<Lint | undefined>>();
  readonly #onProject: (project: string) => void;

  /** `onProject` is told once before the configuration of a project is executed. */
  constructor(onProject: (project: string) => void = () => undefined) {
    this.#onProject = onProject;
  }

  /** Undefined for a notebook outside of any project, or whose project has no ESLint. */
  of(file: string): Promise<Lint | undefined> {
    const project = projectRoot(path.dirname(path.resolve(file)));
    if (project === undefined) return Promise.resolve(undefined);
    const known = this.#byProject.get(project) ?? openLinter(project, this.#onProject);
    this.#byProject.set(project, known);
    return known;
  }
}

async function openLinter(project: string, onProject: (project: string) => void): Promise<Lint | undefined> {
  const packages = await load(project);
  if (!packages) return undefined;
  onProject(project);
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
    const unread: number[] = [];
    for (const { cell, number } of executedCells(notebook)) {
      const name = `${notebookFile.replace(/\.ipynb$/i, "")}-cell-${number}.ts`;
      const messages = await lintCell(linter, cell.source, path.resolve(name), project);
      if (messages === undefined) unread.push(number);
      for (const { line, column, message, ruleId, severity } of messages ?? [])
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
    return { problems, unread };
  };
}

/**
 * Undefined for TypeScript where the configuration names no parser for it: the type check tells what is wrong with its
 * syntax.
 */
async function lintCell(linter: ESLintClass, source: string, filePath: string, project: string) {
  try {
    const messages = (await linter.lintText(`${source}\nexport {};\n`, { filePath })).flatMap(
      (result) => result.messages,
    );
    if (!messages.some(({ fatal }) => fatal)) return messages;
    const config = (await linter.calculateConfigForFile(filePath)) as Linter.Config | undefined;
    const parser = config?.languageOptions?.parser as { meta?: { name?: string }; name?: string } | undefined;
    return (parser?.meta?.name ?? parser?.name ?? "espree") === "espree" ? undefined : messages;
  } catch (error) {
    throw new InputError(`${project}: its ESLint fails: ${(error as Error).message}\n  check without it: marginalia check --no-lint`, { cause: error }); // prettier-ignore
  }
}

async function load(project: string): Promise<Packages | undefined> {
  const { resolve } = createRequire(path.join(project, "package.json"));
  const from = async (name: string) => (await import(pathToFileURL(resolve(name)).href)) as unknown;
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
