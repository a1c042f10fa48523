/**
 * A client of one running kernel, over the sockets of Jupyter messaging 5.3 (see src/kernel/protocol/wire.ts): DEALER
 * for shell, control and stdin, SUB for iopub. It works with any kernelspec.
 */
import { randomUUID } from "node:crypto";
import { Dealer, Subscriber } from "zeromq";
import {
  decodeMessage,
  encodeMessage,
  endpoint,
  makeMessage,
  WireError,
  type Message,
} from "../../kernel/protocol/wire.ts";
import { KernelProcess, type KernelExit } from "./kernel-process.ts";
import type { Kernel } from "./kernelspecs.ts";
import type { JsonObject } from "../notebook/notebook.ts";
import { Deferred, settledWithin } from "./promises.ts";

/** The kernel's process ended, or never came up; the message says how, with its last words. */
export class KernelDied extends Error {
  override readonly name = "KernelDied";
}

export interface KernelOptions {
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Seconds until the kernel must have answered; 60 unless told. */
  readonly startTimeout?: number;
  readonly signal?: AbortSignal;
}

export interface ExecuteRequest {
  readonly code: string;
  readonly cellId: string;
  /** Gets every iopub message that the request causes, also those that arrive after `execute` has settled. */
  readonly onMessage: (type: string, content: JsonObject) => void;
}

interface Pending {
  readonly onMessage?: ExecuteRequest["onMessage"];
  readonly reply: Deferred<JsonObject>;
  readonly idle: Deferred<true>;
}

/** A reply without the idle status that the protocol promises is taken for the end after this much silence. */
const SILENCE_AFTER_REPLY_MS = 10_000;
/** The same for a question that may go unanswered, in milliseconds. */
const SILENCE_OF_QUESTION = 500;
const SHUTDOWN_GRACE_MS = 5_000;
/** How long the connection of a process that has ended may take to be seen closed. */
const DISCONNECT_TIMEOUT_MS = 2_000;

/**
 * A kernel that is starting is not there at once: how often to look. ZeroMQ's 100 ms would be a fifth of the time that
 * it takes.
 */
const RECONNECT_MS = 10; // milliseconds

