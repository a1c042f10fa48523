/**
 * `marginalia infer`: answers PR, MAR or MAP about a model file. The answer alone goes to stdout; progress, notes and
 * errors to stderr.
 *
 * Without --method an exact method is attempted first; if the graph is too wide, or half of the time limit is gone, an
 * approximation answers, and says so. MAP is one search, which says whether it has proven its state. All work is done
 * in a thread (infer-worker.ts) that is ended in the middle of any loop.
 */
import { Worker } from "node:worker_threads";
import { createLogUpdate } from "log-update";
import pc from "picocolors";
import { InputError } from "../../base/input-error.ts";
import { clock } from "../../runner/progress.ts";
import { EXIT } from "../exit-codes.ts";
import type { AnswerFormat } from "./answer.ts";
import type { Task } from "./methods.ts";
import type { Attempt, FromInferWorker, InferRequest } from "./worker.ts";
import { interruptible } from "../interrupts.ts";

export interface InferOptions {
  readonly evidence?: string;
  readonly task?: Task;
  readonly method?: string;
  readonly format: AnswerFormat;
  readonly seed: number;
  /** Seconds from the start of the command. */
  readonly timeLimit?: number;
  readonly quiet?: boolean;
  /** List the methods instead. */
  readonly methods?: boolean;
}

/** How much of the time limit the exact one of the default methods may take. */
const EXACT_SHARE = 0.5;

export async function infer(model: string | undefined, options: InferOptions): Promise<number> {
  if (options.methods) {
    const { loadLearnedMethods, methodsHelp } = await import("./methods.ts");
    await loadLearnedMethods();
    await print(`${methodsHelp()}\n`);
    return EXIT.ok;
  }
  if (model === undefined) throw new InputError("name a model file (--methods lists the methods)");
  if (options.task === undefined) throw new InputError("what is asked? Give --task PR, MAR or MAP");
  const { evidence, task, format, seed, method } = options;
  const request: InferRequest = { model, evidence, task, format, seed, method };
  const progress = new Steps(options.quiet ?? false);
  return interruptible((signal) =>
    attempts(request, options.timeLimit, progress, signal).finally(() => progress.end()),
  );
}

async function attempts(
  request: InferRequest,
  timeLimit: number | undefined,
  progress: Steps,
  signal: AbortSignal,
): Promise<number> {
  const deadline = timeLimit === undefined ? undefined : Date.now() + 1000 * timeLimit;
  const isChoiceOurs = request.method === undefined;
  // The default for MAP ends by itself in time, with the best state found.
  const isShared = isChoiceOurs && request.task !== "MAP";
  const exactDeadline =
    deadline !== undefined && isShared ? deadline - 1000 * (1 - EXACT_SHARE) * timeLimit! : deadline;
  let soFar: AnswerSoFar | undefined;
  const keep = (answer: AnswerSoFar): void => void (soFar = answer);
  let thread = new InferThread(request, progress, keep);
  try {
    let outcome = await thread.attempt({ kind: "exact", deadline: exactDeadline }, signal);
    const isTooMuch = outcome.type === "out of time" || (outcome.type === "refused" && outcome.why === "size");
    if (isChoiceOurs && isTooMuch) {
      const why = outcome.type === "refused" ? outcome.message : `no exact answer within half of the time limit`;
      progress.warn(`${why}. Answering by an approximation instead; it is NOT exact`);
      if (thread.hasEnded) thread = new InferThread(request, progress, keep);
      outcome = await thread.attempt({ kind: "approximate", deadline }, signal);
    }
    if (soFar && outcome.type === "out of time") {
      progress.warn(`the time limit of ${timeLimit} s has ended the work; the best answer by then: ${soFar.quality}`);
      progress.end();
      await print(soFar.text);
      return EXIT.ok;
    }
    switch (outcome.type) {
      case "answer":
        progress.end();
        await print(outcome.text);
        if (outcome.failure === undefined) return EXIT.ok;
        progress.fail(outcome.failure);
        return EXIT.failed;
      case "refused":
        progress.fail(outcome.message);
        return outcome.why === "usage" ? EXIT.usage : EXIT.failed;
      case "out of time":
        progress.fail(`no answer within the time limit of ${timeLimit} s; ${progress.reached()}`);
        return EXIT.outOfTime;
      case "interrupted":
        progress.fail(`interrupted; ${progress.reached()}`);
        return EXIT.interrupted;
    }
  } finally {
    await thread.end();
  }
}

type AnswerSoFar = Extract<FromInferWorker, { type: "so far" }>;
type Outcome =
  Extract<FromInferWorker, { type: "answer" | "refused" }> | { readonly type: "out of time" | "interrupted" };

