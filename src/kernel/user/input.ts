/**
 * What a cell asks its user: `prompt()`, which waits, and lines read from `process.stdin` (readline and the like),
 * which do not. Who reads it to its end, which front ends send as Ctrl-D, or destroys it, leaves a new one.
 *
 * Both send `input_request` to the front end that asked for the cell. `prompt` sleeps on a word of shared memory, from
 * which an interrupt wakes it; the answer then lies on a port of its own, since the thread's other messages need a turn
 * of the event loop.
 */
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";
import { Readable } from "node:stream";
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { currentRun, runAs, type Tracked } from "./run-context.ts";
import { INPUT_ANSWERED_INDEX } from "../protocol/names.ts";
import type { FromMain, InputAnswer } from "../protocol/threads.ts";

// User code may shadow globals; these stay what they are.
const { Atomics, Error, Object, String, Symbol, setImmediate } = globalThis;

/** What front ends send for Ctrl-D. */
const END_OF_INPUT = "\x04";

/** A run that may ask. */
export interface AskingRun extends Tracked {
  /** The front end takes input requests. */
  readonly allowStdin: boolean;
  /** Its code has come to its end, though not yet its answer. */
  settled: boolean;
  ended: boolean;
}

export interface PromptOptions {
  /** The answer when the user gives none. */
  readonly default?: string;
  /** The front end shows no characters. */
  readonly password?: boolean;
}

interface Parts {
  readonly send: (message: FromMain) => void;
  /** The cell that runs, of several the latest; undefined between cells. */
  readonly running: () => AskingRun | undefined;
  readonly control: Int32Array;
  readonly answers: MessagePort;
}

export class Input {
  readonly #parts: Parts;
  #stdin: Readable;
  #sequence = 0;
  /** The request for a line of `process.stdin` that has not been answered. */
  #asked: { readonly sequence: number; readonly run: AskingRun } | undefined;
  /** `process.stdin` is to be read, but nobody may be asked yet. */
  #wanted = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#stdin = this.#standardInput();
    Object.defineProperty(process, "stdin", { get: () => this.#readable(), configurable: true, enumerable: true });
    const value = (message?: unknown, options?: string | PromptOptions) => this.#prompt(message, options);
    Object.defineProperty(globalThis, "prompt", { value, writable: true, configurable: true, enumerable: false });
  }

  /** The front end has answered a request for a line of `process.stdin`. */
  answer({ sequence, value }: InputAnswer): void {
    if (sequence !== this.#asked?.sequence) return;
    const { run } = this.#asked;
    this.#asked = undefined;
    runAs(run, () => this.#stdin.push(value === END_OF_INPUT ? null : `${value}\n`));
  }

  /** A cell begins: what an earlier one left unread may be asked for. */
  begin(): void {
    if (this.#wanted) this.#askSoon();
  }

  /** A cell has ended: if it has asked and got no answer, a later one may ask anew. */
  forget(run: AskingRun): void {
    if (this.#asked?.run !== run) return;
    this.#asked = undefined;
    this.#wanted = true;
  }

  #prompt(message: unknown = "", options: string | PromptOptions = {}): string {
    const run = currentRun<AskingRun>() ?? this.#parts.running();
    if (!run?.allowStdin || run.ended) throw refusal();
    const { default: otherwise = "", password = false } = typeof options === "string" ? { default: options } : options;
    const { control, answers, send } = this.#parts;
    const sequence = ++this.#sequence;
    send({ type: "input_request", prompt: String(message), password, sequence, waits: true });
    for (;;) {
      const answered = Atomics.load(control, INPUT_ANSWERED_INDEX);
      for (let arrived = receiveMessageOnPort(answers); arrived; arrived = receiveMessageOnPort(answers)) {
        const answer = arrived.message as InputAnswer; // an older one is to a prompt that was interrupted
        if (answer.sequence === sequence)
          return answer.value === "" || answer.value === END_OF_INPUT ? otherwise : answer.value;
      }
      Atomics.wait(control, INPUT_ANSWERED_INDEX, answered);
    }
  }

  /** The stream that there is, or a new one where that gives no more. */
  #readable(): Readable {
    if (this.#stdin.destroyed || this.#stdin.readableEnded) {
      this.#stdin = this.#standardInput();
      this.#wanted = false;
      this.#asked = undefined;
      syncBuiltinESMExports();
    }
    return this.#stdin;
  }

  #standardInput(): Readable {
    const stdin = new Readable({
      highWaterMark: 0,
      read: () => {
        this.#wanted = true;
        this.#askSoon();
      },
    });
    stdin.on("resume", () => this.#askSoon());
    stdin.on("newListener", (event) => {
      if (event === "readable") this.#askSoon();
      // A reader before, which has closed, has paused it; in a program that would be the end.
      if (event === "data" && stdin.isPaused()) stdin.resume();
    });
    // `for await` that is left early would destroy it, which others that listen would take for a failure.
    const iterate = () => stdin.iterator({ destroyOnReturn: false });
    return Object.assign(stdin, { isTTY: false, fd: 0, [Symbol.asyncIterator]: iterate });
  }

  /** Not at once: who got a line may have no use for another, and stops reading before this. */
  #askSoon(): void {
    setImmediate(() => {
      const run = this.#parts.running();
      if (!this.#wanted || this.#asked !== undefined || !run || run.settled || run.ended || !this.#isRead()) return;
      this.#wanted = false;
      if (!run.allowStdin) {
        runAs(run, () => this.#stdin.emit("error", refusal()));
        return;
      }
      const sequence = ++this.#sequence;
      this.#asked = { sequence, run };
      this.#parts.send({ type: "input_request", prompt: "", password: false, sequence, waits: false });
    });
  }

  /** Who listens to "readable", as `for await` does, reads a stream that counts as paused. */
  #isRead(): boolean {
    return !this.#stdin.destroyed && (!this.#stdin.isPaused() || this.#stdin.listenerCount("readable") > 0);
  }
}

function refusal(): Error {
  const error = new Error("this front end takes no input: run the notebook where somebody can answer");
  error.name = "StdinNotAvailable";
  return error;
}
