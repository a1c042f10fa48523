/**
 * Runs in the kernel's process and its threads before anything else (`node --import`), and writes down what the process
 * learns of the world: which files it reads, lists, looks for and writes, by Node's fs functions and by imports; which
 * environment variables it reads; and whether it goes where nobody can follow (trace-beyond.ts). The cache holds a
 * result for as long as all of it is the same.
 *
 * Each is told once, in the order of the first time.
 */
import fs from "node:fs";
import Module, { register, syncBuiltinESMExports } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { traceBeyond, watch } from "./trace-beyond.ts";
import { isCalledByPackage } from "./trace-callers.ts";
import { TRACE_VARIABLE, type FileKind, type Tell } from "./trace-lines.ts";
import { traceVariables } from "./trace-variables.ts";

function trace(file: string): void {
  const out = fs.openSync(file, "a");
  const { writeSync } = fs;
  const told = new Set<string>();
  const tell: Tell = (kind, what) => {
    const line = `${JSON.stringify([kind, what])}\n`;
    if (told.has(line)) return;
    told.add(line);
    writeSync(out, line);
  };
  traceFiles(tell);
  traceVariables(tell);
  traceBeyond(tell);
  // in threads, too: those that load TypeScript have hooks of their own
  register("./trace-imports.js", import.meta.url, { data: { log: file } });
  syncBuiltinESMExports();
}

type Watched = FileKind | "open" | "stat";
/** Kind, functions (with their Sync and promise forms), and which argument names the file. */
const FUNCTIONS: readonly (readonly [Watched, readonly string[], number])[] = [
  ["read", ["readFile", "createReadStream", "copyFile", "cp", "openAsBlob"], 0],
  ["open", ["open"], 0],
  ["list", ["readdir", "opendir"], 0],
  ["look", ["exists", "access"], 0],
  ["stat", ["stat", "lstat", "readlink", "realpath"], 0],
  ["write", ["writeFile", "appendFile", "createWriteStream", "truncate"], 0],
  ["write", ["rename", "copyFile", "cp", "link", "symlink"], 1],
];

function traceFiles(tell: Tell): void {
  const tellFile = (kind: Watched, all: unknown[], argument: number) => {
    const place = pathOf(all[argument]);
    if (place === undefined) return;
    if (kind === "open") tell(kindOfOpening(all[1]), place);
    // This package only asks whether something is there.
    else if (kind === "stat") tell(isCalledByPackage() ? "look" : "status", place);
    else tell(kind, place);
  };
  for (const [kind, names, argument] of FUNCTIONS)
    for (const name of names) {
      const before = (all: unknown[]) => tellFile(kind, all, argument);
      watch(fs, name, before);
      watch(fs, `${name}Sync`, before);
      watch(fs.promises, name, before);
    }
  for (const object of [fs, fs.promises])
    for (const name of ["glob", "globSync"])
      watch(object, name, () => tell("beyond", "looks for files by patterns (node:fs glob)"));
  watch(os, "homedir", () => tell("variable", "HOME"));
  watch(os, "tmpdir", () => isCalledByPackage() || tell("variable", "TMPDIR"));
  watchAddons(tell);
}

/** A compiled addon computes as much as any source; and one that is not there would, were it there. */
function watchAddons(tell: Tell): void {
  watch(process, "dlopen", (all) => tell("read", String(all[1])));
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

function kindOfOpening(flags: unknown): FileKind {
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
