/**
 * Arrays that disposed tensors leave behind, kept for the next tensors: fresh memory costs more than most kernels,
 * since the system clears each page of it. Memory comes in size classes, an eighth of a power of two apart, so that
 * batches whose sizes vary a little (graphs with other numbers of edges) use each other's; an array may therefore lie
 * in a buffer that is up to an eighth longer. One of the very length is given out as it is.
 *
 * Only arrays that no one else can hold come here: see MarginaliaBackend.
 */
const MAX_POOLED_BYTES = 512 * 2 ** 20;
/** Below this many elements a class is one length: a fresh array costs less than the view of another's memory. */
const MIN_SIZED_ELEMENTS = 256;

type Pooled = Float32Array | Int32Array;

/** The least size class, in elements, that holds `length`. */
export function sizeClass(length: number): number {
  if (length <= MIN_SIZED_ELEMENTS) return length;
  const step = 2 ** (31 - Math.clz32(length - 1)) / 8;
  return Math.ceil(length / step) * step;
}

type Maker<Kind> = {
  new (length: number): Kind;
  new (buffer: ArrayBufferLike, offset: number, length: number): Kind;
};

/** Lists of arrays of one element type by size class. */
class Shelf<Kind extends Pooled> {
  readonly #type: Maker<Kind>;
  readonly #lists = new Map<number, Kind[]>();

  constructor(type: Maker<Kind>) {
    this.#type = type;
  }

  /** One that waits, if there is one. */
  take(length: number): Kind | undefined {
    const found = this.#lists.get(sizeClass(length))?.pop();
    return found === undefined || found.length === length ? found : new this.#type(found.buffer, 0, length);
  }

  make(length: number): Kind {
    const size = sizeClass(length);
    return size === length ? new this.#type(length) : new this.#type(new ArrayBuffer(4 * size), 0, length);
  }

  give(array: Kind): void {
    const size = sizeClass(array.length);
    const list = this.#lists.get(size);
    if (list) list.push(array);
    else this.#lists.set(size, [array]);
  }

  clear(): void {
    this.#lists.clear();
  }
}

export class ArrayPool {
  readonly #floats = new Shelf<Float32Array>(Float32Array);
  readonly #ints = new Shelf<Int32Array>(Int32Array);
  #bytes = 0;

  /** Bytes that wait for use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An array with any content. */
  floats(length: number): Float32Array {
    return this.#from(this.#floats, length);
  }

  /** An array with any content. */
  ints(length: number): Int32Array {
    return this.#from(this.#ints, length);
  }

  #from<Kind extends Pooled>(shelf: Shelf<Kind>, length: number): Kind {
    const found = shelf.take(length);
    if (!found) return shelf.make(length);
    this.#bytes -= 4 * sizeClass(length);
    return found;
  }

  /** Takes an array back that came from here and that no one holds any more. */
  give(array: Pooled): void {
    const bytes = 4 * sizeClass(array.length);
    if (bytes === 0 || bytes > MAX_POOLED_BYTES) return;
    if (this.#bytes + bytes > MAX_POOLED_BYTES) this.clear();
    if (array instanceof Float32Array) this.#floats.give(array);
    else this.#ints.give(array);
    this.#bytes += bytes;
  }

  clear(): void {
    this.#floats.clear();
    this.#ints.clear();
    this.#bytes = 0;
  }
}
