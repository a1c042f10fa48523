/** The files that a run depended on, from the trace that its kernel left, and whether they are still the same. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import type { TraceKind } from "./trace-lines.ts";

export const dependencySchema = z.object({
  /** Absolute. */
  file: z.string(),
  /** What of it counts: its content, a folder's names, or whether it is there. */
  kind: z.enum(["content", "names", "presence"]),
  /** SHA-256 of what counts; "absent" where nothing is there. */
  state: z.string(),
  /** Size and time of change when `state` was taken, which spare reading large files again; absent when too fresh to trust. */
  stamp: z.string().optional(),
});
export type Dependency = z.infer<typeof dependencySchema>;

export interface Trace {
  readonly dependencies: readonly Dependency[];
  /** Absolute paths, as far as the files are still there. */
  readonly written: readonly string[];
}

const KINDS: Record<Exclude<TraceKind, "write">, Dependency["kind"]> = {
  read: "content",
  list: "names",
  look: "presence",
};
/** Below that, two changes may have one time. */
const TOO_FRESH = 2000;
/** Folders that the runner itself makes for the time of a run. */
const OWN_TEMPORARY = ["marginalia-kernel-", "marginalia-trace-"];

/**
 * What the trace file tells. Left out: installed packages (the lock file stands for them; what was compiled here stays in), what lies in `ownFolders` (the run's own
 * output), and what the run wrote before it read it. Undefined when there is no trace: the kernel is none of Node's.
 */
export async function readTrace(file: string, ownFolders: readonly string[]): Promise<Trace | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (!text) return undefined;
  const written = new Set<string>();
  const read = new Map<string, [Dependency["kind"], string]>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [kind, place] = JSON.parse(line) as [TraceKind, string];
    if (kind === "write") written.add(place);
    else if (!written.has(place) && !isOutside(place, ownFolders)) read.set(`${kind} ${place}`, [KINDS[kind], place]);
  }
  const found = await Promise.all([...read.values()].map(([kind, place]) => dependencyOf(place, kind)));
  const temporary = tmpdir() + path.sep;
  // A temporary file that has gone with the run is no input of the next.
  const lasting = found.filter(
    ({ file: place, kind, state }) => !(kind === "content" && state === "absent" && place.startsWith(temporary)),
  );
  const there = await Promise.all(
    [...written]
      .filter((place) => !isOutside(place, []))
      .map(async (place) => ((await isFile(place)) ? place : undefined)),
  );
  return { dependencies: lasting, written: there.filter((place) => place !== undefined) };
}

/** The back end that was compiled on this machine: no lock file stands for it. */
const BUILT_HERE = /[/\\]node_modules[/\\]\.cache[/\\].*\.(node|wasm)$/;

function isOutside(place: string, ownFolders: readonly string[]): boolean {
  return (
    (/[/\\]node_modules([/\\]|$)/.test(place) && !BUILT_HERE.test(place)) ||
    /^\/(proc|sys|dev)\//.test(place) ||
    OWN_TEMPORARY.some((name) => place.startsWith(path.join(tmpdir(), name))) ||
    ownFolders.some((folder) => place === folder || place.startsWith(folder + path.sep))
  );
}

export async function dependencyOf(file: string, kind: Dependency["kind"]): Promise<Dependency> {
  const stats = await stat(file).catch(() => undefined);
  if (!stats) return { file, kind, state: "absent" };
  if (kind === "presence") return { file, kind, state: "present" };
  const isFolder = stats.isDirectory();
  if (isFolder !== (kind === "names")) return { file, kind, state: isFolder ? "a folder" : "a file" };
  const stamp = isFolder || Date.now() - stats.mtimeMs < TOO_FRESH ? undefined : stampOf(stats);
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
