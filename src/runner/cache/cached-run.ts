/**
 * Executes a notebook, or restores what an earlier execution of the same has written. One at a time writes to one output folder
 * (lock.ts), and begins by taking away the temporary files of a run that was killed while it wrote.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { executeRun, type ExecuteOptions, type RunResult } from "../execute.ts";
import { withLock } from "../lock.ts";
import { nodeOptions } from "../memory-limit.ts";
import type { PreparedRun } from "../prepare.ts";
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
  const found = await cache.find(run, kernel);
  if (found.restore && !force) {
    await found.restore();
    const seconds = (performance.now() - start) / 1000;
    return { run, status: "ok", seconds, isSaved: true, isRestored: true };
  }
  onReason?.(found.restore ? "--force" : found.why!);
  const folder = await mkdtemp(path.join(tmpdir(), "marginalia-trace-"));
  try {
    const trace = path.join(folder, "trace");
    const environment = {
      ...options.environment,
      [TRACE_VARIABLE]: trace,
      ...nodeOptions(`--import ${tracer}`, { ...process.env, ...options.environment }),
    };
    const since = Date.now() - 20; // file times are coarser than clocks
    const result = await executeRun(run, { ...options, environment });
    if (result.status === "ok") {
      const why = await cache.keep(run, kernel, trace, since);
      if (why) onReason?.(`not kept in the cache: ${why}`);
    }
    return { ...result, isRestored: false };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
