/**
 * The TypeScript service: type-checks a cell against all cells before it and emits it.
 *
 * Each cell is an ES module of its own (cell-files.ts), so it may declare any name again. What it uses of earlier cells
 * stands in a header that TypeScript sees and nobody else:
 *
 *     import { f, T, s as __before_s } from "marginalia-cell:3";                 and so on for each earlier cell
 *     declare let s: typeof __before_s;                                          what may be assigned to
 *     export { names of this cell };
 *
 * Nothing may stand behind the cell: what is still open at its end would swallow that, and seem to be closed.
 *
 * Earlier cells are checked no more; TypeScript infers of them what a later cell uses. A new file or another list of
 * imported modules makes TypeScript build its program anew, so files for coming cells stand ready, and a header imports
 * from all cells before whether it needs them or not: most cells then change the text of one file, and the check takes
 * a third of the time. Of their names it imports those that the cell mentions: each costs a check, a large package's
 * tenths of a second.
 */
import ts from "typescript";
import { pragmas, scriptKindOf, syntaxOf } from "./cell-syntax.ts";
import { CELL_SCHEME, CellFiles, ParsedFiles } from "./cell-files.ts";
import { mistakeIn, type CellMistake } from "./cell-mistakes.ts";
import { declaredNames, exportedNames, mentionedNames, type DeclaredName } from "./cell-names.ts";
import { transformCell, type EmittedCell } from "./cell-transform.ts";
import { cellOptions, ImportResolver, type CellOptions } from "./compiler-options.ts";
import { AMBIENT_TYPES } from "./ambient.ts";

export type PreparedCell = { readonly mistakes: CellMistake[] } | ({ readonly mistakes: [] } & EmittedCell);

/** Files for so many coming cells stand ready. */
const PREPARED_FILES = 24;

/** A cell as TypeScript sees it. */
interface OpenCell {
  /** The cell alone. */
  readonly file: ts.SourceFile;
  /** With its header. */
  readonly text: string;
  /** Where the cell begins behind its header. */
  readonly start: number;
}

interface Visible {
  readonly cell: number;
  readonly assignable: boolean;
}

export class CellProgram {
  /** The folder of the package that the kernel belongs to. */
  readonly packageRoot: string;
  #problems: readonly string[];
  #folder: string;
  /** As the notebook's tsconfig.json has them, and cells need them. */
  readonly options: ts.CompilerOptions;
  readonly #service: ts.LanguageService;
  readonly #imports: ImportResolver;
  /** The ambient types, the expected imports, the cell at hand and the cells before. */
  readonly #files: CellFiles;
  readonly #visible = new Map<string, Visible>();
  readonly #ambient: string;
  /** Imports what is expected, so that a cell that does finds it read. */
  readonly #expected: string;
  #roots: string[] = [];
  /** The number of the cell at hand: the cells before have been run. */
  #cell = 1;
  #pending: { text: string; names: DeclaredName[]; kind: ts.ScriptKind } | undefined;

