/**
 * Executes a notebook: every code cell sent to a fresh kernel in the notebook's own folder, outputs
 * folded, the executed notebook saved after each cell, so that whatever happens the partial notebook is there.
 *
 * Timings stand in one place, `metadata.marginalia` of the executed notebook; everything else in it is as deterministic
 * as the notebook's own code.
 */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { dictionary } from "../base/dictionary.ts";
import { failingCell, failureOfError, type CellFailure } from "./failure.ts";
import { KernelClient, KernelDied } from "./client/kernel-client.ts";
import type { Kernel } from "./client/kernelspecs.ts";
import { projectOfNotebook } from "./locations.ts";
import { hasTag, isExecuted, writeNotebook, type Cell, type JsonObject } from "./notebook/notebook.ts";
import { memoryLimit, MemoryWatch } from "./client/memory-limit.ts";
import { Displays, OutputFold, type MutableCell } from "./notebook/outputs.ts";
import type { PreparedRun } from "./notebook/prepare.ts";
import type { RunEnvironment, RunRecord, RunStatus } from "./run-record.ts";
import { Stop, type StopOptions, type StopReason } from "./stop.ts";

export interface RunResult {
  readonly run: PreparedRun;
  readonly status: Exclude<RunStatus, "running">;
  readonly failure?: CellFailure;
  readonly seconds: number;
  /** Whether the executed (or partial) notebook was written: not when no kernel came up to execute a cell. */
  readonly isSaved: boolean;
}

/** What happens during a run, in order; progress displays and logs listen. Cell numbers are 1-based over all cells. */
export type RunEvent = { readonly run: PreparedRun } & (
  | { readonly type: "run-start" }
  | { readonly type: "cell-start"; readonly cell: number }
  | { readonly type: "cell-end"; readonly cell: number; readonly seconds: number }
  | { readonly type: "run-end"; readonly result: RunResult }
);

/** Aborting the signal interrupts the running cell and ends the run; the partial notebook is kept. */
export interface ExecuteOptions extends StopOptions {
  readonly kernel: Kernel;
  /** For the kernel's process, besides our own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Mebibytes that a kernel's heap may hold; its process may hold as much and what Node needs itself. */
  readonly memory?: number;
  /** Goes into the executed notebook's record. */
  readonly recordEnvironment?: RunEnvironment;
  readonly onEvent?: (event: RunEvent) => void;
  /** Gets what is displayed at once, while its cell is still running. */
  readonly onDisplay?: (data: JsonObject) => void;
}

/** Runs a prepared notebook. Failing cells, timeouts, kernel death and abortion are results; only writing may throw. */
export async function executeRun(run: PreparedRun, options: ExecuteOptions): Promise<RunResult> {
  return new Execution(run, options).execute();
}

class Execution {
  readonly #run: PreparedRun;
  readonly #options: ExecuteOptions;
  readonly #cells: Cell[];
  readonly #displays = new Displays();
  readonly #cellSeconds = dictionary<number>();
  readonly #started = performance.now();
  readonly #began = new Date();
  /** The first error that came of a cell after it had ended: from a timer or promise that it had left running. */
  #late: CellFailure | undefined;
  #languageInfo: unknown;
  #isOverMemory = false;

