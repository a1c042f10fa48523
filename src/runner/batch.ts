/**
 * Many notebooks: found in folders, prepared together so that a bad input is told before anything runs, run side by
 * side.
 */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { RunResult } from "./execute.ts";
import { InputError } from "../base/input-error.ts";
import { readNotebook } from "./notebook/notebook.ts";
import type { PreparedRun } from "./notebook/prepare.ts";
import { runRecordSchema } from "./run-record.ts";

/**
 * The notebooks that `paths` name, in order. Folders are searched in depth, leaving out what is hidden, modules, and
 * the executed copies that runs have written there.
 */
export async function findNotebooks(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const given of paths) {
    const isFolder = await stat(given).then(
      (stats) => stats.isDirectory(),
      () => false, // reading will say what is wrong
    );
    if (!isFolder) {
      found.push(given);
      continue;
    }
    const inside = (await readdir(given, { recursive: true }))
      .filter((name) => name.endsWith(".ipynb") && !/(^|[/\\])(\.|node_modules([/\\]|$))/.test(name))
      .sort();
    const before = found.length;
    for (const file of inside.map((name) => path.join(given, name)))
      if (!(await isExecutedCopy(file))) found.push(file);
    if (found.length === before) throw new InputError(`${given}: no notebooks (*.ipynb) in this folder`);
  }
  const seen = new Set<string>();
  return found.filter((file) => !seen.has(path.resolve(file)) && seen.add(path.resolve(file)));
}

async function isExecutedCopy(file: string): Promise<boolean> {
  const notebook = await readNotebook(file).catch(() => undefined); // unreadable: said when it is to be run
  return runRecordSchema.safeParse(notebook?.metadata.marginalia).success;
}

/** Throws an InputError when two runs would write to one place. */
export function requireDistinctOutputs(runs: readonly PreparedRun[]): void {
  const byOutput = new Map<string, PreparedRun>();
  for (const run of runs) {
    const other = byOutput.get(run.output);
    if (other)
      throw new InputError(
        `${other.file} and ${run.file} would both write ${run.output}; run them with different --out`,
      );
    byOutput.set(run.output, run);
  }
}

/**
 * Executes up to `jobs` runs at a time, in order; after an abort the runs not yet begun are left out of the results.
 */
export async function runAll(
  runs: readonly PreparedRun[],
  execute: (run: PreparedRun) => Promise<RunResult>,
  options: { readonly jobs: number; readonly signal?: AbortSignal },
): Promise<RunResult[]> {
  const results: RunResult[] = [];
  const queue = runs.entries();
  const worker = async () => {
    for (const [i, run] of queue) {
      if (options.signal?.aborted) return;
      results[i] = await execute(run);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, worker));
  return results.filter((result) => result !== undefined);
}
