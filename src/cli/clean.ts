/** `marginalia clean`: notebooks as they are committed; by --stdin a filter for git, which --install sets up. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeWhole } from "../base/whole-file.ts";
import { findNotebooks } from "../runner/batch.ts";
import { cleanNotebook, type CleanOptions } from "../runner/notebook/clean.ts";
import { InputError } from "../base/input-error.ts";
import { shownPath } from "../runner/locations.ts";
import { formatNotebook, parseNotebook } from "../runner/notebook/notebook.ts";
import { EXIT } from "./exit-codes.ts";

const ATTRIBUTES = "*.ipynb filter=notebook";

export async function clean(
  paths: readonly string[],
  options: CleanOptions & { stdin?: boolean; install?: boolean },
): Promise<number> {
  const cleaned = async (content: string, file: string) => {
    const notebook = await parseNotebook(content, file);
    try {
      return formatNotebook(cleanNotebook(notebook, options));
    } catch (error) {
      throw error instanceof InputError ? new InputError(`${file}: ${error.message}`, { cause: error }) : error;
    }
  };
  if (options.install) return installFilter(options);
  if (options.stdin) {
    // Git says which file it is (%f), for messages.
    process.stdout.write(await cleaned(await text(process.stdin), paths[0] ?? "standard input"));
    return EXIT.ok;
  }
  if (paths.length === 0) throw new InputError("clean needs notebooks or folders, --stdin, or --install");
  for (const file of await findNotebooks(paths)) {
    const content = await readFile(file, "utf8");
    const wanted = await cleaned(content, file);
    if (wanted === content) continue;
    await writeWhole(file, wanted);
    console.log(shownPath(file));
  }
  return EXIT.ok;
}

/**
 * Both halves of a filter: the command in the repository's own configuration, and the attribute that says to which
 * files it applies. With `required`, git refuses to add a notebook where the command is not there any more, instead of
 * adding its outputs silently.
 */
async function installFilter({ keepOutputs }: CleanOptions): Promise<number> {
  const git = async (...args: string[]) => (await promisify(execFile)("git", args)).stdout.trim();
  const top = await git("rev-parse", "--show-toplevel").catch((error: unknown) => {
    throw new InputError("clean --install: this folder is in no git repository (or there is no git)", { cause: error });
  });
  const command = `${filterCommand(top)}${keepOutputs ? " --keep-outputs" : ""} --stdin %f`;
  await git("config", "--local", "filter.notebook.clean", command);
  await git("config", "--local", "filter.notebook.smudge", "cat");
  await git("config", "--local", "filter.notebook.required", "true");
  const attributes = path.join(top, ".gitattributes");
  const was = await readFile(attributes, "utf8").catch(() => "");
  if (!was.split(/\r?\n/).some((line) => line.trim() === ATTRIBUTES))
    await writeWhole(attributes, `${was}${was === "" || was.endsWith("\n") ? "" : "\n"}${ATTRIBUTES}\n`);
  console.error(`notebooks are cleaned as git adds them (${command})`);
  console.error(`commit ${shownPath(attributes)}; \`git add --renormalize .\` cleans those that are committed already`);
  console.error("the command is this clone's own: others run `marginalia clean --install` once, too");
  return EXIT.ok;
}

/**
 * Git runs it in the repository's uppermost folder. Started directly, since npx takes longer than the filter itself.
 */
function filterCommand(top: string): string {
  const main = path.relative(top, fileURLToPath(new URL("main.js", import.meta.url)));
  const isInside = !main.startsWith("..") && !path.isAbsolute(main);
  return isInside ? `node "${main.split(path.sep).join("/")}" clean` : "npx --no -- marginalia clean";
}
