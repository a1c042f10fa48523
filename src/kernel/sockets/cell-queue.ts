/**
 * The cells of one shell: each is executed and answered, one after another. After an error the cells that wait are
 * aborted (`stop_on_error`). The kernel has a main shell, and as many subshells (JEP 91) as front ends ask for; each
 * counts and remembers its own cells.
 */
import { z } from "zod/v3";
import { coloured } from "./error-colours.ts";
import { History } from "./history.ts";
import type { Sockets } from "./sockets.ts";
import type { CellError } from "../protocol/threads.ts";
import { describeIssues, type JsonObject, type Message } from "../protocol/wire.ts";

const requestSchema = z.object({
  code: z.string(),
  silent: z.boolean().default(false),
  store_history: z.boolean().default(true),
  user_expressions: z.record(z.string(), z.string()).nullish(),
  stop_on_error: z.boolean().default(true),
  allow_stdin: z.boolean().default(true),
});
export type ExecuteRequest = z.infer<typeof requestSchema>;

export interface Outcome {
  readonly error?: CellError;
  readonly userExpressions: Record<string, unknown>;
}

/** A cell whose turn it is. */
export interface Turn {
  readonly message: Message;
  readonly asked: ExecuteRequest;
  readonly count: number;
  /** How its frames are named in stack traces, as in "cell [3]". */
  readonly label: string;
  /** Where its result is noted; undefined for one that is not to be remembered. */
  readonly history: History | undefined;
}

export class CellQueue {
  readonly history = new History();
  readonly #sockets: Sockets;
  readonly #execute: (turn: Turn) => Promise<Outcome>;
  readonly #name: string;
  #waiting: Message[] = [];
  #working = false;
  #count = 0;

  /** @param name how its cells are called in messages */
  constructor(name: string, sockets: Sockets, execute: (turn: Turn) => Promise<Outcome>) {
    this.#name = name;
    this.#sockets = sockets;
    this.#execute = execute;
  }

  enqueue(request: Message): void {
    this.#waiting.push(request);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let request = this.#waiting.shift(); request; request = this.#waiting.shift()) {
      const stopped = await this.#between(request, () => this.#answer(request));
      await this.#abort(stopped);
    }
    this.#working = false;
  }

  /** Answers the cells that wait without executing them. */
  abort(): Promise<void> {
    return this.#abort(this.#waiting.splice(0));
  }

  async #abort(cells: readonly Message[]): Promise<void> {
    for (const aborted of cells)
      await this.#between(aborted, () => this.#reply(aborted, { status: "aborted", execution_count: this.#count }));
  }

  /**
   * Resolves with the cells that its error stops: those that had arrived before the error was told. Whoever sends a
   * cell after that knows of the error, and wants it executed.
   */
  async #answer(message: Message): Promise<readonly Message[]> {
    const parsed = requestSchema.safeParse(message.content);
    if (!parsed.success) {
      const evalue = describeIssues(parsed.error);
      const error = { ename: "InvalidRequest", evalue, traceback: [`InvalidRequest: ${evalue}`] };
      await this.#reply(message, { status: "error", execution_count: this.#count, ...error });
      return [];
    }
    const asked = parsed.data;
    const remembered = asked.store_history && !asked.silent;
    if (remembered) this.history.add(++this.#count, asked.code);
    const count = this.#count;
    if (!asked.silent)
      await this.#sockets.publish("execute_input", { code: asked.code, execution_count: count }, message);
    const label = `${this.#name} [${count}]`;
    const history = remembered ? this.history : undefined;
    const { error, userExpressions } = await this.#execute({ message, asked, count, label, history });
    if (!error) {
      const answer = { status: "ok", execution_count: count, user_expressions: userExpressions, payload: [] };
      await this.#reply(message, answer);
      return [];
    }
    const stopped = asked.stop_on_error ? await this.#takeWaiting() : [];
    if (!asked.silent) await this.#sockets.publish("error", { ...coloured(error) }, message);
    const fields = { execution_count: count, ...error, user_expressions: {}, payload: [] };
    await this.#reply(message, { status: "error", ...fields });
    return stopped;
  }

  /** The cells that wait, with those that have arrived but are not read yet. */
  async #takeWaiting(): Promise<readonly Message[]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.#waiting.splice(0);
  }

  /** Tells that the kernel is busy with `request` and, when `work` is done, idle. */
  async #between<Result>(request: Message, work: () => Promise<Result>): Promise<Result> {
    const status = (state: string) => this.#sockets.publish("status", { execution_state: state }, request);
    await status("busy");
    const result = await work();
    await status("idle");
    return result;
  }

  #reply(request: Message, content: JsonObject): Promise<void> {
    return this.#sockets.reply("shell", request, "execute_reply", content);
  }
}
