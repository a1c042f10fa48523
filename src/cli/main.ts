#!/usr/bin/env node
/** The command line. Each command lives in a file of its own, loaded when it is called, so that --help is quick. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { InputError } from "../runner/input-error.ts";
import { parseParameter, type Parameters } from "../runner/parameters.ts";
import { EXIT, EXIT_HELP } from "./exit-codes.ts";
import type { InferOptions } from "./infer.ts";
import type { SweepOptions } from "./sweep.ts";

const MEMORY_HELP = "most memory for a kernel's heap; its process may hold 256 MiB more";

/** Longer timers overflow and fire at once. */
const MOST_SECONDS = 2 ** 31 / 1000 - 1;

function positive(most: number, isWhole: boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value > 0 && value <= most && (!isWhole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Expected a ${isWhole ? "whole " : ""}number above 0, at most ${Math.floor(most)}.`);
  };
}

function collectParameter(pair: string, earlier: Parameters = {}): Parameters {
  try {
    const [name, value] = parseParameter(pair);
    return { ...earlier, [name]: value };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function collectText(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

function profileName(text: string): string {
  if (text === "quick" || text === "paper") return text;
  throw new InvalidArgumentError("Expected quick or paper.");
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected a whole number.");
}

const INFER_HELP = `
Without --method an exact method answers; if the graph is too wide for it, or half of the time limit is gone, an approximation does, and
says so on stderr. The answer alone goes to stdout:
  uai    the competitions' result format: PR is log10 Z; MAR and MAP list every variable of the file, observed ones too
  json   { task, method, logZ, log10Z, bound, marginals, map, score, converged, iterations, seconds }: natural logs unless the name says
         log10; bound is exact, lower, upper or none (for MAP: of the score); what a method does not give is absent; ln 0 is "-Infinity";
         variables: the file's own numbers where they are not 0, 1, 2, ...; bestScore: [lower, upper] where the best score is bounded
Evidence that makes Z = 0 is answered by -inf for PR; for MAR and MAP there is no answer then (exit code 1).`;

/** An action that loads its command first; the number it returns is the exit code. */
function lazily<T extends unknown[]>(action: (...args: T) => Promise<number>) {
  return async (...args: T) => {
    process.exitCode = await action(...args);
  };
}

interface CommonOptions {
  readonly out?: string;
  readonly kernel?: string;
  readonly jobs: number;
  readonly timeout?: number;
  readonly notebookTimeout?: number;
  readonly memory?: number;
  readonly events?: string;
  readonly junit?: string;
  readonly cache?: boolean;
  readonly force?: boolean;
  readonly resume?: boolean;
}

function withRunOptions(command: Command): Command {
  return command
    .option("--out <dir>", "where <paper>/<experiment>/ goes (default: figures in the notebook's project)")
    .option("--kernel <kernel>", "marginalia, an installed kernelspec's name, or the path of a kernel.json")
    .option("--jobs <n>", "notebooks at a time", positive(256, true), 1)
    .option("--timeout <seconds>", "longest time for a cell", positive(MOST_SECONDS, false))
    .option("--notebook-timeout <seconds>", "longest time for a notebook", positive(MOST_SECONDS, false))
    .option("--memory <MiB>", MEMORY_HELP, positive(1e7, true))
    .option("--events <file>", "log what happens as JSON lines")
    .option("--junit <file>", "write a JUnit report")
    .option("--force", "execute even what the cache has")
    .option("--no-cache", "neither take results from the cache nor keep them there")
    .option("--resume", "go on with a run that was ended: the cache has what it finished, so this is the default");
}

interface RunCommandOptions extends CommonOptions {
  readonly profile?: string;
  readonly parameter?: Parameters;
  readonly parameters?: string;
  readonly helpNotebook?: string;
  readonly check?: boolean;
  readonly ifCommitted?: boolean;
}

function requireResumable({ resume, force, cache }: { resume?: boolean; force?: boolean; cache?: boolean }): void {
  if (resume && (force || cache === false))
    throw new InputError(`--resume takes what is finished, ${force ? "--force" : "--no-cache"} does without; give one of them`); // prettier-ignore
}

async function runCommand(notebooks: string[], options: RunCommandOptions): Promise<number> {
  if (options.helpNotebook !== undefined)
    return (await import("./help-notebook.ts")).helpNotebook(options.helpNotebook);
  requireResumable(options);
  if (notebooks.length === 0) throw new InputError("run needs notebooks or folders: marginalia run notebooks/");
  const fromFile =
    options.parameters === undefined
      ? {}
      : await (await import("../runner/parameter-file.ts")).readParameterFile(options.parameters);
  const parameters = { ...fromFile, ...options.parameter };
  const given = { ...options, parameters };
  if (options.check) return (await import("./check-run.ts")).check(notebooks, given);
  return (await import("./run.ts")).run(notebooks, given);
}

function program(): Command {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
    description: string;
  };
  const root = new Command("marginalia")
    .description(manifest.description)
    .version(manifest.version, "--version")
    .exitOverride()
    .showHelpAfterError("(--help says more)")
    .addHelpText("after", EXIT_HELP);

  withRunOptions(root.command("run [notebooks...]"))
    .description("execute notebooks, or every notebook in a folder")
    .option("--profile <name>", "quick or paper: the parameter `profile`", profileName)
    .option("-p, --parameter <name=value>", "a value for a name that the parameters cell declares", collectParameter)
    .option("--parameters <file>", "values from a JSON or YAML file; -p has the last word")
    .option(
      "--check",
      "execute aside and compare with the committed tables, figures, verdicts and texts; write nothing",
    )
    .option("--if-committed", "with --check: pass over notebooks of which nothing is committed")
    .option("--help-notebook <file>", "say which parameters a notebook has, their types and defaults; run nothing")
    .addHelpText("after", EXIT_HELP)
    .action(lazily(runCommand));

  withRunOptions(root.command("reproduce"))
    .description("execute every notebook under notebooks/, then write the gallery")
    .option("--profile <name>", "quick or paper", profileName, "quick")
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (options: CommonOptions & { profile: string }) => {
        requireResumable(options);
        return (await import("./reproduce.ts")).reproduce(options);
      }),
    );

  root
    .command("sweep <notebook>")
    .description("execute a notebook at every point of a parameter space, and collect what it records")
    .option(
      "-p, --parameter <name=values>",
      "5,10,20 | 1..5 | 0..1:0.25 | uniform(0,1) | loguniform(1e-4,1) | integer(1,9) | choice(a,b)",
      collectText,
    ) // prettier-ignore
    .option("--parameters <file>", "the same from a JSON or YAML file: lists, or text as above; -p has the last word")
    .option("--zip <names>", "parameters that run side by side: a,b (repeatable)", collectText)
    .option("--samples <n>", "how often what is drawn is drawn", positive(100_000, true), 10)
    .option("--seed <n>", "of the draws", wholeNumber, 0)
    .option("--profile <name>", "quick or paper", profileName)
    .option("--out <dir>", "where <paper>/<experiment>-sweep/ goes (default: figures in the notebook's project)")
    .option("--kernel <kernel>", "marginalia, an installed kernelspec's name, or the path of a kernel.json")
    .addOption(
      new Option("--engine <engine>", "where points are executed").choices(["local", "bullmq", "slurm"]).default("local"), // prettier-ignore
    )
    .option("--redis <url>", "of the bullmq engine", "redis://127.0.0.1:6379")
    .option(
      "--chunk <n>",
      "points of a task of the slurm engine's job array (default: a fourth of a job's share)",
      positive(100_000, true),
    ) // prettier-ignore
    .option(
      "--sbatch <option>",
      "for the slurm engine, repeatable: --sbatch=--partition=long --sbatch=--time=2:00:00",
      collectText,
    ) // prettier-ignore
    .option("--jobs <n>", "points at a time", positive(256, true), 1)
    .option("--timeout <seconds>", "longest time for a cell", positive(MOST_SECONDS, false))
    .option("--notebook-timeout <seconds>", "longest time for a point", positive(MOST_SECONDS, false))
    .option("--memory <MiB>", MEMORY_HELP, positive(1e7, true))
    .option("--retries <n>", "how often a failed point is tried again", wholeNumber, 0)
    .option("--fail-fast", "begin no other point after one has failed")
    .option("--minimise <name>", "report the point whose recorded number is least")
    .option("--maximise <name>", "report the point whose recorded number is greatest")
    .option(
      "--stop-hopeless",
      "end a point early when what it records by record(name, value, step) is worse than the median of the finished points' means (of the number that is minimised or maximised)",
    )
    .option(
      "--resume",
      "go on with a sweep that was ended; points that are done are never executed again, so this is the default",
    ) // prettier-ignore
    .option("--force", "execute every point, done or not")
    .option("--no-cache", "neither take results from the cache nor keep them there")
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (notebook: string, options: SweepOptions) => (await import("./sweep.ts")).sweep(notebook, options)),
    );

  root
    .command("worker")
    .description("execute points of sweeps from a queue on Redis (sweep --engine bullmq), until told to stop")
    .option("--redis <url>", "where the queue is", "redis://127.0.0.1:6379")
    .option("--jobs <n>", "points at a time", positive(256, true), 1)
    .option("--lock <seconds>", "after so long the points of a dead worker go to others", positive(3600, false), 15)
    .action(
      lazily(async (options: { redis: string; jobs: number; lock: number }) =>
        (await import("./worker.ts")).worker(options),
      ),
    );

  root
    .command("sweep-chunk <batch> <submission> <index>", { hidden: true })
    .description("execute a chunk of a sweep's points: what the slurm engine starts on a node")
    .action(
      lazily(async (batch: string, submission: string, index: string) =>
        (await import("./worker.ts")).sweepChunk(batch, submission, wholeNumber(index)),
      ),
    );

  root
    .command("infer [model]")
    .description("answer PR, MAR or MAP about a model file (.uai, .fg, .cnf, also .gz)")
    .option("--evidence <file>", "observed variables (.evid)")
    .addOption(
      new Option("--task <task>", "log10 Z, marginals, or a most probable state").choices(["PR", "MAR", "MAP"]),
    )
    .option("--method <spec>", "e.g. bp[schedule=residual,damping=0.5] (default: exact where the graph allows it)")
    .addOption(new Option("--format <format>", "UAI result file or JSON").choices(["uai", "json"]).default("uai"))
    .option("--seed <n>", "for methods that draw", wholeNumber, 0)
    .option("--time-limit <seconds>", "end by then, in the middle of any loop", positive(MOST_SECONDS, false))
    .option("--quiet", "no progress on stderr")
    .option("--methods", "list every method with its options and the tasks that it answers")
    .addHelpText("after", INFER_HELP)
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (model: string | undefined, options: InferOptions) =>
        (await import("./infer.ts")).infer(model, options),
      ),
    );

  root
    .command("check <notebooks...>")
    .description("types and lint of notebooks, with positions in their cells, and whether they are clean; runs nothing")
    .option("--no-lint", "types alone")
    .option("--no-clean", "do not ask whether they are clean")
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (notebooks: string[], options: { lint?: boolean; clean?: boolean }) =>
        (await import("./check.ts")).checkNotebooks(notebooks, options),
      ),
    );

  root
    .command("clean [notebooks...]")
    .description("make notebooks ready for git: stable ids, no outputs, no volatile metadata")
    .option("--keep-outputs", "leave outputs in, without their counts")
    .option(
      "--stdin",
      "filter standard input to standard output: git config filter.notebook.clean 'npx marginalia clean --stdin'",
    )
    .action(
      lazily(async (notebooks: string[], options: { keepOutputs?: boolean; stdin?: boolean }) =>
        (await import("./clean.ts")).clean(notebooks, options),
      ),
    );

  root
    .command("gallery")
    .description("write index.html over all figures and comparisons, and the scoreboard of the README")
    .option("--out <dir>", "the folder that holds <paper>/<experiment>/ (default: figures in this project)")
    .option("--check", "say whether both are what the figures give; write nothing")
    .action(
      lazily(async (options: { out?: string; check?: boolean }) => {
        const { checkGallery, gallery } = await import("./gallery.ts");
        return options.check ? checkGallery(options.out) : gallery(options.out);
      }),
    );

  const kernel = root.command("kernel").description("make the kernel known to Jupyter front ends, or forget it");
  for (const action of ["install", "uninstall"] as const)
    kernel
      .command(action)
      .description(`${action} the kernelspec`)
      .option("--user", "for this user (the default)")
      .option("--sys-prefix", "in the active Python environment")
      .option("--prefix <dir>", "under DIR/share/jupyter")
      .action(
        lazily(async (options: { user?: boolean; sysPrefix?: boolean; prefix?: string }) =>
          (await import("./kernel.ts")).kernel(action, options),
        ),
      );

  root
    .command("lab [arguments...]")
    .description("start JupyterLab with this kernel, in a Python environment of its own")
    .option("--environment <dir>", "the environment's folder (default: marginalia/lab among the user's caches)")
    .option("--prepare", "make the environment only")
    .addHelpText("after", "\nArguments go to JupyterLab: marginalia lab notebooks/start-here.ipynb -- --port=8899")
    .action(
      lazily(async (more: string[], options: { environment?: string; prepare?: boolean }) =>
        (await import("./lab.ts")).lab(more, options),
      ),
    );

  root
    .command("doctor")
    .description("check this machine and this copy: what works, what is missing, what to do")
    .option(
      "--compare <file...>",
      "say in what the environment of a result (result.json, a figure's json, an executed notebook) differs from this one, or from a second result's",
    ) // prettier-ignore
    .action(
      lazily(async ({ compare }: { compare?: string[] }) =>
        compare ? (await import("./compare.ts")).compareEnvironments(compare) : (await import("./doctor.ts")).doctor(),
      ),
    );
  return root;
}

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof InputError) {
    console.error(`marginalia: ${error.message}`);
    process.exitCode = EXIT.usage;
  } else throw error;
}
