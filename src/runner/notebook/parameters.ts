/**
 * Papermill's conventions for TypeScript: a cell tagged `parameters` declares names with default values; a run's own
 * values stand in a cell tagged `injected-parameters` right after it, which replaces the one of an earlier run.
 *
 *     let depth = 5;                            depth = 20;
 *     const profile: Profile = "quick";         const profile: Profile = "paper";
 *
 * A `let` is assigned to; a `const` is declared again with the type of the first declaration. Values are held against
 * the notebook's own types before anything runs (parameter-types.ts), and once more by the kernel's type check.
 */
import type { SourceFile, VariableDeclaration, VariableStatement } from "typescript";
import { InputError } from "../../base/input-error.ts";
import type { DeclaredParameter } from "./declared-parameter.ts";
import { hasTag, type Cell, type CodeCell, type Notebook } from "./notebook.ts";
import { GivenText, literalText } from "./parameter-value.ts";
import type { GivenParameters, GivenValue, Parameters, ParameterValue } from "./parameter-value.ts";

/** `name=text` from the command line; throws an InputError for text that is no such pair. */
export function parseParameter(pair: string): [name: string, text: GivenText] {
  const match = /^\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=(.*)$/su.exec(pair);
  if (!match) throw new InputError(`"${pair}" is no parameter, expected name=value such as -p depth=5`);
  return [match[1], new GivenText(match[2])];
}

/** What the notebook's parameters cell declares at its top level; empty when there is no such cell. */
export async function declaredParameters(notebook: Notebook): Promise<DeclaredParameter[]> {
  const cell = parametersCell(notebook);
  if (!cell) return [];
  const { default: ts } = await import("typescript");
  const source = ts.createSourceFile("parameters.ts", cell.source, ts.ScriptTarget.Latest, true);
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) => declarations(ts, source, statement));
}

function declarations(
  ts: typeof import("typescript"),
  source: SourceFile,
  statement: VariableStatement,
): DeclaredParameter[] {
  const { flags, declarations } = statement.declarationList;
  const keyword = flags & ts.NodeFlags.Const ? "const" : flags & ts.NodeFlags.Let ? "let" : "var";
  const typeOf = ({ type, initializer: value }: VariableDeclaration): string | undefined => {
    if (type) return type.getText(source);
    if (!value) return undefined;
    if (ts.isAsExpression(value) && !ts.isConstTypeReference(value.type)) return value.type.getText(source);
    if (ts.isSatisfiesExpression(value)) return value.type.getText(source);
    if (ts.isStringLiteralLike(value)) return "string";
    if (value.kind === ts.SyntaxKind.TrueKeyword || value.kind === ts.SyntaxKind.FalseKeyword) return "boolean";
    const operand = ts.isPrefixUnaryExpression(value) ? value.operand : value;
    return ts.isNumericLiteral(operand) ? "number" : undefined;
  };
  return declarations
    .filter((declaration) => ts.isIdentifier(declaration.name))
    .map((declaration) => ({
      name: declaration.name.getText(source),
      keyword,
      type: typeOf(declaration),
      defaultValue: declaration.initializer?.getText(source),
      ...commentOf(ts, source, statement),
    }));
}

/** The comment at the end of the line, else the one right above. */
function commentOf(ts: typeof import("typescript"), source: SourceFile, statement: VariableStatement) {
  const { text } = source;
  const beside = ts.getTrailingCommentRanges(text, statement.end) ?? [];
  const above = (ts.getLeadingCommentRanges(text, statement.pos) ?? []).filter(
    // Not what still belongs to the statement before, or stands apart.
    ({ end, pos }) => pos !== statement.pos && !/\n\s*\n/.test(text.slice(end, statement.getStart(source))),
  );
  const range = beside.at(-1) ?? above.at(-1);
  if (!range) return {};
  const comment = text
    .slice(range.pos, range.end)
    .replace(/^\/\*+|\*+\/$|^\/\/+/g, "")
    .replace(/\n\s*\*?\s?/g, " ")
    .trim();
  return comment ? { comment } : {};
}

/**
 * The notebook with `given` injected; without values, the notebook without an earlier run's injected cell.
 * Throws an InputError when a name is not declared (it lists those that are) or a value is not of the declared type (it
 * says what is accepted). `file` is the notebook's path, from whose folder imports of types are found.
 */
