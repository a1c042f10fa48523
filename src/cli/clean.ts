/** `marginalia clean`: notebooks as they are committed; by --stdin a filter for git. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { writeWhole } from "../files/whole-file.ts";
import { findNotebooks } from "../runner/batch.ts";
import { cleanNotebook, type CleanOptions } from "../runner/clean.ts";
import { InputError } from "../runner/input-error.ts";
import { shownPath } from "../runner/locations.ts";
import { formatNotebook, parseNotebook } from "../runner/notebook.ts";
import { EXIT } from "./exit-codes.ts";

export async function clean(paths: readonly string[], options: CleanOptions & { stdin?: boolean }): Promise<number> {
  const cleaned = async (content: string, file: string) =>
    formatNotebook(cleanNotebook(await parseNotebook(content, file), options));
  if (options.stdin) {
    process.stdout.write(await cleaned(await text(process.stdin), "standard input"));
    return EXIT.ok;
  }
  if (paths.length === 0) throw new InputError("clean needs notebooks or folders, or --stdin");
  for (const file of await findNotebooks(paths)) {
    const content = await readFile(file, "utf8");
    const wanted = await cleaned(content, file);
    if (wanted === content) continue;
    await writeWhole(file, wanted);
    console.log(shownPath(file));
  }
  return EXIT.ok;
}
