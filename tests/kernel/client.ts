/** A small Jupyter client: starts the built kernel as front ends do and talks to it over its sockets. */
import { stripVTControlCharacters } from "node:util";
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Dealer, Subscriber } from "zeromq";
import { kernelSpec } from "../../src/kernel/install/kernelspec.ts";
import {
  decodeMessage,
  encodeMessage,
  endpoint,
  makeMessage,
  type ConnectionInfo,
  type JsonObject,
  type Message,
} from "../../src/kernel/protocol/wire.ts";

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A connection on loopback ports that were free a moment ago. */
export async function newConnection(): Promise<ConnectionInfo> {
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = await freePorts(5);
  const ports = { shell_port, iopub_port, stdin_port, control_port, hb_port };
  return { transport: "tcp", ip: "127.0.0.1", signature_scheme: "hmac-sha256", key: randomUUID(), ...ports };
}

/** What one request has brought: its reply and everything published until it is idle. */
export interface Exchange {
  readonly reply: Message;
  readonly published: Message[];
}

export class KernelClient {
  readonly connection: ConnectionInfo;
  readonly process: ChildProcess;
  /** What the kernel itself has logged. */
  log = "";
  /** Everything published so far. */
  readonly published: Message[] = [];
  readonly shell: Dealer;
  readonly control = new Dealer({ linger: 0 });
  readonly stdin: Dealer;
  /** What the user answers to a question; without it nobody answers. */
  answer: ((question: { prompt: string; password: boolean }) => string | Promise<string>) | undefined;
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  readonly #session = randomUUID();
  readonly #replies = new Map<string, (message: Message) => void>();
  readonly #watchers = new Set<() => void>();
  readonly #folder: string;
  readonly exited: Promise<number | null>;

  private constructor(connection: ConnectionInfo, folder: string, cwd: string, env: NodeJS.ProcessEnv) {
    // The kernel asks on the stdin channel whoever sent the cell on the shell channel: both have one identity.
    const routingId = this.#session;
    this.shell = new Dealer({ linger: 0, receiveHighWaterMark: 0, routingId });
    this.stdin = new Dealer({ linger: 0, routingId });
    this.connection = connection;
    this.#folder = folder;
    const file = path.join(folder, "connection.json");
    writeFileSync(file, JSON.stringify(connection), { mode: 0o600 });
    const [command, ...argv] = kernelSpec().argv.map((part) => part.replace("{connection_file}", file));
    this.process = spawn(command, argv, { cwd, env, stdio: ["ignore", "ignore", "pipe"], detached: true });
    this.process.stderr?.on("data", (data: Buffer) => (this.log += data.toString()));
    this.exited = new Promise((resolve) => this.process.once("exit", (code) => resolve(code)));
  }

