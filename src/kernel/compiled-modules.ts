/**
 * Local TypeScript modules compiled by esbuild, and kept on disk by what goes in: a session that imports a library's sources need not
 * compile what an earlier one has. Files lie in node_modules/.cache of the kernel's package; those that nobody has used for long go.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Loader, TransformOptions } from "esbuild";
import type { CompilerOptions } from "typescript";
import { PLAIN, type ModuleSettings } from "./module-settings.ts";

export interface Compiled {
  readonly code: string;
  /** Source map, as JSON text. */
  readonly map: string;
}

const DAY = 86_400_000; // milliseconds
const KEPT = 30 * DAY;

export class CompiledModules {
  readonly #folder: string;
  readonly #version: string;
  #isTidy = false;

  /** @param packageRoot the folder of the package that the kernel belongs to */
  constructor(packageRoot: string) {
    this.#folder = path.join(packageRoot, "node_modules", ".cache", "marginalia", "modules");
    const require = createRequire(import.meta.url);
    this.#version = (require("esbuild/package.json") as { version: string }).version;
  }

  async compile(
    file: string,
    loader: Loader,
    format: "cjs" | "esm",
    settings: Pick<ModuleSettings, "transform" | "metadata"> = PLAIN,
  ): Promise<Compiled> {
    const text = readFileSync(file, "utf8");
    const options: TransformOptions = {
      loader,
      format,
      target: "node20",
      sourcemap: "external",
      sourcefile: pathToFileURL(file).href,
      sourcesContent: false,
      ...settings.transform,
    };
    const { metadata } = settings;
    const key = createHash("sha256")
      .update(`${this.#version}\0${JSON.stringify([options, metadata])}\0${text}`)
      .digest("hex");
    const kept = path.join(this.#folder, `${key.slice(0, 32)}.json`);
    const found = read(kept);
    if (found) return found;
    const { code, map } = metadata
      ? await compileWithTypes(text, options, metadata)
      : await (await import("esbuild")).transform(text, options); // not before it is needed: kernels start faster
    this.#keep(kept, { code, map });
    return { code, map };
  }

  /** Whole files or none; where nothing can be kept, the next session compiles again. */
  #keep(kept: string, compiled: Compiled): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
      const draft = `${kept}.${process.pid}`;
      writeFileSync(draft, JSON.stringify(compiled));
      renameSync(draft, kept);
      if (!this.#isTidy) this.#forgetUnused();
      this.#isTidy = true;
    } catch {
      // a cache
    }
  }

  #forgetUnused(): void {
    for (const name of readdirSync(this.#folder)) {
      const file = path.join(this.#folder, name);
      const used = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (Date.now() - used > KEPT) rmSync(file, { force: true });
    }
  }
}

/** By TypeScript, which is slower and knows what types decorators ask for. */
async function compileWithTypes(text: string, options: TransformOptions, project: CompilerOptions): Promise<Compiled> {
  const [{ default: ts }, { emitOptions }] = await Promise.all([import("typescript"), import("./cell-syntax.ts")]);
  const { outputText, sourceMapText = "{}" } = ts.transpileModule(text, {
    fileName: options.loader === "tsx" ? "module.tsx" : "module.ts",
    compilerOptions: {
      ...emitOptions(project),
      target: ts.ScriptTarget.ES2023,
      module: options.format === "cjs" ? ts.ModuleKind.CommonJS : ts.ModuleKind.ESNext,
      sourceMap: true,
    },
  });
  const code = outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
  return { code, map: JSON.stringify({ ...(JSON.parse(sourceMapText) as object), sources: [options.sourcefile] }) };
}

function read(kept: string): Compiled | undefined {
  try {
    const compiled = JSON.parse(readFileSync(kept, "utf8")) as Compiled;
    const { mtimeMs } = statSync(kept);
    if (Date.now() - mtimeMs > DAY) utimesSync(kept, new Date(), new Date());
    return compiled;
  } catch {
    return undefined;
  }
}
