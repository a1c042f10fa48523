/**
 * Ends the cells that fill V8's heap, shortly before V8 would end the process with all variables.
 *
 * V8 tells nobody on the main thread that its heap is full, so the sockets' thread asks it while a cell runs; its
 * inspector answers between two instructions of whatever is executed. What is used counts garbage as well, most of it
 * young. So where it is too much the old objects alone are asked for, and where they are, too, the garbage is collected
 * (the protocol's own HeapProfiler.collectGarbage waits for the event loop) before a cell is ended. A single allocation
 * larger than what is left comes between two looks: then the process ends with V8's own message.
 */
import { Session } from "node:inspector";
import { setTimeout as sleep } from "node:timers/promises";
import type { Interrupts } from "./interrupts.ts";
import { RUNTIME_GLOBAL } from "../protocol/names.ts";

/**
 * V8's limit includes room for new objects; the old ones, which are left when garbage has been collected, get the rest.
 */
const YOUNG_GENERATION_BYTES = 48 * 2 ** 20; // bytes: three semi-spaces of 16 MiB
/** Of the limit. */
const NEARLY_FULL_SHARE = 0.85;
/** Of the limit: with an almost full heap cells may still do little things, such as making room. */
const RESERVED_SHARE = 0.04;
/** Of the limit: what a collection must gain, else the next ones would take all the time. */
const MIN_COLLECTED_SHARE = 0.02;
const MAX_POLL_MS = 100; // milliseconds, at most
const MIN_POLL_MS = 5; // milliseconds, at least
/** It looks again before as much as this of the rest is filled, as fast as the heap has grown since the last look. */
const POLL_AFTER_SHARE_OF_REST = 0.25;

export class MemoryGuard {
  readonly #session = new Session();
  readonly #interrupts: Interrupts;
  readonly #limit: number;
  readonly #end: (message: string) => void;
  /** Cells that run. */
  #watched = 0;
  #watching = false;
  #allowed = 0;

  /**
   * @param limit of the main thread's heap, in bytes, as V8's statistics have it
   * @param end ends the cells that run
   */
  constructor(limit: number, interrupts: Interrupts, end: (message: string) => void) {
    this.#limit = Math.max(limit - YOUNG_GENERATION_BYTES, limit / 2);
    this.#interrupts = interrupts;
    this.#end = end;
    this.#session.connectToMainThread();
  }

  /** A cell starts to run. */
  begin(): void {
    this.#allowed = 0;
    this.#watched++;
    if (!this.#watching) void this.#watch();
  }

  /** A cell has ended. */
  done(): void {
    this.#watched--;
  }

  close(): void {
    this.#session.disconnect();
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    let [before, at] = [0, performance.now()];
    while (this.#watched > 0) {
      const used = await this.#used();
      if (this.#allowed === 0)
        this.#allowed = Math.max(NEARLY_FULL_SHARE * this.#limit, used + RESERVED_SHARE * this.#limit);
      if (used > this.#allowed && (await this.#old()) > this.#allowed) await this.#makeRoom();
      const now = performance.now();
      const filled = ((this.#allowed - used) * (now - at)) / Math.max(used - before, 1); // milliseconds until then
      [before, at] = [used, now];
      await sleep(Math.min(Math.max(POLL_AFTER_SHARE_OF_REST * filled, MIN_POLL_MS), MAX_POLL_MS));
    }
    this.#watching = false;
  }

  async #makeRoom(): Promise<void> {
    await this.#interrupts.evaluate(`${RUNTIME_GLOBAL}.collectGarbage()`);
    const used = await this.#old();
    if (used <= this.#allowed - MIN_COLLECTED_SHARE * this.#limit || this.#watched === 0) return;
    const [held, most] = [used, this.#limit].map((bytes) => Math.round(bytes / 2 ** 20));
    this.#allowed = Infinity; // said once a cell
    this.#end(
      `the heap holds ${held} MiB of at most ${most} MiB. Variables are kept: drop large ones, or start the kernel with ` +
        `more memory, as by NODE_OPTIONS=--max-old-space-size=<MiB>`,
    );
  }

  /** Bytes; 0 when the main thread does not tell. */
  #used(): Promise<number> {
    return new Promise((resolve) =>
      this.#session.post("Runtime.getHeapUsage", (_error, usage) =>
        resolve((usage as { usedSize: number } | undefined)?.usedSize ?? 0),
      ),
    );
  }

  /** Bytes in objects that have outlived a collection, or are large. */
  async #old(): Promise<number> {
    return ((await this.#interrupts.evaluate(`${RUNTIME_GLOBAL}.oldObjects()`)) as number | undefined) ?? 0;
  }
}
