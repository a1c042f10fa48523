/**
 * A checked cell becomes the script that V8's REPL mode evaluates. REPL mode keeps `let` across scripts and lets it be
 * declared again, and nothing else (`let` against `const`, `var`, `function` or `class` of an earlier script is an
 * error), so every top-level declaration is emitted as `let`; TypeScript has enforced `const` before. Besides:
 *
 *   import { a } from "b"    ->  let { a } = await __marginalia.imports("b", ["a"])     native import() hangs in
 *   evaluate
 *   import("b")              ->  __marginalia.import("b")
 *   import.meta              ->  __marginalia.meta
 *   f(x)   (last statement)  ->  __marginalia.result(f(x))
 *   export const c = 1       ->  let c = 1
 *
 * Functions are hoisted to the top as `let f = function ...`, imports follow them. A source map leads back to the cell.
 */
import ts from "typescript";
import { emitOptions, usesJsx } from "./cell-syntax.ts";
import { RUNTIME_GLOBAL } from "../protocol/names.ts";

export interface EmittedCell {
  /** JavaScript, strict mode. */
  readonly code: string;
  /** Source map of `code`, as JSON text; lines and columns lead to the cell's. */
  readonly map: string;
}

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023, // lowers decorators and `using`, keeps what Node 20 has
  module: ts.ModuleKind.ESNext,
  sourceMap: true,
  moduleDetection: ts.ModuleDetectionKind.Force,
  verbatimModuleSyntax: true,
};

/**
 * @param code the cell, free of syntax errors
 * @param isTypeOnly tells the names of imported bindings that are types alone and have no value to import
 * @param project the compiler options that the notebook's tsconfig.json asks for: JSX and decorators are emitted as
 *   they say
 */
export function transformCell(
  code: string,
  isTypeOnly: (name: string) => boolean = () => false,
  project: ts.CompilerOptions = {},
): EmittedCell {
  const { outputText, sourceMapText } = ts.transpileModule(code, {
    fileName: usesJsx(code, project) ? "cell.tsx" : "cell.mts",
    compilerOptions: { ...options, ...emitOptions(project) },
    transformers: { before: [rewriteModuleSyntax(isTypeOnly)], after: [declareWithLet] },
  });
  const map = JSON.parse(sourceMapText ?? "{}") as { mappings: string };
  const script = outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "");
  // One line more in front: one ";" more in the mappings.
  return { code: `"use strict";\n${script}`, map: JSON.stringify({ ...map, mappings: `;${map.mappings}` }) };
}

const { factory } = ts;

function runtime(member: string): ts.Expression {
  return factory.createPropertyAccessExpression(factory.createIdentifier(RUNTIME_GLOBAL), member);
}

function call(member: string, ...parameters: readonly ts.Expression[]): ts.CallExpression {
  return factory.createCallExpression(runtime(member), undefined, parameters);
}

function letStatement(name: ts.BindingName, value: ts.Expression | undefined, original: ts.Node): ts.Statement {
  const declaration = factory.createVariableDeclaration(name, undefined, undefined, value);
  const list = factory.createVariableDeclarationList([ts.setTextRange(declaration, original)], ts.NodeFlags.Let);
  return ts.setTextRange(factory.createVariableStatement(undefined, list), original);
}

/** Before TypeScript's own transforms: imports, exports, import(), import.meta and the last expression. */
function rewriteModuleSyntax(isTypeOnly: (name: string) => boolean): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (file) => {
    const visit = (node: ts.Node): ts.Node => {
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
        return ts.setTextRange(call("import", ...node.arguments.map((each) => visit(each) as ts.Expression)), node);
      if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword)
        return ts.setTextRange(runtime("meta"), node);
      return ts.visitEachChild(node, visit, context);
    };
    const imports: ts.Statement[] = [];
    const body: ts.Statement[] = [];
    const last = file.statements.findLast((statement) => !ts.isEmptyStatement(statement));
    for (const statement of file.statements) {
      if (ts.isImportDeclaration(statement)) imports.push(...importStatements(statement, isTypeOnly));
      else if (ts.isImportEqualsDeclaration(statement) && ts.isExternalModuleReference(statement.moduleReference)) {
        const required = factory.createCallExpression(factory.createIdentifier("require"), undefined, [
          statement.moduleReference.expression,
        ]);
        if (!statement.isTypeOnly) imports.push(letStatement(statement.name, required, statement));
      } else if (ts.isExportDeclaration(statement)) {
        if (statement.moduleSpecifier && !statement.isTypeOnly)
          imports.push(awaited(undefined, call("import", statement.moduleSpecifier), statement));
      } else {
        const shown =
          statement === last && (ts.isExpressionStatement(statement) || ts.isExportAssignment(statement))
            ? resultStatement(statement)
            : withoutExport(statement, context);
        body.push(ts.visitEachChild(shown, visit, context));
      }
    }
    return factory.updateSourceFile(file, [...imports, ...body]);
  };
}