export async function injectParameters(notebook: Notebook, given: GivenParameters, file: string): Promise<Notebook> {
  return withInjected(notebook, await settledParameters(notebook, given, file));
}

/** Names and types checked, text read as its parameter's type has it. Throws as `injectParameters` does. */
export async function settledParameters(notebook: Notebook, given: GivenParameters, file: string): Promise<Parameters> {
  const names = Object.keys(given);
  if (names.length === 0) return {};
  const declared = await declaredParameters(notebook);
  checkNames(declared, names, notebook, file);
  const values = await settleValues(notebook, declared, Object.entries(given), file);
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

/** One value for each that is given, of its parameter's type; throws an InputError that tells every one that is not. */
export async function settleValues(
  notebook: Notebook,
  declared: readonly DeclaredParameter[],
  given: readonly (readonly [name: string, value: GivenValue])[],
  file: string,
): Promise<ParameterValue[]> {
  const { settle } = await import("./parameter-types.ts");
  const { values, problems } = await settle(notebook, declared, given, file);
  if (problems.length > 0) throw new InputError(problems.map((problem) => `${file}: ${problem}`).join("\n"));
  return values;
}

/** Values that are known to be of the declared types. */
export async function withInjected(notebook: Notebook, values: Parameters): Promise<Notebook> {
  const cells = notebook.cells.filter((cell) => !hasTag(cell, "injected-parameters"));
  const clean = { ...notebook, cells };
  if (Object.keys(values).length === 0) return clean;
  const declared = await declaredParameters(clean);
  const at = cells.indexOf(parametersCell(clean)!) + 1;
  return { ...notebook, cells: [...cells.slice(0, at), injectedCell(declared, values, cells), ...cells.slice(at)] };
}

export function checkNames(
  declared: readonly DeclaredParameter[],
  names: readonly string[],
  notebook: Notebook,
  file: string,
) {
  const mistake = taggingMistake(notebook);
  if (mistake !== undefined) throw new InputError(`${file}: ${mistake}`);
  if (!parametersCell(notebook))
    throw new InputError(
      `${file}: got ${plural(names)} ${names.join(", ")}, but no cell is tagged "parameters"; tag the one that declares the defaults`,
    );
  const unknown = names.filter((name) => !declared.some((parameter) => parameter.name === name));
  if (unknown.length === 0) return;
  const known = declared.map(({ name, type }) => (type ? `${name}: ${type}` : name)).join(", ") || "none";
  throw new InputError(
    `${file}: unknown ${plural(unknown)} ${unknown.join(", ")}; its parameters cell declares ${known}`,
  );
}

/**
 * What is wrong with the tags; a reader who declares parameters in two cells would have those of the second passed
 * over.
 */
export function taggingMistake(notebook: Notebook): string | undefined {
  const tagged = notebook.cells.flatMap((cell, i) => (isParametersCell(cell) ? [i + 1] : []));
  if (tagged.length < 2) return undefined;
  return `cells ${tagged.join(" and ")} are tagged "parameters", expected one: declare the parameters in one cell, or take the tag from the others`; // prettier-ignore
}

function plural(names: readonly string[]): string {
  return names.length > 1 ? "parameters" : "parameter";
}

function parametersCell(notebook: Notebook): CodeCell | undefined {
  return notebook.cells.find(isParametersCell);
}

function isParametersCell(cell: Cell): cell is CodeCell {
  return cell.cell_type === "code" && hasTag(cell, "parameters");
}

function injectedCell(declared: readonly DeclaredParameter[], values: Parameters, others: readonly Cell[]): CodeCell {
  const statements = declared
    .filter(({ name }) => Object.hasOwn(values, name))
    .map(({ name, keyword, type }) => {
      const value = literalText(values[name]);
      if (keyword !== "const") return `${name} = ${value};`;
      return `const ${name}${type ? `: ${type}` : ""} = ${value};`;
    });
  let id = "injected-parameters";
  while (others.some((cell) => cell.id === id)) id += "-";
  return {
    cell_type: "code",
    id,
    metadata: { tags: ["injected-parameters"] },
    source: ["// Parameters of this run", ...statements].join("\n"),
    execution_count: null,
    outputs: [],
  };
}
