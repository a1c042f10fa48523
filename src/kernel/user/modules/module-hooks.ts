/**
 * Node's module hooks (they run on a thread of their own): imports of cells start in the notebook's folder; TypeScript
 * files are compiled by esbuild; paths may lack their extension, or say .js where a .ts file stands; what a
 * tsconfig.json's `paths` mean is found there; JSON needs no attribute; packages that the notebook's folder lacks are
 * taken from the package that the kernel belongs to, first of all "marginalia" itself. Local modules whose files have
 * changed are loaded anew at the next import by a cell (module-graph.ts).
 */
import { readFile } from "node:fs/promises";
import type { InitializeHook, LoadHook, ResolveFnOutput, ResolveHook, ResolveHookContext } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { MessagePort } from "node:worker_threads";
import { CompiledModules, LOADERS, withMap } from "./compiled-modules.ts";
import { ModuleGraph, type Reload } from "./module-graph.ts";
import { alternatives, isInstalled, isPath } from "./module-paths.ts";
import { settingsFor } from "./module-settings.ts";
import { CELL_IMPORT, SOURCE_CONDITION } from "../../protocol/names.ts";

export interface HooksData {
  /** URL of a file in the kernel's own package. */
  readonly own: string;
  /**
   * URL of the (virtual) file that cells import from. Where there are no cells, as in a worker of the user's, neither
   * is this:
   */
  readonly cell?: string;
  /** Takes HooksNews. */
  readonly news?: MessagePort;
}

/** The source map of a module just compiled, or what is loaded anew. */
export type HooksNews = { readonly url: string; readonly map: string } | { readonly reload: Reload };

let data: HooksData;
let compiled: CompiledModules;
/** Where relative paths in local modules lead, by folder and path: until the next import by a cell. */
const found = new Map<string, ResolveFnOutput>();
const graph = new ModuleGraph();

const tell = (news: HooksNews) => data.news?.postMessage(news);

export const initialize: InitializeHook<HooksData> = (given) => {
  data = given;
  compiled = new CompiledModules(path.dirname(fileURLToPath(given.own)));
};

export const resolve: ResolveHook = async (specifier, context, next) => {
  let parentURL = context.parentURL;
  if (specifier.startsWith(CELL_IMPORT)) {
    specifier = specifier.slice(specifier.indexOf(":", CELL_IMPORT.length) + 1);
    parentURL = data.cell;
    const reload = graph.refresh();
    if (reload) tell({ reload });
    found.clear();
  }
  const isRelative = specifier.startsWith(".") && parentURL?.startsWith("file:") && !isInstalled(parentURL);
  const key = isRelative
    ? [path.posix.dirname(parentURL!), specifier, JSON.stringify(context.importAttributes)].join("\0")
    : undefined;
  const known = key === undefined ? undefined : found.get(key);
  const answer = known ?? (await find(specifier, parentURL, context, next));
  if (key !== undefined) found.set(key, answer);
  return { ...answer, url: graph.link(answer.url, parentURL), shortCircuit: true };
};

async function find(
  specifier: string,
  parentURL: string | undefined,
  context: ResolveHookContext,
  next: Next,
): Promise<ResolveFnOutput> {
  const here = { ...context, parentURL, conditions: [...context.conditions, SOURCE_CONDITION] };
  const mapped = await findMapped(specifier, here, next);
  if (mapped) return mapped;
  try {
    return await next(specifier, here);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "ERR_UNSUPPORTED_DIR_IMPORT";
    if (!missing || isInstalled(parentURL ?? "")) throw error;
    const others = isPath(specifier)
      ? alternatives(specifier).map((other) => ({ other, from: here }))
      : [{ other: specifier, from: { ...here, parentURL: data.own } }];
    for (const { other, from } of others) {
      const answer = await attempt(other, from, next);
      if (answer) return answer;
    }
    throw error;
  }
}

type Next = Parameters<ResolveHook>[2];

async function attempt(
  specifier: string,
  context: ResolveHookContext,
  next: Next,
): Promise<ResolveFnOutput | undefined> {
  try {
    return await next(specifier, context);
  } catch {
    return undefined; // not this one
  }
}

/** What the tsconfig.json of the importer's project means by the specifier, if it says anything of it. */
async function findMapped(
  specifier: string,
  context: ResolveHookContext,
  next: Next,
): Promise<ResolveFnOutput | undefined> {
  const { parentURL } = context;
  if (isPath(specifier) || !parentURL?.startsWith("file:") || isInstalled(parentURL)) return undefined;
  const { candidates } = await settingsFor(path.dirname(fileURLToPath(parentURL)));
  for (const candidate of candidates(specifier)) {
    const { href } = pathToFileURL(candidate);
    for (const spelling of [href, ...alternatives(href)]) {
      const answer = await attempt(spelling, context, next);
      if (answer) return answer;
    }
  }
  return undefined;
}

export const load: LoadHook = async (url, context, next) => {
  if (!url.startsWith("file:")) return next(url, context);
  const extension = path.extname(new URL(url).pathname);
  if (extension === ".json") {
    const text = await readFile(fileURLToPath(url), "utf8");
    try {
      JSON.parse(text);
    } catch (error) {
      throw new SyntaxError(`${fileURLToPath(url)} is not JSON: ${(error as Error).message}`, { cause: error });
    }
    return { format: "module", source: `export default ${text};`, shortCircuit: true };
  }
  if (!(extension in LOADERS)) return next(url, context);
  const isCommonJs = extension === ".cts";
  const file = fileURLToPath(url);
  const settings = await settingsFor(path.dirname(file));
  const compiledModule = await compiled.compile(file, isCommonJs ? "cjs" : "esm", settings);
  tell({ url, map: compiledModule.map });
  const source = data.news ? compiledModule.code : withMap(compiledModule);
  return { format: isCommonJs ? "commonjs" : "module", source, shortCircuit: true };
};
