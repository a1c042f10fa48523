/**
 * What cells write to the process's descriptors 1 and 2 by node:fs (`fs.writeSync(1, text)`, /dev/stdout) is their
 * output like anything else they print; the descriptors themselves belong to the kernel's terminal. Native code that
 * writes there still does.
 */
import { Buffer } from "node:buffer";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";

// User code may shadow globals; these stay what they are.
const { ArrayBuffer, Object } = globalThis;

const devices: Record<string, 1 | 2> = {
  "/dev/stdout": 1,
  "/dev/fd/1": 1,
  "/proc/self/fd/1": 1,
  "/dev/stderr": 2,
  "/dev/fd/2": 2,
  "/proc/self/fd/2": 2,
};

type Write = (...all: unknown[]) => unknown;
type Callback = (error: null, written: number, data: unknown) => void;

function streamOf(target: unknown): NodeJS.WriteStream | undefined {
  const descriptor = typeof target === "string" ? devices[target] : target;
  return descriptor === 1 ? process.stdout : descriptor === 2 ? process.stderr : undefined;
}

function bytesOf(data: unknown, encoding?: unknown): Buffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as string, (typeof encoding === "string" ? encoding : "utf8") as BufferEncoding);
}

/**
 * The bytes that `fs.write(fd, data, ...rest)` means: (offset, length), ({ offset, length }) or (position, encoding).
 */
function chunk(data: unknown, rest: readonly unknown[]): Buffer {
  if (!ArrayBuffer.isView(data)) return bytesOf(data, rest[1]);
  const bytes = bytesOf(data);
  const [first] = rest;
  const options = (typeof first === "object" && first !== null ? first : { offset: first, length: rest[1] }) as {
    offset?: unknown;
    length?: unknown;
  };
  const offset = typeof options.offset === "number" ? options.offset : 0;
  return bytes.subarray(offset, typeof options.length === "number" ? offset + options.length : undefined);
}

/** The encoding that `fs.writeFile(file, data, options)` asks for. */
const encodingOf = (options: unknown) =>
  typeof options === "object" && options !== null ? (options as { encoding?: unknown }).encoding : options;

export function redirectDescriptors(): void {
  const functions = fs as unknown as Record<string, Write>;
  /** `print` gets the stream and all arguments but the first, and gives what the function returns. */
  const replace = (name: string, print: (stream: NodeJS.WriteStream, ...rest: unknown[]) => unknown) => {
    const original = functions[name];
    const replaced: Write = (target, ...rest) => {
      const stream = streamOf(target);
      return stream ? print(stream, ...rest) : original(target, ...rest);
    };
    // Its name and what util.promisify looks for.
    functions[name] = Object.defineProperties(replaced, Object.getOwnPropertyDescriptors(original));
  };
  const answer = (rest: readonly unknown[], ...results: unknown[]) =>
    process.nextTick(rest.findLast((each) => typeof each === "function") as Callback, null, ...results);

  replace("writeSync", (stream, data, ...rest) => {
    const bytes = chunk(data, rest);
    stream.write(bytes);
    return bytes.length;
  });
  replace("write", (stream, data, ...rest) => {
    const bytes = chunk(data, rest);
    stream.write(bytes);
    answer(rest, bytes.length, data);
  });
  const total = (views: unknown) => Buffer.concat((views as Uint8Array[]).map((view) => bytesOf(view)));
  replace("writevSync", (stream, views) => {
    const bytes = total(views);
    stream.write(bytes);
    return bytes.length;
  });
  replace("writev", (stream, views, ...rest) => {
    const bytes = total(views);
    stream.write(bytes);
    answer(rest, bytes.length, views);
  });
  for (const name of ["writeFile", "appendFile"]) {
    replace(`${name}Sync`, (stream, data, options) => void stream.write(bytesOf(data, encodingOf(options))));
    replace(name, (stream, data, ...rest) => {
      stream.write(bytesOf(data, encodingOf(rest[0])));
      answer(rest);
    });
  }
  syncBuiltinESMExports();
}
