/** Everything that user code prints goes to the front end, credited to the cell whose code prints it, however late. */
import { Buffer } from "node:buffer";
import { Console } from "node:console";
import process from "node:process";
import { StringDecoder } from "node:string_decoder";
import { redirectChildren } from "./child-output.ts";
import { redirectDescriptors } from "./descriptor-output.ts";
import { STDERR, STDOUT, type PipeWriter } from "../../protocol/pipe.ts";

type Callback = (error?: Error | null) => void;

/**
 * @param owner the run that the code now executing belongs to
 * @param waits is told when the thread begins and has ceased to wait for a child
 */
export function redirectOutput(pipe: PipeWriter, owner: () => number, waits: (forChild: boolean) => void): void {
  redirect(process.stdout, STDOUT, pipe, owner);
  redirect(process.stderr, STDERR, pipe, owner);
  redirectChildren(waits);
  redirectDescriptors();
  // The console that Node wraps for inspectors keeps its last thousand arguments alive; a plain one does not.
  const plain = new Console({ stdout: process.stdout, stderr: process.stderr });
  Object.defineProperty(globalThis, "console", { value: plain, writable: true, configurable: true, enumerable: false });
}

function redirect(
  stream: NodeJS.WriteStream,
  kind: typeof STDOUT | typeof STDERR,
  pipe: PipeWriter,
  owner: () => number,
): void {
  const decoder = new StringDecoder("utf8");
  const write = (chunk: string | Uint8Array, encoding?: BufferEncoding | Callback, callback?: Callback): boolean => {
    const text =
      typeof chunk !== "string"
        ? decoder.write(Buffer.from(chunk))
        : typeof encoding === "string" && !/^utf-?8$/i.test(encoding)
          ? decoder.write(Buffer.from(chunk, encoding))
          : chunk;
    pipe.stream(owner(), kind, text);
    const done = typeof encoding === "function" ? encoding : callback;
    if (done) process.nextTick(done);
    return true;
  };
  stream.write = write;
  stream.isTTY = false;
}
