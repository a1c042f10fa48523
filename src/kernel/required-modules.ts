/** Local TypeScript that is asked for by `require`, which knows no module hooks: compiled to CommonJS by esbuild. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** What `require.extensions` takes; Node's own module has the method, though its types do not tell. */
interface CompilingModule extends NodeJS.Module {
  _compile(code: string, filename: string): void;
}

/**
 * @param require any: Node keeps one table of extensions for all
 * @param maps takes the source map of what is loaded, by URL
 */
export function requireTypeScript(require: NodeJS.Require, maps: Map<string, string>): void {
  const ownRequire = createRequire(import.meta.url);
  const load = (module: NodeJS.Module, filename: string) => {
    const { transformSync } = ownRequire("esbuild") as typeof import("esbuild");
    const sourcefile = pathToFileURL(filename).href;
    const { code, map } = transformSync(readFileSync(filename, "utf8"), {
      loader: filename.endsWith("x") ? "tsx" : "ts",
      format: "cjs",
      target: "node20",
      sourcemap: "external",
      sourcefile,
      sourcesContent: false,
      jsx: "automatic",
    });
    maps.set(sourcefile, map);
    (module as CompilingModule)._compile(`${code}\n//# sourceURL=${sourcefile}`, filename);
  };
  for (const extension of [".cts", ".ts", ".tsx"]) require.extensions[extension] = load;
}
