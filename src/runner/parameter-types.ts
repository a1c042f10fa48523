/**
 * Holds given parameter values against the types that the notebook's own parameters cell states, before anything runs.
 *
 * TypeScript itself judges, so whatever can be written as a type is understood: a union of literals, an imported alias, a
 * tuple, an object. It sees a module of three parts, checked as the kernel checks cells:
 *
 *     what the parameters cell uses of earlier cells    import type { Profile } from "marginalia";
 *     the parameters cell, every const as a let         let seed = 1996;      so that its type is number and not 1996
 *     one line for each value                           const __given_0: typeof seed = "x";     in a function of its own,
 *                                                       else a let narrows to its default
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { SourceFile, Statement, Type, TypeChecker } from "typescript";
import { hasTag, type CodeCell, type Notebook } from "./notebook.ts";
import { literalText, type DeclaredParameter, type ParameterValue } from "./parameters.ts";

type TypeScript = typeof import("typescript");

/** Longer unions are told by their first members. */
const MEMBERS_SHOWN = 20;
/** The package that the kernel belongs to: cells find "marginalia" there. */
const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

export interface ParameterDescription extends DeclaredParameter {
  /** The type in full, aliases of literals spelt out: `"quick" | "paper"`. */
  readonly accepts: string;
}

/** Every declared parameter with what it accepts. `file` is the notebook's path: imports start from its folder. */
export async function describeParameters(
  notebook: Notebook,
  declared: readonly DeclaredParameter[],
  file: string,
): Promise<ParameterDescription[]> {
  const module = await openModule(notebook, file, []);
  return declared.map((parameter) => ({ ...parameter, accepts: module.accepts(parameter.name) }));
}

/** One line for each value that its parameter's type does not take: name, value, what is accepted. Empty when all is well. */
export async function parameterTypeProblems(
  notebook: Notebook,
  declared: readonly DeclaredParameter[],
  given: readonly (readonly [name: string, value: ParameterValue])[],
  file: string,
): Promise<string[]> {
  const { default: ts } = await import("typescript");
  const unclear = given.filter(([name, value]) => {
    const type = declared.find((parameter) => parameter.name === name)?.type;
    return type === undefined || !plainlyTakes(ts, type, value);
  });
  if (unclear.length === 0) return [];
  const module = await openModule(notebook, file, unclear);
  return module.refused().map(({ index, why }) => {
    const [name, value] = unclear[index];
    return `parameter ${name} is ${literalText(value)}, expected ${module.accepts(name)}${why}${hintFor(value, module.accepts(name))}`;
  });
}

/** `-p label=8` means the number; a reader who meant text is told how to say so. */
function hintFor(value: ParameterValue, accepts: string): string {
  const isTextWanted = /\bstring\b|"/.test(accepts);
  if (typeof value === "string" || !isTextWanted || typeof value === "object") return "";
  return `; for text write ${JSON.stringify(String(value))} in quotes`;
}

/** Whether a type of keywords and literals takes the value: decided by reading, which spares a second of TypeScript. */
function plainlyTakes(ts: TypeScript, type: string, value: ParameterValue): boolean {
  const statement = ts.createSourceFile("type.ts", `type T = ${type}`, ts.ScriptTarget.Latest).statements[0];
  if (!ts.isTypeAliasDeclaration(statement)) return false;
  const takes = (node: import("typescript").TypeNode): boolean => {
    if (ts.isUnionTypeNode(node)) return node.types.some(takes);
    if (ts.isParenthesizedTypeNode(node)) return takes(node.type);
    if (node.kind === ts.SyntaxKind.NumberKeyword) return typeof value === "number";
    if (node.kind === ts.SyntaxKind.StringKeyword) return typeof value === "string";
    if (node.kind === ts.SyntaxKind.BooleanKeyword) return typeof value === "boolean";
    if (!ts.isLiteralTypeNode(node)) return false;
    if (node.literal.kind === ts.SyntaxKind.NullKeyword) return value === null;
    return ts.isStringLiteral(node.literal) && node.literal.text === value;
  };
  return takes(statement.type);
}

interface ParameterModule {
  accepts(name: string): string;
  /** Which of the given values TypeScript refuses, and what it adds to the type where that says more. */
  refused(): { index: number; why: string }[];
}

