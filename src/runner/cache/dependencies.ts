/**
 * What a run depended on, from the trace that its kernel left, and whether it is still the same: files and environment
 * variables.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { shownPath } from "../locations.ts";
import { ALL_NAMES, type FileKind, type TraceKind } from "./trace-lines.ts";

export const dependencySchema = z.object({
  /** Absolute. */
  file: z.string(),
  /**
   * What of it counts: its content, a folder's names, whether it is there, or where it is, its size and time of change.
   */
  kind: z.enum(["content", "names", "presence", "status"]),
  /** SHA-256 of what counts; "absent" where nothing is there. */
  state: z.string(),
  /**
   * Size and time of change when `state` was taken, which spare reading large files again; absent when too fresh to
   * trust.
   */
  stamp: z.string().optional(),
});
export type Dependency = z.infer<typeof dependencySchema>;

export interface Trace {
  readonly dependencies: readonly Dependency[];
  /** Names of the environment variables read; ALL_NAMES where all names were. */
  readonly variables: readonly string[];
  /** What was done of which nobody can tell whether it would come out the same. */
  readonly beyond: readonly string[];
  /** Absolute paths, as far as the files are still there. */
  readonly written: readonly string[];
}

const KINDS: Record<Exclude<FileKind, "write">, Dependency["kind"]> = {
  read: "content",
  list: "names",
  look: "presence",
  status: "status",
};
/** Below that, two changes may have one time. */
const SAME_TIME_MS = 2000;
/** Folders that the runner itself makes for the time of a run. */
const OWN_TEMPORARY = ["marginalia-kernel-", "marginalia-trace-"];

/**
 * What the trace file tells. Left out: what was looked for among installed packages, caches there (what was compiled
 * here stays in), what lies in `ownFolders` (the run's own output), and what the run wrote before it read it. Undefined
 * when there is no trace: the kernel is none of Node's.
 */
export async function readTrace(file: string, ownFolders: readonly string[]): Promise<Trace | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (!text) return undefined;
  const [written, variables, beyond] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const read = new Map<string, [Dependency["kind"], string]>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [kind, what] = JSON.parse(line) as [TraceKind, string];
    if (kind === "variable") variables.add(what);
    else if (kind === "beyond") beyond.add(what);
    else if (kind === "write") {
      if (read.has(`read ${what}`)) beyond.add(`changes what it has read (${shownPath(what)})`);
      written.add(what);
    } else if (!written.has(what) && !isOutside(what, kind, ownFolders))
      read.set(`${kind} ${what}`, [KINDS[kind], what]);
  }
  const found = await Promise.all([...read.values()].map(([kind, place]) => dependencyOf(place, kind)));
  const temporary = tmpdir() + path.sep;
  // A temporary file that has gone with the run is no input of the next.
  const lasting = found.filter(
    ({ file: place, kind, state }) => !(kind === "content" && state === "absent" && place.startsWith(temporary)),
  );
  const there = await Promise.all(
    [...written]
      .filter((place) => !isOutside(place, "write", []))
      .map(async (place) => ((await isFile(place)) ? place : undefined)),
  );
  return {
    dependencies: lasting,
    variables: [...variables].filter((name) => !OF_THE_RUN.includes(name)),
    beyond: [...beyond],
    written: there.filter((place) => place !== undefined),
  };
}

/** The back end that was compiled on this machine: no lock file stands for it. */
const BUILT_HERE = /[/\\]node_modules[/\\]\.cache[/\\].*\.(node|wasm)$/;

/**
 * Of installed packages what was read counts, not where it was looked for: tools write there, and a lock file tells
 * what is new.
 */
function isOutside(place: string, kind: FileKind, ownFolders: readonly string[]): boolean {
  const isInstalled = /[/\\]node_modules([/\\]|$)/.test(place) && !BUILT_HERE.test(place);
  return (
    (isInstalled && (kind !== "read" || /[/\\]node_modules[/\\]\.cache[/\\]/.test(place))) ||
    /^\/(proc|sys|dev)(\/|$)/.test(place) ||
    OWN_TEMPORARY.some((name) => place.startsWith(path.join(tmpdir(), name))) ||
    ownFolders.some((folder) => place === folder || place.startsWith(folder + path.sep))
  );
}

/** What the runner sets anew for each run; the notebook and what speaks to Node are in the key. */
const OF_THE_RUN = ["JPY_PARENT_PID", "MARGINALIA_TRACE", "MARGINALIA_NOTEBOOK", "NODE_OPTIONS"];

/** By name: SHA-256 of its value in `environment`, "absent" for one that is not set. */
export function stateOfVariables(names: readonly string[], environment: NodeJS.ProcessEnv): Record<string, string> {
  const all = Object.keys(environment).filter((name) => !OF_THE_RUN.includes(name));
  const stateOf = (name: string) => {
    const value = name === ALL_NAMES ? all.sort().join("\n") : environment[name];
    return value === undefined ? "absent" : sha256(value);
  };
  return Object.fromEntries(names.map((name) => [name, stateOf(name)]));
}

/** Words for the variables that are not as they were. */
export function changedVariables(was: Readonly<Record<string, string>>, environment: NodeJS.ProcessEnv): string[] {
  const is = stateOfVariables(Object.keys(was), environment);
  return Object.keys(was)
    .filter((name) => was[name] !== is[name])
    .map((name) => (name === ALL_NAMES ? "the set of environment variables" : `environment variable ${name}`));
}

export async function dependencyOf(file: string, kind: Dependency["kind"]): Promise<Dependency> {
  const stats = await stat(file).catch(() => undefined);
  if (!stats) return { file, kind, state: "absent" };
  if (kind === "presence") return { file, kind, state: "present" };
  if (kind === "status") return { file, kind, state: `${stampOf(stats)} ${await realpath(file).catch(() => "")}` };
  const isFolder = stats.isDirectory();
  if (isFolder !== (kind === "names")) return { file, kind, state: isFolder ? "a folder" : "a file" };
  const stamp = isFolder || Date.now() - stats.mtimeMs < SAME_TIME_MS ? undefined : stampOf(stats);
  const state = isFolder ? sha256((await readdir(file)).sort().join("\n")) : await hashFile(file);
  return { file, kind, state, ...(stamp === undefined ? {} : { stamp }) };
}

/** The files that are not as they were. */
export async function changedFiles(dependencies: readonly Dependency[]): Promise<string[]> {
  const changed = await Promise.all(dependencies.map(async (each) => ((await isSame(each)) ? undefined : each.file)));
  return [...new Set(changed.filter((file) => file !== undefined))];
}

async function isSame(was: Dependency): Promise<boolean> {
  if (was.stamp !== undefined) {
    const stats = await stat(was.file).catch(() => undefined);
    if (stats && stampOf(stats) === was.stamp) return true;
  }
  return (await dependencyOf(was.file, was.kind)).state === was.state;
}

const stampOf = ({ size, mtimeMs, ino }: { size: number; mtimeMs: number; ino: number }) => `${size} ${mtimeMs} ${ino}`;

const isFile = (place: string): Promise<boolean> =>
  stat(place).then(
    (stats) => stats.isFile(),
    () => false,
  );

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
