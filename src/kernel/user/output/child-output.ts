/**
 * Child processes with inherited streams: the streams they would inherit are the kernel's terminal, so they get pipes
 * instead, and what comes out of these is printed as the cell's own output.
 */
import childProcess, { ChildProcess, type SpawnSyncOptions, type SpawnSyncReturns } from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";
import { currentRun, runAs } from "../run-context.ts";

// User code may shadow globals; these stay what they are.
const { Array, Error, Object, String } = globalThis;

type Stdio = readonly unknown[];
interface Redirected {
  /** With "pipe" for each stream that would have been inherited. */
  readonly stdio: Stdio;
  /** For the child's descriptors 1 and 2: where their output goes, if here. */
  readonly targets: readonly [unknown, NodeJS.WriteStream | undefined, NodeJS.WriteStream | undefined];
}

function redirected(stdio: unknown): Redirected | undefined {
  const list: Stdio = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const target = (value: unknown, own: NodeJS.WriteStream) => {
    if (value === "inherit") return own;
    if (value === 1 || value === process.stdout) return process.stdout;
    return value === 2 || value === process.stderr ? process.stderr : undefined;
  };
  const targets = [undefined, target(list[1], process.stdout), target(list[2], process.stderr)] as const;
  if (!targets[1] && !targets[2]) return undefined;
  return { stdio: list.map((value, index) => (targets[index] ? "pipe" : value)), targets };
}

/**
 * @param waits is told when the thread begins and has ceased to wait for a child; not that it has when it is terminated
 *   meanwhile
 */
export function redirectChildren(waits: (forChild: boolean) => void): void {
  const prototype = ChildProcess.prototype as unknown as { spawn: (options: { stdio?: unknown }) => unknown };
  const { spawn } = prototype;
  // Every way to start a child without waiting for it ends here.
  prototype.spawn = function (this: ChildProcess, options) {
    const change = redirected(options.stdio);
    if (!change) return spawn.call(this, options);
    const run = currentRun();
    const result = spawn.call(this, { ...options, stdio: change.stdio });
    for (const index of [1, 2] as const) {
      const target = change.targets[index];
      if (!target) continue;
      const output = index === 1 ? this.stdout : this.stderr;
      output?.on("data", (data: Buffer) => runAs(run, () => target.write(data)));
      // As Node has it for inherited streams.
      Object.assign(this, { [index === 1 ? "stdout" : "stderr"]: null });
    }
    return result;
  };

  const { spawnSync, execFileSync, execSync } = childProcess;
  const waiting = (file: string, given: readonly string[], options: SpawnSyncOptions): SpawnSyncReturns<Buffer> => {
    const change = redirected(options.stdio);
    if (!change) return spawnSync(file, given, options) as SpawnSyncReturns<Buffer>;
    const result = spawnSync(file, given, { ...options, stdio: change.stdio as never }) as SpawnSyncReturns<Buffer>;
    for (const index of [1, 2] as const) {
      const output = result.output?.[index];
      if (change.targets[index] && output) change.targets[index].write(output);
    }
    return result;
  };
  /** As `execSync`: output when the child succeeds, an error when it does not. */
  const checked = (command: string, { stdout, status, signal, error, ...more }: SpawnSyncReturns<Buffer>) => {
    if (error) throw error;
    if (status === 0) return stdout;
    throw Object.assign(new Error(`Command failed: ${command}`), { ...more, stdout, status, signal });
  };
  const split = (all: readonly unknown[]) => ({
    given: (Array.isArray(all[0]) ? all[0] : []) as string[],
    options: ((Array.isArray(all[0]) ? all[1] : (all[1] ?? all[0])) ?? {}) as SpawnSyncOptions,
  });
  const inherits = (options: SpawnSyncOptions) =>
    options.stdio !== undefined && redirected(options.stdio) !== undefined;

  const noticed = Object.entries({
    spawnSync: (file: string, ...all: unknown[]) => {
      const { given, options } = split(all);
      return inherits(options) ? waiting(file, given, options) : spawnSync(file, ...(all as []));
    },
    execFileSync: (file: string, ...all: unknown[]) => {
      const { given, options } = split(all);
      if (!inherits(options)) return execFileSync(file, ...(all as []));
      return checked([file, ...given].join(" "), waiting(file, given, options));
    },
    execSync: (command: string, options: SpawnSyncOptions = {}) => {
      if (!inherits(options)) return execSync(command, options as never);
      return checked(String(command), waiting(command, [], { ...options, shell: options.shell ?? true }));
    },
  }).map(([name, start]) => {
    const wait = (...all: unknown[]): unknown => {
      waits(true);
      try {
        return (start as (...all: unknown[]) => unknown)(...all);
      } finally {
        waits(false);
      }
    };
    return [name, Object.defineProperty(wait, "name", { value: name })] as const;
  });
  Object.assign(childProcess, Object.fromEntries(noticed));
  syncBuiltinESMExports();
}