export class KernelClient {
  /** Content of kernel_info_reply. */
  info: JsonObject = {};
  /** Settles when the kernel's process has ended. */
  readonly exited: Promise<KernelExit>;
  readonly #process: KernelProcess;
  readonly #kernel: Kernel;
  readonly #session = randomUUID();
  readonly #shell = new Dealer({
    linger: 0,
    reconnectInterval: RECONNECT_MS,
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
  });
  readonly #control = new Dealer({ linger: 0, reconnectInterval: RECONNECT_MS });
  readonly #stdin = new Dealer({ linger: 0, reconnectInterval: RECONNECT_MS });
  /** No high-water mark: every printed line arrives. */
  readonly #iopub = new Subscriber({ linger: 0, reconnectInterval: RECONNECT_MS, receiveHighWaterMark: 0 });
  readonly #pending = new Map<string, Pending>();
  /** How many broadcasts have come. */
  #heard = 0;
  /** Settles when the kernel's end of iopub has closed. */
  readonly #iopubClosed = new Deferred<true>();
  /** Settles when the process has ended and all that it had sent is heard. */
  readonly #heardOut: Promise<KernelExit>;
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * Starts the kernel and waits until it answers on shell and iopub. Throws KernelDied; nothing is left behind then.
   */
  static async start(kernel: Kernel, options: KernelOptions): Promise<KernelClient> {
    for (let attempt = 1; ; attempt++) {
      const client = new KernelClient(kernel, await KernelProcess.start(kernel, options));
      try {
        await client.#becomeReady(options);
        return client;
      } catch (error) {
        await client.kill();
        const lostPortRace = error instanceof KernelDied && /EADDRINUSE|address (already )?in use/i.test(error.message);
        if (!lostPortRace || attempt === 3) throw error;
      }
    }
  }

  private constructor(kernel: Kernel, process: KernelProcess) {
    this.#kernel = kernel;
    this.#process = process;
    this.exited = process.exited;
    const { connection } = process;
    this.#iopub.events.on("disconnect", () => this.#iopubClosed.resolve(true));
    this.#iopub.connect(endpoint(connection, "iopub"));
    this.#iopub.subscribe();
    this.#shell.connect(endpoint(connection, "shell"));
    this.#control.connect(endpoint(connection, "control"));
    this.#stdin.connect(endpoint(connection, "stdin"));
    void this.#listen(this.#iopub, (message) => this.#hearBroadcast(message));
    for (const socket of [this.#shell, this.#control])
      void this.#listen(socket, (message) => this.#pendingOf(message)?.reply.resolve(message.content));
    void this.#listen(this.#stdin, (message) => this.#answerStdin(message));
    this.#heardOut = this.exited.then((exit) => this.#hearOut().then(() => exit));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Runs `code`; settles when the kernel has replied and gone idle, so that all outputs are in. Throws KernelDied. */
  execute(request: ExecuteRequest): Promise<JsonObject> {
    const content = {
      code: request.code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    };
    const { onMessage, cellId } = request;
    return this.#request(this.#shell, "execute_request", content, { onMessage, metadata: { cellId } });
  }

  /**
   * Whether code that has been executed has left timers running; false where a kernel cannot tell. The question is a
   * cell itself, a silent one, and gives the kernel's loop a turn.
   */
  async hasTimers(): Promise<boolean> {
    const isNode = (this.info.language_info as JsonObject | undefined)?.name === "typescript";
    if (!isNode) return false;
    const code = "";
    const timers = 'globalThis.process.getActiveResourcesInfo().filter((each) => each === "Timeout").length';
    const content = { code, silent: true, store_history: false, user_expressions: { timers }, allow_stdin: false };
    const reply = await this.#request(this.#shell, "execute_request", content, { silence: SILENCE_OF_QUESTION });
    const told = ((reply.user_expressions as JsonObject | undefined)?.timers as JsonObject | undefined)?.data;
    return Number((told as JsonObject | undefined)?.["text/plain"]) > 0;
  }

  /** Asks the kernel to stop what it runs, in the way its kernelspec names. */
  async interrupt(): Promise<void> {
    if (this.#kernel.interrupt_mode === "signal") this.#process.interrupt();
    else await this.#send(this.#control, makeMessage("interrupt_request", {}, { session: this.#session }));
  }

  /** Ends the kernel in order, by force after a grace. */
  async shutdown(): Promise<void> {
    if (this.#process.running) {
      const message = makeMessage("shutdown_request", { restart: false }, { session: this.#session });
      await this.#send(this.#control, message).catch(() => undefined);
      await settledWithin(this.exited, SHUTDOWN_GRACE_MS);
    }
    await this.kill();
  }

  /** Ends the kernel's process group by force, and waits for its end. */
  async kill(): Promise<void> {
    this.#process.kill();
    await this.#heardOut;
    this.#closed = true;
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub]) socket.close();
  }

  /** Shell may answer before the iopub subscription has reached the kernel, so it is asked again until one is heard. */
  async #becomeReady({ startTimeout = 60, signal }: KernelOptions): Promise<void> {
    const deadline = Date.now() + startTimeout * 1000;
    while (this.#heard === 0) {
      const answer = this.#request(this.#shell, "kernel_info_request", {}, { silence: 50 });
      const info = await settledWithin(answer, deadline - Date.now(), signal);
      signal?.throwIfAborted();
      if (!info) throw new KernelDied(`kernel ${this.#kernel.name} did not answer within ${startTimeout} s`);
      this.info = info;
    }
    this.#pending.clear();
  }

  /** Sends a request; settles with its reply once the kernel is idle again, or silent for `silence` milliseconds. */
  async #request(
    socket: Dealer,
    type: string,
    content: JsonObject,
    options: { onMessage?: ExecuteRequest["onMessage"]; metadata?: JsonObject; silence?: number } = {},
  ): Promise<JsonObject> {
    const { onMessage, metadata, silence = SILENCE_AFTER_REPLY_MS } = options;
    const message = makeMessage(type, content, { session: this.#session, metadata });
    const { reply, idle } = { reply: new Deferred<JsonObject>(), idle: new Deferred<true>() };
    this.#pending.set(message.header.msg_id, { onMessage, reply, idle });
    const died = this.#heardOut.then((exit): never => {
      throw new KernelDied(describeExit(this.#kernel.name, exit));
    });
    died.catch(() => undefined);
    await Promise.race([this.#send(socket, message), died]);
    const answer = await Promise.race([reply.promise, died]);
    for (let heard = -1; heard !== this.#heard;) {
      heard = this.#heard;
      if (await settledWithin(Promise.race([idle.promise, died]), silence)) break;
    }
    return answer;
  }

  /**
   * What a kernel had sent before it died may still be on its way when the process's end is known. ZeroMQ tells that a
   * connection has closed after it has read all that came over it; from there it is only our own loop that has to come
   * round.
   */
  async #hearOut(): Promise<void> {
    if (this.#heard > 0) await settledWithin(this.#iopubClosed.promise, DISCONNECT_TIMEOUT_MS);
    for (let heard = -1; heard !== this.#heard;) {
      heard = this.#heard;
      // sockets are polled between
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** ZeroMQ sockets take one send at a time. */
  #send(socket: Dealer, message: Message): Promise<void> {
    const frames = encodeMessage(message, this.#process.connection.key);
    this.#sending = this.#sending.catch(() => undefined).then(() => socket.send(frames));
    return this.#sending;
  }

  async #listen(socket: Dealer | Subscriber, hear: (message: Message) => void): Promise<void> {
    try {
      for await (const frames of socket) {
        try {
          hear(decodeMessage(frames, this.#process.connection.key));
        } catch (error) {
          if (!(error instanceof WireError)) throw error; // else malformed or signed by someone else: not for us
        }
      }
    } catch (error) {
      if (!this.#closed) throw error; // else ENOTSOCK: closed between two messages
    }
  }

  #hearBroadcast(message: Message): void {
    this.#heard++;
    const pending = this.#pendingOf(message);
    pending?.onMessage?.(message.header.msg_type, message.content);
    if (message.header.msg_type === "status" && message.content.execution_state === "idle") pending?.idle.resolve(true);
  }

  /** Nobody is there to type: a kernel that asks although it was told so gets an empty line instead of no answer. */
  #answerStdin(message: Message): void {
    const answer = makeMessage("input_reply", { value: "" }, { session: this.#session, parent: message });
    void this.#send(this.#stdin, answer).catch(() => undefined);
  }

  #pendingOf(message: Message): Pending | undefined {
    return this.#pending.get(message.parentHeader.msg_id ?? "");
  }
}

function describeExit(name: string, { code, signal, lastWords }: KernelExit): string {
  const how = signal ? `was killed by ${signal}` : code === null ? "could not be started" : `exited with code ${code}`;
  return `kernel ${name} ${how}${lastWords ? `; it said:\n${lastWords}` : ""}`;
}
