/**
 * Snapshots of the language process's memory after it has read TypeScript, its library and Node's types: starting from
 * one takes about an eighth of the time. A second, three times as large, has read the kernel's own package, too, which
 * takes seconds: sessions go over to it when a cell imports that. They fit one Node, one build and one place, and lie
 * in node_modules/.cache; the first kernel that misses them makes them for those to come.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, setPriority } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SNAPSHOT_OPTIONS } from "./connection.ts";
import { log } from "../protocol/log.ts";
import { SNAPSHOT_VARIABLE } from "../protocol/names.ts";
import type { LanguagePlace, SnapshotOf } from "./questions.ts";

const ENTRY = fileURLToPath(new URL("./process.js", import.meta.url));

function cacheFolder(place: LanguagePlace): string {
  return path.join(place.packageRoot, "node_modules", ".cache", "marginalia");
}

const MAX_SNAPSHOTS_PER_KIND = 2;
/** A draft so old has been left behind. */
const ABANDONED_AFTER_MS = 600_000; // milliseconds

/** The files for this Node, this build, this TypeScript, these packages and this place. */
function snapshotFiles(place: LanguagePlace): Snapshots {
  const hash = createHash("sha256");
  for (const part of [process.version, process.arch, process.execPath, place.packageRoot, place.libFolder])
    hash.update(`${part}\0`);
  const folder = path.dirname(ENTRY);
  for (const name of readdirSync(folder).sort())
    if (name.endsWith(".js")) hash.update(readFileSync(path.join(folder, name)));
  const files = ["typescript.js", "lib.d.ts"].map((name) => path.join(place.libFolder, name));
  for (const file of [...files, path.join(place.packageRoot, "node_modules", ".package-lock.json"), nodeTypes()]) {
    const found = statSync(file, { throwIfNoEntry: false });
    hash.update(`${found?.size} ${found?.mtimeMs}\0`);
  }
  const stem = path.join(cacheFolder(place), `language-${hash.digest("hex").slice(0, 16)}`);
  return { plain: `${stem}.blob`, own: `${stem}-own.blob` };
}

/** Where the package manager has put them: an installed package has no lock file of its own that would tell of them. */
function nodeTypes(): string {
  try {
    return createRequire(import.meta.url).resolve("@types/node/package.json");
  } catch {
    return "none";
  }
}

export interface Snapshots {
  readonly plain: string;
  /** The one that has read the kernel's own package. */
  readonly own: string;
}

/** The snapshots that there are; `MARGINALIA_SNAPSHOT=no` does without. */
export function findSnapshots(place: LanguagePlace): Partial<Snapshots> {
  if (process.env.MARGINALIA_SNAPSHOT === "no") return {};
  const { plain, own } = snapshotFiles(place);
  return { ...(existsSync(plain) ? { plain } : {}), ...(existsSync(own) ? { own } : {}) };
}

/** The snapshots for kernels of this copy of Marginalia, made now: those that start afterwards find them. */
export function prepareSnapshots(): Promise<void> {
  const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));
  const libFolder = path.dirname(createRequire(import.meta.url).resolve("typescript"));
  return makeSnapshots({ folder: packageRoot, packageRoot, libFolder }, new AbortController().signal);
}

/**
 * Makes what is missing, unless another kernel is about to; what goes wrong costs only the time that it would have
 * saved.
 */
export async function makeSnapshots(place: LanguagePlace, signal: AbortSignal): Promise<void> {
  if (process.env.MARGINALIA_SNAPSHOT === "no") return;
  const files = snapshotFiles(place);
  const bundle = `${files.plain}.${process.pid}.cjs`;
  if (existsSync(files.own) || isBeingMade(files)) return;
  try {
    mkdirSync(cacheFolder(place), { recursive: true });
    const { build, stop } = await import("esbuild");
    await build({
      entryPoints: [ENTRY],
      bundle: true,
      platform: "node",
      format: "cjs",
      outfile: bundle,
      minify: true, // the snapshot keeps the text
      logLevel: "silent",
    });
    await stop();
    for (const [file, readsOwn] of [
      [files.plain, false],
      [files.own, true],
    ] as const)
      if (!existsSync(file)) await buildSnapshot(bundle, file, { place, readsOwn }, signal);
    forgetOlder(place, files);
  } catch (error) {
    if (!signal.aborted)
      log(`no snapshot of the TypeScript service could be made, kernels start slower: ${(error as Error).message}`);
  } finally {
    rmSync(bundle, { force: true });
  }
}

/** Whether a process that lives is at it; what others have left behind is taken away. */
function isBeingMade({ plain }: Snapshots): boolean {
  const folder = path.dirname(plain);
  const stem = `${path.basename(plain)}.`;
  const bundles = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(stem) && name.endsWith(".cjs")) : []; // prettier-ignore
  return bundles.some((name) => {
    try {
      process.kill(Number(name.slice(stem.length, -".cjs".length)), 0);
      return true;
    } catch {
      rmSync(path.join(folder, name), { force: true });
      return false;
    }
  });
}

/** Lets Node run the bundled language process up to where it would serve, and keep its memory. */
async function buildSnapshot(bundle: string, file: string, of: SnapshotOf, signal: AbortSignal): Promise<void> {
  const draft = `${file}.${process.pid}.draft`;
  const env = { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1", [SNAPSHOT_VARIABLE]: JSON.stringify(of) };
  const child = spawn(process.execPath, [...SNAPSHOT_OPTIONS, draft, "--build-snapshot", bundle], { stdio: "ignore", env, signal }); // prettier-ignore
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW); // somebody may be at work
  const code = await new Promise((resolve) => child.on("exit", resolve).on("error", resolve));
  try {
    if (code !== 0) throw new Error(`Node ended with ${String(code)}`);
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of other Nodes and builds the latest few are kept. */
function forgetOlder(place: LanguagePlace, { plain, own }: Snapshots): void {
  const folder = cacheFolder(place);
  const age = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const others = readdirSync(folder)
    .filter((name) => /^language-.*\.blob$/.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => file !== plain && file !== own)
    .sort((a, b) => age(b) - age(a));
  const drafts = readdirSync(folder).filter((name) => /^language-.*\.draft$/.test(name));
  const left = drafts
    .map((name) => path.join(folder, name))
    .filter((file) => Date.now() - age(file) > ABANDONED_AFTER_MS);
  for (const file of [...others.slice(MAX_SNAPSHOTS_PER_KIND), ...left]) rmSync(file, { force: true });
}
