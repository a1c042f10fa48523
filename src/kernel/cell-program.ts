/**
 * The TypeScript service: type-checks a cell against all cells before it and emits it.
 *
 * Each cell is an ES module of its own in the notebook's folder, so it may declare any name again. What it uses of earlier
 * cells stands in a footer that TypeScript sees and nobody else (positions in the cell stay what they are):
 *
 *     import { f, T } from "marginalia-cell:3";                      functions, classes, types, imports, const
 *     declare let s: typeof import("marginalia-cell:4").s;          what may be assigned to
 *     export { names of this cell };
 *
 * Earlier cells are checked no more; TypeScript infers of them what a later cell uses.
 */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { augmentsTypes, declaredNames, exportedNames, type DeclaredName } from "./cell-names.ts";
import { transformCell, type EmittedCell } from "./cell-transform.ts";
import { cellOptions, resolveImport } from "./compiler-options.ts";
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

interface Visible {
  readonly cell: number;
  readonly assignable: boolean;
}

export class CellProgram {
  /** Problems with the notebook's tsconfig.json. */
  readonly problems: readonly string[];
  readonly folder: string;
  readonly #packageRoot: string;
  readonly #options: ts.CompilerOptions;
  readonly #service: ts.LanguageService;
  /** Virtual files: the ambient types, the cell at hand and the cells before. */
  readonly #documents = new Map<string, { text: string; version: number }>();
  readonly #visible = new Map<string, Visible>();
  readonly #augmenting: string[] = [];
  readonly #ambient: string;
  readonly #current: string;
  #committed = 0;
  #resolutions!: ts.ModuleResolutionCache;
  #pending: { text: string; names: DeclaredName[]; augments: boolean } | undefined;

  /**
   * @param folder the notebook's folder
   * @param packageRoot the folder of the package that the kernel belongs to
   * @param isCancelled asked often during a check, which it ends with ts.OperationCanceledException
   */
  constructor(folder: string, packageRoot: string, isCancelled: () => boolean = () => false) {
    const { options, problems } = cellOptions(folder, packageRoot);
    this.folder = folder;
    this.problems = problems;
    this.#packageRoot = packageRoot;
    this.#options = options;
    this.#ambient = path.join(folder, "__notebook__.d.ts");
    this.#current = path.join(folder, "__cell__.mts");
    this.#documents.set(this.#ambient, { text: AMBIENT_TYPES, version: 1 });
    this.#service = ts.createLanguageService(this.#host(isCancelled), ts.createDocumentRegistry());
  }

  /** Checks and emits `code`. What it declares becomes visible to later cells by `commit`. */
  prepare(code: string): PreparedCell {
    const file = this.#open(code);
    const diagnostics = [
      ...this.#service.getSyntacticDiagnostics(this.#current),
      ...this.#service.getSemanticDiagnostics(this.#current),
    ];
    const mistakes = diagnostics.flatMap((each) => this.#mistake(each, code));
    if (mistakes.length > 0) return { mistakes };
    const typeOnly = this.#typeOnlyImports();
    const decorators = this.#options.experimentalDecorators ? "legacy" : "standard";
    const emitted = transformCell(code, (name) => typeOnly.has(name), decorators);
    this.#pending = {
      text: this.#documents.get(this.#current)!.text,
      names: declaredNames(file.statements),
      augments: augmentsTypes(file),
    };
    return { mistakes: [], ...emitted };
  }

  /** The cell prepared last is run: later cells see its names. */
  commit(): void {
    if (!this.#pending) return;
    const { text, names, augments } = this.#pending;
    this.#pending = undefined;
    const cell = ++this.#committed;
    this.#documents.set(this.#cellFile(cell), { text, version: 1 });
    if (augments) this.#augmenting.push(this.#cellFile(cell));
    for (const { name, assignable } of names) this.#visible.set(name, { cell, assignable });
  }

  /** Makes `code` the cell at hand, for questions of completion and documentation. */
  open(code: string): { service: ts.LanguageService; file: string } {
    this.#open(code);
    return { service: this.#service, file: this.#current };
  }

  #open(code: string): ts.SourceFile {
    const file = ts.createSourceFile(this.#current, code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
    const names = declaredNames(file.statements);
    const own = new Set(names.map(({ name }) => name));
    const exported = exportedNames(file);
    const exports = names.filter(({ name }) => !exported.has(name)).map(({ name }) => name);
    const text = `${code}\n${this.#imports(own)}export { ${exports.join(", ")} };\n`;
    const version = (this.#documents.get(this.#current)?.version ?? 0) + 1;
    this.#documents.set(this.#current, { text, version });
    this.#resolutions = ts.createModuleResolutionCache(this.folder, (name) => name, this.#options);
    return file;
  }

  #imports(except: ReadonlySet<string>): string {
    const imported = new Map<number, string[]>();
    let declared = "";
    for (const [name, { cell, assignable }] of this.#visible) {
      if (except.has(name)) continue;
      if (assignable) declared += `declare let ${name}: typeof import("${CELL_SCHEME}${cell}").${name};\n`;
      else imported.set(cell, [...(imported.get(cell) ?? []), name]);
    }
    const lines = [...imported].map(
      ([cell, names]) => `import { ${names.join(", ")} } from "${CELL_SCHEME}${cell}";\n`,
    );
    return lines.join("") + declared;
  }

  #cellFile(cell: number): string {
    return path.join(this.folder, `__cell_${cell}__.mts`);
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
    message = message.replaceAll(/import\("[^"]*\/__cell(?:_\d+)?__"\)\./g, "");
    return [
      { code: diagnostic.code, message, line: before.length, column: before[before.length - 1].length + 1, length },
    ];
  }

  /** Names that the cell at hand imports and that have no value at run time. */
  #typeOnlyImports(): Set<string> {
    const program = this.#service.getProgram();
    const file = program?.getSourceFile(this.#current);
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

  #host(isCancelled: () => boolean): ts.LanguageServiceHost {
    const files: ts.ModuleResolutionHost = {
      fileExists: (name) => this.#documents.has(name) || ts.sys.fileExists(name),
      readFile: (name) => this.#documents.get(name)?.text ?? ts.sys.readFile(name),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
      getCurrentDirectory: () => this.folder,
      useCaseSensitiveFileNames: true,
    };
    return {
      fileExists: (name) => files.fileExists(name),
      readFile: (name) => files.readFile(name),
      readDirectory: (...search) => ts.sys.readDirectory(...search),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
      getCompilationSettings: () => this.#options,
      getCurrentDirectory: () => this.folder,
      getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
      getScriptFileNames: () => [this.#ambient, ...this.#augmenting, this.#current],
      getScriptVersion: (name) => this.#documents.get(name)?.version.toString() ?? diskVersion(name),
      getScriptSnapshot: (name) => {
        const text = this.#documents.get(name)?.text ?? readOrNothing(name);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCancellationToken: () => ({ isCancellationRequested: isCancelled }),
      useCaseSensitiveFileNames: () => true,
      resolveModuleNameLiterals: (literals, importer, _redirect, options, source) =>
        literals.map((literal) => {
          if (literal.text.startsWith(CELL_SCHEME)) {
            const resolvedFileName = this.#cellFile(Number(literal.text.slice(CELL_SCHEME.length)));
            return {
              resolvedModule: { resolvedFileName, extension: ts.Extension.Mts, isExternalLibraryImport: false },
            };
          }
          const mode = ts.getModeForUsageLocation(source, literal, options);
          return resolveImport(literal.text, importer, mode, options, files, this.#resolutions, this.#packageRoot);
        }),
    };
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
