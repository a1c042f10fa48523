/**
 * Results of runs, kept until something that they came from changes.
 *
 * An entry is found by a key over what is known beforehand (the notebook with its parameters, the kernel, Node, the lock file, the
 * environment that speaks to Marginalia) and holds for as long as every file that the run has read is the same: imported sources
 * and data alike, as the kernel's process itself has told (trace.ts). A hit restores the run's files byte for byte. Cells are not
 * reused singly: the state of a kernel cannot be rebuilt safely.
 *
 *     <folder>/runs/<key>/entry.json, files/...     one entry, written aside and renamed
 *     <folder>/last/<notebook>.json                 what the last run of a notebook came from, to say why it is run again
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeWhole } from "../../files/whole-file.ts";
import { z } from "zod";
import type { Kernel } from "../kernelspecs.ts";
import { projectOfNotebook, shownPath } from "../locations.ts";
import type { PreparedRun } from "../prepare.ts";
import { changedFiles, dependencySchema, readTrace, sha256 } from "./dependencies.ts";

const ingredientsSchema = z.object({
  /** By cell id: hash of the cell. */
  cells: z.record(z.string(), z.string()),
  metadata: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  kernel: z.string(),
  node: z.string(),
  lock: z.string(),
  environment: z.string(),
});
type Ingredients = z.infer<typeof ingredientsSchema>;

const entrySchema = z.object({
  dependencies: z.array(dependencySchema),
  /** Below the output root, "/" on every platform. */
  files: z.array(z.string()),
});
const lastSchema = z.object({ key: z.string(), ingredients: ingredientsSchema });

/** Older entries than the most recent so many are let go. */
const KEPT = 1000;
/** Milliseconds after which an entry that is still aside belongs to a run that was killed. */
const ABANDONED = 3_600_000;

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

  /** $MARGINALIA_CACHE, else in node_modules/.cache of the notebook's project; none for a project without node_modules. */
  static of(notebook: string): RunCache | undefined {
    if (process.env.MARGINALIA_CACHE) return new RunCache(path.resolve(process.env.MARGINALIA_CACHE));
    const modules = path.join(projectOfNotebook(notebook), "node_modules");
    return existsSync(modules) ? new RunCache(path.join(modules, ".cache", "marginalia")) : undefined;
  }

  async find(run: PreparedRun, kernel: Kernel): Promise<Found> {
    const ingredients = await ingredientsOf(run, kernel);
    const folder = this.#entryFolder(keyOf(ingredients));
    const entry = await readAs(entrySchema, path.join(folder, "entry.json"));
    if (!entry) return { why: await this.#whyNoEntry(run, ingredients) };
    const changed = await changedFiles(entry.dependencies);
    if (changed.length > 0) return { why: describeChanged(changed) };
    const kept = (file: string) => path.join(folder, "files", ...file.split("/"));
    if (!entry.files.every((file) => existsSync(kept(file)))) return { why: "the cached files are incomplete" };
    return {
      restore: async () => {
        for (const file of entry.files) await copyWhole(kept(file), path.join(run.outputRoot, ...file.split("/")));
        await utimes(folder, new Date(), new Date()).catch(() => undefined);
      },
    };
  }

  /**
   * Keeps what a successful run has written.
   * @param trace the file that the kernel's process has traced to
   * @param since when the run began, in milliseconds of the epoch
   * @returns why it is not kept, or undefined when it is.
   */
  async keep(run: PreparedRun, kernel: Kernel, trace: string, since: number): Promise<string | undefined> {
    const own = path.dirname(run.output);
    const traced = await readTrace(trace, [own]);
    if (!traced) return "the kernel does not tell what it reads";
    const inRoot = (file: string) => file.startsWith(run.outputRoot + path.sep);
    const elsewhere = traced.written.filter((file) => !inRoot(file) && !isScratch(file, projectOfNotebook(run.file)));
    if (elsewhere.length > 0) return `it writes outside its output folder (${shownPath(elsewhere[0])})`;
    const changed = await changedFiles(traced.dependencies);
    if (changed.length > 0) return `${shownPath(changed[0])} changed meanwhile`;
    const files = new Set([...(await filesSince(own, since)), ...traced.written.filter(inRoot)]);
    const names = [...files].map((file) => path.relative(run.outputRoot, file).split(path.sep).join("/")).sort();
    const ingredients = await ingredientsOf(run, kernel);
    const key = keyOf(ingredients);
    await mkdir(path.join(this.folder, "runs"), { recursive: true });
    await mkdir(path.join(this.folder, "last"), { recursive: true });
    const aside = await mkdtemp(path.join(this.folder, "new-"));
    try {
      for (const name of names)
        await copyWhole(path.join(run.outputRoot, name), path.join(aside, "files", ...name.split("/")));
      const entry = { dependencies: traced.dependencies, files: names };
      await writeWhole(path.join(aside, "entry.json"), JSON.stringify(entry, undefined, 1));
      await rm(this.#entryFolder(key), { recursive: true, force: true });
      await rename(aside, this.#entryFolder(key));
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
    await writeWhole(this.#lastFile(run), JSON.stringify({ key, ingredients }, undefined, 1));
    await this.#prune();
    return undefined;
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
      if (Date.now() - made > ABANDONED) await rm(aside, { recursive: true, force: true });
    }
    const root = path.join(this.folder, "runs");
    const names = await readdir(root);
    if (names.length <= KEPT) return;
    const times = await Promise.all(
      names.map(
        async (name) => [name, (await stat(path.join(root, name)).catch(() => undefined))?.mtimeMs ?? 0] as const,
      ),
    );
    const old = times.sort((a, b) => b[1] - a[1]).slice(KEPT);
    for (const [name] of old) await rm(path.join(root, name), { recursive: true, force: true });
  }

  #entryFolder(key: string): string {
    return path.join(this.folder, "runs", key);
  }

  #lastFile(run: PreparedRun): string {
    return path.join(this.folder, "last", `${sha256(run.file).slice(0, 16)}.json`);
  }
}

async function ingredientsOf(run: PreparedRun, kernel: Kernel): Promise<Ingredients> {
  const project = projectOfNotebook(run.file);
  const lock = await readFile(path.join(project, "package-lock.json"), "utf8").catch(() => "none");
  // Outputs are made anew, so those in the source do not count.
  const cells = run.notebook.cells.map((cell) => [
    cell.id,
    sha256(JSON.stringify([cell.cell_type, cell.source, cell.metadata])),
  ]);
  const { MARGINALIA_OUT, MARGINALIA_NOTEBOOK, MARGINALIA_CACHE, ...environment } = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(MARGINALIA_|NODE_OPTIONS$|TFJS_|OMP_)/.test(name)),
  );
  void [MARGINALIA_OUT, MARGINALIA_NOTEBOOK, MARGINALIA_CACHE];
  return {
    cells: Object.fromEntries(cells) as Record<string, string>,
    metadata: sha256(JSON.stringify([run.name, run.notebook.metadata, cells.map(([id]) => id)])),
    parameters: { ...run.parameters },
    kernel: `${kernel.name} ${kernel.argv.join(" ")}`,
    node: `${process.versions.node} on ${process.platform} ${process.arch}`,
    lock: sha256(lock),
    environment: sha256(JSON.stringify(Object.entries(environment).sort())),
  };
}

