/**
 * Executes a notebook, or restores what an earlier execution of the same has written. One at a time writes to one
 * output folder (lock.ts), and begins by taking away the temporary files of a run that was killed while it wrote.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { executeRun, type ExecuteOptions, type RunResult } from "../execute.ts";
import { withLock } from "../lock.ts";
import { nodeOptions } from "../client/memory-limit.ts";
import type { PreparedRun } from "../notebook/prepare.ts";
import type { RunCache } from "./cache.ts";
import { TRACE_VARIABLE } from "./trace-lines.ts";

export interface CachedOptions extends ExecuteOptions {
  readonly cache: RunCache | undefined;
  /** Execute even though the cache has it; the cache then holds the new result. */
  readonly force?: boolean;
  /** Gets why the notebook is executed, or why its result will not be kept. */
  readonly onReason?: (reason: string) => void;
}

export interface CachedResult extends RunResult {
  /** Nothing was executed. */
  readonly isRestored: boolean;
}

/** Kernels load it from the built dist/, since Node loads no TypeScript there. */
const tracer = pathToFileURL(path.join(import.meta.dirname, "../../../dist/runner/cache/trace.js")).href;

/** The name of the lock file in the folder that a run writes to. */
export const LOCK_FILE = ".lock";

/** Throws a LockHeld when another run is writing to the same folder. */
export async function executeCached(run: PreparedRun, options: CachedOptions): Promise<CachedResult> {
  const folder = path.dirname(run.output);
  return withLock(path.join(folder, LOCK_FILE), { signal: options.signal }, async () => {
    await removeLitter(folder);
    return executeOrRestore(run, options);
  });
}

/** Whole files are written aside and renamed: name.<number>.part, or by others without the ending. */
async function removeLitter(folder: string): Promise<void> {
  const isLitter = (name: string) =>
    name.startsWith(`${LOCK_FILE}.`) || /\.(ipynb|json|svg|png|csv|arrow|txt|md)\.\d+(\.part)?$/.test(name);
  const names = (await readdir(folder)).filter(isLitter);
  await Promise.all(names.map((name) => rm(path.join(folder, name), { force: true })));
}

async function executeOrRestore(run: PreparedRun, options: CachedOptions): Promise<CachedResult> {
  const { cache, force, onReason, kernel } = options;
  if (!cache) return { ...(await executeRun(run, options)), isRestored: false };
  const start = performance.now();
  const environment = { ...process.env, ...options.environment, MARGINALIA_OUT: run.outputRoot, ...kernel.env };
  const found = await cache.find(run, kernel, environment);
  if (found.restore && !force) {
    const problem = await found.restore().catch((error: Error) => error);
    const seconds = (performance.now() - start) / 1000;
    if (!problem) return { run, status: "ok", seconds, isSaved: true, isRestored: true };
    onReason?.(`not restored from the cache: ${problem.message}`);
  } else onReason?.(found.restore ? "--force" : found.why!);
  return executeAndKeep(run, options, cache, environment);
}

/** What goes wrong with the cache is told, and leaves the run as it is. */
async function executeAndKeep(
  run: PreparedRun,
  options: CachedOptions,
  cache: RunCache,
  environment: NodeJS.ProcessEnv,
): Promise<CachedResult> {
  const notKept = (why: string) => options.onReason?.(`not kept in the cache: ${why}`);
  const folder = await mkdtemp(path.join(tmpdir(), "marginalia-trace-")).catch((error: Error) => error);
  if (folder instanceof Error) {
    notKept(folder.message);
    return { ...(await executeRun(run, options)), isRestored: false };
  }
  try {
    const trace = path.join(folder, "trace");
    const tracing = { [TRACE_VARIABLE]: trace, ...nodeOptions(`--import ${tracer}`, environment) };
    const since = Date.now() - 20; // file times are coarser than clocks
    const result = await executeRun(run, { ...options, environment: { ...options.environment, ...tracing } });
    if (result.status === "ok") {
      const why = await cache
        .keep(run, options.kernel, trace, since, environment)
        .catch((error: Error) => error.message);
      if (why) notKept(why);
    }
    return { ...result, isRestored: false };
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}
