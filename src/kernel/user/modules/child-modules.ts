/**
 * `new Worker` and `fork` of local files: the threads and processes take TypeScript, and what that imports, as cells
 * do.
 */
import childProcess, { type ForkOptions } from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";
import workers, { type WorkerOptions } from "node:worker_threads";
import { isInstalled } from "./module-paths.ts";

// User code may shadow globals; these stay what they are.
const { Array, Object, String, URL } = globalThis;

const PRELOAD = ["--import", new URL("./child-preload.js", import.meta.url).href];

/** The arguments of Node with which a local file is to be started; undefined for one of an installed package. */
function preloading(file: unknown, execArgv: readonly string[] = process.execArgv): string[] | undefined {
  const name = file instanceof URL ? file.href : String(file);
  return isInstalled(name) || name.startsWith("data:") ? undefined : [...PRELOAD, ...execArgv];
}

export function startChildrenWithTypeScript(): void {
  const { Worker } = workers;
  class TypeScriptWorker extends Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      const execArgv = options.eval ? undefined : preloading(file, options.execArgv);
      super(file, execArgv ? { ...options, execArgv } : options);
    }
  }
  Object.defineProperty(TypeScriptWorker, "name", { value: "Worker" });

  const { fork } = childProcess;
  const startFork = (file: string | URL, ...all: readonly unknown[]) => {
    const given = (Array.isArray(all[0]) ? all[0] : []) as string[];
    const options = ((Array.isArray(all[0]) ? all[1] : (all[1] ?? all[0])) ?? {}) as ForkOptions;
    const execArgv = preloading(file, options.execArgv);
    return fork(file, given, execArgv ? { ...options, execArgv } : options);
  };
  Object.assign(workers, { Worker: TypeScriptWorker });
  Object.assign(childProcess, { fork: startFork });
  syncBuiltinESMExports();
}
