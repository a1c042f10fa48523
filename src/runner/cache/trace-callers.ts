/** For the tracer: whose code is calling, by the files on the stack. */
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = new URL("../../../", import.meta.url).href;
/** Built files, and sources where a source map names them. */
const inPackage = (folder: string) => ["dist", "src"].map((top) => `${root}${top}/${folder}`);
const [everything, kernel, own] = ["", "kernel/", "runner/cache/"].map(inPackage);
/** Stand between a cell and Node in every call of their kind, so they are nobody's reason. */
const GO_BETWEENS = [...inPackage("kernel/child-output."), ...inPackage("kernel/run-context.")];

/** Deep enough to find the caller behind Node's own functions. */
const DEPTH = 30;

/**
 * The files of the functions on the stack, the innermost first; without the tracer's own and V8's. "" where code has no
 * file.
 */
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

const isNode = (file: string): boolean => file.startsWith("node:");

/** Whether this package, kernel included, calls by itself what is traced. */
export function isCalledByPackage(): boolean {
  const caller = callers().find((file) => !isNode(file));
  return caller !== undefined && isIn(caller, everything);
}

/** Whether the kernel does, with its compiler, or the library (git, trainings), which tells what of it counts. */
export function isStartedByPackage(): boolean {
  const files = callers();
  const starter = files.find(
    (file) => !isNode(file) && !isIn(file, kernel) && !/[/\\]node_modules[/\\]esbuild[/\\]/.test(file),
  );
  if (starter !== undefined) return isIn(starter, everything);
  return files.some((file) => isIn(file, kernel) && !isIn(file, GO_BETWEENS));
}

/** CommonJS names its files by paths, other modules by URLs. */
function isIn(file: string, places: readonly string[]): boolean {
  const url = path.isAbsolute(file) ? pathToFileURL(file).href : file;
  return places.some((place) => url.startsWith(place));
}
