/**
 * Ends the cells that fill V8's heap, shortly before V8 would end the process with all variables.
 *
 * V8 tells nobody on the main thread that its heap is full, so the sockets' thread asks it while a cell runs; its inspector answers
 * between two instructions of whatever is executed. What is asked for counts garbage as well, so before a cell is ended the garbage
 * is collected (the protocol's own HeapProfiler.collectGarbage waits for the event loop). A single allocation larger than what is left comes between two looks: then the process ends with V8's own message.
 */
import { Session } from "node:inspector";
import { setTimeout as sleep } from "node:timers/promises";
import { RUNTIME_GLOBAL } from "./threads.ts";

/** V8's limit includes room for new objects; the old ones, which are left when garbage has been collected, get the rest. */
const YOUNG = 48 * 2 ** 20; // bytes: three semi-spaces of 16 MiB
/** Of the limit. */
const NEARLY_FULL = 0.85;
/** Of the limit: with an almost full heap cells may still do little things, such as making room. */
const ALLOWANCE = 0.02;
const LOOK_AGAIN = 100; // milliseconds
const LOOK_SOON = 10; // milliseconds, when half of the heap is used

export class MemoryGuard {
  readonly #session = new Session();
  readonly #limit: number;
  readonly #end: (message: string) => void;
  #watched = 0;
  #allowed = 0;

  /**
   * @param limit of the main thread's heap, in bytes, as V8's statistics have it
   * @param end ends the cells that run
   */
  constructor(limit: number, end: (message: string) => void) {
    this.#limit = Math.max(limit - YOUNG, limit / 2);
    this.#end = end;
    this.#session.connectToMainThread();
  }

  /** A cell starts to run. */
  begin(): void {
    this.#allowed = 0;
    if (this.#watched++ === 0) void this.#watch();
  }

  /** A cell has ended. */
  done(): void {
    this.#watched--;
  }

  close(): void {
    this.#session.disconnect();
  }

  async #watch(): Promise<void> {
    await sleep(LOOK_AGAIN);
    while (this.#watched > 0) {
      const used = await this.#used();
      if (this.#allowed === 0) this.#allowed = Math.max(NEARLY_FULL * this.#limit, used + ALLOWANCE * this.#limit);
      if (used > this.#allowed && this.#watched > 0) await this.#makeRoom();
      await sleep(used > this.#limit / 2 ? LOOK_SOON : LOOK_AGAIN);
    }
  }

  async #makeRoom(): Promise<void> {
    await this.#post("Runtime.evaluate", { expression: `${RUNTIME_GLOBAL}.collectGarbage()`, silent: true });
    const used = await this.#used();
    if (used <= this.#allowed || this.#watched === 0) return;
    const [held, most] = [used, this.#limit].map((bytes) => Math.round(bytes / 2 ** 20));
    this.#allowed = Infinity; // said once a cell
    this.#end(
      `the heap holds ${held} MiB of at most ${most} MiB. Variables are kept: drop large ones, or start the kernel with ` +
        `more memory, as by NODE_OPTIONS=--max-old-space-size=<MiB>`,
    );
  }

  async #used(): Promise<number> {
    return ((await this.#post("Runtime.getHeapUsage")) as { usedSize: number }).usedSize;
  }

  #post(method: string, parameters: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result))),
    );
  }
}
