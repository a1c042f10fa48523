/**
 * How cells are type-checked: as ES modules that Node runs, strictly, with the notebook's own tsconfig.json where there
 * is one; and how their imports are found: as the module hooks find them at run time (module-hooks.ts).
 */
import path from "node:path";
import ts from "typescript";
import { SOURCE_CONDITION } from "../protocol/names.ts";

const defaults: ts.CompilerOptions = {
  lib: ["lib.es2024.d.ts", "lib.esnext.disposable.d.ts", "lib.esnext.iterator.d.ts", "lib.esnext.collection.d.ts"],
  strict: true,
};

/** What a cell is, whatever a project says of its files: Node runs it, and a cell is a draft, not a source file. */
export const imposed: ts.CompilerOptions = {
  // TypeScript keeps parsed files apart by these first four; being the same everywhere, what was parsed before can be
  // used.
  target: ts.ScriptTarget.ES2023,
  alwaysStrict: true,
  importHelpers: false,
  noFallthroughCasesInSwitch: false,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  allowSyntheticDefaultImports: true,
  esModuleInterop: true,
  skipLibCheck: true,
  noEmit: true,
  composite: false,
  incremental: false,
  declaration: false,
  emitDeclarationOnly: false,
  isolatedModules: false,
  isolatedDeclarations: false,
  verbatimModuleSyntax: false,
  erasableSyntaxOnly: false,
  rewriteRelativeImportExtensions: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  noImplicitReturns: false,
  allowUnusedLabels: true,
  allowUnreachableCode: true,
};
const forgotten = ["rootDir", "rootDirs", "outDir", "outFile", "tsBuildInfoFile", "declarationDir"] as const;

export interface CellOptions {
  readonly options: ts.CompilerOptions;
  /** The tsconfig.json that was used. */
  readonly configFile?: string;
  /** What is wrong with it; the defaults are used where it could not be read. */
  readonly problems: readonly string[];
}

/**
 * @param folder the notebook's folder
 * @param packageRoot the folder of the package that the kernel belongs to: it has @types/node when the notebook has
 *   none
 */
export function cellOptions(folder: string, packageRoot: string): CellOptions {
  const configFile = ts.findConfigFile(folder, (name) => ts.sys.fileExists(name));
  const { options, problems } = configFile ? readConfig(configFile) : { options: defaults, problems: [] };
  const merged: ts.CompilerOptions = { ...options, ...imposed };
  merged.lib ??= [ts.getDefaultLibFileName(options)]; // a project's target chooses its library
  for (const name of forgotten) delete merged[name];
  merged.customConditions = [...new Set([...(options.customConditions ?? []), SOURCE_CONDITION])];
  merged.types = [...new Set([...(options.types ?? []), "node"])];
  // Installed, the package has no node_modules of its own: npm and yarn put its types above it, pnpm links to them from
  // there.
  const roots = new Set([...ancestors(folder), ...ancestors(packageRoot)]);
  merged.typeRoots = [...roots]
    .map((each) => path.join(each, "node_modules", "@types"))
    .filter((each) => ts.sys.directoryExists(each));
  return { options: merged, configFile, problems };
}

/** A tsconfig.json with what it extends. */
export function readConfig(file: string): { options: ts.CompilerOptions; problems: string[] } {
  const read = ts.readConfigFile(file, (name) => ts.sys.readFile(name));
  const config = read.config as object | undefined;
  // Its files are of no interest here, only its options: nothing is searched for.
  const host: ts.ParseConfigHost = { ...ts.sys, useCaseSensitiveFileNames: true, readDirectory: () => [] };
  const parsed = ts.parseJsonConfigFileContent(config ?? {}, host, path.dirname(file));
  const noInputs = new Set([18002, 18003]);
  const problems = [...(read.error ? [read.error] : []), ...parsed.errors]
    .filter(({ code }) => !noInputs.has(code))
    .map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
  return { options: { ...(config ? {} : defaults), ...parsed.options }, problems };
}

function ancestors(folder: string): string[] {
  const all = [path.resolve(folder)];
  for (let [at] = all; path.dirname(at) !== at; at = path.dirname(at)) all.push(path.dirname(at));
  return all;
}

/**
 * Finds imports: first as TypeScript does for Node; then paths, written so or meant by the project's `paths`, without
 * extension or to a folder's index; then, for packages, from the kernel's own package. Remembers what it has read of
 * package.json files, until something is not found.
 */
export class ImportResolver {
  /** TypeScript asks it for the package.json files around source files. */
  cache: ts.ModuleResolutionCache;
  readonly #options: ts.CompilerOptions;
  readonly #host: ts.ModuleResolutionHost;
  readonly #folder: string;
  readonly #packageRoot: string;
  readonly #failed = new Map<string, ts.ResolvedModuleWithFailedLookupLocations>();

  constructor(options: ts.CompilerOptions, host: ts.ModuleResolutionHost, folder: string, packageRoot: string) {
    this.#options = options;
    this.#host = host;
    this.#folder = folder;
    this.#packageRoot = packageRoot;
    this.cache = this.#newCache();
  }

  /** Files may have come or gone since the last cell: forgets where imports lead, keeps what package.json files say. */
  refresh(): void {
    this.cache = this.#newCache(this.cache.getPackageJsonInfoCache());
  }

  resolve(specifier: string, importer: string, mode: ts.ResolutionMode): ts.ResolvedModuleWithFailedLookupLocations {
    // Installed packages often name modules that are not installed; looked for once, that is enough.
    const key = importer.includes("/node_modules/") ? `${path.dirname(importer)} ${mode} ${specifier}` : undefined;
    const failed = key && this.#failed.get(key);
    if (failed) return failed;
    const found = this.#search(specifier, importer, mode);
    if (found.resolvedModule) return found;
    if (key) {
      this.#failed.set(key, found);
      return found;
    }
    this.cache = this.#newCache(); // a package may have been installed meanwhile
    return this.#search(specifier, importer, mode);
  }

  #search(specifier: string, importer: string, mode: ts.ResolutionMode): ts.ResolvedModuleWithFailedLookupLocations {
    const resolve = (from: string, as: ts.ResolutionMode) =>
      ts.resolveModuleName(specifier, from, this.#options, this.#host, this.cache, undefined, as);
    const found = resolve(importer, mode);
    if (found.resolvedModule) return found;
    const isPath = /^\.{0,2}\//.test(specifier) || specifier === "." || specifier === "..";
    // CommonJS has the rules that need no extension.
    const bare =
      isPath || this.#options.paths || this.#options.baseUrl ? resolve(importer, ts.ModuleKind.CommonJS) : found;
    if (bare.resolvedModule && (isPath || !bare.resolvedModule.isExternalLibraryImport)) return bare;
    const lent = isPath ? found : resolve(path.join(this.#packageRoot, "__cell__.mts"), mode);
    return lent.resolvedModule ? lent : found;
  }

  #newCache(packages?: ts.PackageJsonInfoCache): ts.ModuleResolutionCache {
    return ts.createModuleResolutionCache(this.#folder, (name) => name, this.#options, packages);
  }
}
