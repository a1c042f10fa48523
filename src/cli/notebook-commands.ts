/** Commands on notebooks: run, reproduce, check, clean, gallery. */
import type { Command } from "commander";
import { InputError } from "../base/input-error.ts";
import type { GivenParameters } from "../runner/notebook/parameter-value.ts";
import { EXIT_HELP } from "./exit-codes.ts";
import { collectParameter, lazily, MEMORY_HELP, MAX_SECONDS, positive, profileName } from "./option-values.ts";

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
    .option("--timeout <seconds>", "longest time for a cell", positive(MAX_SECONDS, false))
    .option("--notebook-timeout <seconds>", "longest time for a notebook", positive(MAX_SECONDS, false))
    .option("--memory <MiB>", MEMORY_HELP, positive(1e7, true))
    .option("--events <file>", "log what happens as JSON lines")
    .option("--junit <file>", "write a JUnit report")
    .option("--force", "execute even what the cache has")
    .option("--no-cache", "neither take results from the cache nor keep them there")
    .option("--resume", "go on with a run that was ended: the cache has what it finished, so this is the default");
}

interface RunCommandOptions extends CommonOptions {
  readonly profile?: string;
  readonly parameter?: GivenParameters;
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
      : await (await import("../runner/notebook/parameter-file.ts")).readParameterFile(options.parameters);
  const parameters = { ...fromFile, ...options.parameter };
  const given = { ...options, parameters };
  if (options.check) return (await import("./check-run.ts")).check(notebooks, given);
  return (await import("./run.ts")).run(notebooks, given);
}

export function addNotebookCommands(root: Command): void {
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
    .command("check <notebooks...>")
    .description(
      "types and lint of notebooks, with positions in their cells, and whether they are clean; runs no cells, but ESLint executes the project's eslint.config.js",
    )
    .option("--no-lint", "types alone: executes nothing of the project")
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
    .option("--install", "make it a filter of this git repository, so that notebooks are cleaned as they are added")
    .option("--stdin", "filter standard input to standard output, as git's filters do")
    .action(
      lazily(async (notebooks: string[], options: { keepOutputs?: boolean; stdin?: boolean; install?: boolean }) =>
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
}
