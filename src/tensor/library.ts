/**
 * The compiled kernels, behind one function: the Node-API addon that set-up compiled for this machine or, where there
 * is none, the same C source as WebAssembly. Both check every array and parameter before they touch memory; a call that
 * does not fit throws a RangeError and changes nothing.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** What kernels read and write. Int32Array also carries indices, Uint8Array booleans. */
export type KernelArray = Float32Array | Int32Array | Uint8Array;

export interface Library {
  readonly build: "native" | "wasm";
  /** The instruction set that was chosen at run time, e.g. "AVX-512". */
  readonly instructionSet: string;
  /**
   * Runs a kernel on `arrays`, in the order of its signature (native/kernels.c).
   * @throws RangeError if a type, length, index or parameter does not fit; nothing was written then.
   */
  run(operation: string, params: readonly number[], ...arrays: KernelArray[]): void;
  /** How many threads large kernels use; with a count, sets it (at most the cores there are). */
  threads(count?: number): number;
  /** Signature by name of every kernel. */
  readonly operations: ReadonlyMap<string, string>;
}

interface Addon {
  call(index: number, paramCount: number, params: Float64Array, ...arrays: KernelArray[]): void;
  operations(): string[];
  threads(count?: number): number;
  describe(): string;
}

/** src/tensor and dist/tensor lie equally deep, so the paths hold for both. */
const addonFile = fileURLToPath(new URL("../../node_modules/.cache/marginalia/marginalia.node", import.meta.url));
const wasmFile = fileURLToPath(new URL("../../src/tensor/native/marginalia.wasm", import.meta.url));

const MAX_PARAMS = 256;

function tableOf(list: readonly string[]): { index: Map<string, number>; signatures: Map<string, string> } {
  const index = new Map<string, number>();
  const signatures = new Map<string, string>();
  for (let i = 0; i < list.length; i += 2) {
    index.set(list[i], i / 2);
    signatures.set(list[i], list[i + 1]);
  }
  return { index, signatures };
}

function numberOf(index: ReadonlyMap<string, number>, operation: string): number {
  const number = index.get(operation);
  if (number === undefined)
    throw new RangeError(
      `kernel "${operation}" is not in the compiled library, which is out of date: run npm run setup`,
    );
  return number;
}

function fillParams(target: Float64Array, params: readonly number[]): void {
  if (params.length > MAX_PARAMS)
    throw new RangeError(`a kernel takes at most ${MAX_PARAMS} parameters, got ${params.length}`);
  for (let i = 0; i < params.length; i++) target[i] = params[i];
}

/** @throws RangeError for a MARGINALIA_THREADS that is not a number of threads. */
function wantedThreads(): number | undefined {
  const text = process.env.MARGINALIA_THREADS;
  if (!text) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`MARGINALIA_THREADS is "${text}"; it can be a number of threads, 1 or more, or unset`);
  return count;
}

/**
 * The addon at `file`.
 * @throws Error if it cannot be loaded.
 */
export function loadAddon(file: string = addonFile): Library {
  const addon = createRequire(import.meta.url)(file) as Addon;
  const { index, signatures } = tableOf(addon.operations());
  const scratch = new Float64Array(MAX_PARAMS);
  const wanted = wantedThreads();
  if (wanted !== undefined) addon.threads(wanted);
  return {
    build: "native",
    instructionSet: addon.describe(),
    operations: signatures,
    threads: (count) => (count === undefined ? addon.threads() : addon.threads(count)),
    run(operation, params, ...arrays) {
      fillParams(scratch, params);
      addon.call(numberOf(index, operation), params.length, scratch, ...arrays);
    },
  };
}

interface WasmExports {
  memory: WebAssembly.Memory;
  allocate(bytes: number): number;
  mark(): number;
  release(to: number): void;
  lastMessage(): number;
  operationName(index: number): number;
  operationSignature(index: number): number;
  call(index: number, arrayCount: number, table: number, paramCount: number, params: number): number;
}

const typeOf = (array: unknown) =>
  array instanceof Float32Array ? 0 : array instanceof Int32Array ? 1 : array instanceof Uint8Array ? 2 : -1;

/** Whether array `at` is written (a letter in upper case, or "x"), and whether its old content is read. */
function access(signature: string, at: number, params: readonly number[]): { read: boolean; written: boolean } {
  if (signature === "@") return { read: at >= params[0], written: at < params[0] };
  const letter = signature[Math.min(at, signature.replace("*", "").length - 1)];
  const written = letter === "x" || letter !== letter.toLowerCase();
  return { read: !written || letter === "x", written };
}

