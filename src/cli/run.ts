/**
 * `marginalia run`: executes notebooks. Progress and failures go to stderr, the executed notebooks' paths to stdout.
 */
import { cpus } from "node:os";
import pc from "picocolors";
import { lockHash, marginaliaVersion, sourceState } from "../base/provenance.ts";
import { findNotebooks, requireDistinctOutputs, runAll } from "../runner/batch.ts";
import { RunCache } from "../runner/cache/cache.ts";
import { executeCached, type CachedResult } from "../runner/cache/cached-run.ts";
import type { RunEvent, RunResult } from "../runner/execute.ts";
import { describeFailure } from "../runner/failure.ts";
import { InputError } from "../base/input-error.ts";
import { findKernel } from "../runner/client/kernelspecs.ts";
import { projectOfNotebook, shownPath } from "../runner/locations.ts";
import type { GivenParameters } from "../runner/notebook/parameter-value.ts";
import { prepareRun, type PreparedRun } from "../runner/notebook/prepare.ts";
import { clock, Progress } from "../runner/progress.ts";
import { EventLog, writeJunit, type Outcome } from "../runner/reports.ts";
import type { RunEnvironment } from "../runner/run-record.ts";
import { EXIT } from "./exit-codes.ts";
import { interruptible } from "./interrupts.ts";

export interface RunOptions {
  readonly profile?: string;
  readonly parameters?: GivenParameters;
  readonly out?: string;
  readonly kernel?: string;
  readonly jobs: number;
  readonly timeout?: number;
  readonly notebookTimeout?: number;
  /** Take and keep results in the cache; true unless told. */
  readonly cache?: boolean;
  /** Execute even what the cache has. */
  readonly force?: boolean;
  /** Mebibytes of a kernel's heap. */
  readonly memory?: number;
  /** Files for other programs: events as JSON lines, a JUnit report. */
  readonly events?: string;
  readonly junit?: string;
}

/**
 * Prepares all notebooks before the first one runs, so that wrong usage costs no time and leaves no trace. A profile
 * goes to the notebooks that declare one, since others may lie beside them; where none does, it is refused.
 */
export async function run(paths: readonly string[], options: RunOptions): Promise<number> {
  const kernel = findKernel(options.kernel);
  const files = await findNotebooks(paths);
  const runs = await Promise.all(
    files.map((file) =>
      prepareRun(file, {
        outputRoot: options.out,
        parameters: options.parameters,
        profile: options.profile,
        profileIfDeclared: files.length > 1,
      }),
    ),
  );
  const without = options.profile === undefined ? [] : runs.filter(({ profile }) => profile === undefined);
  if (runs.length > 1 && without.length === runs.length)
    throw new InputError(`none of these notebooks declares the parameter profile, so --profile ${options.profile} says nothing`); // prettier-ignore
  if (without.length > 0) console.error(pc.dim(`no profiles, so executed as they are: ${without.map(({ name }) => name).join(", ")}`)); // prettier-ignore
  requireDistinctOutputs(runs);
  for (const { notebook, file } of runs) requireLanguage(notebook.metadata, file, kernel.language, options.kernel);
  return execute(runs, options);
}

