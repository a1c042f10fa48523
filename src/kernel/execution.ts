/**
 * The queue of cells: each is type-checked, run on the main thread and answered, one after another. After an error the cells that
 * wait are aborted (`stop_on_error`).
 */
import { z } from "zod";
import type { CellMistake } from "./cell-program.ts";
import { excerpt } from "./excerpt.ts";
import type { History } from "./history.ts";
import type { Interrupts } from "./interrupts.ts";
import { CheckCancelled, type LanguageService } from "./language.ts";
import type { PipeReader, PipeRecord } from "./pipe.ts";
import type { Sockets } from "./sockets.ts";
import type { CellError, CommMessage, FromMain, InputAnswer, RunRequest, ToMain } from "./threads.ts";
import type { Message } from "./wire.ts";

const requestSchema = z.looseObject({
  code: z.string(),
  silent: z.boolean().default(false),
  store_history: z.boolean().default(true),
  user_expressions: z.record(z.string(), z.string()).nullish(),
  stop_on_error: z.boolean().default(true),
  allow_stdin: z.boolean().default(true),
});
type ExecuteRequest = z.infer<typeof requestSchema>;

type InputQuestion = Extract<FromMain, { type: "input_request" }>;

interface Outcome {
  readonly error?: CellError;
  readonly userExpressions: Record<string, unknown>;
}

interface Run {
  readonly request: Message;
  readonly count: number;
  readonly silent: boolean;
  readonly remembered: boolean;
  finish: (outcome: Outcome) => void;
}

/** Prints that follow each other are joined into messages of about this size. */
const JOINED = 1 << 16; // characters
/** Prints within this time share a message. */
const COLLECTED = 8; // milliseconds

const interrupted = (evalue: string): CellError => ({
  ename: "KeyboardInterrupt",
  evalue,
  traceback: [`KeyboardInterrupt: ${evalue}`],
});

export class Execution {
  /** Comms that are open: the target of each, by its id. */
  readonly comms = new Map<string, string>();
  readonly #sockets: Sockets;
  readonly #language: LanguageService;
  readonly #post: (message: ToMain) => void;
  readonly #interrupts: Interrupts;
  readonly #history: History;
  readonly #answerWaiting: (answer: InputAnswer) => void;
  /** What the user has been asked and has not answered. */
  #question: InputQuestion | undefined;
  readonly #waiting: Message[] = [];
  /** Every run of the session: late output needs the request that it belongs to. */
  readonly #runs = new Map<number, Run>();
  #working = false;
  #current: Run | undefined;
  #count = 0;
  #lastRun = 0;

  constructor(parts: {
    sockets: Sockets;
    language: LanguageService;
    post: (message: ToMain) => void;
    interrupts: Interrupts;
    history: History;
    /** Wakes the main thread, which waits for it. */
    answerWaiting: (answer: InputAnswer) => void;
  }) {
    this.#answerWaiting = parts.answerWaiting;
    this.#sockets = parts.sockets;
    this.#language = parts.language;
    this.#post = parts.post;
    this.#interrupts = parts.interrupts;
    this.#history = parts.history;
  }

