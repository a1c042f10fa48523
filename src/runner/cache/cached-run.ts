/** Executes a notebook, or restores what an earlier execution of the same has written. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { executeRun, type ExecuteOptions, type RunResult } from "../execute.ts";
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

export async function executeCached(run: PreparedRun, options: CachedOptions): Promise<CachedResult> {
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
