/** Writing whole files: pieces of text go to a temporary name beside the target, which is renamed when all is there. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

const BUFFERED_CHARACTERS = 1 << 16;

/** All pieces in one string. */
export function collect(pieces: Iterable<string>): string {
  return Array.from(pieces).join("");
}

/** Writes `pieces` to `path`; on any error the old file, or none, stays. */
export function writeAtomically(path: string, pieces: Iterable<string>): void {
  const temporary = `${path}.${process.pid}.part`;
  const descriptor = openSync(temporary, "w");
  let isOpen = true;
  try {
    let pending = "";
    for (const piece of pieces) {
      pending += piece;
      if (pending.length < BUFFERED_CHARACTERS) continue;
      writeAll(descriptor, pending);
      pending = "";
    }
    writeAll(descriptor, pending);
    fsyncSync(descriptor);
    closeSync(descriptor);
    isOpen = false;
    renameSync(temporary, path);
  } catch (error) {
    if (isOpen) closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** One writeSync may write less than it was given. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}
