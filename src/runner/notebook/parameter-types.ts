/**
 * Holds given parameter values against the types that the notebook's own parameters cell states, before anything runs.
 *
 * TypeScript itself judges, so whatever can be written as a type is understood: a union of literals, an imported alias,
 * a tuple, an object. It sees a module of three parts, checked as the kernel checks cells:
 *
 *     what the parameters cell uses of earlier cells    import type { Profile } from "marginalia";
 *     the parameters cell, every const as a let         let seed = 1996;      so that its type is number and not 1996
 *     one line for each value                           const __given_0: typeof seed = "x";     in a function of its
 *     own,
 *                                                       else a let narrows to its default
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { SourceFile, Statement, Type, TypeChecker } from "typescript";
import { hasTag, type CodeCell, type Notebook } from "./notebook.ts";
import { fitted, howToWrite } from "./parameter-fit.ts";
import { GivenText, literalText, parseValue, type GivenValue, type ParameterValue } from "./parameter-value.ts";
import type { DeclaredParameter } from "./declared-parameter.ts";

type TypeScript = typeof import("typescript");

/** Longer unions are told by their first members. */
const MAX_SHOWN_MEMBERS = 20;
/** The package that the kernel belongs to: cells find "marginalia" there. */
const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));

export interface ParameterDescription extends DeclaredParameter {
  /** The type in full, aliases of literals spelt out: `"quick" | "paper"`. */
  readonly accepts: string;
  /** How values are written, where that does not go without saying; begins with "; ". */
  readonly how: string;
}

/** Every declared parameter with what it accepts. `file` is the notebook's path: imports start from its folder. */
export async function describeParameters(
  notebook: Notebook,
  declared: readonly DeclaredParameter[],
  file: string,
): Promise<ParameterDescription[]> {
  const module = await openModule(notebook, file, []);
  return declared.map((parameter) => ({
    ...parameter,
    accepts: module.accepts(parameter.name),
    how: module.how(parameter.name),
  }));
}

/**
 * Each given value as its parameter's type has it, and one line for each that the type does not take: name, value, what
 * is accepted. Text may be meant in several ways, a number or the text itself: the first that the type takes is it; and
 * what is neither but can be made into what the type wants (a Date, a bigint) is made so (parameter-fit.ts).
 */
export async function settle(
  notebook: Notebook,
  declared: readonly DeclaredParameter[],
  given: readonly (readonly [name: string, value: GivenValue])[],
  file: string,
): Promise<{ readonly values: ParameterValue[]; readonly problems: string[] }> {
  const { default: ts } = await import("typescript");
  const open = given.map(([name, value]): Open => ({ name, ...readingsOf(value) }));
  for (const each of open) {
    const type = declared.find((parameter) => parameter.name === each.name)?.type;
    if (type !== undefined) each.chosen = plainChoice(ts, type, each.readings);
  }
  const unclear = open.filter(({ chosen }) => !chosen);
  const module = unclear.length > 0 ? await choose(notebook, file, unclear) : undefined;
  const problems = unclear.filter(({ chosen }) => !chosen).map((each) => problemOf(module!, each));
  return { values: open.map(({ chosen }) => chosen?.value), problems };
}

/** A value that is being read, and what it may mean, in order. */
interface Open {
  readonly name: string;
  /** As it was given, for messages. */
  readonly shown: string;
  readonly readings: readonly ParameterValue[];
  /** Why its text, which looks like a number, is none. */
  readonly notNumber?: string;
  chosen?: { readonly value: ParameterValue };
  why?: string;
}

function readingsOf(value: GivenValue): Pick<Open, "shown" | "readings" | "notNumber"> {
  if (!(value instanceof GivenText)) return { shown: literalText(value), readings: [value] };
  try {
    const read = parseValue(value.text);
    return { shown: literalText(read), readings: read === value.text ? [read] : [read, value.text] };
  } catch (error) {
    return { shown: value.text.trim(), readings: [value.text], notNumber: (error as Error).message };
  }
}

/** Tries the readings, and then what they can be made into; a module whose types are known is given back. */
async function choose(notebook: Notebook, file: string, open: readonly Open[]): Promise<ParameterModule> {
  const pairsOf = (each: Open, readings: readonly ParameterValue[]) => readings.map((value) => ({ each, name: each.name, value })); // prettier-ignore
  const attempt = async (pairs: ReturnType<typeof pairsOf>) => {
    const module = await openModule(notebook, file, pairs);
    const refused = new Map(module.refused().map(({ index, why }) => [index, why]));
    for (const [i, { each, value }] of pairs.entries())
      if (refused.has(i)) each.why ??= refused.get(i);
      else each.chosen ??= { value };
    return module;
  };
  const module = await attempt(open.flatMap((each) => pairsOf(each, each.readings)));
  const fitted = open.filter(({ chosen }) => !chosen).flatMap((each) => pairsOf(each, each.readings.map((value) => module.fit(each.name, value)).filter((value, i) => value !== each.readings[i] || value === undefined))); // prettier-ignore
  if (fitted.length > 0) await attempt(fitted);
  return module;
}

