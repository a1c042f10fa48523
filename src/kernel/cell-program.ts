/**
 * The TypeScript service: type-checks a cell against all cells before it and emits it.
 *
 * Each cell is an ES module of its own, so it may declare any name again. Its file is virtual and stands nowhere in particular, so that
 * a snapshot's program serves any notebook; its imports start in the notebook's folder. What it uses of earlier cells stands in a
 * footer that TypeScript sees and nobody else (positions in the cell stay what they are):
 *
 *     import { f, T, s as __before_s } from "marginalia-cell:3";                 and so on for each earlier cell
 *     declare let s: typeof __before_s;                                          what may be assigned to
 *     export { names of this cell };
 *
 * Earlier cells are checked no more; TypeScript infers of them what a later cell uses. A new file or another list of imported modules
 * makes TypeScript build its program anew, so files for coming cells stand ready, and a footer imports from all cells before
 * whether it needs them or not: most cells then change the text of one file, and the check takes a third of the time. Of their
 * names it imports those that the cell mentions: each costs a check, a large package's tenths of a second.
 */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { declaredNames, exportedNames, mentionedNames, type DeclaredName } from "./cell-names.ts";
import { transformCell, type EmittedCell } from "./cell-transform.ts";
import { cellOptions, ImportResolver } from "./compiler-options.ts";
import { AMBIENT_TYPES } from "./ambient.ts";

/** A mistake found before the cell runs. */
export interface CellMistake {
  /** TypeScript's number, as in TS2322. */
  readonly code: number;
  readonly message: string;
  /** 1-based, in the cell; the column in UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** Of the underlined text, in UTF-16 units. */
  readonly length: number;
}

export type PreparedCell = { readonly mistakes: CellMistake[] } | ({ readonly mistakes: [] } & EmittedCell);

const CELL_SCHEME = "marginalia-cell:";

/** Reported by TypeScript, yet no reason to refuse a cell. */
const harmless = new Set([
  1543, // JSON imported without { type: "json" }
  2695, // left side of comma operator is unused
  7016, // an untyped JavaScript package: its exports are `any`
  7027, // unreachable code
  7028, // unused label
]);
const ASSIGNS_IMPORT = 2632;
/** "Relative import paths need explicit file extensions", which cells do not: the module is not there. */
const NEEDS_EXTENSION = [2834, 2835];

/** Files for so many coming cells stand ready. */
const READY = 24;

interface Visible {
  readonly cell: number;
  readonly assignable: boolean;
}

/** Files of TypeScript's library and of packages, as read and parsed: programs may share them. */
export class ParsedFiles {
  readonly registry = ts.createDocumentRegistry(true);
  readonly snapshots = new Map<string, { version: string; snapshot: ts.IScriptSnapshot }>();
  /** Where TypeScript's own library lies. */
  readonly libFolder: string;

  constructor(libFolder = path.dirname(ts.getDefaultLibFilePath({}))) {
    this.libFolder = libFolder;
  }
}

export class CellProgram {
  /** Where cells' files seem to lie: there is no such folder. */
  readonly #cellFolder: string;
  /** The folder of the package that the kernel belongs to. */
  readonly packageRoot: string;
  #problems: readonly string[];
  #folder: string;
  readonly #options: ts.CompilerOptions;
  readonly #service: ts.LanguageService;
  readonly #imports: ImportResolver;
  /** Virtual files: the ambient types, the expected imports, the cell at hand and the cells before. */
  readonly #documents = new Map<string, { text: string; version: number }>();
  readonly #parsed: ParsedFiles;
  readonly #visible = new Map<string, Visible>();
  readonly #ambient: string;
  /** Imports what is expected, so that a cell that does finds it read. */
  readonly #expected: string;
  #roots: string[] = [];
  /** The number of the cell at hand: the cells before have been run. */
  #cell = 1;
  #pending: { text: string; names: DeclaredName[] } | undefined;

  /**
   * @param folder the notebook's folder
   * @param packageRoot the folder of the package that the kernel belongs to
   * @param parsed what other programs have read already
   * @param expected modules that cells are going to import
   */
  constructor(
    folder: string,
    packageRoot: string,
    parsed: ParsedFiles = new ParsedFiles(),
    expected: readonly string[] = [],
  ) {
    const { options, problems } = cellOptions(folder, packageRoot);
    this.#folder = folder;
    this.packageRoot = packageRoot;
    this.#cellFolder = path.join(packageRoot, "__notebook__");
    this.#parsed = parsed;
    this.#problems = problems;
    this.#options = options;
    this.#ambient = path.join(this.#cellFolder, "__notebook__.d.ts");
    this.#expected = path.join(this.#cellFolder, "__expected__.mts");
    this.#documents.set(this.#ambient, { text: AMBIENT_TYPES, version: 1 });
    this.#write(this.#expected, `${expected.map((name) => `import ${JSON.stringify(name)};\n`).join("")}export {};\n`);
    this.#makeReady();
    const files = this.#files();
    this.#imports = new ImportResolver(options, files, this.#cellFolder, packageRoot);
    this.#service = ts.createLanguageService(this.#host(files), parsed.registry);
  }

