/**
 * `marginalia run --check`: executes notebooks in a folder that is thrown away, and tells how they differ from what is
 * committed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pc from "picocolors";
import { findNotebooks, runAll } from "../runner/batch.ts";
import { compareWithReference, findReference, type Reference } from "../runner/check/check.ts";
import { CheckSettings } from "../runner/check/settings.ts";
import { RunCache } from "../runner/cache/cache.ts";
import { executeRun, type RunEvent, type RunResult } from "../runner/execute.ts";
import { describeFailure, type CellFailure } from "../runner/failure.ts";
import { findKernel, type Kernel } from "../runner/client/kernelspecs.ts";
import { experimentFolder, figuresFolder, projectOfNotebook, shownPath } from "../runner/locations.ts";
import { readNotebook } from "../runner/notebook/notebook.ts";
import type { GivenParameters } from "../runner/notebook/parameter-value.ts";
import { declaredParameters } from "../runner/notebook/parameters.ts";
import { prepareRun, type PreparedRun } from "../runner/notebook/prepare.ts";
import { Progress } from "../runner/progress.ts";
import { EventLog, writeJunit, type Outcome } from "../runner/reports.ts";
import { EXIT } from "./exit-codes.ts";
import { interruptible } from "./interrupts.ts";
import type { RunOptions } from "./run.ts";

export interface CheckRunOptions extends RunOptions {
  /** Pass over notebooks of which nothing is committed. */
  readonly ifCommitted?: boolean;
}

interface Check {
  readonly run: PreparedRun;
  readonly reference: Reference;
  /** The output root of the committed run. */
  readonly root: string;
  readonly settings: CheckSettings;
}

export async function check(paths: readonly string[], options: CheckRunOptions): Promise<number> {
  const files = await findNotebooks(paths);
  const scratch = await mkdtemp(path.join(tmpdir(), "marginalia-check-"));
  try {
    const prepared = await Promise.all(files.map((file) => prepareCheck(file, scratch, options)));
    const checks = prepared.filter((each): each is Check => typeof each === "object");
    const problems = prepared.filter((each) => typeof each === "string");
    problems.forEach((problem) => console.error(problem));
    const missing = problems.filter((problem) => !problem.startsWith(SKIPPED)).length;
    return await interruptible((signal) => checkAll(checks, missing, options, signal));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const SKIPPED = pc.yellow("–");

/** What is to be compared; or words for why it cannot be. Runs as the committed run did, unless told otherwise. */
async function prepareCheck(file: string, scratch: string, options: CheckRunOptions): Promise<Check | string> {
  const source = await readNotebook(file);
  const settings = new CheckSettings(source, file);
  const root = path.resolve(options.out ?? figuresFolder(projectOfNotebook(file)));
  const reference = await findReference(experimentFolder(root, file), source);
  if (!reference && options.ifCommitted) return `${SKIPPED} ${file}: skipped, since nothing is committed of it`;
  if (!reference)
    return `${pc.red("✗")} ${file}: nothing is committed to compare with; run it first: marginalia run ${file}`;
  const committed = reference.run?.profile;
  if (options.profile !== undefined && committed !== undefined && options.profile !== committed)
    return `${SKIPPED} ${file}: skipped, since what is committed is of the profile ${committed}, not ${options.profile}`;
  const recorded = Object.entries(reference.run?.parameters ?? {});
  // TypeScript, which reads the declarations, is not loaded for nothing.
  const declared = new Set((recorded.length > 0 ? await declaredParameters(source) : []).map(({ name }) => name));
  const ofCommitted = recorded.filter(([name]) => declared.has(name));
  const parameters = { ...Object.fromEntries(ofCommitted), ...options.parameters } as GivenParameters;
  const run = await prepareRun(file, { outputRoot: scratch, parameters, profile: options.profile ?? committed, profileIfDeclared: true }); // prettier-ignore
  return { run, reference, root, settings };
}

async function checkAll(
  checks: readonly Check[],
  missing: number,
  options: RunOptions,
  signal: AbortSignal,
): Promise<number> {
  const kernel = findKernel(options.kernel);
  const runs = checks.map((each) => each.run);
  const progress = new Progress(process.stderr, { runs, jobs: options.jobs });
  const say = (problem: string) => progress.say(`${pc.yellow("!")} ${problem}`);
  const log = options.events === undefined ? undefined : new EventLog(options.events, say);
  const onEvent = (event: RunEvent) => {
    progress.onEvent(event);
    log?.onEvent(event);
  };
  const byRun = new Map(checks.map((each) => [each.run, each]));
  const outcomes: Outcome[] = [];
  let same = 0;
  const execute = async (run: PreparedRun): Promise<RunResult> => {
    const result = await executeRun(run, {
      kernel,
      cellTimeout: options.timeout,
      notebookTimeout: options.notebookTimeout,
      memory: options.memory,
      signal,
      onEvent,
    });
    const { said, isSame, failure } = await verdict(byRun.get(run)!, result);
    const cause = isSame ? undefined : await changedSince(byRun.get(run)!, kernel);
    progress.report(run, cause ? `${said}\n  ${cause}` : said);
    if (isSame) same++;
    const { status, seconds } = result;
    outcomes.push({ name: run.name, file: shownPath(run.file), status: failure && status === "ok" ? "failed" : status, seconds, failure }); // prettier-ignore
    return result;
  };
  const results = await runAll(runs, execute, { jobs: options.jobs, signal });
  if (options.junit !== undefined)
    await writeJunit(options.junit, outcomes).catch((error: Error) => say(`no JUnit report: ${error.message}`));
  const all = checks.length + missing;
  if (all > 1) console.error(`${same} of ${all} notebooks give what is committed`);
  return same === all && results.length === checks.length ? EXIT.ok : EXIT.failed;
}

async function verdict(
  { run, reference, settings }: Check,
  { status, failure }: RunResult,
): Promise<{ said: string; isSame: boolean; failure?: CellFailure }> {
  const shown = shownPath(run.file);
  if (failure) return { said: `${status === "interrupted" ? pc.yellow("✗") : pc.red("✗")} ${describeFailure(failure, shown)}`, isSame: false, failure }; // prettier-ignore
  const executed = await readNotebook(run.output);
  const differences = await compareWithReference(reference, path.dirname(run.output), executed, settings);
  if (differences.length === 0)
    return { said: `${pc.green("✓")} ${pc.bold(run.name)} gives what is committed`, isSame: true };
  const lines = differences.map(({ place, what }) =>
    what.includes("\n") ? `  ${place}:\n${what.replace(/^/gm, "    ")}` : `  ${place}: ${what}`,
  );
  const against = reference.folder === undefined ? "its own outputs" : shownPath(reference.folder);
  const message = `differs from ${against}: ${differences[0].place}: ${differences[0].what}`;
  return {
    said: [`${pc.red("✗")} ${shown} differs from ${against}:`, ...lines].join("\n"),
    isSame: false,
    failure: { kind: "difference", message, traceback: lines },
  };
}

/**
 * What has changed since this notebook was executed last on this machine, where the cache knows: a place to look first.
 */
async function changedSince({ run, root }: Check, kernel: Kernel): Promise<string | undefined> {
  const found = await RunCache.of(run.file)?.find(run, kernel, { ...process.env, MARGINALIA_OUT: root, ...kernel.env });
  return found?.why === undefined || found.why === "not in the cache"
    ? undefined
    : `since it was executed last: ${found.why}`;
}
