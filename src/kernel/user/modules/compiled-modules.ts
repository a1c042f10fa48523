/**
 * Local TypeScript modules compiled by esbuild, and kept on disk by what goes in: a session that imports a library's
 * sources need not compile what an earlier one has. Files lie in node_modules/.cache of the kernel's package; those
 * that nobody has used for long go.
 *
 * TypeScript lets every .ts file name both `import.meta` and CommonJS's `require`, `__dirname`, `__filename`, `module`
 * and `exports`; so each kind of module is given the names of the other one. (What assigns `module.exports` and has no
 * `import` and no `export` is a CommonJS module to esbuild, whose exports are the default.)
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Loader, TransformOptions } from "esbuild";
import type { CompilerOptions } from "typescript";
import { PLAIN, type ModuleSettings } from "./module-settings.ts";

/** What files are TypeScript (or JSX), by their extension. */
export const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".jsx": "jsx",
};

/** The code with its source map, for where Node itself is to read that. */
export function withMap({ code, map }: Compiled): string {
  return `${code}//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString("base64")}\n`;
}

type Format = "cjs" | "esm";
type Settings = Pick<ModuleSettings, "transform" | "metadata">;
/**
 * By format: what replaces a name that the file does not declare itself, and what it takes to have that, where it is
 * mentioned.
 */
const GIVEN: Readonly<Record<Format, { define: Record<string, string>; mentioned: RegExp; banner: string }>> = {
  esm: {
    define: {
      __dirname: "import.meta.dirname",
      __filename: "import.meta.filename",
      require: "__marginalia_require",
      module: "__marginalia_module",
      exports: "__marginalia_module.exports",
    },
    mentioned: /\b(require|module|exports)\b/,
    banner:
      `import { Module as __marginalia_Module } from "node:module"; ` +
      `const __marginalia_require = __marginalia_Module.createRequire(import.meta.url); ` +
      `const __marginalia_module = Object.assign(new __marginalia_Module(import.meta.filename), ` +
      `{ filename: import.meta.filename, require: __marginalia_require });`,
  },
  cjs: {
    define: {
      "import.meta.dirname": "__dirname",
      "import.meta.filename": "__filename",
      "import.meta.url": "__marginalia_url",
    },
    mentioned: /\bimport\s*\.\s*meta\b/,
    banner: `const __marginalia_url = require("node:url").pathToFileURL(__filename).href;`,
  },
};

export interface Compiled {
  readonly code: string;
  /** Source map, as JSON text. */
  readonly map: string;
}

const require = createRequire(import.meta.url);

const DAY_MS = 86_400_000; // milliseconds
const KEPT_UNUSED_MS = 30 * DAY_MS;

export class CompiledModules {
  readonly #folder: string;
  #isTidy = false;

  /** @param packageRoot the folder of the package that the kernel belongs to */
  constructor(packageRoot: string) {
    this.#folder = path.join(packageRoot, "node_modules", ".cache", "marginalia", "modules");
  }

  /** @throws esbuild's error, which says where the file is wrong */
  async compile(file: string, format: Format, settings: Settings = PLAIN): Promise<Compiled> {
    const { text, options, kept } = this.#plan(file, format, settings);
    const found = read(kept);
    if (found) return found;
    const made = settings.metadata
      ? await compileWithTypes(text, options, settings.metadata)
      : await (await import("esbuild")).transform(text, options); // not before it is needed: kernels start faster
    return this.#keep(kept, made);
  }

  /** The same for `require`, which cannot wait, nor ask for a project's settings. */
  compileSync(file: string, format: Format): Compiled {
    const { text, options, kept } = this.#plan(file, format, PLAIN);
    const found = read(kept);
    if (found) return found;
    const { transformSync } = require("esbuild") as typeof import("esbuild");
    return this.#keep(kept, transformSync(text, options));
  }

  #plan(file: string, format: Format, settings: Settings): { text: string; options: TransformOptions; kept: string } {
    const text = readFileSync(file, "utf8");
    const { version } = require("esbuild/package.json") as { version: string };
    const { define, mentioned, banner } = GIVEN[format];
    const options: TransformOptions = {
      loader: LOADERS[path.extname(file)],
      format,
      platform: "node", // names the exports of CommonJS, so that ES modules may import them by name
      target: "node20",
      sourcemap: "external",
      sourcefile: pathToFileURL(file).href,
      sourcesContent: false,
      define,
      banner: mentioned.test(text) ? banner : "",
      ...settings.transform,
    };
    const key = createHash("sha256")
      .update(`${version}\0${JSON.stringify([options, settings.metadata])}\0${text}`)
      .digest("hex");
    return { text, options, kept: path.join(this.#folder, `${key.slice(0, 32)}.json`) };
  }

  /** Whole files or none; where nothing can be kept, the next session compiles again. */
  #keep(kept: string, { code, map }: Compiled): Compiled {
    const compiled = { code, map };
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
    return compiled;
  }

  #forgetUnused(): void {
    for (const name of readdirSync(this.#folder)) {
      const file = path.join(this.#folder, name);
      const used = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (Date.now() - used > KEPT_UNUSED_MS) rmSync(file, { force: true });
    }
  }
}

/** By TypeScript, which is slower and knows what types decorators ask for. */
async function compileWithTypes(text: string, options: TransformOptions, project: CompilerOptions): Promise<Compiled> {
  const [{ default: ts }, { emitOptions }] = await Promise.all([
    import("typescript"),
    import("../../language/cell-syntax.ts"),
  ]);
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
    if (Date.now() - mtimeMs > DAY_MS) utimesSync(kept, new Date(), new Date());
    return compiled;
  } catch {
    return undefined;
  }
}
