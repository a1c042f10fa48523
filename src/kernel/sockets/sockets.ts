/** The five ZeroMQ sockets of a kernel, bound where the connection file says and nowhere else. */
import { setTimeout as sleep } from "node:timers/promises";
import { Publisher, Reply, Router } from "zeromq";
import { log } from "../protocol/log.ts";
import {
  decodeMessage,
  encodeMessage,
  endpoint,
  makeMessage,
  type Channel,
  type ConnectionInfo,
  type JsonObject,
  type Message,
} from "../protocol/wire.ts";

/**
 * Messages that wait for a slow subscriber; then publishing waits, and with it the printing cell. Nothing is dropped.
 */
const MAX_QUEUED_MESSAGES = 2000;
/** A subscriber that has read nothing for so long counts as stopped: it must not stop the cells. */
const STOPPED_SUBSCRIBER_MS = 5000; // milliseconds
const SEND_RETRY_MS = 5; // milliseconds
/** So long nobody is waited for then. What a subscriber cannot take meanwhile it misses. */
const NO_WAIT_MS = 30_000; // milliseconds
/** How long unsent messages keep a closing socket open. */
const LINGER_MS = 300; // milliseconds
/** So long a port that is taken is tried again. */
const BIND_TIMEOUT_MS = 1000; // milliseconds
/** Signatures remembered, so that a recorded message has no effect when it is sent again. */
const MAX_REMEMBERED_SIGNATURES = 1 << 16;

/** Of the messages that are dropped the first are logged, cut to a length. */
const MOST_DROPPED_LOGGED = 20;
const LONGEST_LOGGED = 300; // characters

type RequestChannel = "shell" | "control";

export class Sockets {
  readonly #connection: ConnectionInfo;
  readonly #session: string;
  readonly #routers: Record<RequestChannel | "stdin", Router>;
  readonly #iopub: Publisher;
  readonly #heartbeat: Reply;
  readonly #sending = new Map<Channel, Promise<void>>();
  readonly #seen = new Set<string>();
  #closed = false;
  #dropped = 0;
  /** Since when a stopped subscriber is not waited for. */
  #droppingSince: number | undefined;

  private constructor(connection: ConnectionInfo, session: string) {
    this.#connection = connection;
    this.#session = session;
    const unlimited = { linger: LINGER_MS, sendHighWaterMark: 0, receiveHighWaterMark: 0 };
    this.#routers = { shell: new Router(unlimited), control: new Router(unlimited), stdin: new Router(unlimited) };
    this.#iopub = new Publisher({ linger: LINGER_MS, sendHighWaterMark: MAX_QUEUED_MESSAGES });
    this.#iopub.noDrop = true;
    this.#heartbeat = new Reply({ linger: 0 });
  }

  static async bind(connection: ConnectionInfo, session: string): Promise<Sockets> {
    const sockets = new Sockets(connection, session);
    const { shell, control, stdin } = sockets.#routers;
    const all = { shell, control, stdin, iopub: sockets.#iopub, hb: sockets.#heartbeat };
    for (const [channel, socket] of Object.entries(all)) await bound(socket, endpoint(connection, channel as Channel));
    void sockets.#beat();
    return sockets;
  }

  /** Hands each well-formed, rightly signed, new request to `handle`; the others are logged and dropped. */
  async receive(channel: RequestChannel | "stdin", handle: (message: Message) => void): Promise<void> {
    for await (const frames of this.#routers[channel]) {
      try {
        const message = decodeMessage(frames, this.#connection.key);
        if (this.#isReplay(frames))
          this.#logDropped(`a ${message.header.msg_type} on ${channel} was sent again: dropped`);
        else handle(message);
      } catch (error) {
        this.#logDropped(`a message on ${channel} was dropped: ${(error as Error).message}`);
      }
    }
  }

  /** Whoever reaches the ports can send what is dropped, without end. */
  #logDropped(text: string): void {
    if (++this.#dropped <= MOST_DROPPED_LOGGED) log(text.slice(0, LONGEST_LOGGED));
    if (this.#dropped === MOST_DROPPED_LOGGED) log("further messages that are dropped are not logged");
  }

  /** Sends the answer to `request` to whoever asked. */
  reply(channel: RequestChannel | "stdin", request: Message, type: string, content: JsonObject): Promise<void> {
    const message = makeMessage(type, content, {
      session: this.#session,
      parent: request,
      identities: request.identities,
    });
    return this.#send(channel, message);
  }

  /** Publishes to all front ends, as caused by `parent`. */
  publish(
    type: string,
    content: JsonObject,
    parent: Message | undefined,
    metadata: JsonObject = {},
    buffers: Buffer[] = [],
  ): Promise<void> {
    const identities = [Buffer.from(`kernel.${this.#session}.${type}`)];
    const options = { session: this.#session, parent, identities, metadata, buffers };
    return this.#send("iopub", makeMessage(type, content, options));
  }

  /** Closes the sockets after everything that waits has been handed to ZeroMQ. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#sending.values());
    for (const socket of [...Object.values(this.#routers), this.#iopub, this.#heartbeat]) socket.close();
  }

  /** ZeroMQ takes one message after another: each send waits for the one before it. */
  #send(channel: Exclude<Channel, "hb">, message: Message): Promise<void> {
    const frames = encodeMessage(message, this.#connection.key);
    const sent = (this.#sending.get(channel) ?? Promise.resolve())
      .then(() => (channel === "iopub" ? this.#publishFrames(frames) : this.#routers[channel].send(frames)))
      .catch((error: unknown) => {
        if (!this.#closed)
          log(`a ${message.header.msg_type} could not be sent on ${channel}: ${(error as Error).message}`);
      });
    this.#sending.set(channel, sent);
    return sent;
  }

  async #publishFrames(frames: Buffer[]): Promise<void> {
    if (this.#droppingSince !== undefined && Date.now() - this.#droppingSince > NO_WAIT_MS) {
      this.#droppingSince = undefined;
      this.#iopub.noDrop = true;
    }
    // With noDrop ZeroMQ refuses a message that some subscriber has no room for; it does not wait.
    for (const end = Date.now() + STOPPED_SUBSCRIBER_MS; ; await sleep(SEND_RETRY_MS)) {
      try {
        return await this.#iopub.send(frames);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || this.#closed) throw error;
      }
      if (Date.now() < end) continue;
      log("a front end has stopped reading; it will miss output, so that the cells can go on");
      this.#droppingSince = Date.now();
      this.#iopub.noDrop = false;
    }
  }

  #isReplay(frames: readonly Buffer[]): boolean {
    if (this.#connection.key === "") return false;
    const signature = frames[frames.findIndex((frame) => frame.toString() === "<IDS|MSG>") + 1].toString();
    if (this.#seen.has(signature)) return true;
    this.#seen.add(signature);
    if (this.#seen.size > MAX_REMEMBERED_SIGNATURES) for (const oldest of this.#seen) return !this.#seen.delete(oldest);
    return false;
  }

  async #beat(): Promise<void> {
    try {
      for await (const frames of this.#heartbeat) await this.#heartbeat.send(frames);
    } catch (error) {
      if (!this.#closed) log(`the heartbeat has stopped: ${(error as Error).message}`);
    }
  }
}

/** A port may still be held for a moment, by the kernel that this one replaces or by who looked for a free one. */
async function bound(socket: { bind(address: string): Promise<void> }, address: string): Promise<void> {
  for (const end = Date.now() + BIND_TIMEOUT_MS; ; await sleep(20 * SEND_RETRY_MS)) {
    try {
      return await socket.bind(address);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || Date.now() > end) throw error;
    }
  }
}
