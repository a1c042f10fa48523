/** Completion, documentation and completeness of a cell that is being written. */
import ts from "typescript";
import type { CellProgram } from "./cell-program.ts";
import type { CompletionItem, Completions } from "./questions.ts";
import { completePath, installedPackages, isPath, stringAt, type StringAtCursor } from "./path-completion.ts";

/** More items than anybody reads: front ends filter by prefix themselves. */
const MAX_COMPLETIONS = 500;
/** So many are explained: each takes TypeScript a moment. */
const MAX_EXPLAINED_COMPLETIONS = 20;

/** @param cursor UTF-16 offset into the cell */
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

/**
 * Node's own modules, packages of the notebook's folder, those that the kernel's package lends it, and what packages
 * export.
 */
function moduleNames(program: CellProgram, code: string, cursor: number, typed: string): string[] {
  const { service, file, start } = program.open(code);
  const ambient = service.getProgram()?.getTypeChecker().getAmbientModules() ?? [];
  const own = ambient.map(({ name }) => name.replaceAll('"', "")).sort();
  const packages = [program.folder, program.packageRoot].flatMap(installedPackages);
  const inside = /^(@[^/]+\/)?[^/]+\//.exec(typed)?.[0]; // the package's name and a slash
  const exported =
    inside === undefined ? [] : (service.getCompletionsAtPosition(file, start + cursor, {})?.entries ?? []);
  const all = [...own, ...packages, ...exported.map(({ name }) => `${inside}${name}`)];
  return [...new Set(all)].filter((name) => name.startsWith(typed));
}

function inString({ typed }: StringAtCursor, cursor: number, items: readonly CompletionItem[]): Completions {
  return { start: cursor - (typed.length - typed.lastIndexOf("/") - 1), end: cursor, items };
}

function completeByType(program: CellProgram, code: string, cursor: number): Completions {
  const typed = /[\p{ID_Continue}$]*$/u.exec(code.slice(0, cursor))?.[0] ?? "";
  const isMember = /(^|[^.])\.\s*$/.test(code.slice(0, cursor - typed.length));
  // Each name of an earlier cell costs a check: where nothing is typed they are listed without one.
  const wanted = (name: string) => !isMember && typed !== "" && name.toLowerCase().startsWith(typed.toLowerCase());
  const { service, file, start } = program.open(code, wanted);
  const at = start + cursor;
  const found = service.getCompletionsAtPosition(file, at, { includeSymbol: true });
  const span = found?.optionalReplacementSpan;
  const from = span ? span.start - start : cursor - typed.length;
  const prefix = code.slice(from, cursor).toLowerCase();
  const items = (found?.entries ?? [])
    .filter(({ name }) => name.toLowerCase().startsWith(prefix) && !name.startsWith("__"))
    .sort((a, b) => (a.sortText < b.sortText ? -1 : a.sortText > b.sortText ? 1 : a.name < b.name ? -1 : 1))
    .slice(0, MAX_COMPLETIONS)
    .map(({ name, kind, symbol }, index): CompletionItem => {
      const item = { text: name, kind };
      return symbol && index < MAX_EXPLAINED_COMPLETIONS
        ? { ...item, ...explain(service.getProgram()!, file, symbol) }
        : item;
    });
  if (typed !== "" || !found?.entries.some(({ name }) => name === "globalThis"))
    return { start: from, end: cursor, items };
  const listed = program.names.map((name): CompletionItem => ({ text: name, kind: "alias" }));
  const others = items.filter(({ text }) => !program.names.includes(text));
  return { start: from, end: cursor, items: [...listed, ...others] };
}

/** The service's own details begin the whole completion anew for each item, which takes ten times as long as this. */
function explain(
  program: ts.Program,
  file: string,
  symbol: ts.Symbol,
): Pick<CompletionItem, "signature" | "documentation"> {
  const checker = program.getTypeChecker();
  const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const documentation = ts.displayPartsToString(meant.getDocumentationComment(checker));
  return {
    signature: signatureOf(checker, symbol.name, meant, program.getSourceFile(file)!),
    ...(documentation && { documentation }),
  };
}

function signatureOf(checker: ts.TypeChecker, name: string, symbol: ts.Symbol, at: ts.Node): string {
  if (!(symbol.flags & ts.SymbolFlags.Value))
    return `${name}${symbol.flags & ts.SymbolFlags.Type ? `: ${checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), at)}` : ""}`;
  const type = checker.getTypeOfSymbolAtLocation(symbol, at);
  const [first, ...overloads] = type.getCallSignatures();
  if (!first) return `${name}: ${checker.typeToString(type, at)}`;
  const others = overloads.length > 0 ? ` (+${overloads.length} overload${overloads.length > 1 ? "s" : ""})` : "";
  return `${name}${checker.signatureToString(first, at)}${others}`;
}

/**
 * Type, and with `detail` 0 or more the documentation, of what stands at the cursor; undefined when nothing is known.
 */
export function inspect(program: CellProgram, code: string, cursor: number): string | undefined {
  const { service, file, start } = program.open(code);
  // The cursor often stands behind the name, or behind the parenthesis that opens a call.
  for (const position of [cursor, cursor - 1, cursor - 2]) {
    if (position < 0) break;
    const info = service.getQuickInfoAtPosition(file, start + position);
    if (!info) continue;
    const signature = ts
      .displayPartsToString(info.displayParts)
      .replace(/^\(alias\) /, "")
      .replace(/\nimport [^\n]*$/, "");
    // Each a paragraph: front ends show Markdown, in which lines run together.
    const tags = (info.tags ?? []).map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`.trim());
    return [signature, ts.displayPartsToString(info.documentation), ...tags].filter(Boolean).join("\n\n");
  }
  return undefined;
}
