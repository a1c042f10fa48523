/**
 * Where things lie: <project root>/notebooks/<paper>/<experiment>.ipynb becomes
 * <output root>/<paper>/<experiment>/ with figures, tables, result.json and the executed notebook.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../base/input-error.ts";

/** The nearest folder upwards of `from` (a folder) that holds a package.json; undefined when there is none. */
export function projectRoot(from: string): string | undefined {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package.json"))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** The project that a notebook belongs to: its own, else the one worked in, else the working folder itself. */
export function projectOfNotebook(notebook: string): string {
  return projectRoot(path.dirname(path.resolve(notebook))) ?? workingProject();
}

export function workingProject(): string {
  return projectRoot(process.cwd()) ?? process.cwd();
}

/** The default output root of a project. */
export function figuresFolder(project: string): string {
  return path.join(project, "figures");
}

/** For messages: relative to the working folder when it lies inside, else absolute. */
export function shownPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") || path.isAbsolute(relative) ? path.resolve(file) : relative;
}

/**
 * "<paper>/<experiment>": the path below the innermost `notebooks` folder, else the file's base name. Throws an
 * InputError for a name that is no name of a folder (".." of "...ipynb"), or of a hidden one, which the gallery passes
 * over.
 */
export function experimentName(notebook: string): string {
  const parts = path
    .resolve(notebook)
    .replace(/\.ipynb$/i, "")
    .split(path.sep);
  const below = parts.slice(0, -1).lastIndexOf("notebooks");
  const names = below < 0 ? parts.slice(-1) : parts.slice(below + 1);
  const wrong = names.find((name) => name === "" || name.startsWith("."));
  if (wrong !== undefined)
    throw new InputError(`${notebook}: its results would go to a folder named "${wrong}"; choose a name that begins with no dot`); // prettier-ignore
  return names.join("/");
}

export function experimentFolder(outputRoot: string, notebook: string): string {
  return path.join(outputRoot, ...experimentName(notebook).split("/"));
}

export function executedNotebookFile(outputRoot: string, notebook: string): string {
  const folder = experimentFolder(outputRoot, notebook);
  return path.join(folder, `${path.basename(folder)}.ipynb`);
}
