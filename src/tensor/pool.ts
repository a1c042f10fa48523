/**
 * Arrays that disposed tensors leave behind, kept for the next tensors of the same length: fresh memory costs more than
 * most kernels, since the system clears each page of it. Training repeats its shapes, so lengths match exactly.
 *
 * Only arrays that no one else can hold come here: see MarginaliaBackend.
 */
const mostBytes = 512 * 2 ** 20;

type Pooled = Float32Array | Int32Array;

export class ArrayPool {
  readonly #floats = new Map<number, Float32Array[]>();
  readonly #ints = new Map<number, Int32Array[]>();
  #bytes = 0;

  /** Bytes that wait for use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An array with any content. */
  floats(length: number): Float32Array {
    const found = this.#floats.get(length)?.pop();
    if (!found) return new Float32Array(length);
    this.#bytes -= found.byteLength;
    return found;
  }

  /** An array with any content. */
  ints(length: number): Int32Array {
    const found = this.#ints.get(length)?.pop();
    if (!found) return new Int32Array(length);
    this.#bytes -= found.byteLength;
    return found;
  }

  give(array: Pooled): void {
    if (array.length === 0) return;
    if (this.#bytes + array.byteLength > mostBytes) this.clear();
    if (array.byteLength > mostBytes) return;
    const lists = (array instanceof Float32Array ? this.#floats : this.#ints) as Map<number, Pooled[]>;
    const list = lists.get(array.length);
    if (list) list.push(array);
    else lists.set(array.length, [array]);
    this.#bytes += array.byteLength;
  }

  clear(): void {
    this.#floats.clear();
    this.#ints.clear();
    this.#bytes = 0;
  }
}
