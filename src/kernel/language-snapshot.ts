/**
 * A snapshot of the language process's memory after it has read TypeScript, its library and Node's types: starting from it takes
 * about an eighth of the time. It fits one Node, one build and one place, and lies in node_modules/.cache; the
 * first kernel that misses it makes it for those to come.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { log } from "./log.ts";
import type { LanguagePlace } from "./threads.ts";

const ENTRY = fileURLToPath(new URL("./language-process.js", import.meta.url));
/** Another kernel's attempt counts as failed after so long. */
const GIVEN_UP = 120_000; // milliseconds

function cacheFolder(place: LanguagePlace): string {
  return path.join(place.packageRoot, "node_modules", ".cache", "marginalia");
}

const KEPT = 2;

/** The file for this Node, this build, this TypeScript and this place. */
function snapshotFile(place: LanguagePlace): string {
  const hash = createHash("sha256");
  for (const part of [process.version, process.arch, process.execPath, place.packageRoot, place.libFolder])
    hash.update(`${part}\0`);
  const folder = path.dirname(ENTRY);
  for (const name of readdirSync(folder).sort())
    if (name.endsWith(".js")) hash.update(readFileSync(path.join(folder, name)));
  for (const file of ["typescript.js", "lib.d.ts"]) {
    const { size, mtimeMs } = statSync(path.join(place.libFolder, file));
    hash.update(`${size} ${mtimeMs}\0`);
  }
  return path.join(cacheFolder(place), `language-${hash.digest("hex").slice(0, 16)}.blob`);
}

/** The snapshot, if there is one; `MARGINALIA_SNAPSHOT=no` does without. */
export function findSnapshot(place: LanguagePlace): string | undefined {
  if (process.env.MARGINALIA_SNAPSHOT === "no") return undefined;
  const file = snapshotFile(place);
  return existsSync(file) ? file : undefined;
}

/** The snapshot for kernels of this copy of Marginalia, made now: those that start afterwards find it. */
export function prepareSnapshot(): Promise<void> {
  const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
  const libFolder = path.dirname(createRequire(import.meta.url).resolve("typescript"));
  return makeSnapshot({ folder: packageRoot, packageRoot, libFolder }, new AbortController().signal);
}

/** Makes the snapshot, unless another kernel is about to; what goes wrong costs only the time that it would have saved. */
export async function makeSnapshot(place: LanguagePlace, signal: AbortSignal): Promise<void> {
  if (process.env.MARGINALIA_SNAPSHOT === "no") return;
  const file = snapshotFile(place);
  const draft = `${file}.draft`;
  const bundle = `${file}.cjs`;
  if (existsSync(file) || (existsSync(bundle) && Date.now() - statSync(bundle).mtimeMs < GIVEN_UP)) return;
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
    const env = {
      ...process.env,
      NODE_OPTIONS: "",
      NODE_NO_WARNINGS: "1",
      MARGINALIA_LANGUAGE_PLACE: JSON.stringify(place),
    };
    const child = spawn(process.execPath, ["--snapshot-blob", draft, "--build-snapshot", bundle], {
      stdio: "ignore",
      env,
      signal,
    });
    const code = await new Promise((resolve) => child.on("exit", resolve).on("error", resolve));
    if (code !== 0) throw new Error(`Node ended with ${String(code)}`);
    renameSync(draft, file);
    forgetOlder(place, file);
  } catch (error) {
    if (!signal.aborted)
      log(`no snapshot of the TypeScript service could be made, kernels start slower: ${(error as Error).message}`);
  } finally {
    rmSync(bundle, { force: true });
    rmSync(draft, { force: true });
  }
}

/** Of other Nodes and builds the latest few are kept. */
function forgetOlder(place: LanguagePlace, kept: string): void {
  const folder = cacheFolder(place);
  const age = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const others = readdirSync(folder)
    .filter((name) => /^language-.*\.blob$/.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => file !== kept)
    .sort((a, b) => age(b) - age(a));
  for (const file of others.slice(KEPT)) rmSync(file, { force: true });
}
