/**
 * How local modules may be named: without extension, by a folder, or as .js where a .ts file stands. Both of Node's
 * loaders agree.
 */
import path from "node:path";

const replaced: Record<string, readonly string[]> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};
const appended = [".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"];
const indexed = ["index.ts", "index.tsx", "index.mts", "index.cts", "index.js", "index.mjs", "index.cjs"];

/** Other spellings under which a path may be found, in the order of TypeScript's own search. */
export function alternatives(specifier: string): string[] {
  const extension = path.posix.extname(specifier);
  const stem = specifier.slice(0, specifier.length - extension.length);
  return [
    ...(replaced[extension] ?? []).map((other) => stem + other),
    ...appended.map((other) => specifier + other),
    ...indexed.map((name) => `${specifier.replace(/\/$/, "")}/${name}`),
  ];
}

export const isPath = (specifier: string) =>
  /^(\.{0,2}\/|file:)/.test(specifier) || specifier === "." || specifier === "..";

/** Whether a file, given as path or URL, belongs to an installed package. */
export const isInstalled = (file: string) => /[/\\]node_modules[/\\]/.test(file);
