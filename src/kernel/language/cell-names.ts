/** The names that a cell declares at its top level: what later cells see of it. */
import ts from "typescript";

export interface DeclaredName {
  readonly name: string;
  /** May be assigned to by a later cell: `let` and `var`. */
  readonly assignable: boolean;
}

export function declaredNames(statements: readonly ts.Statement[]): DeclaredName[] {
  const names = new Map<string, boolean>();
  const add = (name: ts.Identifier | undefined, assignable = false) => {
    if (name) names.set(name.text, assignable);
  };
  const addBinding = (name: ts.BindingName, assignable: boolean) => {
    if (ts.isIdentifier(name)) add(name, assignable);
    else for (const element of name.elements) if (ts.isBindingElement(element)) addBinding(element.name, assignable);
  };
  const addList = (list: ts.VariableDeclarationList) => {
    const assignable = (list.flags & (ts.NodeFlags.Const | ts.NodeFlags.Using)) === 0;
    for (const { name } of list.declarations) addBinding(name, assignable);
  };
  /** `var` reaches the top level out of blocks and loops, not out of functions and classes. */
  const addNestedVars = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) || ts.isClassLike(node) || ts.isModuleDeclaration(node)) return;
    if (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0) addList(node);
    ts.forEachChild(node, addNestedVars);
  };
  for (const statement of statements) {
    if (ts.isVariableStatement(statement)) addList(statement.declarationList);
    else if (ts.isImportDeclaration(statement)) {
      const clause = statement.importClause;
      add(clause?.name);
      const bindings = clause?.namedBindings;
      if (bindings && ts.isNamespaceImport(bindings)) add(bindings.name);
      else bindings?.elements.forEach(({ name }) => add(name));
    } else if (ts.isModuleDeclaration(statement)) {
      if (ts.isIdentifier(statement.name) && statement.name.text !== "global") add(statement.name);
    } else if (
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isEnumDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isImportEqualsDeclaration(statement)
    )
      add(statement.name);
    else addNestedVars(statement);
  }
  return [...names].map(([name, assignable]) => ({ name, assignable }));
}

/** Names that the cell exports itself, under which they must not be exported once more. */
export function exportedNames(file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause))
      for (const { name } of statement.exportClause.elements) names.add(name.text);
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    const has = (kind: ts.SyntaxKind) => modifiers.some((each) => each.kind === kind);
    if (!has(ts.SyntaxKind.ExportKeyword) || has(ts.SyntaxKind.DefaultKeyword)) continue;
    for (const { name } of declaredNames([statement])) names.add(name);
  }
  return names;
}

/** Every identifier of the file, whatever it stands for, and what JSX calls without naming it. */
export function mentionedNames(file: ts.SourceFile, options: ts.CompilerOptions): Set<string> {
  const { jsx, jsxFactory = `${options.reactNamespace ?? "React"}.createElement`, jsxFragmentFactory } = options;
  const called = jsx === ts.JsxEmit.React ? [jsxFactory, jsxFragmentFactory ?? "React.Fragment"] : [];
  const names = new Set(called.map((each) => each.split(".")[0]));
  const look = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, look);
  };
  look(file);
  return names;
}
