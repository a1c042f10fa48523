/**
 * Where a result came from: enough to make it again, and nothing that changes between two runs of the same commit with
 * the same seed on the same machine. So no dates and no seconds; they are in the executed notebook's metadata.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Where the data came from: made by a generator from the seed, the paper's own, or a stated substitute for it. */
export type DataKind = "generated" | "real" | "stand-in";

export interface Provenance {
  /** The commit of the project that the notebook belongs to; null outside of git. */
  readonly commit: string | null;
  /** Whether that project has changes beyond the commit, the output folder not counted; null outside of git. */
  readonly dirty: boolean | null;
  readonly seed: number | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly data: DataKind;
  /** What computed: "javascript", or the tensor backend's name. */
  readonly backend: string;
  readonly node: string;
  readonly v8: string;
  readonly cpu: string;
  /** Marginalia's version. */
  readonly marginalia: string;
  /** SHA-256 of the project's package-lock.json; null where there is none. */
  readonly lock: string | null;
}

/** The folder of the nearest package.json upward of `start`, or `start` itself. */
export function projectRoot(start: string): string {
  for (let folder = path.resolve(start); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package.json"))) return folder;
    if (folder === path.dirname(folder)) return path.resolve(start);
  }
}

/**
 * The folder of the notebook being run, which the runner and the kernel name in MARGINALIA_NOTEBOOK; else the working
 * one.
 */
export function notebookFolder(): string {
  const notebook = process.env.MARGINALIA_NOTEBOOK;
  return notebook ? path.dirname(path.resolve(notebook)) : process.cwd();
}

/** What git prints, or null where there is no git or no repository. */
function git(root: string, ...args: string[]): string | null {
  try {
    return execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}

/** The commit and whether more has changed than the output folder. */
export function sourceState(root: string, outputFolder: string): Pick<Provenance, "commit" | "dirty"> {
  const commit = git(root, "rev-parse", "HEAD");
  if (commit === null) return { commit: null, dirty: null };
  const output = path.relative(root, outputFolder);
  const inside = output !== "" && !output.startsWith("..") && !path.isAbsolute(output);
  const status = git(root, "status", "--porcelain", "--", ".", ...(inside ? [`:(exclude)${output}`] : []));
  return { commit, dirty: status === null ? null : status !== "" };
}

/** SHA-256 of the project's package-lock.json; null where there is none. */
export function lockHash(root: string): string | null {
  const file = path.join(root, "package-lock.json");
  return existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : null;
}

export function marginaliaVersion(): string {
  const file = path.join(projectRoot(path.dirname(fileURLToPath(import.meta.url))), "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

export interface Run {
  readonly seed: number | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly data: DataKind;
  readonly backend: string;
}

export function provenance(run: Run, outputFolder: string): Provenance {
  const root = projectRoot(notebookFolder());
  return {
    ...sourceState(root, outputFolder),
    seed: run.seed,
    parameters: run.parameters,
    data: run.data,
    backend: run.backend,
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    marginalia: marginaliaVersion(),
    lock: lockHash(root),
  };
}
