/**
 * Where things lie: <project root>/notebooks/<paper>/<experiment>.ipynb becomes
 * <output root>/<paper>/<experiment>/ with figures, tables, result.json and the executed notebook.
 */
import { existsSync } from "node:fs";
import path from "node:path";

/** The nearest folder upwards of `from` (a folder) that holds a package.json; `from` itself when there is none. */
export function projectRoot(from: string): string {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package.json"))) return folder;
    if (folder === path.dirname(folder)) return path.resolve(from);
  }
}

/** "<paper>/<experiment>": the path below the innermost `notebooks` folder, else the file's base name. */
export function experimentName(notebook: string): string {
  const parts = path
    .resolve(notebook)
    .replace(/\.ipynb$/i, "")
    .split(path.sep);
  const below = parts.slice(0, -1).lastIndexOf("notebooks");
  return below < 0 ? parts[parts.length - 1] : parts.slice(below + 1).join("/");
}

export function experimentFolder(outputRoot: string, notebook: string): string {
  return path.join(outputRoot, ...experimentName(notebook).split("/"));
}

export function executedNotebookFile(outputRoot: string, notebook: string): string {
  const folder = experimentFolder(outputRoot, notebook);
  return path.join(folder, `${path.basename(folder)}.ipynb`);
}
