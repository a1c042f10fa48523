/** What is known of a run before it begins, and how two runs differ in it. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { Kernel } from "../client/kernelspecs.ts";
import { projectOfNotebook } from "../locations.ts";
import { hasTag } from "../notebook/notebook.ts";
import type { PreparedRun } from "../notebook/prepare.ts";
import { dependencyOf, sha256, type Dependency } from "./dependencies.ts";

export const ingredientsSchema = z.object({
  /** The notebook's absolute path: what it finds by relative paths, and its working folder, depend on it. */
  place: z.string(),
  /** By cell id: hash of the cell. */
  cells: z.record(z.string(), z.string()),
  metadata: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  kernel: z.string(),
  node: z.string(),
  lock: z.string(),
  environment: z.string(),
});
export type Ingredients = z.infer<typeof ingredientsSchema>;

/** Tags that a run heeds. */
const HEEDED = ["skip-execution", "raises-exception"];

/** Variables that Node, V8 and compiled code read by themselves, and those of Marginalia. */
const READ_UNSEEN = /^(MARGINALIA_|NODE_|TFJS_|OMP_|UV_|LC_|LANG$|LANGUAGE$|TZ$)/;
/** Told as the notebook's place, or by the trace where it is read, or without a say in what comes out. */
const NOT_UNSEEN = ["MARGINALIA_OUT", "MARGINALIA_NOTEBOOK", "MARGINALIA_CACHE", "MARGINALIA_TRACE"];

export async function ingredientsOf(
  run: PreparedRun,
  kernel: Kernel,
  environment: NodeJS.ProcessEnv,
): Promise<Ingredients> {
  // prettier-ignore
  // Outputs are made anew, so those in the source do not count.
  const cells = run.notebook.cells.map((cell) => {
    const tags = HEEDED.filter((tag) => hasTag(cell, tag));
    return [cell.id, sha256(JSON.stringify([cell.cell_type, cell.source, tags]))] as const;
  });
  const variables = Object.entries(environment).filter(
    ([name]) => READ_UNSEEN.test(name) && !NOT_UNSEEN.includes(name),
  );
  return {
    place: run.file,
    cells: Object.fromEntries(cells),
    metadata: sha256(JSON.stringify([run.name, run.notebook.metadata, cells.map(([id]) => id)])),
    parameters: { ...run.parameters },
    kernel: [kernel.name, ...kernel.argv, JSON.stringify(kernel.env)].join(" "),
    node: `${process.versions.node} on ${process.platform} ${process.arch}`,
    lock: sha256(await lockFiles(projectOfNotebook(run.file))),
    environment: sha256(JSON.stringify(variables.sort())),
  };
}

const LOCK_FILES = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", ".pnp.cjs", "bun.lock", "bun.lockb", "deno.lock"]; // prettier-ignore

/** Of the project, or of the nearest folder above that has some: a workspace's lock lies at its root. */
async function lockFiles(project: string): Promise<string> {
  for (let folder = project; ; folder = path.dirname(folder)) {
    const names = LOCK_FILES.filter((name) => existsSync(path.join(folder, name)));
    const texts = names.map(async (name) => [name, await readFile(path.join(folder, name), "latin1")]);
    if (names.length > 0) return JSON.stringify(await Promise.all(texts));
    if (folder === path.dirname(folder)) return "none";
  }
}

/**
 * The nearest tsconfig.json, which the TypeScript service reads in a process of its own; and that none comes to lie
 * nearer.
 */
export async function typeScriptSettings(notebook: string): Promise<Dependency[]> {
  const found: Dependency[] = [];
  for (let folder = path.dirname(notebook); ; folder = path.dirname(folder)) {
    found.push(await dependencyOf(path.join(folder, "tsconfig.json"), "content"));
    if (found.at(-1)!.state !== "absent" || folder === path.dirname(folder)) return found;
  }
}

export function keyOf(ingredients: Ingredients): string {
  return sha256(JSON.stringify(ingredients)).slice(0, 32);
}

export function whyDifferent(was: Ingredients, is: Ingredients, run: PreparedRun): string {
  const reasons: string[] = [];
  run.notebook.cells.forEach((cell, i) => {
    if (cell.id === "injected-parameters") return; // told as parameters
    if (was.cells[cell.id] === undefined) reasons.push(`cell ${i + 1} (id ${cell.id}) is new`);
    else if (was.cells[cell.id] !== is.cells[cell.id]) reasons.push(`cell ${i + 1} (id ${cell.id}) has changed`);
  });
  for (const id of Object.keys(was.cells))
    if (is.cells[id] === undefined && id !== "injected-parameters") reasons.push(`the cell with id ${id} is gone`);
  for (const name of new Set([...Object.keys(was.parameters), ...Object.keys(is.parameters)])) {
    const [before, now] = [was.parameters[name], is.parameters[name]].map(
      (value) => JSON.stringify(value) ?? "the default",
    );
    if (before !== now) reasons.push(`parameter ${name} is ${now}, was ${before}`);
  }
  if (was.node !== is.node) reasons.push(`Node is ${is.node}, was ${was.node}`);
  if (was.kernel !== is.kernel) reasons.push("another kernel");
  if (was.lock !== is.lock) reasons.push("the lock file has changed");
  if (was.environment !== is.environment) reasons.push("another environment (MARGINALIA_*, NODE_*, TZ, LANG)");
  if (reasons.length === 0) reasons.push("the notebook's metadata or the order of its cells has changed");
  return listed(reasons);
}

export function listed(all: readonly string[]): string {
  return all.length > 4 ? `${all.slice(0, 3).join(", ")} and ${all.length - 3} more` : all.join(", ");
}
