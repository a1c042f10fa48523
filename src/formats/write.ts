/** Text in pieces: joined, or written to a file without ever being held as one string. */
import { writeWholeSync } from "../base/whole-file.ts";

const BUFFERED_CHARACTERS = 1 << 16;

/** All pieces in one string. */
export function collect(pieces: Iterable<string>): string {
  return Array.from(pieces).join("");
}

/** Writes `pieces` to `path`; on any error the old file, or none, stays. */
export function writeAtomically(path: string, pieces: Iterable<string>): void {
  writeWholeSync(path, inBlocks(pieces));
}

function* inBlocks(pieces: Iterable<string>): Generator<string> {
  let pending = "";
  for (const piece of pieces) {
    pending += piece;
    if (pending.length < BUFFERED_CHARACTERS) continue;
    yield pending;
    pending = "";
  }
  yield pending;
}