/** The working thread as seen from here. */
class InferThread {
  readonly #worker: Worker;
  readonly #progress: Steps;
  readonly #keep: (answer: AnswerSoFar) => void;
  hasEnded = false;

  constructor(request: InferRequest, progress: Steps, keep: (answer: AnswerSoFar) => void) {
    this.#progress = progress;
    this.#keep = keep;
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: request });
  }

  /** Ends the thread if it does not answer in time. @throws what the thread throws: a mistake of ours. */
  async attempt(attempt: Attempt, signal: AbortSignal): Promise<Outcome> {
    const worker = this.#worker;
    let timer: NodeJS.Timeout | undefined;
    const abandoned = new AbortController();
    try {
      return await new Promise<Outcome>((resolve, reject) => {
        const options = { signal: abandoned.signal };
        signal.addEventListener("abort", () => resolve({ type: "interrupted" }), options);
        if (signal.aborted) resolve({ type: "interrupted" });
        if (attempt.deadline !== undefined)
          timer = setTimeout(() => resolve({ type: "out of time" }), Math.max(0, attempt.deadline - Date.now()));
        worker.removeAllListeners();
        worker.on("message", (message: FromInferWorker) => {
          if (message.type === "answer" || message.type === "refused") resolve(message);
          else if (message.type === "so far") this.#keep(message);
          else this.#progress.tell(message);
        });
        worker.on("error", (error: NodeJS.ErrnoException) => {
          this.hasEnded = true;
          if (error.code === "ERR_WORKER_OUT_OF_MEMORY")
            resolve({ type: "refused", why: "size", message: "there is not enough memory" });
          else reject(error);
        });
        worker.postMessage(attempt);
      }).then(async (outcome) => {
        if (outcome.type === "out of time" || outcome.type === "interrupted") await this.end();
        return outcome;
      });
    } finally {
      clearTimeout(timer);
      abandoned.abort();
    }
  }

  async end(): Promise<void> {
    this.hasEnded = true;
    this.#worker.removeAllListeners();
    await this.#worker.terminate();
  }
}

/**
 * A step's plain line comes after so many milliseconds, and again each time that it has taken this many times longer.
 */
const FIRST_LINE_AFTER_MS = 2000;
const NEXT_LINE_FACTOR = 4;

/** Steps on stderr: on a terminal the present one is a live line with the time gone, else a plain line if it lasts. */
class Steps {
  readonly #isQuiet: boolean;
  readonly #live = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  readonly #start = performance.now();
  #step = "starting";
  #stepStart = performance.now();
  #patience = FIRST_LINE_AFTER_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(isQuiet: boolean) {
    this.#isQuiet = isQuiet;
    if (!isQuiet) this.#timer = setInterval(() => this.#draw(), 250);
  }

  tell(message: Extract<FromInferWorker, { type: "step" | "fact" | "warning" }>): void {
    switch (message.type) {
      case "step":
        this.#step = message.text;
        this.#stepStart = performance.now();
        this.#patience = FIRST_LINE_AFTER_MS;
        this.#draw();
        break;
      case "fact":
        if (!this.#isQuiet) this.#say(message.text);
        break;
      case "warning":
        this.warn(message.text);
    }
  }

  /** What --quiet does not silence: the answer may be another than one thinks. */
  warn(text: string): void {
    this.#say(`${pc.yellow("!")} ${text}`);
  }

  fail(text: string): void {
    this.end();
    this.#say(`marginalia: ${text}`);
  }

  /** For one who ended the work: how far it had come. */
  reached(): string {
    const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
    return `it was at: ${this.#step}, for ${seconds(this.#stepStart)} of ${seconds(this.#start)}`;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#live?.clear();
  }

  #say(text: string): void {
    this.#live?.clear();
    process.stderr.write(`${text}\n`);
    this.#draw();
  }

  #draw(): void {
    if (!this.#timer) return;
    const time = clock((performance.now() - this.#start) / 1000);
    if (this.#live) this.#live(`${pc.cyan("…")} ${this.#step} ${time}`);
    else if (performance.now() - this.#stepStart > this.#patience) {
      this.#patience *= NEXT_LINE_FACTOR;
      process.stderr.write(`${this.#step} ... ${time}\n`);
    }
  }
}

/** All of a text to stdout. A reader that has gone away (`| head`) wanted no more: that is no failure. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.on("error", (error: NodeJS.ErrnoException) => (error.code === "EPIPE" ? resolve() : reject(error)));
    process.stdout.write(text, (error) => {
      if (!error) resolve();
    });
  });
}