  /** Starts a kernel in `cwd` (default: an empty temporary folder, with `files` in it) and waits until it answers. */
  static async start({
    cwd,
    files = {},
    environment = {},
  }: { cwd?: string; files?: Record<string, string>; environment?: NodeJS.ProcessEnv } = {}): Promise<KernelClient> {
    const folder = mkdtempSync(path.join(tmpdir(), "marginalia-kernel-"));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), content);
    }
    const client = new KernelClient(await newConnection(), folder, cwd ?? folder, { ...process.env, ...environment });
    await client.#connect();
    return client;
  }

  /** The temporary folder: the kernel's own when no `cwd` was given. */
  get folder(): string {
    return this.#folder;
  }

  async #connect(): Promise<void> {
    this.shell.connect(endpoint(this.connection, "shell"));
    this.control.connect(endpoint(this.connection, "control"));
    this.stdin.connect(endpoint(this.connection, "stdin"));
    this.#iopub.connect(endpoint(this.connection, "iopub"));
    this.#iopub.subscribe();
    void this.#receive(this.shell);
    void this.#receive(this.control);
    void this.#answerQuestions();
    void this.#listen();
    // The first replies may come before the subscription holds: ask until something is published.
    for (let attempt = 0; this.published.length === 0 && attempt < 100; attempt++) {
      void this.request("shell", "kernel_info_request", {}).catch(() => undefined);
      await this.until(() => this.published.length > 0, 200).catch(() => undefined);
    }
    if (this.published.length === 0) throw new Error(`the kernel does not answer; it said: ${this.log}`);
    await this.exchange("kernel_info_request", {});
  }

  async #receive(socket: Dealer): Promise<void> {
    try {
      for await (const frames of socket) {
        const message = decodeMessage(frames, this.connection.key);
        this.#replies.get(message.parentHeader.msg_id ?? "")?.(message);
      }
    } catch {
      // closed
    }
  }

  async #answerQuestions(): Promise<void> {
    try {
      for await (const frames of this.stdin) {
        const { header, parentHeader, content } = decodeMessage(frames, this.connection.key);
        if (header.msg_type !== "input_request" || !this.answer) continue;
        const value = await this.answer(content as { prompt: string; password: boolean });
        const reply = makeMessage("input_reply", { status: "ok", value }, { session: this.#session });
        const { subshell_id } = parentHeader;
        const addressed = { ...reply, header: { ...reply.header, subshell_id } };
        await this.stdin.send(encodeMessage(addressed, this.connection.key));
      }
    } catch {
      // closed
    }
  }

  async #listen(): Promise<void> {
    try {
      for await (const frames of this.#iopub) {
        this.published.push(decodeMessage(frames, this.connection.key));
        for (const watcher of this.#watchers) watcher();
      }
    } catch {
      // closed
    }
  }

  /** Resolves when `condition` holds, looked at whenever something is published. */
  async until(condition: () => boolean, milliseconds = 60_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
      };
      const watcher = () => {
        if (!condition()) return;
        stop();
        resolve();
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`waited ${milliseconds} ms in vain; the kernel said: ${this.log}`));
      }, milliseconds);
      this.#watchers.add(watcher);
    });
  }

  /** Sends a request and resolves with its reply. */
  request(
    channel: "shell" | "control",
    type: string,
    content: JsonObject,
    buffers: Buffer[] = [],
    subshell?: string,
  ): Promise<Message> & { message: Message } {
    const plain = makeMessage(type, content, { session: this.#session, buffers });
    const message = { ...plain, header: { ...plain.header, ...(subshell !== undefined && { subshell_id: subshell }) } };
    const reply = new Promise<Message>((resolve, reject) => {
      this.#replies.set(message.header.msg_id, resolve);
      this[channel].send(encodeMessage(message, this.connection.key)).catch(reject);
    });
    return Object.assign(reply, { message });
  }

  /** Sends a request and resolves when it is answered and idle. */
  async exchange(
    type: string,
    content: JsonObject,
    channel: "shell" | "control" = "shell",
    subshell?: string,
  ): Promise<Exchange> {
    const request = this.request(channel, type, content, [], subshell);
    const { msg_id: id } = request.message.header;
    const isIdle = ({ header, parentHeader, content: { execution_state: state } }: Message) =>
      header.msg_type === "status" && state === "idle" && parentHeader.msg_id === id;
    const [reply] = await Promise.all([request, this.until(() => this.published.some(isIdle))]);
    return { reply, published: this.published.filter(({ parentHeader }) => parentHeader.msg_id === id) };
  }

  async execute(code: string, options: JsonObject = {}): Promise<Cell> {
    return new Cell(await this.exchange("execute_request", { code, ...options }));
  }

  /** Resolves with the messages of a request that have been published so far. */
  of(request: Message): Message[] {
    return this.published.filter(({ parentHeader }) => parentHeader.msg_id === request.header.msg_id);
  }

  /** Shuts the kernel down, by force when it does not listen, and removes the temporary folder. */
  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      void this.request("control", "shutdown_request", { restart: false }).catch(() => undefined);
      const timer = setTimeout(() => this.process.kill("SIGKILL"), 5000);
      await this.exited;
      clearTimeout(timer);
    }
    for (const socket of [this.shell, this.control, this.stdin, this.#iopub]) socket.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** An executed cell, read comfortably. */
export class Cell implements Exchange {
  readonly reply: Message;
  readonly published: Message[];

  constructor({ reply, published }: Exchange) {
    this.reply = reply;
    this.published = published;
  }

  get status(): unknown {
    return this.reply.content.status;
  }

  contents(type: string): JsonObject[] {
    return this.published.filter(({ header }) => header.msg_type === type).map(({ content }) => content);
  }

  stream(name: "stdout" | "stderr"): string {
    return this.contents("stream")
      .filter((content) => content.name === name)
      .map(({ text }) => text as string)
      .join("");
  }

  /** text/plain of the result. */
  get result(): unknown {
    const [result] = this.contents("execute_result");
    return (result?.data as JsonObject | undefined)?.["text/plain"];
  }

  /** Without colours. */
  get error(): { ename: string; evalue: string; traceback: string[] } {
    const error = this.contents("error")[0] as { ename: string; evalue: string; traceback: string[] };
    if (!error) return error; // tests that expect none ask `error?.`
    return { ...error, traceback: error.traceback.map((line) => stripVTControlCharacters(line)) };
  }
}
