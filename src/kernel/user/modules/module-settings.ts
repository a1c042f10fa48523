/**
 * How a project wants its modules to be found and compiled: what the tsconfig.json above a file says of `paths`,
 * `baseUrl`, JSX and decorators. TypeScript, which takes a fifth of a second to load, reads it only where one says
 * anything of these.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { TransformOptions } from "esbuild";
import type { CompilerOptions } from "typescript";

export interface ModuleSettings {
  /** Absolute paths for which the specifier may stand, in their order; any may lack its extension, or be missing. */
  readonly candidates: (specifier: string) => string[];
  /** For esbuild. */
  readonly transform: Pick<TransformOptions, "jsx" | "jsxDev" | "jsxFactory" | "jsxFragment" | "jsxImportSource" | "tsconfigRaw">; // prettier-ignore
  /** Types of decorated things are kept, which esbuild cannot do: TypeScript compiles by these. */
  readonly metadata?: CompilerOptions;
}

/** Where no tsconfig.json says anything. */
export const PLAIN: ModuleSettings = { candidates: () => [], transform: { jsx: "automatic" } };
const OF_INTEREST = /"(extends|paths|baseUrl|jsx\w*|experimentalDecorators|useDefineForClassFields)"/;

/** By folder; a session knows tsconfig.json as it was first read, as its check of types does. */
const known = new Map<string, Promise<ModuleSettings>>();

export function settingsFor(folder: string): Promise<ModuleSettings> {
  const found = known.get(folder) ?? findSettings(folder);
  known.set(folder, found);
  return found;
}

function findSettings(folder: string): Promise<ModuleSettings> {
  const file = path.join(folder, "tsconfig.json");
  if (existsSync(file)) return readSettings(file);
  const above = path.dirname(folder);
  return above === folder ? Promise.resolve(PLAIN) : settingsFor(above);
}

async function readSettings(file: string): Promise<ModuleSettings> {
  if (!OF_INTEREST.test(readFileSync(file, "utf8"))) return PLAIN;
  const [{ readConfig }, { jsxEmit }, { default: ts }] = await Promise.all([
    import("../../language/compiler-options.ts"),
    import("../../language/cell-syntax.ts"),
    import("typescript"),
  ]);
  const { options } = readConfig(file);
  const { jsxFactory, jsxFragmentFactory: jsxFragment, jsxImportSource } = options;
  const { experimentalDecorators, emitDecoratorMetadata, useDefineForClassFields } = options;
  const jsx = jsxEmit(options);
  return {
    candidates: (specifier) => candidates(options, specifier),
    transform: {
      jsx: jsx === ts.JsxEmit.React ? "transform" : "automatic",
      jsxDev: jsx === ts.JsxEmit.ReactJSXDev,
      ...{ jsxFactory, jsxFragment, jsxImportSource },
      tsconfigRaw: { compilerOptions: { experimentalDecorators, useDefineForClassFields } },
    },
    ...(experimentalDecorators && emitDecoratorMetadata ? { metadata: options } : {}),
  };
}

/**
 * As TypeScript's: the pattern that is the specifier itself, else the one with the longest text before its "*"; then
 * `baseUrl`.
 */
export function candidates({ paths = {}, baseUrl, ...options }: CompilerOptions, specifier: string): string[] {
  if (/^(\.{0,2}\/|\.{1,2}$|[a-z]+:)/.test(specifier)) return [];
  const fitting = Object.keys(paths).flatMap((pattern) => {
    const [before, after] = pattern.split("*");
    if (after === undefined) return pattern === specifier ? [{ pattern, rank: Infinity, middle: "" }] : [];
    const fits = specifier.length >= before.length + after.length && specifier.startsWith(before) && specifier.endsWith(after); // prettier-ignore
    const middle = specifier.slice(before.length, specifier.length - after.length);
    return fits ? [{ pattern, rank: before.length, middle }] : [];
  });
  const best = fitting.sort((a, b) => b.rank - a.rank).at(0);
  const base = baseUrl ?? (options.pathsBasePath as string | undefined) ?? ".";
  const mapped = best
    ? paths[best.pattern].map((target) =>
        path.resolve(
          base,
          target.replace("*", () => best.middle),
        ),
      )
    : [];
  const all = baseUrl === undefined ? mapped : [...mapped, path.resolve(baseUrl, specifier)];
  // Declarations have nothing to run; what is installed is found as any package is.
  return all.filter((each) => !/\.d\.[cm]?ts$/.test(each) && !each.split(path.sep).includes("node_modules"));
}
