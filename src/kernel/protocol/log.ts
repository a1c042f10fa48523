/** Where the kernel itself speaks: the terminal that started the front end, straight to the file descriptor. */
import fs from "node:fs";

const { writeSync } = fs; // as it is before cells' writing is redirected

export function log(text: string): void {
  try {
    writeSync(2, `marginalia kernel: ${text}\n`);
  } catch {
    // nobody listens
  }
}
