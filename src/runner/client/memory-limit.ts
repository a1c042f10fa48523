/**
 * Bounds on a kernel's memory: V8's own on the heap, and a watch over the process, since arrays of numbers lie outside
 * the heap.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** NODE_OPTIONS with more options behind those that are there. */
export function nodeOptions(more: string, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { NODE_OPTIONS: [environment.NODE_OPTIONS, more].filter(Boolean).join(" ") };
}

/** For a kernel's process and its worker threads: V8 ends a process whose heap grows beyond. */
export function memoryLimit(mebibytes: number, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return nodeOptions(`--max-old-space-size=${Math.round(mebibytes)}`, environment);
}

/** What Node needs beside the user's data: its code, stacks, the kernel. In MiB. */
const MEMORY_BESIDE_HEAP_MIB = 256;

/** Calls `onExceeded` once when the process holds more than `mebibytes` + BESIDE_HEAP of memory. Stop it by `end`. */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, mebibytes: number, onExceeded: () => void) {
    let isAsking = false;
    const look = async () => {
      if (isAsking) return;
      isAsking = true;
      const held = await residentMebibytes(pid).catch(() => undefined); // it has ended
      isAsking = false;
      if (held === undefined || held <= mebibytes + MEMORY_BESIDE_HEAP_MIB) return;
      this.end();
      onExceeded();
    };
    this.#timer = setInterval(() => void look(), process.platform === "linux" ? 50 : 500);
    this.#timer.unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

async function residentMebibytes(pid: number): Promise<number | undefined> {
  if (process.platform === "win32") return undefined; // V8's bound alone
  const text =
    process.platform === "linux"
      ? /^VmRSS:\s*(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]
      : (await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)])).stdout;
  return text === undefined ? undefined : Number(text) / 1024;
}