  constructor(run: PreparedRun, options: ExecuteOptions) {
    this.#run = run;
    this.#options = options;
    this.#cells = run.notebook.cells.map((cell) =>
      cell.cell_type === "code" ? { ...cell, execution_count: null, outputs: [] } : cell,
    );
  }

  async execute(): Promise<RunResult> {
    this.#tell({ type: "run-start" });
    let kernel: KernelClient | undefined;
    let watch: MemoryWatch | undefined;
    let failure: CellFailure | undefined;
    try {
      kernel = await this.#startKernel();
      watch = this.#watchMemory(kernel);
      this.#languageInfo = kernel.info.language_info;
      failure = await this.#executeCells(kernel);
      // Shut down in order only what is still well: a kernel that was told to stop may not listen any more.
      await (failure === undefined || failure.kind === "error" ? kernel.shutdown() : kernel.kill());
    } catch (error) {
      if (!(error instanceof KernelDied) && !this.#options.signal?.aborted) throw error;
      failure = this.#options.signal?.aborted ? INTERRUPTED : startFailure(error as KernelDied);
    } finally {
      watch?.end();
      await kernel?.kill();
    }
    const status = failure === undefined ? "ok" : failure.kind === "interrupted" ? "interrupted" : "failed";
    const isSaved = kernel !== undefined;
    if (isSaved) await this.#save(status, failure);
    const result: RunResult = { run: this.#run, status, failure, seconds: this.#elapsed(), isSaved };
    this.#tell({ type: "run-end", result });
    return result;
  }

  #startKernel(): Promise<KernelClient> {
    const { kernel, memory, environment: more } = this.#options;
    const environment = { ...process.env, ...more };
    return KernelClient.start(kernel, {
      cwd: path.dirname(this.#run.file),
      environment: {
        ...environment,
        ...(memory === undefined ? {} : memoryLimit(memory, environment)),
        MARGINALIA_OUT: this.#run.outputRoot,
        MARGINALIA_NOTEBOOK: this.#run.file,
      },
      signal: this.#options.signal,
    });
  }

  #watchMemory(kernel: KernelClient): MemoryWatch | undefined {
    const { memory } = this.#options;
    if (memory === undefined || kernel.pid === undefined) return undefined;
    return new MemoryWatch(kernel.pid, memory, () => {
      this.#isOverMemory = true;
      void kernel.kill();
    });
  }

  async #executeCells(kernel: KernelClient): Promise<CellFailure | undefined> {
    for (const [i, cell] of this.#cells.entries()) {
      if (!isExecuted(cell)) continue;
      if (this.#options.signal?.aborted) return INTERRUPTED;
      this.#tell({ type: "cell-start", cell: i + 1 });
      const start = performance.now();
      const failure = await this.#executeCell(kernel, cell, i + 1);
      const seconds = (performance.now() - start) / 1000;
      this.#cellSeconds[cell.id] = rounded(seconds);
      if (!failure) await this.#save("running");
      this.#tell({ type: "cell-end", cell: i + 1, seconds });
      if (failure ?? this.#late) return failure ?? this.#late;
    }
    await settleTimers(kernel);
    return this.#late;
  }

  async #executeCell(kernel: KernelClient, cell: MutableCell, number: number): Promise<CellFailure | undefined> {
    const fold = new OutputFold(cell, this.#displays);
    const stop = new Stop(kernel, this.#options, this.#elapsed());
    let hasEnded = false;
    try {
      const reply = await kernel.execute({
        code: cell.source,
        cellId: cell.id,
        onMessage: (type, content) => {
          fold.add(type, content);
          const error = cell.outputs.at(-1);
          if (hasEnded && type === "error" && error?.output_type === "error" && !hasTag(cell, "raises-exception"))
            this.#late ??= failureOfError(error, cell, number);
          if (type === "display_data") this.#options.onDisplay?.(content.data as JsonObject);
        },
      });
      if (typeof reply.execution_count === "number") cell.execution_count = reply.execution_count;
      if (stop.reason) return this.#stopped(stop.reason, "interrupted", cell, number);
      if (reply.status === "ok" || hasTag(cell, "raises-exception")) return undefined;
      const error = cell.outputs.findLast((output) => output.output_type === "error") ?? errorInReply(reply);
      return failureOfError(error, cell, number);
    } catch (error) {
      if (!(error instanceof KernelDied)) throw error;
      if (stop.reason) return this.#stopped(stop.reason, "killed", cell, number);
      if (this.#isOverMemory) {
        const message = `the kernel held more memory than the ${this.#options.memory} MiB of --memory and was killed`;
        return withOutput({ kind: "memory", ...failingCell(cell, number), message, traceback: [] }, cell);
      }
      return withOutput(
        { kind: "kernel died", ...failingCell(cell, number), message: error.message, traceback: [] },
        cell,
      );
    } finally {
      hasEnded = true;
      stop.end();
    }
  }

  #stopped(reason: StopReason, how: "interrupted" | "killed", cell: MutableCell, number: number): CellFailure {
    const end = how === "killed" ? "did not heed the interrupt, so the kernel was killed" : "was interrupted";
    const place = failingCell(cell, number);
    if (reason === "abort") return { kind: "interrupted", ...place, message: `the cell ${end}`, traceback: [] };
    const message =
      reason === "cell timeout"
        ? `the cell took longer than the ${this.#options.cellTimeout} s of --timeout and ${end}`
        : `the notebook took longer than the ${this.#options.notebookTimeout} s of --notebook-timeout; this cell ${end}`;
    return withOutput({ kind: "timeout", ...place, message, traceback: [] }, cell);
  }

  async #save(status: RunStatus, failure?: CellFailure): Promise<void> {
    const { kernel } = this.#options;
    const { file, output, profile, parameters, notebook } = this.#run;
    const record: RunRecord = {
      source: sourceName(file),
      ...(profile === undefined ? {} : { profile }),
      parameters,
      status,
      ...(failure === undefined ? {} : { failure: { cell: failure.cell, message: failure.message } }),
      began: this.#began.toISOString(),
      node: process.versions.node,
      ...this.#options.recordEnvironment,
      ...(status === "running" ? {} : await toldByResult(path.dirname(output), this.#began)),
      seconds: { total: this.#elapsed(), cells: this.#cellSeconds },
    };
    const metadata: JsonObject = {
      ...notebook.metadata,
      kernelspec: { name: kernel.name, display_name: kernel.display_name, language: kernel.language },
      language_info: this.#languageInfo ?? { name: kernel.language },
      marginalia: record,
    };
    await writeNotebook(output, { metadata, cells: this.#cells });
  }

  #elapsed(): number {
    return rounded((performance.now() - this.#started) / 1000);
  }

  #tell(event: DistributiveOmit<RunEvent, "run">): void {
    this.#options.onEvent?.({ run: this.#run, ...event });
  }
}

/** How long timers that the notebook has left running are waited for: Node would wait for them, too, without an end. */
const TIMERS_GRACE_MS = 1000;
const TIMERS_LOOK_AGAIN_MS = 20;

/** Gives the kernel a moment, that what the last cells have left running can fail while somebody listens. */
async function settleTimers(kernel: KernelClient): Promise<void> {
  const deadline = performance.now() + TIMERS_GRACE_MS;
  do {
    if (!(await kernel.hasTimers())) return;
    await new Promise((resolve) => setTimeout(resolve, TIMERS_LOOK_AGAIN_MS));
  } while (performance.now() < deadline);
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/**
 * The notebook's path in its project; a name alone for a notebook outside, since machine paths are nobody's business.
 */
function sourceName(file: string): string {
  const inProject = path.relative(projectOfNotebook(file), file);
  return inProject.startsWith("..") ? path.basename(file) : inProject.split(path.sep).join("/");
}

/**
 * Seed, back end and kind of data as the notebook itself has told them in result.json, if it has written one in this
 * run.
 */
async function toldByResult(folder: string, began: Date): Promise<Pick<RunRecord, "seed" | "backend" | "data">> {
  const file = path.join(folder, "result.json");
  try {
    if ((await stat(file)).mtimeMs < began.getTime() - 20) return {}; // file times are coarser than clocks
    const { provenance } = JSON.parse(await readFile(file, "utf8")) as { provenance: Record<string, unknown> };
    const { seed, backend, data } = provenance;
    return { seed, backend, data };
  } catch {
    return {}; // not every notebook writes one
  }
}

const INTERRUPTED: CellFailure = { kind: "interrupted", message: "interrupted", traceback: [] };

function startFailure(error: KernelDied): CellFailure {
  return { kind: "kernel died", message: error.message, traceback: [] };
}

/** Says in the partial notebook itself why it ends here, where the kernel could not. */
function withOutput(failure: CellFailure, cell: MutableCell): CellFailure {
  const ename = ({ timeout: "CellTimeout", memory: "MemoryLimit" } as Record<string, string>)[failure.kind] ?? "KernelDied"; // prettier-ignore
  cell.outputs.push({
    output_type: "error",
    ename,
    evalue: failure.message,
    traceback: [`${ename}: ${failure.message}`],
  });
  return failure;
}

function errorInReply(reply: JsonObject): { ename: string; evalue: string; traceback: string[] } {
  const traceback = Array.isArray(reply.traceback) ? reply.traceback.map(String) : [];
  return {
    ename: typeof reply.ename === "string" ? reply.ename : "Error",
    evalue: typeof reply.evalue === "string" ? reply.evalue : `the kernel answered with status ${String(reply.status)}`,
    traceback,
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
