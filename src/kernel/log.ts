/** Where the kernel itself speaks: the terminal that started the front end, straight to the file descriptor. */
import { writeSync } from "node:fs";

export function log(text: string): void {
  try {
    writeSync(2, `marginalia kernel: ${text}\n`);
  } catch {
    // nobody listens
  }
}
