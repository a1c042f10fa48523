/**
 * `require` of local TypeScript modules, as Node has it for JavaScript: compiled to CommonJS, loaded once, found under
 * the same spellings as by `import`. Module hooks (module-hooks.ts) serve `import` alone.
 */
import Module from "node:module";
import { pathToFileURL } from "node:url";
import { LOADERS, withMap, type CompiledModules } from "./compiled-modules.ts";
import { alternatives, isInstalled, isPath } from "./module-paths.ts";

interface CommonJsModule extends NodeJS.Module {
  _compile(code: string, file: string): void;
}
type Resolve = (request: string, parent: NodeJS.Module | undefined, ...more: unknown[]) => string;

const commonJs = Module as unknown as {
  _resolveFilename: Resolve;
  _extensions: Record<string, (module: CommonJsModule, file: string) => void>;
};

/**
 * @param tell gets the source map, as JSON text, of each module that is loaded; without it the map goes into the code
 */
export function requireTypeScript(compiled: CompiledModules, tell?: (url: string, map: string) => void): void {
  const resolve = commonJs._resolveFilename;
  commonJs._resolveFilename = function (request, parent, ...more) {
    try {
      return resolve.call(this, request, parent, ...more);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
      if (!isMissing || !isPath(request) || isInstalled(parent?.filename ?? "")) throw error;
      for (const other of alternatives(request)) {
        try {
          return resolve.call(this, other, parent, ...more);
        } catch {
          // not this one
        }
      }
      throw error;
    }
  };
  for (const extension of Object.keys(LOADERS))
    commonJs._extensions[extension] = (module, file) => {
      const found = compiled.compileSync(file, "cjs");
      tell?.(pathToFileURL(file).href, found.map);
      module._compile(tell ? found.code : withMap(found), file);
    };
}
