#!/usr/bin/env node
/** The command line. Each command lives in a file of its own, loaded when it is called, so that --help is quick. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { InputError } from "../base/input-error.ts";
import { EXIT, EXIT_HELP } from "./exit-codes.ts";
import { addInstallationCommands } from "./installation-commands.ts";
import { addModelCommands } from "./model-commands.ts";
import { addNotebookCommands } from "./notebook-commands.ts";
import { addSweepCommands } from "./sweep/commands.ts";

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

  addNotebookCommands(root);
  addSweepCommands(root);
  addModelCommands(root);
  addInstallationCommands(root);
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