function keyOf(ingredients: Ingredients): string {
  return sha256(JSON.stringify(ingredients)).slice(0, 32);
}

function whyDifferent(was: Ingredients, is: Ingredients, run: PreparedRun): string {
  const reasons: string[] = [];
  run.notebook.cells.forEach((cell, i) => {
    if (cell.id === "injected-parameters") return; // told as parameters
    if (was.cells[cell.id] === undefined) reasons.push(`cell ${i + 1} (id ${cell.id}) is new`);
    else if (was.cells[cell.id] !== is.cells[cell.id]) reasons.push(`cell ${i + 1} (id ${cell.id}) has changed`);
  });
  for (const id of Object.keys(was.cells))
    if (is.cells[id] === undefined && id !== "injected-parameters") reasons.push(`the cell with id ${id} is gone`);
  for (const name of new Set([...Object.keys(was.parameters), ...Object.keys(is.parameters)])) {
    const [before, now] = [was.parameters[name], is.parameters[name]].map(
      (value) => JSON.stringify(value) ?? "the default",
    );
    if (before !== now) reasons.push(`parameter ${name} is ${now}, was ${before}`);
  }
  if (was.node !== is.node) reasons.push(`Node is ${is.node}, was ${was.node}`);
  if (was.kernel !== is.kernel) reasons.push("another kernel");
  if (was.lock !== is.lock) reasons.push("package-lock.json has changed");
  if (was.environment !== is.environment) reasons.push("another environment (MARGINALIA_*, NODE_OPTIONS)");
  if (reasons.length === 0) reasons.push("the notebook's metadata or the order of its cells has changed");
  return listed(reasons);
}

function describeChanged(files: readonly string[]): string {
  const names = files.map(shownPath).sort();
  return `${listed(names)} ${names.length > 1 ? "have" : "has"} changed`;
}

function listed(all: readonly string[]): string {
  return all.length > 4 ? `${all.slice(0, 3).join(", ")} and ${all.length - 3} more` : all.join(", ");
}

/** What lies among the system's temporary files, and is none of a project that lies there itself, nobody will look for later. */
function isScratch(file: string, project: string): boolean {
  const isBelow = (place: string, folder: string) => place.startsWith(folder + path.sep);
  const temporary = tmpdir();
  return isBelow(file, temporary) && (!isBelow(file, project) || isBelow(temporary, project));
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
