/**
 * Comms: two-way channels between objects in cells and their views in the front end (widgets).
 *
 * Either side opens one by naming a target that the other side knows. Messages from the front end are handled between
 * the awaits of a running cell; what their handlers print belongs to the message that caused it.
 */
import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { CommMessage, FromMain } from "../../protocol/threads.ts";

// User code may shadow globals; these stay what they are.
const { Map } = globalThis;

type Data = Record<string, unknown>;

export interface CommOptions {
  readonly metadata?: Data;
  /** Binary data, sent beside the JSON. */
  readonly buffers?: readonly Uint8Array[];
}

export class Comm {
  readonly id: string;
  readonly target: string;
  /** What the front end sends. */
  onMessage: ((data: Data, buffers: readonly Uint8Array[]) => void) | undefined;
  /** The front end has closed it. */
  onClose: ((data: Data) => void) | undefined;
  readonly #comms: Comms;

  constructor(comms: Comms, target: string, id: string) {
    this.#comms = comms;
    this.target = target;
    this.id = id;
  }

  send(data: Data, options?: CommOptions): void {
    this.#comms.send("comm_msg", this, data, options);
  }

  /** Nothing happens when it is closed already. */
  close(data: Data = {}): void {
    this.#comms.close(this, data);
  }
}

export type CommTarget = (comm: Comm, data: Data, buffers: readonly Uint8Array[]) => void;

export class Comms {
  readonly #publish: (message: FromMain) => void;
  readonly #open = new Map<string, Comm>();
  readonly #targets = new Map<string, CommTarget>();

  constructor(publish: (message: FromMain) => void) {
    this.#publish = publish;
  }

  /** Opens a comm to a target of the front end's. */
  open(target: string, data: Data = {}, options?: CommOptions): Comm {
    const comm = new Comm(this, target, randomUUID());
    this.#open.set(comm.id, comm);
    this.send("comm_open", comm, data, options);
    return comm;
  }

  /** Names what takes the comms that the front end opens. */
  register(target: string, opened: CommTarget): void {
    this.#targets.set(target, opened);
  }

  send(type: CommMessage["type"], comm: Comm, data: Data, { metadata = {}, buffers = [] }: CommOptions = {}): void {
    const encoded = buffers.map((each) =>
      Buffer.from(each.buffer, each.byteOffset, each.byteLength).toString("base64"),
    );
    this.#publish({ type, id: comm.id, target: comm.target, data, metadata, buffers: encoded });
  }

  close(comm: Comm, data: Data): void {
    if (this.#open.delete(comm.id)) this.send("comm_close", comm, data);
  }

  /** What the front end sends. A comm for which there is no target is closed, as the protocol has it. */
  handle({ type, id, target, data, buffers }: CommMessage): void {
    if (type === "comm_open") {
      const comm = new Comm(this, target, id);
      const opened = this.#targets.get(target);
      if (!opened) return this.send("comm_close", comm, {});
      this.#open.set(id, comm);
      opened(comm, data, buffers);
    } else if (type === "comm_msg") this.#open.get(id)?.onMessage?.(data, buffers);
    else {
      const comm = this.#open.get(id);
      this.#open.delete(id);
      comm?.onClose?.(data);
    }
  }
}
