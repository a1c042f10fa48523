/** What a cell is before anything is known of its types: TypeScript with or without JSX, whole or unfinished. */
import ts from "typescript";

/** TypeScript keeps the syntax errors of a file there, though its types do not tell. */
interface Parsed extends ts.SourceFile {
  readonly parseDiagnostics: readonly ts.DiagnosticWithLocation[];
  readonly scriptKind: ts.ScriptKind;
}

/** A cell is a module, whether it imports or not: it may await. */
const AS_MODULE: ts.CreateSourceFileOptions = {
  languageVersion: ts.ScriptTarget.Latest,
  setExternalModuleIndicator: (file) =>
    void ((file as { externalModuleIndicator?: unknown }).externalModuleIndicator = true),
};

/**
 * The cell alone. Where the project has JSX it is read so, unless it is TypeScript without that it is not with:
 * `<T>(x: T) => x` and `<T>x` are no JSX.
 */
export function syntaxOf(code: string, { jsx }: ts.CompilerOptions = {}, name = "cell.mts"): ts.SourceFile {
  const read = (kind: ts.ScriptKind) => ts.createSourceFile(name, code, AS_MODULE, false, kind) as Parsed;
  const plain = read(ts.ScriptKind.TS);
  const errors = plain.parseDiagnostics.length;
  if (errors === 0 || jsx === undefined || jsx === ts.JsxEmit.None) return plain;
  const withJsx = read(ts.ScriptKind.TSX);
  return withJsx.parseDiagnostics.length < errors || mentionsTag(withJsx) ? withJsx : plain;
}

function mentionsTag(node: ts.Node): boolean {
  return ts.isJsxChild(node) || (ts.forEachChild(node, mentionsTag) ?? false);
}

export const scriptKindOf = (file: ts.SourceFile): ts.ScriptKind => (file as Parsed).scriptKind;

export const usesJsx = (code: string, options: ts.CompilerOptions): boolean =>
  scriptKindOf(syntaxOf(code, options)) === ts.ScriptKind.TSX;

/** How JSX is emitted: what a project leaves to other tools ("preserve") as they do it. */
export function jsxEmit({ jsx }: ts.CompilerOptions): ts.JsxEmit | undefined {
  return jsx === ts.JsxEmit.Preserve || jsx === ts.JsxEmit.ReactNative ? ts.JsxEmit.ReactJSX : jsx;
}

/** What of a project's options changes what is emitted. */
export function emitOptions(project: ts.CompilerOptions): ts.CompilerOptions {
  const { experimentalDecorators, emitDecoratorMetadata, jsxFactory, jsxFragmentFactory, jsxImportSource } = project;
  const jsx = jsxEmit(project);
  return {
    ...{ experimentalDecorators, emitDecoratorMetadata },
    ...(jsx === undefined ? {} : { jsx, jsxFactory, jsxFragmentFactory, jsxImportSource }),
  };
}

const PRAGMA = /^\/\/\/?\s*@ts-(no)?check\b|^\/\/\/\s*<|^\/\*\*?[^]*@jsx[^]*\*\/$/;

/** The comments at the cell's head that TypeScript heeds only at a file's: each with a line break behind. */
export function pragmas(code: string): string {
  const comments = ts.getLeadingCommentRanges(code, 0) ?? [];
  const found = comments.map(({ pos, end }) => code.slice(pos, end)).filter((text) => PRAGMA.test(text));
  return found.map((text) => `${text}\n`).join("");
}

/** Errors that more lines can mend, wherever they are reported: something still open at the end. */
const openEnded = new Set([
  1010, // */ expected
  1160, // unterminated template literal
  17008, // JSX element without closing tag
  17014, // JSX fragment without closing tag
]);
/** Errors at the end that more lines cannot mend: these end with their line. */
const endedByLine = new Set([
  1002, // unterminated string literal
  1161, // unterminated regular expression literal
]);

/** @param options the project's, which say whether there is JSX */
export function isComplete(
  code: string,
  options?: ts.CompilerOptions,
): { status: "complete" | "incomplete" | "invalid"; indent?: string } {
  const [first] = (syntaxOf(code, options) as Parsed).parseDiagnostics;
  if (!first) return { status: "complete" };
  const isOpen = first.start >= code.trimEnd().length && !endedByLine.has(first.code);
  return openEnded.has(first.code) || isOpen
    ? { status: "incomplete", indent: nextIndent(code) }
    : { status: "invalid" };
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
