/**
 * Executes cells: each is type-checked, run on the main thread, and what it prints and shows is brought to the front
 * ends.
 */
import { randomUUID } from "node:crypto";
import { CellQueue, type ExecuteRequest, type Outcome, type Turn } from "./cell-queue.ts";
import type { CellMistake } from "../language/cell-mistakes.ts";
import type { PreparedCell } from "../language/cell-program.ts";
import { coloured } from "./error-colours.ts";
import { excerpt } from "./excerpt.ts";
import type { History } from "./history.ts";
import type { Interrupts } from "./interrupts.ts";
import { CheckCancelled, type LanguageService } from "../language/service.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { PipeReader, PipeRecord } from "../protocol/pipe.ts";
import type { Sockets } from "./sockets.ts";
import type {
  CellError,
  CommMessage,
  FromMain,
  InputAnswer,
  InterruptReason,
  RunRequest,
  ToMain,
} from "../protocol/threads.ts";
import type { Message } from "../protocol/wire.ts";

type InputQuestion = Extract<FromMain, { type: "input_request" }>;

interface Run {
  readonly request: Message;
  readonly count: number;
  /** As in "cell [3]". */
  readonly label: string;
  readonly silent: boolean;
  /** Where the result is noted. */
  readonly history?: History;
  finish: (outcome: Outcome) => void;
}

/** A shell, as the header of a request names it; the main one has no name. */
type ShellId = string | undefined;

/** Prints that follow each other are joined into messages of about this size. */
const JOINED_CHARACTERS = 1 << 16; // characters
/** Prints within this time share a message. */
const JOINED_WITHIN_MS = 8; // milliseconds

const interrupted = (evalue: string, ename = "KeyboardInterrupt"): CellError => ({
  ename,
  evalue,
  traceback: [`${ename}: ${evalue}`],
});

export class Execution {
  /** Comms that are open: the target of each, by its id. */
  readonly comms = new Map<string, string>();
  readonly #sockets: Sockets;
  readonly #language: LanguageService;
  readonly #post: (message: ToMain) => void;
  readonly #interrupts: Interrupts;
  readonly #memory: MemoryGuard;
  readonly #answerWaiting: (answer: InputAnswer) => void;
  /** What the user has been asked, from which shell, and has not answered. */
  readonly #questions = new Map<ShellId, { readonly question: InputQuestion; readonly run: Run }>();
  readonly #shells = new Map<ShellId, CellQueue>();
  /** Every run of the session: late output needs the request that it belongs to. */
  readonly #runs = new Map<number, Run>();
  readonly #running = new Set<Run>();
  /** One cell after another is checked, and counts as run before the next one is. */
  #checked: Promise<unknown> = Promise.resolve();
  #lastRun = 0;

  constructor(parts: {
    sockets: Sockets;
    language: LanguageService;
    post: (message: ToMain) => void;
    interrupts: Interrupts;
    memory: MemoryGuard;
    /** Wakes the main thread, which waits for it. */
    answerWaiting: (answer: InputAnswer) => void;
  }) {
    this.#answerWaiting = parts.answerWaiting;
    this.#memory = parts.memory;
    this.#sockets = parts.sockets;
    this.#language = parts.language;
    this.#post = parts.post;
    this.#interrupts = parts.interrupts;
    this.#shells.set(undefined, this.#newQueue("cell"));
  }

  // --- Shells ---

  #newQueue(name: string): CellQueue {
    return new CellQueue(name, this.#sockets, (turn) => this.#execute(turn));
  }

  /** The queue of a shell; undefined when there is no such shell. */
  shell(id: ShellId): CellQueue | undefined {
    return this.#shells.get(id);
  }

