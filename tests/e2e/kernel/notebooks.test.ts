/**
 * The project's notebooks on other people's tools: cells that run on tslab, and every notebook executed by nbclient
 * with the installed kernelspec, with the profile that its parameters cell has by default. nbclient is looked for in
 * the Python that $MARGINALIA_PYTHON names. Executing all of them takes minutes, so only two are, unless
 * $MARGINALIA_LONG_TESTS is set.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { installKernelspec } from "../../../src/kernel/install/kernelspec.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const notebooks = readdirSync(path.join(root, "notebooks"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ipynb") && !name.includes(".ipynb_checkpoints"))
  .sort();

interface Cell {
  readonly id: string;
  readonly cell_type: string;
  readonly source: string | readonly string[];
}
const cellsOf = (name: string) =>
  (JSON.parse(readFileSync(path.join(root, "notebooks", name), "utf8")) as { cells: Cell[] }).cells
    .filter(({ cell_type }) => cell_type === "code")
    .map(({ id, source }) => ({ id, source: typeof source === "string" ? source : source.join("") }));

/** Shorthand properties of names that the cell does not declare itself: tslab does not find them. */
function foreignShorthands(source: string): string[] {
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, true);
  const host: ts.CompilerHost = {
    ...ts.createCompilerHost({}),
    getSourceFile: (name) => (name === "cell.ts" ? file : undefined),
  };
  const checker = ts.createProgram(["cell.ts"], { noLib: true, noResolve: true, types: [] }, host).getTypeChecker();
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isShorthandPropertyAssignment(node) && !checker.getShorthandAssignmentValueSymbol(node))
      found.push(node.name.text);
    ts.forEachChild(node, look);
  };
  look(file);
  return found;
}

test("a shorthand property of an earlier cell's variable is seen, one of the cell's own is not", () => {
  expect(foreignShorthands("const own = 1; open({ own, earlier, explicit: earlier });")).toEqual(["earlier"]);
  expect(foreignShorthands("const f = (given: number) => ({ given }); import { a } from 'a'; f({ a })")).toEqual([]);
});

test.each(notebooks)(
  "notebooks/%s has no shorthand properties of earlier cells' variables, so that tslab runs it",
  (name) => {
    const found = cellsOf(name).flatMap(({ id, source }) =>
      foreignShorthands(source).map((each) => `${id}: { ${each} }`),
    );
    expect(found).toEqual([]);
  },
);

const python = process.env.MARGINALIA_PYTHON;

function hasNbclient(): boolean {
  try {
    execFileSync(python ?? "", ["-c", "import nbclient"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`SKIPPED: needs nbclient in the Python that $MARGINALIA_PYTHON names (${python ?? "not set"}).`);
    return false;
  }
}

const chosen = process.env.MARGINALIA_LONG_TESTS
  ? notebooks
  : ["jaakkola1996/fig1-hand-over.ipynb", "sweep-demo.ipynb"];

test.skipIf(!hasNbclient()).each(chosen)("notebooks/%s under nbclient", { timeout: 600_000 }, (name) => {
  const folder = mkdtempSync(path.join(tmpdir(), "marginalia-nbclient-"));
  try {
    installKernelspec({ prefix: folder });
    const out = path.join(folder, "out");
    const program = [
      "import nbformat, sys; from nbclient import NotebookClient",
      "nb = nbformat.read(sys.argv[1], 4)",
      "NotebookClient(nb, timeout=300, kernel_name='marginalia', resources={'metadata': {'path': sys.argv[2]}}).execute()",
      "nbformat.validate(nb); nbformat.write(nb, sys.argv[3])",
    ].join("\n");
    const file = path.join(root, "notebooks", name);
    const executed = path.join(folder, "executed.ipynb");
    const env = {
      ...process.env,
      JUPYTER_PATH: path.join(folder, "share", "jupyter"),
      HOME: folder,
      MARGINALIA_OUT: out,
    };
    writeFileSync(path.join(folder, "run.py"), program);
    const argv = [path.join(folder, "run.py"), file, path.dirname(file), executed];
    const { status, stderr } = spawnSync(python!, argv, { env, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    const { cells } = JSON.parse(readFileSync(executed, "utf8")) as { cells: { cell_type: string; execution_count?: number }[] }; // prettier-ignore
    const counts = cells.filter(({ cell_type }) => cell_type === "code").map(({ execution_count }) => execution_count);
    expect(counts).toEqual(counts.map((_, index) => index + 1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
