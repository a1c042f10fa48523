/**
 * Trainings side by side, each in a process of its own: seeds, folds, ablations. A job names an exported function of a
 * module and its arguments as JSON values; the function gets, after them, `report`, whose messages reach `onReport`.
 */
import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

export interface Job {
  /** URL of the module, e.g. import.meta.url. */
  readonly module: string;
  /** Name of the export: (...arguments, report) => JSON value or a promise of one. */
  readonly function: string;
  readonly arguments: readonly unknown[];
}

export interface JobOptions {
  /** Processes at a time; default one a core. */
  readonly workers?: number;
  readonly onReport?: (job: number, message: unknown) => void;
}

/** What a job's process sends. */
export type FromJob =
  | { readonly type: "report"; readonly message: unknown }
  | { readonly type: "result"; readonly result: unknown }
  | { readonly type: "error"; readonly message: string };

const fromSources = import.meta.url.endsWith(".ts");
const program = fileURLToPath(new URL(fromSources ? "./job-program.ts" : "./job-program.js", import.meta.url));
const execArgv = fromSources ? ["--import", "tsx", "--conditions=marginalia-source"] : [];

/**
 * The jobs' results in their order.
 * @throws Error naming the first job that failed, after the others were ended; what they saved stays.
 */
export async function runJobs(jobs: readonly Job[], options: JobOptions = {}): Promise<unknown[]> {
  const { workers = availableParallelism(), onReport } = options;
  const results = new Array<unknown>(jobs.length);
  const running = new Set<ChildProcess>();
  const endAll = () => running.forEach((child) => child.kill());
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < jobs.length && !failed) {
      const at = next++;
      results[at] = await runOne(jobs[at], running, (message) => onReport?.(at, message));
    }
  };
  process.on("exit", endAll);
  try {
    await Promise.all(Array.from({ length: Math.max(1, Math.min(workers, jobs.length)) }, worker));
  } finally {
    failed = true;
    endAll();
    process.off("exit", endAll);
  }
  return results;
}

function runOne(job: Job, running: Set<ChildProcess>, onReport: (message: unknown) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = fork(program, { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const name = `${job.function}(${job.arguments.map((argument) => JSON.stringify(argument)).join(", ")})`;
    running.add(child);
    child.on("error", reject);
    child.on("message", (message: FromJob) => {
      if (message.type === "report") onReport(message.message);
      else if (message.type === "result") resolve(message.result);
      else reject(new Error(`${name}: ${message.message}`));
    });
    child.on("exit", (code, signal) => {
      running.delete(child);
      // no effect after a result
      reject(new Error(`${name}: its process ended with ${signal ?? `code ${code}`} before it had a result`));
    });
    child.send(job);
  });
}
