/**
 * The one ordered way from the main thread (user code) to the sockets' thread: a ring of bytes in shared memory.
 *
 * A port's messages pile up without bound and a loop that never returns to its event loop cannot see how many; a ring
 * makes the printing cell wait instead, so memory stays bounded and no line is lost. Streams, displays, results and the
 * end of a run share it, so they cannot overtake each other. A record is published by one store of the head after all
 * its bytes are written: an interrupt in the middle of a write leaves nothing half written.
 */
import { Buffer } from "node:buffer";

const CAPACITY_BYTES = 1 << 20; // bytes, a power of two
const HEADER_BYTES = 12; // bytes: payload length, run, kind and whether more pieces follow
/** UTF-16 units a record carries at most; 3 bytes each at worst, so a record is far smaller than the ring. */
const PIECE_CHARACTERS = 1 << 14;
/** How long a writer sleeps at most before it looks again; the reader wakes it earlier. */
const MAX_SLEEP_MS = 1000; // milliseconds

/** Indices into the control words. */
const HEAD_INDEX = 0; // bytes ever written, modulo 2^32
const TAIL_INDEX = 1; // bytes ever read, modulo 2^32
const SLEEPING_INDEX = 2; // 1 while the reader waits for the bell

// User code may shadow globals; these stay what they are.
const { Atomics, JSON, Math } = globalThis;

export const STDOUT = 1;
export const STDERR = 2;
const MESSAGE = 3;
/** Flags beside the kind: a long text is cut into pieces. */
const FIRST_PIECE = 0x100;
const MORE_PIECES = 0x200;

export type PipeRecord =
  | { readonly run: number; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly run: number; readonly message: unknown };

export interface SharedPipe {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

export function makePipe(): SharedPipe {
  return {
    control: new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)),
    bytes: new Uint8Array(new SharedArrayBuffer(CAPACITY_BYTES)),
  };
}

/** The main thread's end. `ring` wakes the reader: for a message at once, for prints when it sleeps. */
export class PipeWriter {
  readonly #pipe: SharedPipe;
  readonly #ring: (urgent: boolean) => void;
  readonly #scratch = Buffer.allocUnsafe(HEADER_BYTES + 3 * PIECE_CHARACTERS);

  constructor(pipe: SharedPipe, ring: (urgent: boolean) => void) {
    this.#pipe = pipe;
    this.#ring = ring;
  }

  /** Prints `text`; waits while the ring is full. */
  stream(run: number, stream: typeof STDOUT | typeof STDERR, text: string): void {
    if (text === "") return;
    this.#pieces(run, stream, text);
    this.#wakeReader();
  }

  /** Sends any JSON value, in order with the prints. */
  message(run: number, value: unknown): void {
    this.#pieces(run, MESSAGE, JSON.stringify(value));
    Atomics.store(this.#pipe.control, SLEEPING_INDEX, 0);
    this.#ring(true);
  }

  #wakeReader(): void {
    if (Atomics.exchange(this.#pipe.control, SLEEPING_INDEX, 0) === 1) this.#ring(false);
  }

  #pieces(run: number, kind: number, text: string): void {
    let start = 0;
    do {
      let end = Math.min(start + PIECE_CHARACTERS, text.length);
      const last = text.charCodeAt(end - 1);
      if (end < text.length && last >= 0xd800 && last < 0xdc00) end--; // keeps surrogate pairs whole
      const flags = (start === 0 ? FIRST_PIECE : 0) | (end < text.length ? MORE_PIECES : 0);
      this.#write(run, kind | flags, start === 0 && end === text.length ? text : text.slice(start, end));
      start = end;
    } while (start < text.length);
  }

  #write(run: number, kind: number, text: string): void {
    const scratch = this.#scratch;
    const length = scratch.write(text, HEADER_BYTES);
    scratch.writeUInt32LE(length, 0);
    scratch.writeInt32LE(run, 4);
    scratch.writeUInt32LE(kind, 8);
    const { control, bytes } = this.#pipe;
    const total = HEADER_BYTES + length;
    const head = Atomics.load(control, HEAD_INDEX);
    for (;;) {
      const tail = Atomics.load(control, TAIL_INDEX);
      if (((head - tail) | 0) + total <= CAPACITY_BYTES) break;
      this.#wakeReader();
      Atomics.wait(control, TAIL_INDEX, tail, MAX_SLEEP_MS);
    }
    const at = head & (CAPACITY_BYTES - 1);
    const first = Math.min(total, CAPACITY_BYTES - at);
    bytes.set(scratch.subarray(0, first), at);
    if (first < total) bytes.set(scratch.subarray(first, total), 0);
    Atomics.store(control, HEAD_INDEX, (head + total) | 0);
  }
}