/** Executes prepared notebooks; a failing one does not keep the others from running. */
export async function execute(runs: readonly PreparedRun[], options: RunOptions): Promise<number> {
  const kernel = findKernel(options.kernel);
  const progress = new Progress(process.stderr, { runs, jobs: options.jobs });
  const say = (problem: string) => progress.say(`${pc.yellow("!")} ${problem}`);
  const log = options.events === undefined ? undefined : new EventLog(options.events, say);
  const onEvent = (event: RunEvent) => {
    progress.onEvent(event);
    log?.onEvent(event);
  };
  const executeOne = async (prepared: PreparedRun, signal: AbortSignal): Promise<CachedResult> => {
    const shown = shownPath(prepared.file);
    try {
      const result = await executeCached(prepared, {
        kernel,
        cache: options.cache === false ? undefined : RunCache.of(prepared.file),
        force: options.force,
        onReason: (reason) => progress.say(pc.dim(`  ${prepared.name}: ${reason}`)),
        cellTimeout: options.timeout,
        notebookTimeout: options.notebookTimeout,
        signal,
        memory: options.memory,
        recordEnvironment: environmentOf(prepared),
        onEvent,
      });
      progress.report(prepared, report(result, shown));
      return result;
    } catch (error) {
      if (signal.aborted)
        return { run: prepared, status: "interrupted", seconds: 0, isSaved: false, isRestored: false };
      // Nothing about the notebook itself: a full disk, a folder that another run writes to, or that may not be written
      // to.
      const failure = { kind: "error", message: (error as Error).message, traceback: [] } as const;
      progress.report(prepared, `${pc.red("✗")} ${describeFailure(failure, shown)}`);
      return { run: prepared, status: "failed", failure, seconds: 0, isSaved: false, isRestored: false };
    }
  };
  return interruptible(async (signal) => {
    const results = await runAll(runs, (prepared) => executeOne(prepared, signal), { jobs: options.jobs, signal });
    for (const result of results) if (result.status === "ok") console.log(result.run.output);
    const failed = results.filter((result) => result.status === "failed");
    if (options.junit !== undefined)
      await writeJunit(options.junit, results.map(outcomeOf)).catch((error: Error) => say(`no JUnit report: ${error.message}`)); // prettier-ignore
    if (runs.length > 1) console.error(summary(runs, results));
    return failed.length > 0 ? EXIT.failed : EXIT.ok;
  });
}

function environmentOf({ file, outputRoot }: PreparedRun): RunEnvironment {
  const project = projectOfNotebook(file);
  const machine = {
    v8: process.versions.v8,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    marginalia: marginaliaVersion(),
  };
  return { ...sourceState(project, outputRoot), lock: lockHash(project), ...machine };
}

function outcomeOf({ run, status, seconds, failure }: RunResult): Outcome {
  return { name: run.name, file: shownPath(run.file), status, seconds, failure };
}

function report({ run, status, failure, seconds, isSaved, isRestored }: CachedResult, shown: string): string {
  if (isRestored)
    return `${pc.green("✓")} ${pc.bold(run.name)} restored from the cache (nothing it came from has changed)`;
  if (!failure) return `${pc.green("✓")} ${pc.bold(run.name)} in ${clock(seconds)}`;
  const mark = status === "interrupted" ? pc.yellow("✗") : pc.red("✗");
  const kept = isSaved ? `\n  partial notebook: ${shownPath(run.output)}` : "";
  return `${mark} ${describeFailure(failure, shown)}${kept}`;
}

function summary(runs: readonly PreparedRun[], results: readonly RunResult[]): string {
  const count = (status: RunResult["status"]) => results.filter((result) => result.status === status).length;
  const parts = [`${count("ok")} of ${runs.length} notebooks done`];
  if (count("failed") > 0) parts.push(`${count("failed")} failed`);
  if (count("interrupted") > 0) parts.push(`${count("interrupted")} interrupted`);
  if (results.length < runs.length) parts.push(`${runs.length - results.length} not begun`);
  return parts.join(", ");
}

/** Else a Python notebook would fail with a hundred type errors. */
function requireLanguage(
  metadata: Readonly<Record<string, unknown>>,
  file: string,
  kernelLanguage: string,
  asked: string | undefined,
): void {
  const language = languageOf(metadata);
  if (asked !== undefined || language === undefined || /^(type|java)script$/i.test(language)) return;
  throw new InputError(
    `${file}: a ${language} notebook, but the kernel speaks ${kernelLanguage}; name another by --kernel`,
  );
}

function languageOf(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const kernelspec = metadata.kernelspec as { language?: unknown } | undefined;
  const info = metadata.language_info as { name?: unknown } | undefined;
  const language = info?.name ?? kernelspec?.language;
  return typeof language === "string" ? language : undefined;
}
