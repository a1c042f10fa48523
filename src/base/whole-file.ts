/**
 * Writes a file as a whole or not at all: aside, to the disk, then renamed. The temporary file is <name>.<number>.part.
 * A file that is there keeps its permissions, and a link to it stays a link.
 *
 * Not write-file-atomic: it takes a short write for a whole one (it does not look at how much has been written), so on
 * a disk that fills up it renames half a file into place. Node's own writeFile goes on until all is written, or fails.
 */
import { randomInt } from "node:crypto";
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";

/** Throws what the file system says (ENOSPC, EACCES) of `file`, which is as it was then. The folder must be there. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const { target, aside, mode } = placesOf(file);
  try {
    const handle = await open(aside, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, target);
  } catch (error) {
    throw writeError(error, file);
  } finally {
    await rm(aside, { force: true });
  }
}

/** The same, for callers that cannot wait, or whose content comes in pieces. */
export function writeWholeSync(file: string, content: string | Uint8Array | Iterable<string>): void {
  const { target, aside, mode } = placesOf(file);
  try {
    const descriptor = openSync(aside, "wx", mode);
    try {
      const pieces = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
      for (const piece of pieces) writeFileSync(descriptor, piece);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, target);
  } catch (error) {
    throw writeError(error, file);
  } finally {
    rmSync(aside, { force: true });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on its disk",
  EDQUOT: "the quota of its disk is used up",
  EACCES: "its folder may not be written to",
  EPERM: "its folder may not be written to",
  EROFS: "its file system is read-only",
};

/**
 * Names the file that was to be written: of a full disk the system tells none, else the temporary one. The code stays.
 */
export function writeError(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : REASONS[code];
  if (reason === undefined) return error;
  return Object.assign(new Error(`${file} cannot be written: ${reason} (${code})`, { cause: error }), { code });
}

function placesOf(file: string): { target: string; aside: string; mode?: number } {
  const part = `.${randomInt(2 ** 47)}.part`;
  try {
    const target = realpathSync(file);
    return { target, aside: target + part, mode: statSync(target).mode & 0o777 };
  } catch {
    return { target: file, aside: file + part }; // not there yet
  }
}
