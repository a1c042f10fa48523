/** For the tracer: whose code is calling, by the files on the stack. */
import { fileURLToPath } from "node:url";

const dist = new URL("../../", import.meta.url).href;
const kernel = new URL("kernel/", dist).href;
const own = new URL("runner/cache/", dist).href;
/** Stand between a cell and Node in every call of their kind, so they are nobody's reason. */
const GO_BETWEENS = [new URL("child-output.js", kernel).href, new URL("run-context.js", kernel).href];

/** Deep enough to find the caller behind Node's own functions. */
const DEPTH = 30;

/** The files of the functions on the stack, the innermost first; without the tracer's own and V8's. "" where code has no file. */
export function callers(): string[] {
  const before = Object.getOwnPropertyDescriptors(Error);
  try {
    Error.stackTraceLimit = DEPTH;
    Error.prepareStackTrace = (_, frames) =>
      frames
        .filter((frame) => !frame.isNative())
        .map((frame) => frame.getFileName() ?? (frame.isEval() ? "" : "node:"));
    const files = new Error().stack as unknown as string[];
    return files.filter((file) => !isIn(file, own));
  } finally {
    Error.stackTraceLimit = before.stackTraceLimit.value as number;
    Error.prepareStackTrace = before.prepareStackTrace?.value as typeof Error.prepareStackTrace;
  }
}

export const isNode = (file: string): boolean => file.startsWith("node:");

/** Whether this package, kernel included, calls by itself what is traced. */
export function isCalledByPackage(): boolean {
  const caller = callers().find((file) => !isNode(file));
  return caller !== undefined && isIn(caller, dist);
}

/** Whether the kernel does, with its compiler, or the library (git, trainings), which tells what of it counts. */
export function isStartedByPackage(): boolean {
  const files = callers();
  const starter = files.find(
    (file) => !isNode(file) && !isIn(file, kernel) && !/[/\\]node_modules[/\\]esbuild[/\\]/.test(file),
  );
  if (starter !== undefined) return isIn(starter, dist);
  return files.some((file) => isIn(file, kernel) && !GO_BETWEENS.some((each) => isIn(file, each)));
}

/** CommonJS names its files by paths, other modules by URLs. */
function isIn(file: string, folder: string): boolean {
  return file.startsWith(folder) || file.startsWith(fileURLToPath(folder));
}
