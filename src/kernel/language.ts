/** The sockets' thread's side of the language thread. */
import type { MessagePort } from "node:worker_threads";
import { CANCEL_CHECK, type LanguageQuestions, type LanguageReply } from "./threads.ts";

/** The check was ended by an interrupt. */
export class CheckCancelled extends Error {
  override readonly name = "CheckCancelled";
}

export class LanguageService {
  readonly #port: MessagePort;
  readonly #control: Int32Array;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(port: MessagePort, control: Int32Array) {
    this.#port = port;
    this.#control = control;
    port.on("message", ({ id, value, failure }: LanguageReply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) Atomics.store(this.#control, CANCEL_CHECK, 0);
      if (failure === "cancelled") waiting?.reject(new CheckCancelled("the type check was interrupted"));
      else if (failure !== undefined) waiting?.reject(new Error(failure));
      else waiting?.resolve(value as never);
    });
  }

  ask<Name extends keyof LanguageQuestions>(
    name: Name,
    ...parameters: Parameters<LanguageQuestions[Name]>
  ): Promise<ReturnType<LanguageQuestions[Name]>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port.postMessage({ id, name, parameters });
    });
  }

  /** Ends the questions that are being answered or wait. */
  cancel(): void {
    if (this.#waiting.size > 0) Atomics.store(this.#control, CANCEL_CHECK, 1);
  }
}
