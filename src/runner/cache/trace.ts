/**
 * Runs in the kernel's process before anything else (`node --import`), and writes down which files the process reads, lists, looks
 * for and writes: by Node's fs functions, and by imports. The cache holds a result for as long as all of them are the same.
 *
 * Each file and kind is told once, in the order of the first time. What native code opens by itself is not seen.
 */
import fs from "node:fs";
import Module, { register, syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { TRACE_VARIABLE, type TraceKind } from "./trace-lines.ts";

type Function = (...all: unknown[]) => unknown;

function trace(file: string): void {
  const out = fs.openSync(file, "a");
  const { writeSync } = fs;
  const told = new Set<string>();
  const tell = (kind: TraceKind, place: unknown) => {
    const absolute = pathOf(place);
    const line = absolute && `${JSON.stringify([kind, absolute])}\n`;
    if (!line || told.has(line)) return;
    told.add(line);
    writeSync(out, line);
  };
  // A language service on a worker thread looks for thousands of files that are not there.
  const kinds = isMainThread ? FUNCTIONS : FUNCTIONS.filter(([kind]) => kind === "read" || kind === "write");
  for (const [kind, names, argument] of kinds)
    for (const name of names) watch(name, (all) => tell(kind === "open" ? kindOfOpening(all[1]) : kind, all[argument]));
  watchAddons(tell);
  if (isMainThread) register("./trace-imports.js", import.meta.url, { data: { log: file } });
  syncBuiltinESMExports();
}

/** Kind, functions (with their Sync and promise forms), and which argument names the file. */
const FUNCTIONS: readonly (readonly [TraceKind | "open", readonly string[], number])[] = [
  ["read", ["readFile", "createReadStream", "copyFile", "cp"], 0],
  ["open", ["open"], 0],
  ["list", ["readdir", "opendir"], 0],
  ["look", ["exists", "access", "stat", "lstat"], 0],
  ["write", ["writeFile", "appendFile", "createWriteStream", "truncate"], 0],
  ["write", ["rename", "copyFile", "cp", "link", "symlink"], 1],
];

function watch(name: string, tell: (all: unknown[]) => void): void {
  const places: [Record<string, unknown>, string][] = [
    [fs, name],
    [fs, `${name}Sync`],
    [fs.promises, name],
  ];
  for (const [object, key] of places) {
    const original = object[key] as Function | undefined;
    if (typeof original !== "function") continue;
    const watched = function (this: unknown, ...all: unknown[]): unknown {
      tell(all);
      return original.apply(this, all);
    };
    // Keeps util.promisify's own form, and realpath's native.
    object[key] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
  }
}

/** A compiled addon computes as much as any source; and one that is not there would, were it there. */
function watchAddons(tell: (kind: TraceKind, place: unknown) => void): void {
  const dlopen = process.dlopen.bind(process);
  process.dlopen = (...all: Parameters<typeof dlopen>) => {
    tell("read", all[1]);
    return dlopen(...all);
  };
  const resolver = Module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const resolve = resolver._resolveFilename;
  resolver._resolveFilename = function (request, ...rest) {
    try {
      return resolve.call(resolver, request, ...rest);
    } catch (error) {
      if (path.isAbsolute(request)) tell("look", request);
      throw error;
    }
  };
}

function kindOfOpening(flags: unknown): TraceKind {
  if (flags === undefined || typeof flags === "function" || flags === "r" || flags === "rs") return "read";
  if (typeof flags === "number") return flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR) ? "write" : "read";
  return "write";
}

function pathOf(place: unknown): string | undefined {
  if (typeof place === "string") return place.startsWith("file:") ? fileURLToPath(place) : path.resolve(place);
  if (place instanceof URL) return place.protocol === "file:" ? fileURLToPath(place) : undefined;
  if (Buffer.isBuffer(place)) return path.resolve(place.toString());
  return undefined; // a file descriptor: it has been opened before
}

const log = process.env[TRACE_VARIABLE];
if (log) trace(log);