/** The WebAssembly build. Arrays are copied into its memory and results back: calls are safe, if not free. */
function loadWasm(file: string = wasmFile): Library {
  const module = new WebAssembly.Module(readFileSync(file));
  const wasm = new WebAssembly.Instance(module, {}).exports as unknown as WasmExports;
  // Addresses come as signed 32-bit integers; beyond 2 GiB they are negative.
  const allocate = (bytes: number) => wasm.allocate(bytes) >>> 0;
  const text = (at: number) => {
    const bytes = new Uint8Array(wasm.memory.buffer, at >>> 0);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
  };
  const list: string[] = [];
  for (let i = 0; wasm.operationName(i); i++) list.push(text(wasm.operationName(i)), text(wasm.operationSignature(i)));
  const { index, signatures } = tableOf(list);
  const table = new Int32Array(3 * 256);
  const scratch = new Float64Array(MAX_PARAMS);

  function call(operation: string, params: readonly number[], arrays: readonly KernelArray[]): void {
    const signature = signatures.get(operation)!;
    if (arrays.length > 256) throw new RangeError(`a kernel takes at most 256 arrays, got ${arrays.length}`);
    for (let i = 0; i < arrays.length; i++) {
      const address = allocate(arrays[i].byteLength);
      if (address === 0) throw new RangeError(`${operation}: WebAssembly's memory (4 GB) is exhausted`);
      table.set([address, arrays[i].length, typeOf(arrays[i])], 3 * i);
    }
    const paramsAt = allocate(params.length * 8);
    const tableAt = allocate(arrays.length * 12);
    if (paramsAt === 0 || tableAt === 0) throw new RangeError(`${operation}: WebAssembly's memory (4 GB) is exhausted`);
    const memory = new Uint8Array(wasm.memory.buffer); // only now: allocation may have moved it
    const copyIn = (array: ArrayBufferView, address: number) =>
      memory.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), address);
    for (let i = 0; i < arrays.length; i++)
      if (access(signature, i, params).read) copyIn(arrays[i], table[3 * i] >>> 0);
    fillParams(scratch, params);
    copyIn(scratch.subarray(0, params.length), paramsAt);
    copyIn(table.subarray(0, 3 * arrays.length), tableAt);
    if (wasm.call(numberOf(index, operation), arrays.length, tableAt, params.length, paramsAt) !== 0)
      throw new RangeError(`${operation}: ${text(wasm.lastMessage())}`);
    const after = wasm.memory.buffer; // scratch memory may have moved it again
    for (let i = 0; i < arrays.length; i++) {
      const array = arrays[i];
      if (access(signature, i, params).written)
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
          new Uint8Array(after, table[3 * i] >>> 0, array.byteLength),
        );
    }
  }

  return {
    build: "wasm",
    instructionSet: "WebAssembly SIMD",
    operations: signatures,
    threads: () => 1,
    run(operation, params, ...arrays) {
      numberOf(index, operation);
      const mark = wasm.mark();
      try {
        call(operation, params, arrays);
      } finally {
        wasm.release(mark);
      }
    },
  };
}

/** Why there is no addon, as set-up noted it. */
function whyNoAddon(): string {
  const note = `${addonFile}.json`;
  if (existsSync(note)) {
    const { failure } = JSON.parse(readFileSync(note, "utf8")) as { failure?: string };
    if (failure) return failure;
  }
  return existsSync(addonFile) ? "" : "the native kernels were not compiled (npm run setup compiles them)";
}

/**
 * The addon where it loads, else WebAssembly; with the reason. `only` insists on one of them.
 * @throws RangeError for a MARGINALIA_THREADS or MARGINALIA_SIMD that is not one.
 */
export function loadLibrary(only?: "native" | "wasm"): { library: Library; why: string } {
  wantedThreads(); // refused before anything is tried, whichever build it will be
  const set = process.env.MARGINALIA_SIMD;
  if (set && set !== "baseline" && set !== "avx2")
    throw new RangeError(`MARGINALIA_SIMD is "${set}"; it can be baseline, avx2 or unset (the best there is)`);
  if (only === "wasm") return { library: loadWasm(), why: "WebAssembly was asked for" };
  let why = whyNoAddon();
  if (!why)
    try {
      return { library: loadAddon(), why: "compiled for this machine at set-up" };
    } catch (error) {
      why = `the native kernels do not load: ${String((error as Error).message).split("\n")[0]}`;
    }
  if (only === "native") throw new Error(why);
  return { library: loadWasm(), why };
}
