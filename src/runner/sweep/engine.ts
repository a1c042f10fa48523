/**
 * Where the points of a sweep are executed. Every engine gives each point's result once, in whatever order they finish.
 */
import { executePoint, recordedParameters, type PointResult, type PointTask } from "./point.ts";

export interface EngineOptions {
  /** Points at a time. */
  readonly jobs: number;
  /** How often a failed point is tried again; 0 unless told. */
  readonly retries?: number;
  /** Begin no other point after one has failed for good. */
  readonly failFast?: boolean;
  readonly signal?: AbortSignal;
  readonly onResult?: (result: PointResult, attempt: number) => void;
}

export interface Engine {
  readonly name: string;
  /** Settles when every point has its result, or none can be had any more (abort, fail-fast): those are absent. */
  run(tasks: readonly PointTask[], options: EngineOptions): Promise<PointResult[]>;
}

/**
 * On this machine: a kernel process for each point, so that one that crashes or eats its memory takes no other with it.
 */
export const localEngine: Engine = {
  name: "local",
  async run(tasks, { jobs, retries = 0, failFast = false, signal, onResult }) {
    const results: PointResult[] = [];
    let hasFailed = false;
    const queue = tasks.values();
    const worker = async () => {
      for (const task of queue) {
        if (signal?.aborted || (failFast && hasFailed)) return;
        const { result, attempt } = await withRetries(task, retries, (each) => executePoint(each, signal));
        if (result.status === "failed") hasFailed = true;
        results.push(result);
        onResult?.(result, attempt);
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
    return results;
  },
};

/**
 * A set-up that breaks (a full disk, a kernel that does not start) is a failure of the point, so that the others go on.
 */
export async function withRetries(
  task: PointTask,
  retries: number,
  execute: (task: PointTask) => Promise<PointResult>,
): Promise<{ result: PointResult; attempt: number }> {
  for (let attempt = 1; ; attempt++) {
    const result = await execute(task).catch((error: unknown): PointResult =>
      failedPoint(task, (error as Error).message, attempt),
    );
    if (result.status !== "failed" || attempt > retries) return { result, attempt };
  }
}

export function failedPoint(task: PointTask, failure: string, attempts?: number): PointResult {
  const { id, version } = task;
  return { id, version, parameters: recordedParameters(task), status: "failed", values: {}, failure, seconds: 0, attempts }; // prettier-ignore
}
