/** Completion inside strings: paths of files, beginning in the notebook's folder, and names of packages to import. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import type { CompletionItem } from "./questions.ts";

export interface StringAtCursor {
  /** From the opening quote to the cursor. */
  readonly typed: string;
  /** It names a module to import. */
  readonly isImport: boolean;
}

/** The string that the cursor stands in; undefined elsewhere. */
export function stringAt(code: string, cursor: number): StringAtCursor | undefined {
  const file = ts.createSourceFile("cell.mts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const find = (node: ts.Node): ts.StringLiteralLike | undefined => {
    if (cursor <= node.getStart(file) || cursor > node.end) return undefined;
    if (ts.isStringLiteralLike(node)) {
      const isClosed = node.end - node.getStart(file) > 1 && code[node.end - 1] === code[node.getStart(file)];
      return cursor < node.end || !isClosed ? node : undefined;
    }
    return ts.forEachChild(node, find);
  };
  const literal = ts.forEachChild(file, find);
  if (!literal) return undefined;
  const typed = code.slice(literal.getStart(file) + 1, cursor);
  return { typed, isImport: isModuleName(literal) };
}

function isModuleName(literal: ts.StringLiteralLike): boolean {
  const { parent } = literal;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) return parent.moduleSpecifier === literal;
  if (ts.isExternalModuleReference(parent)) return true;
  if (ts.isLiteralTypeNode(parent)) return ts.isImportTypeNode(parent.parent);
  if (!ts.isCallExpression(parent) || parent.arguments[0] !== literal) return false;
  const { expression } = parent;
  return (
    expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(expression) && expression.text === "require")
  );
}

/** Whether the text can only be a path. */
export const isPath = (typed: string): boolean => /^(\.{0,2}\/|~\/)/.test(typed);

const IMPORTABLE = /\.([cm]?[jt]sx?|json)$/;

/** Files and folders (with "/" behind) whose path begins with `typed`: what comes behind its last "/". */
export function completePath(folder: string, { typed, isImport }: StringAtCursor): CompletionItem[] {
  if (/^[a-z][a-z0-9+.-]*:/i.test(typed)) return []; // a URL
  const slash = typed.lastIndexOf("/") + 1;
  const begun = typed.slice(slash);
  const named = entries(path.resolve(folder, typed.slice(0, slash)));
  return named.flatMap(({ name, isFolder }): CompletionItem[] => {
    const isHidden = name.startsWith(".") && !begun.startsWith(".");
    if (!name.startsWith(begun) || isHidden || /["'`\\\n]/.test(name)) return [];
    if (isImport && (isFolder ? name === "node_modules" : !IMPORTABLE.test(name))) return [];
    return [{ text: isFolder ? `${name}/` : name, kind: isFolder ? "directory" : "file" }];
  });
}

/** Names of installed packages, from the folder upwards. */
export function installedPackages(folder: string): string[] {
  const found = new Set<string>();
  for (let at = folder; ; at = path.dirname(at)) {
    const modules = path.join(at, "node_modules");
    for (const { name } of entries(modules)) {
      if (name.startsWith(".") || name === "@types") continue;
      if (!name.startsWith("@")) found.add(name);
      else for (const scoped of entries(path.join(modules, name))) found.add(`${name}/${scoped.name}`);
    }
    if (path.dirname(at) === at) break;
  }
  return [...found];
}

function entries(folder: string): { name: string; isFolder: boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .map((entry) => {
        const isFolder = entry.isSymbolicLink()
          ? (statSync(path.join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false)
          : entry.isDirectory();
        return { name: entry.name, isFolder };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // no such folder, or not for us to read
  }
}