function resultStatement(statement: ts.ExpressionStatement | ts.ExportAssignment): ts.Statement {
  const shown = ts.setTextRange(call("result", statement.expression), statement.expression);
  return ts.setTextRange(factory.createExpressionStatement(shown), statement);
}

/** `let name = await value`, or `await value` alone. */
function awaited(name: ts.BindingName | undefined, value: ts.Expression, original: ts.Node): ts.Statement {
  const expression = ts.setTextRange(factory.createAwaitExpression(value), original);
  if (name) return letStatement(name, expression, original);
  return ts.setTextRange(factory.createExpressionStatement(expression), original);
}

function importStatements(statement: ts.ImportDeclaration, isTypeOnly: (name: string) => boolean): ts.Statement[] {
  const clause = statement.importClause;
  const from = statement.moduleSpecifier;
  if (!clause) return [awaited(undefined, call("import", from), statement)];
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
  const namespace =
    clause.namedBindings && ts.isNamespaceImport(clause.namedBindings) ? clause.namedBindings : undefined;
  const specifiers =
    clause.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
  const names: { imported: string; local: ts.Identifier }[] = [];
  if (clause.name) names.push({ imported: "default", local: clause.name });
  for (const specifier of specifiers)
    if (!specifier.isTypeOnly)
      names.push({ imported: (specifier.propertyName ?? specifier.name).text, local: specifier.name });
  const wanted = names.filter(({ local }) => !isTypeOnly(local.text));
  const statements: ts.Statement[] = [];
  if (namespace) statements.push(awaited(namespace.name, call("import", from), statement));
  if (wanted.length > 0) {
    const listed = factory.createArrayLiteralExpression(
      wanted.map(({ imported }) => factory.createStringLiteral(imported)),
    );
    const pattern = factory.createObjectBindingPattern(
      wanted.map(({ imported, local }) =>
        factory.createBindingElement(undefined, factory.createStringLiteral(imported), local),
      ),
    );
    statements.push(awaited(pattern, call("imports", from, listed), statement));
  }
  if (!clause.name && !namespace && specifiers.length === 0)
    // import {} from "b"
    statements.push(awaited(undefined, call("import", from), statement));
  return statements;
}

function withoutExport(statement: ts.Statement, context: ts.TransformationContext): ts.Statement {
  if (ts.isExportAssignment(statement))
    return ts.setTextRange(factory.createExpressionStatement(statement.expression), statement);
  const isExport = ({ kind }: ts.Node) => kind === ts.SyntaxKind.ExportKeyword || kind === ts.SyntaxKind.DefaultKeyword;
  if (!ts.canHaveModifiers(statement) || !ts.getModifiers(statement)?.some(isExport)) return statement;
  return ts.visitEachChild(statement, (node) => (isExport(node) ? undefined : node), context);
}

