/**
 * The tfjs back end `marginalia`: tfjs-backend-cpu's storage (a tensor is a plain typed array) with memory that is used
 * again, and a compiled library behind the kernels in kernels/.
 *
 * An array that our kernels made is `owned`: when its tensor is disposed, the next tensor may take it. The mark is lost
 * as soon as anyone else may hold the array: a reader (`dataSync` hands out the array itself) or a kernel of
 * tfjs-backend-cpu, whose results may be views of their inputs.
 */
import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import type { Library } from "./library.ts";
import { ArrayPool, sizeClass } from "./pool.ts";
import { MathBackendCPU, tf } from "./tf.ts";

const { util } = tf;

type DataId = TensorInfo["dataId"];

interface TensorData {
  values?: unknown;
  dtype: DataType;
  refCount: number;
  owned?: boolean;
}

export const BACKEND_NAME = "marginalia";

/** A tensor is too large for this machine, or for any. Kernels' names are put in front by `accelerate`. */
export class AllocationError extends RangeError {
  override readonly name = "AllocationError";
}

function allocated<Values>(shape: readonly number[], dtype: DataType, make: (length: number) => Values): Values {
  const length = util.sizeFromShape(shape as number[]);
  try {
    return make(length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const gigabytes = ((4 * length) / 2 ** 30).toPrecision(3);
    throw new AllocationError(
      `a ${dtype} tensor [${shape.join(", ")}] needs ${gigabytes} GiB, more than can be had here; use smaller batches`,
      { cause: error },
    );
  }
}

export class MarginaliaBackend extends MathBackendCPU {
  readonly library: Library;
  readonly pool = new ArrayPool();

  constructor(library: Library) {
    super();
    this.library = library;
    (this as unknown as { firstUse: boolean }).firstUse = false; // no advice to install another back end
  }

  #record(dataId: DataId): TensorData {
    return this.data.get(dataId);
  }

  /** A new tensor whose values are still to be written, all of them. @throws AllocationError where there is no room. */
  floats(shape: readonly number[]): { info: TensorInfo; values: Float32Array } {
    const values = allocated(shape, "float32", (length) => this.pool.floats(length));
    return { info: this.#own(shape, "float32", values), values };
  }

  /** A new tensor whose values `write` writes, all of them; it is freed again where that throws. */
  written(shape: readonly number[], write: (values: Float32Array) => void): TensorInfo {
    const { info, values } = this.floats(shape);
    try {
      write(values);
    } catch (error) {
      this.disposeIntermediateTensorInfo(info);
      throw error;
    }
    return info;
  }

  /** A new int32 tensor whose values are still to be written, all of them. @throws AllocationError, likewise. */
  ints(shape: readonly number[]): { info: TensorInfo; values: Int32Array } {
    const values = allocated(shape, "int32", (length) => this.pool.ints(length));
    return { info: this.#own(shape, "int32", values), values };
  }

  /** A new bool tensor whose values are still to be written. */
  flags(shape: readonly number[]): { info: TensorInfo; values: Uint8Array } {
    const values = allocated(shape, "bool", (length) => new Uint8Array(length));
    return { info: this.makeTensorInfo([...shape], "bool", values), values };
  }

  #own(shape: readonly number[], dtype: DataType, values: Float32Array | Int32Array): TensorInfo {
    const info = this.makeTensorInfo([...shape], dtype, values);
    this.#record(info.dataId).owned = true;
    return info;
  }

  /** The values of a float32 tensor, for a kernel of ours to read. Other storage (a cast bool, a list) is converted. */
  readFloats(tensor: TensorInfo): Float32Array {
    const { values } = this.#record(tensor.dataId);
    return values instanceof Float32Array ? values : Float32Array.from((values ?? []) as ArrayLike<number>);
  }

  /** The values of an int32 tensor (or of one that holds integers), for a kernel of ours to read. */
  readInts(tensor: TensorInfo): Int32Array {
    const { values } = this.#record(tensor.dataId);
    return values instanceof Int32Array ? values : Int32Array.from((values ?? []) as ArrayLike<number>);
  }

  /** The values of a bool tensor, for a kernel of ours to read. */
  readFlags(tensor: TensorInfo): Uint8Array {
    const { values } = this.#record(tensor.dataId);
    return values instanceof Uint8Array ? values : Uint8Array.from((values ?? []) as ArrayLike<number>);
  }

  /** The array behind a tensor may from now on be held by others: never use it again. */
  share(tensor: TensorInfo): void {
    if (this.data.has(tensor.dataId)) this.#record(tensor.dataId).owned = false;
  }

  /**
   * The values. Whoever reads them may look at their buffer too, so they leave a pooled one that is longer than they
   * are.
   */
  override readSync(dataId: DataId): ReturnType<InstanceType<typeof MathBackendCPU>["readSync"]> {
    const record = this.#record(dataId);
    if (record.owned) {
      const values = record.values as Float32Array | Int32Array;
      if (sizeClass(values.length) !== values.length) {
        record.values = values.slice();
        this.pool.give(values);
      }
      record.owned = false;
    }
    return super.readSync(dataId);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const record = this.data.has(dataId) ? this.#record(dataId) : undefined;
    const disposed = super.disposeData(dataId, force);
    if (disposed && record?.owned && record.refCount <= 0) this.pool.give(record.values as Float32Array | Int32Array);
    return disposed;
  }

  override memory(): ReturnType<InstanceType<typeof MathBackendCPU>["memory"]> & { pooledBytes: number } {
    return { ...super.memory(), pooledBytes: this.pool.bytes };
  }

  override dispose(): void {
    this.pool.clear();
    super.dispose();
  }
}
