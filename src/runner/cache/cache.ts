/**
 * Results of runs, kept until something that they came from changes.
 *
 * An entry is found by a key over what is known beforehand (the notebook with its place and parameters, the kernel,
 * Node, the lock files, the environment that speaks to Node itself) and holds for as long as every file and environment
 * variable that the run has read is the same, imported sources and data alike, as the kernel's process itself has told
 * (trace.ts). What starts other programs or uses the network is not kept, unless the notebook's metadata has
 * "marginalia": { "cache": true }; with false it never is. A hit restores the run's files. Cells are not reused singly:
 * the state of a kernel cannot be rebuilt safely.
 *
 *     <folder>/runs/<key>/entry.json, files/...     one entry, written aside and renamed
 *     <folder>/last/<notebook>.json                 what the last run of a notebook came from, to say why it is run
 *     again
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeWhole } from "../../base/whole-file.ts";
import { z } from "zod";
import type { Kernel } from "../client/kernelspecs.ts";
import { projectOfNotebook, shownPath } from "../locations.ts";
import { readNotebook, writeNotebook } from "../notebook/notebook.ts";
import type { PreparedRun } from "../notebook/prepare.ts";
import {
  changedFiles,
  changedVariables,
  dependencySchema,
  readTrace,
  sha256,
  stateOfVariables,
  type Trace,
} from "./dependencies.ts";
import {
  ingredientsOf,
  ingredientsSchema,
  keyOf,
  listed,
  typeScriptSettings,
  whyDifferent,
  type Ingredients,
} from "./ingredients.ts";

const entrySchema = z.object({
  dependencies: z.array(dependencySchema),
  /** By name of an environment variable: hash of its value. */
  variables: z.record(z.string(), z.string()),
  /** Below the output root, "/" on every platform. */
  files: z.array(z.string().refine(isBelow)),
});
const lastSchema = z.object({ key: z.string(), ingredients: ingredientsSchema });

/** Older entries than the most recent so many are let go. */
const MAX_ENTRIES = 1000;
/** Milliseconds after which an entry that is still aside belongs to a run that was killed. */
const ABANDONED_AFTER_MS = 3_600_000;

export interface Found {
  /** Puts the run's files in place. Undefined: there is nothing to restore. */
  readonly restore?: () => Promise<void>;
  /** Why the notebook has to run: "src/a.ts has changed". */
  readonly why?: string;
}

export class RunCache {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * $MARGINALIA_CACHE, else in node_modules/.cache of the notebook's project; none for a project without node_modules.
   */
  static of(notebook: string): RunCache | undefined {
    if (process.env.MARGINALIA_CACHE) return new RunCache(path.resolve(process.env.MARGINALIA_CACHE));
    const modules = path.join(projectOfNotebook(notebook), "node_modules");
    return existsSync(modules) ? new RunCache(path.join(modules, ".cache", "marginalia")) : undefined;
  }

