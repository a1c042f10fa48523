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

/** Node's own modules, packages of the notebook's folder, those that the kernel's package lends it, and what packages export. */
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
  const wanted = (name: string) => !isMember && name.toLowerCase().startsWith(typed.toLowerCase());
  const { service, file, start } = program.open(code, wanted);
  const at = start + cursor;
  const found = service.getCompletionsAtPosition(file, at, { includeCompletionsWithInsertText: false });
  const span = found?.optionalReplacementSpan;
  const from = span ? span.start - start : cursor - typed.length;
  const prefix = code.slice(from, cursor).toLowerCase();
  const items = (found?.entries ?? [])
    .filter(({ name }) => name.toLowerCase().startsWith(prefix) && !name.startsWith("__"))
    .sort((a, b) => (a.sortText < b.sortText ? -1 : a.sortText > b.sortText ? 1 : a.name < b.name ? -1 : 1))
    .slice(0, MAX_ITEMS)
    .map(({ name, kind, source, data }, index): CompletionItem => {
      if (index >= MAX_EXPLAINED) return { text: name, kind };
      const details = service.getCompletionEntryDetails(file, at, name, undefined, source, undefined, data);
      const signature = ts.displayPartsToString(details?.displayParts).replace(/^\(alias\) /, "");
      const documentation = ts.displayPartsToString(details?.documentation);
      return { text: name, kind, ...(signature && { signature }), ...(documentation && { documentation }) };
    });
  return { start: from, end: cursor, items };
}

/** Type, and with `detail` 0 or more the documentation, of what stands at the cursor; undefined when nothing is known. */
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
    const tags = (info.tags ?? []).map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`.trim());
    return [signature, ts.displayPartsToString(info.documentation), tags.join("\n")].filter(Boolean).join("\n\n");
  }
  return undefined;
}