async function openModule(
  notebook: Notebook,
  file: string,
  given: readonly (readonly [name: string, value: ParameterValue])[],
): Promise<ParameterModule> {
  const [{ default: ts }, { CellProgram }] = await Promise.all([
    import("typescript"),
    import("../kernel/cell-program.ts"),
  ]);
  const before = contextOf(ts, notebook);
  const values = given.map(([name, value], i) => `const __given_${i}: typeof ${name} = ${literalText(value)};`);
  const text = [before, "function __given() {", ...values, "}"].join("\n");
  const {
    service,
    file: name,
    start: begin,
  } = new CellProgram(path.dirname(path.resolve(file)), packageRoot).open(text);
  const program = service.getProgram()!;
  const source = program.getSourceFile(name)!;
  const checker = program.getTypeChecker();
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const firstLine = lineOf(begin) + before.split("\n").length + 1;
  return {
    accepts: (parameter) => acceptedBy(ts, checker, source, parameter),
    refused: () => {
      const refused = new Map<number, string>();
      for (const { start, messageText } of service.getSemanticDiagnostics(name)) {
        const index = lineOf(start ?? 0) - firstLine;
        if (index < 0 || index >= given.length || refused.has(index)) continue;
        const isObject = typeof given[index][1] === "object" && given[index][1] !== null;
        refused.set(index, isObject ? ` (${innermost(messageText)})` : "");
      }
      return [...refused].map(([index, why]) => ({ index, why }));
    },
  };
}

/** What is wrong inside an object or array is told at the end of TypeScript's chain of messages. */
function innermost(message: string | import("typescript").DiagnosticMessageChain): string {
  if (typeof message === "string") return message.replace(/\.$/, "");
  const next = message.next?.at(-1);
  return next ? innermost(next) : innermost(message.messageText);
}

function acceptedBy(ts: TypeScript, checker: TypeChecker, source: SourceFile, name: string): string {
  const symbol = checker.getSymbolsInScope(source, ts.SymbolFlags.Variable).find((each) => each.name === name);
  if (!symbol) return "unknown";
  return typeText(ts, checker, checker.getTypeOfSymbolAtLocation(symbol, source));
}

function typeText(ts: TypeScript, checker: TypeChecker, type: Type): string {
  const text = (each: Type) => checker.typeToString(each, undefined, ts.TypeFormatFlags.NoTruncation);
  if (!type.isUnion() || type.flags & ts.TypeFlags.Boolean) return text(type);
  const members = type.types.map(text);
  // TypeScript holds boolean as a union of its two values, and in no order that a reader would choose.
  const both = members.includes("true") && members.includes("false");
  const rest = both ? ["boolean", ...members.filter((each) => each !== "true" && each !== "false")] : members;
  const isEmpty = (each: string) => each === "null" || each === "undefined";
  const shown = [...rest.filter((each) => !isEmpty(each)), ...rest.filter(isEmpty)];
  const more = shown.length - MEMBERS_SHOWN;
  return more > 0 ? `${shown.slice(0, MEMBERS_SHOWN).join(" | ")} and ${more} more` : shown.join(" | ");
}

/** The parameters cell with what it uses, directly or not, of earlier cells: nothing else has to be checked. */
function contextOf(ts: TypeScript, notebook: Notebook): string {
  const at = notebook.cells.findIndex((cell) => cell.cell_type === "code" && hasTag(cell, "parameters"));
  const cell = notebook.cells[at] as CodeCell;
  const parse = (text: string) => ts.createSourceFile("cell.ts", text, ts.ScriptTarget.Latest, true);
  const earlier = notebook.cells
    .slice(0, at)
    .filter((each) => each.cell_type === "code")
    .flatMap((each) => [...parse(each.source).statements]);
  const parameters = parse(cell.source);
  const chosen = new Set<Statement>();
  const wanted = namesIn(ts, parameters);
  for (const name of wanted)
    // grows while it is walked
    for (const statement of earlier.filter((each) => !chosen.has(each) && declaredBy(ts, each).has(name))) {
      chosen.add(statement);
      for (const used of namesIn(ts, statement)) wanted.add(used);
    }
  const edits = parameters.statements
    .filter(ts.isVariableStatement)
    .filter(({ declarationList }) => declarationList.flags & ts.NodeFlags.Const)
    .map(({ declarationList }) => declarationList.getStart(parameters));
  let own = cell.source;
  for (const start of edits.reverse()) own = `${own.slice(0, start)}let${own.slice(start + "const".length)}`;
  return [...earlier.filter((each) => chosen.has(each)).map((each) => each.getText()), own].join("\n");
}

function namesIn(ts: TypeScript, node: import("typescript").Node): Set<string> {
  const names = new Set<string>();
  const walk = (each: import("typescript").Node) => {
    if (ts.isIdentifier(each)) names.add(each.text);
    ts.forEachChild(each, walk);
  };
  walk(node);
  return names;
}

function declaredBy(ts: TypeScript, statement: Statement): Set<string> {
  if (ts.isImportDeclaration(statement))
    return statement.importClause ? namesIn(ts, statement.importClause) : new Set();
  if (ts.isVariableStatement(statement))
    return new Set(statement.declarationList.declarations.flatMap(({ name }) => [...namesIn(ts, name)]));
  const { name } = statement as { name?: import("typescript").Node };
  return new Set(name && ts.isIdentifier(name) ? [name.text] : []);
}
