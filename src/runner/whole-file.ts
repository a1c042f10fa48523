/**
 * Writes a file as a whole or not at all: aside, to the disk, then renamed. The temporary file is <name>.<number>.part.
 *
 * Not write-file-atomic: it takes a short write for a whole one (it does not look at how much has been written), so on a disk that
 * fills up it renames half a file into place. Node's own writeFile goes on until all is written, or fails.
 */
import { randomInt } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";

/** Throws what the file system says (ENOSPC, EACCES); the file is as it was then. The folder must be there. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const aside = `${file}.${randomInt(2 ** 47)}.part`;
  try {
    const handle = await open(aside, "wx");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, file);
  } finally {
    await rm(aside, { force: true });
  }
}