  /** `environment`: what the kernel's process would get. */
  async find(run: PreparedRun, kernel: Kernel, environment = process.env): Promise<Found> {
    const ingredients = await ingredientsOf(run, kernel, environment);
    const folder = this.#entryFolder(keyOf(ingredients));
    const entry = await readAs(entrySchema, path.join(folder, "entry.json"));
    if (!entry) return { why: await this.#whyNoEntry(run, ingredients) };
    const changed = [
      ...(await changedFiles(entry.dependencies)).map(shownPath).sort(),
      ...changedVariables(entry.variables, environment),
    ];
    if (changed.length > 0) return { why: `${listed(changed)} ${changed.length > 1 ? "have" : "has"} changed` };
    const kept = (file: string) => path.join(folder, "files", ...file.split("/"));
    if (!entry.files.every((file) => existsSync(kept(file)))) return { why: "the cached files are incomplete" };
    return {
      restore: async () => {
        for (const file of entry.files) await copyWhole(kept(file), path.join(run.outputRoot, ...file.split("/")));
        await renewMetadata(run);
        await utimes(folder, new Date(), new Date()).catch(() => undefined);
      },
    };
  }

  /**
   * Keeps what a successful run has written.
   * @param trace the file that the kernel's process has traced to
   * @param since when the run began, in milliseconds of the epoch
   * @returns why it is not kept, or undefined when it is. Throws what the file system says.
   */
  async keep(
    run: PreparedRun,
    kernel: Kernel,
    trace: string,
    since: number,
    environment = process.env,
  ): Promise<string | undefined> {
    // prettier-ignore
    const own = path.dirname(run.output);
    const traced = await readTrace(trace, [own]);
    if (!traced) return "the kernel does not tell what it reads";
    const why = whyNotKept(run, traced);
    if (why) return why;
    const dependencies = [...traced.dependencies, ...(await typeScriptSettings(run.file))];
    const changed = await changedFiles(dependencies);
    if (changed.length > 0) return `${shownPath(changed[0])} changed meanwhile`;
    const files = new Set([...(await filesSince(own, since)), ...traced.written.filter((file) => isInRoot(run, file))]);
    const names = [...files].map((file) => path.relative(run.outputRoot, file).split(path.sep).join("/")).sort();
    const ingredients = await ingredientsOf(run, kernel, environment);
    const variables = stateOfVariables(traced.variables, environment);
    await this.#write(run, ingredients, { dependencies, variables, files: names });
    await this.#prune();
    return undefined;
  }

  async #write(run: PreparedRun, ingredients: Ingredients, entry: z.infer<typeof entrySchema>): Promise<void> {
    const key = keyOf(ingredients);
    await mkdir(path.join(this.folder, "runs"), { recursive: true });
    await mkdir(path.join(this.folder, "last"), { recursive: true });
    const aside = await mkdtemp(path.join(this.folder, "new-"));
    try {
      for (const name of entry.files)
        await copyWhole(path.join(run.outputRoot, name), path.join(aside, "files", ...name.split("/")));
      await writeWhole(path.join(aside, "entry.json"), JSON.stringify(entry));
      await rm(this.#entryFolder(key), { recursive: true, force: true });
      await rename(aside, this.#entryFolder(key));
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
    await writeWhole(this.#lastFile(run), JSON.stringify({ key, ingredients }, undefined, 1));
  }

  async #whyNoEntry(run: PreparedRun, now: Ingredients): Promise<string> {
    const last = await readAs(lastSchema, this.#lastFile(run));
    return last ? whyDifferent(last.ingredients, now, run) : "not in the cache";
  }

  async #prune(): Promise<void> {
    // What a killed run was about to keep.
    for (const name of (await readdir(this.folder)).filter((each) => each.startsWith("new-"))) {
      const aside = path.join(this.folder, name);
      const made = (await stat(aside).catch(() => undefined))?.mtimeMs ?? Date.now();
      if (Date.now() - made > ABANDONED_AFTER_MS) await rm(aside, { recursive: true, force: true });
    }
    const root = path.join(this.folder, "runs");
    const names = await readdir(root);
    if (names.length <= MAX_ENTRIES) return;
    const times = await Promise.all(
      names.map(
        async (name) => [name, (await stat(path.join(root, name)).catch(() => undefined))?.mtimeMs ?? 0] as const,
      ),
    );
    const old = times.sort((a, b) => b[1] - a[1]).slice(MAX_ENTRIES);
    for (const [name] of old) await rm(path.join(root, name), { recursive: true, force: true });
  }

  #entryFolder(key: string): string {
    return path.join(this.folder, "runs", key);
  }

  #lastFile(run: PreparedRun): string {
    return path.join(this.folder, "last", `${sha256(run.file).slice(0, 16)}.json`);
  }
}

const isInRoot = (run: PreparedRun, file: string) => file.startsWith(run.outputRoot + path.sep);

function whyNotKept(run: PreparedRun, traced: Trace): string | undefined {
  const wanted = (run.notebook.metadata.marginalia as { cache?: unknown } | undefined)?.cache;
  if (wanted === false) return "its metadata says so (marginalia.cache is false)";
  const elsewhere = traced.written.filter((file) => !isInRoot(run, file) && !isScratch(file, projectOfNotebook(run.file))); // prettier-ignore
  if (elsewhere.length > 0) return `it writes outside its output folder (${shownPath(elsewhere[0])})`;
  return wanted === true || traced.beyond.length === 0
    ? undefined
    : `it ${listed(traced.beyond)}; where that does not matter, put "marginalia": { "cache": true } into its metadata`;
}

/** Tags and the like that the run does not heed may have come since. */
async function renewMetadata(run: PreparedRun): Promise<void> {
  const executed = await readNotebook(run.output);
  const now = new Map(run.notebook.cells.map((cell) => [cell.id, cell.metadata]));
  const isSame = executed.cells.every((cell) => isDeepStrictEqual(cell.metadata, now.get(cell.id)));
  const cells = executed.cells.map((cell) => ({ ...cell, metadata: now.get(cell.id) ?? cell.metadata }));
  if (!isSame) await writeNotebook(run.output, { ...executed, cells });
}

/** Whether a name leads below the folder that it stands in, wherever it came from. */
function isBelow(name: string): boolean {
  return !path.isAbsolute(name) && !path.win32.isAbsolute(name) && !name.split(/[/\\]/).includes("..");
}

/**
 * What lies among the system's temporary files, and is none of a project that lies there itself, nobody will look for
 * later.
 */
function isScratch(file: string, project: string): boolean {
  const isIn = (place: string, folder: string) => place.startsWith(folder + path.sep);
  const temporary = tmpdir();
  return isIn(file, temporary) && (!isIn(file, project) || isIn(temporary, project));
}

async function filesSince(folder: string, since: number): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => path.join(entry.parentPath, entry.name));
  const fresh = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs >= since));
  return files.filter((_, i) => fresh[i]);
}

/** By a temporary file and a rename. */
async function copyWhole(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  const aside = `${to}.${process.pid}.part`;
  try {
    await cp(from, aside);
    await rename(aside, to);
  } finally {
    await rm(aside, { force: true });
  }
}

async function readAs<T>(schema: z.ZodType<T>, file: string): Promise<T | undefined> {
  try {
    return schema.safeParse(JSON.parse(await readFile(file, "utf8"))).data;
  } catch {
    return undefined; // not there, or half of an older version's: as good as nothing
  }
}