/** After TypeScript's own transforms: every top-level name is declared by `let`. */
function declareWithLet(context: ts.TransformationContext): (file: ts.SourceFile) => ts.SourceFile {
  return (file) => {
    const functions: ts.Statement[] = [];
    const body: ts.Statement[] = [];
    /** Names of `var`, which belong to the script wherever they stand outside functions. */
    const hoisted = new Set<string>();

    const visit = (node: ts.Node): ts.Node | undefined => {
      if (ts.isFunctionLike(node) || ts.isClassLike(node)) return node;
      if (ts.isVariableStatement(node) && isVar(node.declarationList)) {
        const assigned = assignments(node.declarationList, hoisted);
        return assigned
          ? ts.setTextRange(factory.createExpressionStatement(assigned), node)
          : factory.createEmptyStatement();
      }
      if (ts.isForStatement(node) && node.initializer && isVar(node.initializer)) {
        const initializer = assignments(node.initializer as ts.VariableDeclarationList, hoisted);
        const statement = ts.visitNode(node.statement, visit, ts.isStatement) ?? node.statement;
        return factory.updateForStatement(node, initializer, node.condition, node.incrementor, statement);
      }
      if ((ts.isForOfStatement(node) || ts.isForInStatement(node)) && isVar(node.initializer)) {
        const [declaration] = (node.initializer as ts.VariableDeclarationList).declarations;
        const target = assignmentTarget(declaration.name, hoisted);
        const statement = ts.visitNode(node.statement, visit, ts.isStatement) ?? node.statement;
        return ts.isForOfStatement(node)
          ? factory.updateForOfStatement(node, node.awaitModifier, target, node.expression, statement)
          : factory.updateForInStatement(node, target, node.expression, statement);
      }
      return ts.visitEachChild(node, visit, context);
    };

    for (const statement of file.statements) {
      if (ts.isFunctionDeclaration(statement) && statement.name)
        functions.push(letStatement(statement.name, functionExpression(statement), statement));
      else if (ts.isClassDeclaration(statement) && statement.name)
        body.push(letStatement(statement.name, classExpression(statement), statement));
      else if (ts.isVariableStatement(statement) && !isVar(statement.declarationList)) {
        const list = factory.createVariableDeclarationList(statement.declarationList.declarations, ts.NodeFlags.Let);
        ts.setTextRange(list, statement.declarationList);
        body.push(ts.setTextRange(factory.createVariableStatement(undefined, list), statement));
      } else body.push(ts.visitNode(statement, visit, ts.isStatement) ?? statement);
    }
    // JSX's own, of which the cell says nothing.
    const added = body
      .splice(0)
      .flatMap((each) => (ts.isImportDeclaration(each) ? importStatements(each, () => false) : [each]));
    body.push(...added);
    const names = [...hoisted].map((name) => letStatement(factory.createIdentifier(name), undefined, file));
    return factory.updateSourceFile(file, [
      ...functions,
      ...names,
      ...body.filter((each) => !ts.isExportDeclaration(each)),
    ]);
  };
}

function isVar(node: ts.ForInitializer): boolean {
  return ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0;
}

/** Without a name of its own, so that a recursive call sees a later cell's redefinition, as a declaration's does. */
function functionExpression(node: ts.FunctionDeclaration): ts.Expression {
  const { modifiers, asteriskToken, typeParameters, parameters, type, body } = node;
  const kept = modifiers?.filter((each) => ts.isModifier(each));
  const block = body ?? factory.createBlock([]);
  const expression = factory.createFunctionExpression(
    kept,
    asteriskToken,
    undefined,
    typeParameters,
    parameters,
    type,
    block,
  );
  return ts.setTextRange(expression, node);
}

function classExpression(node: ts.ClassDeclaration): ts.Expression {
  const { modifiers, name, typeParameters, heritageClauses, members } = node;
  return ts.setTextRange(
    factory.createClassExpression(modifiers, name, typeParameters, heritageClauses, members),
    node,
  );
}

/** `a = 1, ({ b } = c)` for `var a = 1, { b } = c`; undefined when nothing is assigned. */
function assignments(list: ts.VariableDeclarationList, names: Set<string>): ts.Expression | undefined {
  let all: ts.Expression | undefined;
  for (const { name, initializer } of list.declarations) {
    const target = assignmentTarget(name, names);
    if (!initializer) continue;
    const assignment = ts.setTextRange(factory.createAssignment(target, initializer), name);
    const one = ts.isIdentifier(name) ? assignment : factory.createParenthesizedExpression(assignment);
    all = all ? factory.createComma(all, one) : one;
  }
  return all;
}

/** The assignment pattern that a binding pattern becomes; its names are collected. */
function assignmentTarget(name: ts.BindingName, names: Set<string>): ts.Expression {
  if (ts.isIdentifier(name)) {
    names.add(name.text);
    return name;
  }
  const withDefault = ({ name: inner, initializer }: ts.BindingElement) => {
    const target = assignmentTarget(inner, names);
    return initializer ? factory.createAssignment(target, initializer) : target;
  };
  if (ts.isArrayBindingPattern(name))
    return factory.createArrayLiteralExpression(
      name.elements.map((element) => {
        if (ts.isOmittedExpression(element)) return element;
        return element.dotDotDotToken ? factory.createSpreadElement(withDefault(element)) : withDefault(element);
      }),
    );
  return factory.createObjectLiteralExpression(
    name.elements.map((element) => {
      if (element.dotDotDotToken) return factory.createSpreadAssignment(withDefault(element));
      const key = element.propertyName ?? factory.createIdentifier((element.name as ts.Identifier).text);
      return factory.createPropertyAssignment(key, withDefault(element));
    }),
  );
}
