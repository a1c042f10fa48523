/** Completion, documentation and completeness of a cell that is being written. */
import ts from "typescript";
import type { CellProgram } from "./cell-program.ts";
import { completePath, installedPackages, isPath, stringAt, type StringAtCursor } from "./path-completion.ts";

export interface CompletionItem {
  readonly text: string;
  /** As TypeScript calls it ("method", "const", "module"), or "file", "directory". */
  readonly kind: string;
  /** Its type in TypeScript; only the first items have one. */
  readonly signature?: string;
  readonly documentation?: string;
}

/** Positions are UTF-16 offsets into the cell. */
export interface Completions {
  readonly start: number;
  readonly end: number;
  readonly items: readonly CompletionItem[];
}

/** More items than anybody reads: front ends filter by prefix themselves. */
const MAX_ITEMS = 500;
/** So many are explained: each takes TypeScript a moment. */
const MAX_EXPLAINED = 20;

export function complete(program: CellProgram, code: string, cursor: number): Completions {
  const text = stringAt(code, cursor);
  if (text && isPath(text.typed)) return inString(text, cursor, completePath(program.folder, text));
  const found = completeByType(program, code, cursor);
  if (!text) return found;
  if (!text.isImport)
    return found.items.length > 0 ? found : inString(text, cursor, completePath(program.folder, text));
  const items = moduleNames(program, code, cursor, text.typed).map((name) => ({ text: name, kind: "module" }));
  return behindSlash(code, { start: cursor - text.typed.length, end: cursor, items });
}

/** The same with what is already typed up to the last "/" left out. */
function behindSlash(code: string, { start, end, items }: Completions): Completions {
  const typed = code.slice(start, end).lastIndexOf("/") + 1;
  return { start: start + typed, end, items: items.map((item) => ({ ...item, text: item.text.slice(typed) })) };
}

/** Node's own modules, packages of the notebook's folder, those that the kernel's package lends it, and what packages export. */
function moduleNames(program: CellProgram, code: string, cursor: number, typed: string): string[] {
  const { service, file } = program.open(code);
  const ambient = service.getProgram()?.getTypeChecker().getAmbientModules() ?? [];
  const own = ambient.map(({ name }) => name.replaceAll('"', "")).sort();
  const packages = [program.folder, program.packageRoot].flatMap(installedPackages);
  const inside = /^(@[^/]+\/)?[^/]+\//.exec(typed)?.[0]; // the package's name and a slash
  const exported = inside === undefined ? [] : (service.getCompletionsAtPosition(file, cursor, {})?.entries ?? []);
  const all = [...own, ...packages, ...exported.map(({ name }) => `${inside}${name}`)];
  return [...new Set(all)].filter((name) => name.startsWith(typed));
}

function inString({ typed }: StringAtCursor, cursor: number, items: readonly CompletionItem[]): Completions {
  return { start: cursor - (typed.length - typed.lastIndexOf("/") - 1), end: cursor, items };
}

function completeByType(program: CellProgram, code: string, cursor: number): Completions {
  const { service, file } = program.open(code);
  const start = cursor - (/[\p{ID_Continue}$]*$/u.exec(code.slice(0, cursor))?.[0].length ?? 0);
  const found = service.getCompletionsAtPosition(file, cursor, { includeCompletionsWithInsertText: false });
  const span = found?.optionalReplacementSpan;
  const from = span ? span.start : start;
  const prefix = code.slice(from, cursor).toLowerCase();
  const items = (found?.entries ?? [])
    .filter(({ name }) => name.toLowerCase().startsWith(prefix) && !name.startsWith("__"))
    .sort((a, b) => (a.sortText < b.sortText ? -1 : a.sortText > b.sortText ? 1 : a.name < b.name ? -1 : 1))
    .slice(0, MAX_ITEMS)
    .map(({ name, kind, source, data }, index): CompletionItem => {
      if (index >= MAX_EXPLAINED) return { text: name, kind };
      const details = service.getCompletionEntryDetails(file, cursor, name, undefined, source, undefined, data);
      const signature = ts.displayPartsToString(details?.displayParts).replace(/^\(alias\) /, "");
      const documentation = ts.displayPartsToString(details?.documentation);
      return { text: name, kind, ...(signature && { signature }), ...(documentation && { documentation }) };
    });
  return { start: from, end: cursor, items };
}

/** Type, and with `detail` 0 or more the documentation, of what stands at the cursor; undefined when nothing is known. */
export function inspect(program: CellProgram, code: string, cursor: number): string | undefined {
  const { service, file } = program.open(code);
  // The cursor often stands behind the name, or behind the parenthesis that opens a call.
  for (const position of [cursor, cursor - 1, cursor - 2]) {
    if (position < 0) break;
    const info = service.getQuickInfoAtPosition(file, position);
    if (!info) continue;
    const signature = ts
      .displayPartsToString(info.displayParts)
      .replace(/^\(alias\) /, "")
      .replace(/\nimport [^\n]*$/, "");
    const tags = (info.tags ?? []).map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`.trim());
    return [signature, ts.displayPartsToString(info.documentation), tags.join("\n")].filter(Boolean).join("\n\n");
  }
  return undefined;
}

/** Errors that more lines can mend, wherever they are reported: something still open at the end. */
const openEnded = new Set([
  1010, // */ expected
  1160, // unterminated template literal
]);
/** Errors at the end that more lines cannot mend: these end with their line. */
const endedByLine = new Set([
  1002, // unterminated string literal
  1161, // unterminated regular expression literal
]);

export function isComplete(code: string): { status: "complete" | "incomplete" | "invalid"; indent?: string } {
  const { diagnostics = [] } = ts.transpileModule(code, {
    fileName: "cell.mts",
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  });
  const errors = diagnostics.filter(({ category }) => category === ts.DiagnosticCategory.Error);
  if (errors.length === 0) return { status: "complete" };
  const end = code.trimEnd().length;
  const [{ code: first, start = 0 }] = errors;
  const mendable = openEnded.has(first) || (start >= end && !endedByLine.has(first));
  return mendable ? { status: "incomplete", indent: nextIndent(code) } : { status: "invalid" };
}

/** Two spaces for each bracket that is open at the end; nothing inside an open template or comment. */
function nextIndent(code: string): string {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, code);
  let open = 0;
  const templates: number[] = [];
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    if (scanner.isUnterminated()) return "";
    const { SyntaxKind } = ts;
    if (token === SyntaxKind.CloseBraceToken && templates.at(-1) === open) {
      token = scanner.reScanTemplateToken(false);
      if (scanner.isUnterminated()) return "";
      if (token === SyntaxKind.TemplateTail) templates.pop();
    } else if (token === SyntaxKind.TemplateHead) templates.push(open);
    else if ([SyntaxKind.OpenBraceToken, SyntaxKind.OpenParenToken, SyntaxKind.OpenBracketToken].includes(token))
      open++;
    else if ([SyntaxKind.CloseBraceToken, SyntaxKind.CloseParenToken, SyntaxKind.CloseBracketToken].includes(token))
      open = Math.max(0, open - 1);
  }
  return "  ".repeat(open);
}