function problemOf(module: ParameterModule, { name, shown, readings, notNumber, why = "" }: Open): string {
  const accepted = module.accepts(name);
  const because = notNumber === undefined ? why : ` (${notNumber})`;
  return `parameter ${name} is ${shown}, expected ${accepted}${because}${hintFor(readings, accepted)}${module.how(name)}`;
}

/** In a file, `label: 8` means the number; a reader who meant text is told how to say so. */
function hintFor([value]: readonly ParameterValue[], accepts: string): string {
  if (typeof value === "bigint" && /\bnumber\b/.test(accepts)) return "; a number holds whole numbers to 2^53 exactly, write it in quotes to pass it as text"; // prettier-ignore
  const isTextWanted = /\bstring\b|"/.test(accepts);
  if (typeof value === "string" || !isTextWanted || typeof value === "object") return "";
  return `; for text write ${JSON.stringify(String(value))} in quotes`;
}

/**
 * The first reading that a type of keywords and literals takes; undefined where only TypeScript can tell. Spares a
 * second of it.
 */
function plainChoice(ts: TypeScript, type: string, readings: readonly ParameterValue[]): Open["chosen"] {
  for (const value of readings) {
    const takes = plainlyTakes(ts, type, value);
    if (takes) return { value };
    if (takes === undefined) return undefined;
  }
  return undefined;
}

/** Whether a type of keywords and literals takes the value; undefined for other types. */
function plainlyTakes(ts: TypeScript, type: string, value: ParameterValue): boolean | undefined {
  const statement = ts.createSourceFile("type.ts", `type T = ${type}`, ts.ScriptTarget.Latest).statements[0];
  if (!ts.isTypeAliasDeclaration(statement)) return undefined;
  const takes = (node: import("typescript").TypeNode): boolean | undefined => {
    if (ts.isUnionTypeNode(node)) {
      const each = node.types.map(takes);
      return each.includes(true) ? true : each.includes(undefined) ? undefined : false;
    }
    if (ts.isParenthesizedTypeNode(node)) return takes(node.type);
    if (node.kind === ts.SyntaxKind.NumberKeyword) return typeof value === "number";
    if (node.kind === ts.SyntaxKind.StringKeyword) return typeof value === "string";
    if (node.kind === ts.SyntaxKind.BooleanKeyword) return typeof value === "boolean";
    if (node.kind === ts.SyntaxKind.BigIntKeyword) return typeof value === "bigint";
    if (!ts.isLiteralTypeNode(node)) return undefined;
    if (node.literal.kind === ts.SyntaxKind.NullKeyword) return value === null;
    return ts.isStringLiteral(node.literal) ? node.literal.text === value : undefined;
  };
  return takes(statement.type);
}

interface ParameterModule {
  accepts(name: string): string;
  /** How a value of the parameter's type is written, or that none can be. */
  how(name: string): string;
  /** The value, or what the parameter's type makes of it. */
  fit(name: string, value: ParameterValue): ParameterValue;
  /** Which of the given values TypeScript refuses, and what it adds to the type where that says more. */
  refused(): { index: number; why: string }[];
}

async function openModule(
  notebook: Notebook,
  file: string,
  given: readonly { readonly name: string; readonly value: ParameterValue }[],
): Promise<ParameterModule> {
  const [{ default: ts }, { CellProgram }] = await Promise.all([
    import("typescript"),
    import("../../kernel/language/cell-program.ts"),
  ]);
  const before = contextOf(ts, notebook);
  const values = given.map(({ name, value }, i) => `const __given_${i}: typeof ${name} = ${literalText(value)};`);
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
  const typeOf = (parameter: string) => typeOfVariable(ts, checker, source, parameter);
  return {
    accepts: (parameter) => acceptedBy(ts, checker, typeOf(parameter)),
    how: (parameter) => howToWrite(ts, checker, typeOf(parameter)),
    fit: (parameter, value) => fitted(ts, checker, typeOf(parameter), value),
    refused: () => {
      const refused = new Map<number, string>();
      for (const { start, messageText } of service.getSemanticDiagnostics(name)) {
        const index = lineOf(start ?? 0) - firstLine;
        if (index < 0 || index >= given.length || refused.has(index)) continue;
        const { value } = given[index];
        const isObject = typeof value === "object" && value !== null && !(value instanceof Date);
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

function typeOfVariable(ts: TypeScript, checker: TypeChecker, source: SourceFile, name: string): Type | undefined {
  const symbol = checker.getSymbolsInScope(source, ts.SymbolFlags.Variable).find((each) => each.name === name);
  return symbol && checker.getTypeOfSymbolAtLocation(symbol, source);
}

function acceptedBy(ts: TypeScript, checker: TypeChecker, type: Type | undefined): string {
  return type ? typeText(ts, checker, type) : "unknown";
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
  const more = shown.length - MAX_SHOWN_MEMBERS;
  return more > 0 ? `${shown.slice(0, MAX_SHOWN_MEMBERS).join(" | ")} and ${more} more` : shown.join(" | ");
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