  /**
   * @param folder the notebook's folder
   * @param packageRoot the folder of the package that the kernel belongs to
   * @param parsed what other programs have read already
   * @param expected modules that cells are going to import
   * @param project the folder's, unless told
   */
  constructor(
    folder: string,
    packageRoot: string,
    parsed: ParsedFiles = new ParsedFiles(),
    expected: readonly string[] = [],
    { options, problems }: Pick<CellOptions, "options" | "problems"> = cellOptions(folder, packageRoot),
  ) {
    this.#folder = folder;
    this.packageRoot = packageRoot;
    this.#files = new CellFiles(packageRoot, parsed);
    this.#problems = problems;
    this.options = options;
    this.#ambient = this.#files.at("__notebook__.d.ts");
    this.#expected = this.#files.at("__expected__.mts");
    this.#files.write(this.#ambient, AMBIENT_TYPES);
    const imports = expected.map((name) => `import ${JSON.stringify(name)};\n`).join("");
    this.#files.write(this.#expected, `${imports}export {};\n`);
    this.#makeReady();
    this.#imports = new ImportResolver(options, this.#files.disk(), this.#files.folder, packageRoot);
    const roots = () => [this.#ambient, this.#expected, ...this.#roots];
    const host = this.#files.languageHost(options, this.#imports, roots, () => this.#folder);
    this.#service = ts.createLanguageService(host, parsed.registry);
  }

  /** Problems with the notebook's tsconfig.json. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** What earlier cells have declared. */
  get names(): string[] {
    return [...this.#visible.keys()];
  }

  /** The notebook's folder. */
  get folder(): string {
    return this.#folder;
  }

  /** Goes to another notebook's folder; false when that one asks for other options, and a program of its own. */
  moveTo(folder: string): boolean {
    const { options, problems } = cellOptions(folder, this.packageRoot);
    if (JSON.stringify(options) !== JSON.stringify(this.options)) return false;
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
    const { file, text, start } = this.#open(code);
    const current = file.fileName;
    const told = (diagnostics: readonly ts.Diagnostic[]) =>
      diagnostics.flatMap((each) => mistakeIn({ code, start }, each, (name) => this.#visible.has(name)) ?? []);
    let mistakes = told(this.#service.getSyntacticDiagnostics(current));
    if (mistakes.length === 0) mistakes = told(this.#service.getSemanticDiagnostics(current));
    if (mistakes.length > 0) return { mistakes };
    const typeOnly = this.#typeOnlyImports(current);
    const emitted = transformCell(code, (name) => typeOnly.has(name), this.options);
    this.#pending = { text, names: declaredNames(file.statements), kind: scriptKindOf(file) };
    return { mistakes: [], ...emitted };
  }

  /** The cell prepared last is run: later cells see its names. */
  commit(): void {
    if (!this.#pending) return;
    const { text, names, kind } = this.#pending;
    this.#pending = undefined;
    this.#files.write(this.#files.cell(this.#cell), text, kind);
    for (const { name, assignable } of names) this.#visible.set(name, { cell: this.#cell, assignable });
    this.#cell++;
    if (this.#cell >= this.#roots.length) this.#makeReady();
  }

  /** Cells that were prepared and run in another program, in their order. */
  restore(cells: readonly string[]): void {
    for (const code of cells) {
      const { file, text } = this.#open(code);
      this.#pending = { text, names: declaredNames(file.statements), kind: scriptKindOf(file) };
      this.commit();
    }
  }

  /**
   * Makes `code` the cell at hand, for questions of completion and documentation; `start` is where it begins in the
   * file.
   *
   * @param wanted the names of earlier cells that it sees beside those that it mentions
   */
  open(code: string, wanted?: (name: string) => boolean): { service: ts.LanguageService; file: string; start: number } {
    const { file, start } = this.#open(code, wanted);
    return { service: this.#service, file: file.fileName, start };
  }

  #open(code: string, wanted: (name: string) => boolean = () => false): OpenCell {
    const name = this.#files.cell(this.#cell);
    const file = syntaxOf(code, this.options, name);
    const mentioned = mentionedNames(file, this.options);
    const names = declaredNames(file.statements);
    const exported = exportedNames(file);
    const exports = names.filter((each) => !exported.has(each.name)).map((each) => each.name);
    const imports = this.#importLines(this.#cell, names, (each) => mentioned.has(each) || wanted(each));
    const header = `${pragmas(code)}${imports}export { ${exports.join(", ")} };\n`;
    const text = header + code;
    this.#files.write(name, text, scriptKindOf(file));
    this.#imports.refresh();
    return { file, text, start: header.length };
  }

  #makeReady(): void {
    const first = this.#roots.length + 1;
    const cells = Array.from({ length: PREPARED_FILES }, (_, index) => first + index);
    this.#standReady(cells);
    this.#roots = [...this.#roots, ...cells.map((cell) => this.#files.cell(cell))];
  }

  #standReady(cells: readonly number[]): void {
    for (const cell of cells)
      this.#files.write(this.#files.cell(cell), `${this.#importLines(cell, undefined)}export {};\n`);
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
}