  enqueue(request: Message): void {
    this.#waiting.push(request);
    if (!this.#working) void this.#work();
  }

  /** Ends the cell that runs; the cells that wait are aborted as after any error. */
  interrupt(): Promise<void> {
    this.#language.cancel();
    const run = this.#current;
    return this.#interrupts.interrupt(() =>
      run?.finish({
        error: interrupted("native code cannot be stopped: the next cell waits for it"),
        userExpressions: {},
      }),
    );
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let request = this.#waiting.shift(); request; request = this.#waiting.shift()) {
      await this.#status("busy", request);
      const failed = await this.#answer(request);
      await this.#status("idle", request);
      if (!failed) continue;
      await new Promise((resolve) => setImmediate(resolve)); // requests that have arrived, but are not read yet
      for (const aborted of this.#waiting.splice(0)) {
        await this.#status("busy", aborted);
        await this.#reply(aborted, { status: "aborted", execution_count: this.#count });
        await this.#status("idle", aborted);
      }
    }
    this.#working = false;
  }

  /** Whether the cells that wait must be aborted. */
  async #answer(request: Message): Promise<boolean> {
    const parsed = requestSchema.safeParse(request.content);
    if (!parsed.success) {
      const evalue = z.prettifyError(parsed.error);
      const error = { ename: "InvalidRequest", evalue, traceback: [`InvalidRequest: ${evalue}`] };
      await this.#reply(request, { status: "error", execution_count: this.#count, ...error });
      return false;
    }
    const { code, silent, store_history: stored, stop_on_error: stops } = parsed.data;
    const remembered = stored && !silent;
    if (remembered) this.#history.add(++this.#count, code);
    const count = this.#count;
    if (!silent) await this.#sockets.publish("execute_input", { code, execution_count: count }, request);
    const { error, userExpressions } = await this.#execute(request, parsed.data, remembered);
    if (error) {
      if (!silent) await this.#sockets.publish("error", { ...error }, request);
      await this.#reply(request, {
        status: "error",
        execution_count: count,
        ...error,
        user_expressions: {},
        payload: [],
      });
      return stops;
    }
    const content = { status: "ok", execution_count: count, user_expressions: userExpressions, payload: [] };
    await this.#reply(request, content);
    return false;
  }

  async #execute(request: Message, asked: ExecuteRequest, remembered: boolean): Promise<Outcome> {
    const label = `cell [${this.#count}]`;
    if (/\b(import|require)\b/.test(asked.code)) this.#post({ type: "imports" });
    try {
      const prepared = await this.#language.ask("prepare", asked.code);
      if (prepared.mistakes.length > 0)
        return { error: typeErrors(prepared.mistakes, asked.code, label), userExpressions: {} };
      if (!("code" in prepared)) throw new Error("the language service has emitted nothing");
      void this.#language.ask("commit");
      const userExpressions = await this.#userExpressions(asked.user_expressions ?? {});
      await this.#interrupts.settled;
      const run = ++this.#lastRun;
      const { code, map } = prepared;
      return await new Promise((resolve) => {
        const finish = (outcome: Outcome) => {
          if (this.#current === started) this.#current = undefined;
          resolve(outcome);
        };
        const allowStdin = asked.allow_stdin && !asked.silent;
        const started: Run = { request, count: this.#count, silent: asked.silent, remembered, finish };
        this.#runs.set(run, started);
        this.#current = started;
        this.#post({ type: "run", run, label, source: asked.code, code, map, allowStdin, userExpressions });
      });
    } catch (error) {
      if (error instanceof CheckCancelled) return { error: interrupted(error.message), userExpressions: {} };
      const evalue = String((error as Error).message);
      return { error: { ename: "KernelError", evalue, traceback: [`KernelError: ${evalue}`] }, userExpressions: {} };
    }
  }

  async #userExpressions(asked: Record<string, string>): Promise<RunRequest["userExpressions"]> {
    const prepared: Record<string, RunRequest["userExpressions"][string]> = {};
    for (const [name, expression] of Object.entries(asked)) {
      const answer = await this.#language.ask("prepare", expression);
      prepared[name] =
        "code" in answer
          ? { code: answer.code }
          : { error: typeErrors(answer.mistakes, expression, `expression ${name}`) };
    }
    return prepared;
  }

  /** Brings what the main thread sends to the front ends, in its order, without end. */
  async pump(reader: PipeReader, bell: (patience: number) => Promise<void>): Promise<never> {
    for (;;) {
      for (let record = reader.take(JOINED); record; record = reader.take(JOINED)) await this.#deliver(record);
      if (reader.sleep()) await bell(COLLECTED);
    }
  }

  async #deliver(record: PipeRecord): Promise<void> {
    const run = this.#runs.get(record.run);
    if ("stream" in record) {
      if (!run?.silent) await this.#sockets.publish("stream", { name: record.stream, text: record.text }, run?.request);
      return;
    }
    const message = record.message as FromMain;
    if (message.type === "done") return run?.finish(message);
    if (message.type === "input_request") return this.#ask(message, run);
    if ("id" in message) return this.#publishComm(message, run?.request);
    if (run?.silent) return;
    if (message.type === "clear_output")
      return this.#sockets.publish("clear_output", { wait: message.wait }, run?.request);
    const { data, metadata } = message.bundle;
    if (message.type === "execute_result") {
      const text = data["text/plain"];
      if (run?.remembered && typeof text === "string") this.#history.setOutput(run.count, text);
      const content = { execution_count: run?.count ?? 0, data, metadata };
      return this.#sockets.publish("execute_result", content, run?.request);
    }
    const transient = message.displayId === undefined ? {} : { display_id: message.displayId };
    return this.#sockets.publish(message.type, { data, metadata, transient }, run?.request);
  }

  /** Asks the front end that sent the cell; a question from nowhere, as from a cell long ended, has nobody to go to. */
  async #ask(question: InputQuestion, run: Run | undefined): Promise<void> {
    if (!run) return;
    this.#question = question;
    const { prompt, password } = question;
    await this.#sockets.reply("stdin", run.request, "input_request", { prompt, password });
  }

  /** An `input_reply`: answers the latest question. Front ends do not say which one they mean. */
  takeInput(value: unknown): void {
    const question = this.#question;
    if (!question || typeof value !== "string") return;
    this.#question = undefined;
    const answer: InputAnswer = { sequence: question.sequence, value };
    if (question.waits) this.#answerWaiting(answer);
    else this.#post({ type: "input", ...answer });
  }

  /** Hands a message to the main thread; resolves when its handler there has returned. */
  handleComm(request: Message, message: CommMessage): Promise<void> {
    if (message.type === "comm_open") this.comms.set(message.id, message.target);
    if (message.type === "comm_close") this.comms.delete(message.id);
    const run = ++this.#lastRun;
    return new Promise((resolve) => {
      this.#runs.set(run, { request, count: this.#count, silent: false, remembered: false, finish: () => resolve() });
      this.#post({ type: "comm", run, message });
    });
  }

  #publishComm(message: CommMessage<readonly string[]>, parent: Message | undefined): Promise<void> {
    const { type, id, target, data, metadata, buffers } = message;
    if (type === "comm_open") this.comms.set(id, target);
    if (type === "comm_close") this.comms.delete(id);
    const content = { comm_id: id, data, ...(type === "comm_open" ? { target_name: target } : {}) };
    const decoded = buffers.map((each) => Buffer.from(each, "base64"));
    return this.#sockets.publish(type, content, parent, metadata, decoded);
  }

  #status(state: "busy" | "idle", parent: Message): Promise<void> {
    return this.#sockets.publish("status", { execution_state: state }, parent);
  }

  #reply(request: Message, content: Record<string, unknown>): Promise<void> {
    return this.#sockets.reply("shell", request, "execute_reply", content);
  }
}

/** The `error` of a cell that is refused: every mistake with its place, line and squiggle. */
export function typeErrors(mistakes: readonly CellMistake[], code: string, label: string): CellError {
  const place = ({ line, column }: CellMistake) => `${label}:${line}:${column}`;
  const traceback = mistakes.flatMap((mistake, index) => [
    ...(index > 0 ? [""] : []),
    `${place(mistake)} - TypeScriptError TS${mistake.code}: ${mistake.message}`,
    ...excerpt(code, mistake.line, mistake.column, mistake.length),
  ]);
  const [first] = mistakes;
  const more = mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : "";
  return {
    ename: "TypeScriptError",
    evalue: `${first.message} [TS${first.code}] at ${place(first)}${more}`,
    traceback,
  };
}