  get subshells(): string[] {
    return [...this.#shells.keys()].filter((id) => id !== undefined);
  }

  /** Its cells run between the awaits of the other shells' cells: JavaScript has one thread. */
  createSubshell(): string {
    const id = randomUUID();
    this.#shells.set(id, this.#newQueue(`subshell ${this.#shells.size} cell`));
    return id;
  }

  /** Aborts what waits there, and lets end what runs; false when there is no such subshell. */
  async deleteSubshell(id: string): Promise<boolean> {
    const queue = this.#shells.get(id);
    this.#shells.delete(id);
    await queue?.abort();
    return queue !== undefined;
  }

  // --- Runs ---

  /** Ends the cells that run; the cells that wait are aborted as after any error. */
  interrupt(why?: InterruptReason): Promise<void> {
    this.#language.cancel();
    const runs = [...this.#running];
    const error = interrupted(why?.message ?? "native code cannot be stopped: the next cell waits for it", why?.ename);
    return this.#interrupts.interrupt(() => runs.forEach((run) => run.finish({ error, userExpressions: {} })), why);
  }

  async #execute({ message, asked, count, label, history }: Turn): Promise<Outcome> {
    if (/\b(import|require)\b/.test(asked.code)) this.#post({ type: "imports" });
    try {
      const { prepared, userExpressions } = await this.#check(asked);
      if (!("code" in prepared))
        return { error: typeErrors(prepared.mistakes, asked.code, label), userExpressions: {} };
      await this.#interrupts.settled;
      const run = ++this.#lastRun;
      const { code, map } = prepared;
      return await new Promise((resolve) => {
        const finish = (outcome: Outcome) => {
          if (this.#running.delete(started)) this.#memory.done();
          const shell = shellOf(message);
          if (this.#questions.get(shell)?.run === started) this.#questions.delete(shell); // nobody waits for the answer
          resolve(outcome);
        };
        const started: Run = { request: message, count, label, silent: asked.silent, history, finish };
        this.#runs.set(run, started);
        this.#running.add(started);
        this.#memory.begin();
        const allowStdin = asked.allow_stdin && !asked.silent;
        this.#post({ type: "run", run, label, source: asked.code, code, map, allowStdin, userExpressions });
      });
    } catch (error) {
      if (error instanceof CheckCancelled) return { error: interrupted(error.message), userExpressions: {} };
      const evalue = String((error as Error).message);
      return { error: { ename: "KernelError", evalue, traceback: [`KernelError: ${evalue}`] }, userExpressions: {} };
    }
  }

  /** When nothing is wrong with it, later cells see what the cell declares. */
  #check(asked: ExecuteRequest): Promise<{ prepared: PreparedCell; userExpressions: RunRequest["userExpressions"] }> {
    const check = async () => {
      const prepared = await this.#language.ask("prepare", asked.code);
      if (prepared.mistakes.length > 0) return { prepared, userExpressions: {} };
      void this.#language.ask("commit");
      return { prepared, userExpressions: await this.#userExpressions(asked.user_expressions ?? {}) };
    };
    const checked = this.#checked.then(check);
    this.#checked = checked.catch(() => undefined);
    return checked;
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
      for (let record = reader.take(JOINED_CHARACTERS); record; record = reader.take(JOINED_CHARACTERS))
        await this.#deliver(record);
      if (reader.sleep()) await bell(JOINED_WITHIN_MS);
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
    if (message.type === "late_error") return this.#publishLateError(message, run);
    if (run?.silent) return;
    if (message.type === "clear_output")
      return this.#sockets.publish("clear_output", { wait: message.wait }, run?.request);
    const { data, metadata } = message.bundle;
    if (message.type === "execute_result") {
      const text = data["text/plain"];
      if (typeof text === "string") run?.history?.setOutput(run.count, text);
      const content = { execution_count: run?.count ?? 0, data, metadata };
      return this.#sockets.publish("execute_result", content, run?.request);
    }
    const transient = message.displayId === undefined ? {} : { display_id: message.displayId };
    return this.#sockets.publish(message.type, { data, metadata, transient }, run?.request);
  }

  /**
   * The protocol has no message for an error that comes after its cell has been answered; so it is an `error` like any
   * other, whose parent is the request of the cell that made it, after that one's idle status.
   * `metadata.marginalia.late` tells it from a reply's.
   */
  async #publishLateError({ what, error }: Extract<FromMain, { type: "late_error" }>, run: Run | undefined) {
    const traceback = [`${what}${run ? ` in code that ${run.label} left running` : ""}:`, ...error.traceback];
    const metadata = { marginalia: { late: true } };
    await this.#sockets.publish("error", { ...coloured({ ...error, traceback }) }, run?.request, metadata);
  }

  /** Asks the front end that sent the cell; a question from nowhere, as from a cell long ended, has nobody to go to. */
  async #ask(question: InputQuestion, run: Run | undefined): Promise<void> {
    if (!run) return;
    this.#questions.set(shellOf(run.request), { question, run });
    const { prompt, password } = question;
    await this.#sockets.reply("stdin", run.request, "input_request", { prompt, password });
  }

  /** An `input_reply`: answers the latest question of its shell. Front ends do not say which one they mean. */
  takeInput(reply: Message): void {
    const { value } = reply.content;
    const shell = shellOf(reply);
    const question = this.#questions.get(shell)?.question;
    if (!question || typeof value !== "string") return;
    this.#questions.delete(shell);
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
      this.#runs.set(run, { request, count: 0, label: "a widget's message", silent: false, finish: () => resolve() });
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
}

/** The shell that a message is for or from. */
export function shellOf({ header }: Message): ShellId {
  return header.subshell_id ?? undefined;
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