/** The sockets' thread's end. */
export class PipeReader {
  readonly #pipe: SharedPipe;
  /** The pieces so far of a message whose last piece has not been taken. */
  #pieces = "";

  constructor(pipe: SharedPipe) {
    this.#pipe = pipe;
  }

  /**
   * Takes the next record out of the ring; undefined when the ring is empty. Prints of one run and stream that follow
   * each other are joined up to about `limit` characters.
   */
  take(limit: number): PipeRecord | undefined {
    let run = 0;
    let stream = 0;
    let text = "";
    for (let head = this.#header(); head; head = this.#header()) {
      const kind = head.flags & 0xff;
      if (stream !== 0 && (kind !== stream || head.run !== run || text.length >= limit)) break;
      const piece = this.#payload(head.length);
      run = head.run;
      if (kind !== MESSAGE) {
        stream = kind;
        text += piece;
      } else {
        // An interrupted message never gets its last piece; the first piece of the next one discards it.
        this.#pieces = head.flags & FIRST_PIECE ? piece : this.#pieces + piece;
        if (!(head.flags & MORE_PIECES)) return { run, message: JSON.parse(this.#pieces) as unknown };
      }
    }
    return stream === 0 ? undefined : { run, stream: stream === STDOUT ? "stdout" : "stderr", text };
  }

  /** Says that the reader waits for the bell; false when there is something to read after all. */
  sleep(): boolean {
    const { control } = this.#pipe;
    Atomics.store(control, SLEEPING_INDEX, 1);
    if (Atomics.load(control, HEAD_INDEX) === Atomics.load(control, TAIL_INDEX)) return true;
    Atomics.store(control, SLEEPING_INDEX, 0);
    return false;
  }

  #header(): { length: number; run: number; flags: number } | undefined {
    const tail = Atomics.load(this.#pipe.control, TAIL_INDEX);
    if (Atomics.load(this.#pipe.control, HEAD_INDEX) === tail) return undefined;
    const header = this.#copy(tail, HEADER_BYTES);
    return { length: header.readUInt32LE(0), run: header.readInt32LE(4), flags: header.readUInt32LE(8) };
  }

  /** The payload of the record at the tail, whose room becomes free. */
  #payload(length: number): string {
    const { control } = this.#pipe;
    const tail = Atomics.load(control, TAIL_INDEX);
    const payload = this.#copy(tail + HEADER_BYTES, length).toString("utf8");
    Atomics.store(control, TAIL_INDEX, (tail + HEADER_BYTES + length) | 0);
    Atomics.notify(control, TAIL_INDEX);
    return payload;
  }

  #copy(from: number, length: number): Buffer {
    const { bytes } = this.#pipe;
    const at = from & (CAPACITY_BYTES - 1);
    const copy = Buffer.allocUnsafe(length);
    const first = Math.min(length, CAPACITY_BYTES - at);
    copy.set(bytes.subarray(at, at + first));
    if (first < length) copy.set(bytes.subarray(0, length - first), first);
    return copy;
  }
}
