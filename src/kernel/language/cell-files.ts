/**
 * What TypeScript sees instead of a disk: cells as files that are nowhere, and behind them the real disk.
 *
 * Cells' files seem to lie in a folder of the kernel's package that there is not, so that a snapshot's program serves
 * any notebook.
 */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { imposed, type ImportResolver } from "./compiler-options.ts";

/** `import { a } from "marginalia-cell:3"` */
export const CELL_SCHEME = "marginalia-cell:";

/** Files of TypeScript's library and of packages, as read and parsed: programs may share them. */
export class ParsedFiles {
  readonly registry = sharingRegistry();
  readonly snapshots = new Map<string, { version: string; snapshot: ts.IScriptSnapshot }>();
  /** Where TypeScript's own library lies. */
  readonly libFolder: string;

  constructor(libFolder = path.dirname(ts.getDefaultLibFilePath({}))) {
    this.libFolder = libFolder;
  }
}

/**
 * TypeScript keeps files apart that were read with other options, also where these do not matter: declarations have no
 * JSX, and where `paths` begin is nothing to any file's text. So a project's own options cost no second reading of all
 * declarations.
 */
function sharingRegistry(): ts.DocumentRegistry {
  const registry = ts.createDocumentRegistry(true);
  const shared = registry.getKeyForCompilationSettings(imposed);
  const keyOf = (file: string, key: ts.DocumentRegistryBucketKey) => (/\.d\.[cm]?ts$/.test(file) ? shared : key);
  return {
    ...registry,
    getKeyForCompilationSettings: (options) =>
      registry.getKeyForCompilationSettings({ ...options, pathsBasePath: undefined }),
    acquireDocumentWithKey: (file, at, options, key, ...more) =>
      registry.acquireDocumentWithKey(file, at, options, keyOf(file, key), ...more),
    updateDocumentWithKey: (file, at, options, key, ...more) =>
      registry.updateDocumentWithKey(file, at, options, keyOf(file, key), ...more),
    releaseDocumentWithKey: (
      at: ts.Path,
      key: ts.DocumentRegistryBucketKey,
      kind?: ts.ScriptKind,
      format?: ts.ResolutionMode,
    ) => registry.releaseDocumentWithKey(at, keyOf(at, key), kind!, format),
  };
}

/**
 * TypeScript asks hosts so, though its types do not tell; without it, it reads every package.json again for each cell.
 */
interface PackageCacheHost {
  getModuleResolutionCache(): ts.ModuleResolutionCache;
}

export class CellFiles {
  /** Where cells' files seem to lie. */
  readonly folder: string;
  readonly #documents = new Map<string, { text: string; version: number; kind: ts.ScriptKind }>();
  readonly #parsed: ParsedFiles;

  constructor(packageRoot: string, parsed: ParsedFiles) {
    this.folder = path.join(packageRoot, "__notebook__");
    this.#parsed = parsed;
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  /** The file of the cell with this number. */
  cell(number: number): string {
    return this.at(`__cell_${number}__.mts`);
  }

  /** Makes a virtual file, or changes it; `kind` is TypeScript with or without JSX. */
  write(name: string, text: string, kind = ts.ScriptKind.TS): void {
    const known = this.#documents.get(name);
    if (known?.text !== text || known.kind !== kind)
      this.#documents.set(name, { text, version: (known?.version ?? 0) + 1, kind });
  }

  /** The disk with the virtual files on it. */
  disk(): ts.ModuleResolutionHost {
    return {
      fileExists: (name) => this.#documents.has(name) || ts.sys.fileExists(name),
      readFile: (name) => this.#documents.get(name)?.text ?? ts.sys.readFile(name),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
      getCurrentDirectory: () => this.folder,
      useCaseSensitiveFileNames: true,
    };
  }

  /**
   * @param roots the files to be checked
   * @param notebook the folder where cells' imports start
   */
  languageHost(
    options: ts.CompilerOptions,
    imports: ImportResolver,
    roots: () => string[],
    notebook: () => string,
  ): ts.LanguageServiceHost & PackageCacheHost {
    const disk = this.disk();
    return {
      fileExists: (name) => disk.fileExists(name),
      readFile: (name) => disk.readFile(name),
      readDirectory: (...search) => ts.sys.readDirectory(...search),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
      getCompilationSettings: () => options,
      getCurrentDirectory: () => this.folder,
      getDefaultLibFileName: (asked) => path.join(this.#parsed.libFolder, ts.getDefaultLibFileName(asked)),
      getScriptFileNames: roots,
      getScriptVersion: (name) => this.#documents.get(name)?.version.toString() ?? diskVersion(name),
      getScriptSnapshot: (name) => this.#snapshot(name),
      getScriptKind: (name) => this.#documents.get(name)?.kind ?? ts.ScriptKind.Unknown, // by its extension
      useCaseSensitiveFileNames: () => true,
      resolveModuleNameLiterals: (literals, file, _redirect, asked, source) => {
        const importer = this.#documents.has(file) ? path.join(notebook(), "__cell__.mts") : file;
        return literals.map((literal) => {
          if (literal.text.startsWith(CELL_SCHEME)) {
            const resolvedFileName = this.cell(Number(literal.text.slice(CELL_SCHEME.length)));
            return {
              resolvedModule: { resolvedFileName, extension: ts.Extension.Mts, isExternalLibraryImport: false },
            };
          }
          return imports.resolve(literal.text, importer, ts.getModeForUsageLocation(source, literal, asked));
        });
      },
      getModuleResolutionCache: () => imports.cache,
    };
  }

  /** TypeScript asks for every file at every cell: what has not changed is not read again. */
  #snapshot(name: string): ts.IScriptSnapshot | undefined {
    const document = this.#documents.get(name);
    if (document) return ts.ScriptSnapshot.fromString(document.text);
    const version = diskVersion(name);
    const known = this.#parsed.snapshots.get(name);
    if (known?.version === version) return known.snapshot;
    const text = readOrNothing(name);
    if (text === undefined) return undefined;
    const snapshot = ts.ScriptSnapshot.fromString(text);
    this.#parsed.snapshots.set(name, { version, snapshot });
    return snapshot;
  }
}

/** Installed packages and TypeScript's own library do not change during a session, local modules do. */
function diskVersion(file: string): string {
  if (file.includes("/node_modules/")) return "installed";
  try {
    const { mtimeMs, size } = statSync(file);
    return `${mtimeMs}-${size}`;
  } catch {
    return "missing";
  }
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
