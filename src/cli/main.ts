#!/usr/bin/env node
/** The command line. Each command lives in a file of its own, loaded when it is called, so that --help is quick. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { InputError } from "../runner/input-error.ts";
import { parseParameter, type Parameters } from "../runner/parameters.ts";
import { EXIT, EXIT_HELP } from "./exit-codes.ts";

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

function profileName(text: string): string {
  if (text === "quick" || text === "paper") return text;
  throw new InvalidArgumentError("Expected quick or paper.");
}

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
}

function withRunOptions(command: Command): Command {
  return command
    .option("--out <dir>", "where <paper>/<experiment>/ goes (default: figures in the notebook's project)")
    .option("--kernel <kernel>", "marginalia, an installed kernelspec's name, or the path of a kernel.json")
    .option("--jobs <n>", "notebooks at a time", positive(256, true), 1)
    .option("--timeout <seconds>", "longest time for a cell", positive(MOST_SECONDS, false));
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

  withRunOptions(root.command("run <notebooks...>"))
    .description("execute notebooks, or every notebook in a folder")
    .option("--profile <name>", "quick or paper: the parameter `profile`", profileName)
    .option("-p, --parameter <name=value>", "a value for a name that the parameters cell declares", collectParameter)
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (notebooks: string[], options: CommonOptions & { profile?: string; parameter?: Parameters }) =>
        (await import("./run.ts")).run(notebooks, { ...options, parameters: options.parameter }),
      ),
    );

  withRunOptions(root.command("reproduce"))
    .description("execute every notebook under notebooks/, then write the gallery")
    .option("--profile <name>", "quick or paper", profileName, "quick")
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (options: CommonOptions & { profile: string }) =>
        (await import("./reproduce.ts")).reproduce(options),
      ),
    );

  root
    .command("gallery")
    .description("write index.html over all figures and comparisons")
    .option("--out <dir>", "the folder that holds <paper>/<experiment>/ (default: figures in this project)")
    .action(lazily(async (options: { out?: string }) => (await import("./gallery.ts")).gallery(options.out)));

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
    .command("doctor")
    .description("check this machine and this copy: what works, what is missing, what to do")
    .action(lazily(async () => (await import("./doctor.ts")).doctor()));
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
