/**
 * Interrupts of the main thread, from the sockets' thread.
 *
 * The main thread is first asked by message, which it hears when its event loop turns (a long await, a timer loop).
 * When it does not answer, whatever it executes is terminated, again and again until it does. A termination that comes
 * when nothing executes would hit the next callback instead, so pings follow until one is answered, and only then the
 * next cell may start.
 *
 * Children get the interrupt as they would in a terminal; without that the main thread, which hears nothing while it
 * waits for one (`execSync`), would not be heard of until the child has ended.
 *
 * What the sockets' thread itself evaluates there, in the midst of a cell, would take the termination in the cell's
 * place: the two take turns.
 */
import { Session } from "node:inspector";
import { setTimeout as sleep } from "node:timers/promises";
import { signalChildren } from "./children.ts";
import { ACKNOWLEDGED_INDEX, WAITS_FOR_CHILD } from "../protocol/names.ts";
import type { InterruptReason, ToMain } from "../protocol/threads.ts";

const BUSY_AFTER_MS = 40; // milliseconds until the main thread counts as busy
const TERMINATION_INTERVAL_MS = 60; // milliseconds between terminations
/** A child that the cell waits for may go on for so long until it is told more plainly, and again until it is ended. */
const INSIST = 250; // milliseconds
/** After so long the cell is answered although native code still runs. */
const ANSWER_TIMEOUT_MS = 700; // milliseconds

export class Interrupts {
  readonly #session = new Session();
  readonly #post: (message: ToMain) => void;
  readonly #control: Int32Array;
  #sequence = 0;
  #running: Promise<void> | undefined;
  /** Something is evaluated between two instructions of the cell. */
  #evaluating = 0;

  constructor(post: (message: ToMain) => void, control: Int32Array) {
    this.#post = post;
    this.#control = control;
    this.#session.connectToMainThread();
  }

  /** Resolves when no interrupt is under way. */
  get settled(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Lets go of the main thread, which would wait for that when it exits. */
  close(): void {
    this.#session.disconnect();
  }

  /** Evaluates between two instructions of whatever the main thread executes; undefined when that fails. */
  async evaluate(expression: string): Promise<unknown> {
    while (this.#running) await this.#running;
    this.#evaluating++;
    return new Promise((resolve) =>
      this.#session.post("Runtime.evaluate", { expression, silent: true, returnByValue: true }, (_error, answer) => {
        this.#evaluating--;
        resolve(answer?.result?.value);
      }),
    );
  }

  /** @param giveUp is called when the main thread cannot be stopped in time */
  interrupt(giveUp: () => void, why?: InterruptReason): Promise<void> {
    this.#running ??= this.#interrupt(giveUp, why).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #interrupt(giveUp: () => void, why?: InterruptReason): Promise<void> {
    // Where memory runs out there is no time to ask.
    if (!why && (await this.#ask(BUSY_AFTER_MS, (sequence) => ({ type: "interrupt", sequence, forced: false }))))
      return signalChildren("SIGINT");
    const begun = performance.now();
    let givenUp = false;
    do {
      if (this.#evaluating === 0) this.#session.post("Runtime.terminateExecution", () => undefined);
      const elapsed = performance.now() - begun;
      if (!why) this.#signalChildren(elapsed);
      if (!givenUp && elapsed > ANSWER_TIMEOUT_MS) {
        givenUp = true;
        giveUp();
      }
    } while (
      !(await this.#ask(TERMINATION_INTERVAL_MS, (sequence) => ({ type: "interrupt", sequence, forced: true, why })))
    );
    while (!(await this.#ask(TERMINATION_INTERVAL_MS, (sequence) => ({ type: "ping", sequence }))));
  }

  /** Once, unless the main thread waits for a child (`execSync`) that does not heed it. */
  #signalChildren(elapsed: number): void {
    const waits = Atomics.load(this.#control, WAITS_FOR_CHILD) === 1;
    if (elapsed < TERMINATION_INTERVAL_MS / 2) signalChildren("SIGINT");
    else if (waits && elapsed > INSIST) signalChildren(elapsed > 2 * INSIST ? "SIGKILL" : "SIGTERM");
  }

  /** Whether the main thread acknowledged the message in time. */
  async #ask(time: number, message: (sequence: number) => ToMain): Promise<boolean> {
    const sequence = ++this.#sequence;
    this.#post(message(sequence));
    const end = performance.now() + time;
    while (Atomics.load(this.#control, ACKNOWLEDGED_INDEX) < sequence) {
      if (performance.now() > end) return false;
      await sleep(2);
    }
    return true;
  }
}