  /** Problems with the notebook's tsconfig.json. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** The notebook's folder. */
  get folder(): string {
    return this.#folder;
  }

  /** Goes to another notebook's folder; false when that one asks for other options, and a program of its own. */
  moveTo(folder: string): boolean {
    const { options, problems } = cellOptions(folder, this.packageRoot);
    if (JSON.stringify(options) !== JSON.stringify(this.#options)) return false;
    this.#folder = folder;
    this.#problems = problems;
    return true;
  }

  /** Forgets all cells. */
  clear(): void {
    this.#visible.clear();
    this.#pending = undefined;
    this.#cell = 1;
    this.#standReady(this.#roots.map((_, index) => index + 1));
    this.prepare("");
  }

  /** Checks and emits `code`. What it declares becomes visible to later cells by `commit`. */
  prepare(code: string): PreparedCell {
    const { file, text } = this.#open(code);
    const current = file.fileName;
    const diagnostics = [
      ...this.#service.getSyntacticDiagnostics(current),
      ...this.#service.getSemanticDiagnostics(current),
    ];
    const mistakes = diagnostics.flatMap((each) => this.#mistake(each, code));
    if (mistakes.length > 0) return { mistakes };
    const typeOnly = this.#typeOnlyImports(current);
    const decorators = this.#options.experimentalDecorators ? "legacy" : "standard";
    const emitted = transformCell(code, (name) => typeOnly.has(name), decorators);
    this.#pending = { text, names: declaredNames(file.statements) };
    return { mistakes: [], ...emitted };
  }

  /** The cell prepared last is run: later cells see its names. */
  commit(): void {
    if (!this.#pending) return;
    const { text, names } = this.#pending;
    this.#pending = undefined;
    this.#write(this.#cellFile(this.#cell), text);
    for (const { name, assignable } of names) this.#visible.set(name, { cell: this.#cell, assignable });
    this.#cell++;
    if (this.#cell >= this.#roots.length) this.#makeReady();
  }

  /** Cells that were prepared and run in another program, in their order. */
  restore(cells: readonly string[]): void {
    for (const code of cells) {
      const { file, text } = this.#open(code);
      this.#pending = { text, names: declaredNames(file.statements) };
      this.commit();
    }
  }

  /** Makes `code` the cell at hand, for questions of completion and documentation. */
  open(code: string): { service: ts.LanguageService; file: string } {
    const { file } = this.#open(code, () => true);
    return { service: this.#service, file: file.fileName };
  }

  /** @param wanted which names of earlier cells it sees; those that it mentions unless told */
  #open(code: string, wanted?: (name: string) => boolean): { file: ts.SourceFile; text: string } {
    const name = this.#cellFile(this.#cell);
    const file = ts.createSourceFile(name, code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
    const mentioned = mentionedNames(file);
    const names = declaredNames(file.statements);
    const exported = exportedNames(file);
    const exports = names.filter((each) => !exported.has(each.name)).map((each) => each.name);
    const imports = this.#importLines(this.#cell, names, wanted ?? ((each) => mentioned.has(each)));
    const text = `${code}\n${imports}export { ${exports.join(", ")} };\n`;
    this.#write(name, text);
    this.#imports.refresh();
    return { file, text };
  }

  #write(name: string, text: string): void {
    const known = this.#documents.get(name);
    if (known?.text !== text) this.#documents.set(name, { text, version: (known?.version ?? 0) + 1 });
  }

  #makeReady(): void {
    const first = this.#roots.length + 1;
    const cells = Array.from({ length: READY }, (_, index) => first + index);
    this.#standReady(cells);
    this.#roots = [...this.#roots, ...cells.map((cell) => this.#cellFile(cell))];
  }

  #standReady(cells: readonly number[]): void {
    for (const cell of cells) this.#write(this.#cellFile(cell), `${this.#importLines(cell, undefined)}export {};\n`);
  }

  /** The imports of the cell numbered `cell`, which declares `own` itself; undefined for a file that stands ready. */
  #importLines(
    cell: number,
    own: readonly DeclaredName[] | undefined,
    wanted: (name: string) => boolean = () => false,
  ): string {
    const imported = new Map<number, string[]>();
    const hidden = new Set(own?.map(({ name }) => name));
    let declared = "";
    if (own)
      for (const [name, { cell: from, assignable }] of this.#visible) {
        if (hidden.has(name) || !wanted(name)) continue;
        const before = `__before_${name}`;
        imported.set(from, [...(imported.get(from) ?? []), assignable ? `${name} as ${before}` : name]);
        if (assignable) declared += `declare let ${name}: typeof ${before};\n`;
      }
    let lines = "";
    for (let from = 1; from < cell; from++)
      lines += `import { ${imported.get(from)?.join(", ") ?? ""} } from "${CELL_SCHEME}${from}";\n`;
    return lines + declared;
  }

  #cellFile(cell: number): string {
    return path.join(this.#cellFolder, `__cell_${cell}__.mts`);
  }

  #mistake(diagnostic: ts.Diagnostic, code: string): CellMistake[] {
    const { start = 0, length = 1, category } = diagnostic;
    if (category !== ts.DiagnosticCategory.Error || harmless.has(diagnostic.code)) return [];
    if (start > code.length) return []; // in the footer
    const before = code.slice(0, start).split("\n");
    let message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
    if (diagnostic.code === ASSIGNS_IMPORT) {
      const name = code.slice(start, start + length);
      if (this.#visible.has(name))
        message = `Cannot assign to '${name}' because an earlier cell declares it as a constant.`;
    }
    if (NEEDS_EXTENSION.includes(diagnostic.code)) message = `Cannot find module ${code.slice(start, start + length)}.`;
    message = message.replaceAll(/import\("[^"]*\/__cell_\d+__"\)\./g, "");
    return [
      { code: diagnostic.code, message, line: before.length, column: before[before.length - 1].length + 1, length },
    ];
  }

  /** Names that the cell at hand imports and that have no value at run time. */
  #typeOnlyImports(current: string): Set<string> {
    const program = this.#service.getProgram();
    const file = program?.getSourceFile(current);
    const found = new Set<string>();
    if (!program || !file) return found;
    const checker = program.getTypeChecker();
    const look = (name: ts.Identifier | undefined) => {
      const symbol = name && checker.getSymbolAtLocation(name);
      if (!symbol || !(symbol.flags & ts.SymbolFlags.Alias)) return;
      const target = checker.getAliasedSymbol(symbol);
      const known = (target.declarations?.length ?? 0) > 0;
      if (known && !(target.flags & ts.SymbolFlags.Value)) found.add(name.text);
    };
    for (const statement of file.statements) {
      if (!ts.isImportDeclaration(statement) || !statement.importClause) continue;
      const { name, namedBindings } = statement.importClause;
      look(name);
      if (namedBindings && ts.isNamedImports(namedBindings)) namedBindings.elements.forEach((each) => look(each.name));
    }
    return found;
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

  /** The disk with the virtual files on it. */
  #files(): ts.ModuleResolutionHost {
    return {
      fileExists: (name) => this.#documents.has(name) || ts.sys.fileExists(name),
      readFile: (name) => this.#documents.get(name)?.text ?? ts.sys.readFile(name),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
      getCurrentDirectory: () => this.#cellFolder,
      useCaseSensitiveFileNames: true,
    };
  }

  #host(files: ts.ModuleResolutionHost): ts.LanguageServiceHost & PackageCacheHost {
    return {
      fileExists: (name) => files.fileExists(name),
      readFile: (name) => files.readFile(name),
      readDirectory: (...search) => ts.sys.readDirectory(...search),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
      getCompilationSettings: () => this.#options,
      getCurrentDirectory: () => this.#cellFolder,
      getDefaultLibFileName: (options) => path.join(this.#parsed.libFolder, ts.getDefaultLibFileName(options)),
      getScriptFileNames: () => [this.#ambient, this.#expected, ...this.#roots],
      getScriptVersion: (name) => this.#documents.get(name)?.version.toString() ?? diskVersion(name),
      getScriptSnapshot: (name) => this.#snapshot(name),
      useCaseSensitiveFileNames: () => true,
      resolveModuleNameLiterals: (literals, file, _redirect, options, source) => {
        const importer = this.#documents.has(file) ? path.join(this.#folder, "__cell__.mts") : file;
        return literals.map((literal) => {
          if (literal.text.startsWith(CELL_SCHEME)) {
            const resolvedFileName = this.#cellFile(Number(literal.text.slice(CELL_SCHEME.length)));
            return {
              resolvedModule: { resolvedFileName, extension: ts.Extension.Mts, isExternalLibraryImport: false },
            };
          }
          const mode = ts.getModeForUsageLocation(source, literal, options);
          return this.#imports.resolve(literal.text, importer, mode);
        });
      },
      getModuleResolutionCache: () => this.#imports.cache,
    };
  }
}

/** TypeScript asks hosts so, though its types do not tell; without it, it reads every package.json again for each cell. */
interface PackageCacheHost {
  getModuleResolutionCache(): ts.ModuleResolutionCache;
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
