/**
 * Front ends that Python people use, with the installed kernelspec: papermill, `jupyter nbconvert --execute`, `jupyter
 * console`. Each is looked for in the Python that $MARGINALIA_PYTHON names (.ci/run makes one).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installKernelspec } from "../../../src/kernel/install/kernelspec.ts";

const python = process.env.MARGINALIA_PYTHON;

function has(module: string): boolean {
  try {
    execFileSync(python ?? "", ["-c", `import ${module}`], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`SKIPPED: needs ${module} in the Python that $MARGINALIA_PYTHON names (${python ?? "not set"}).`);
    return false;
  }
}

const cell = (source: string) => ({ cell_type: "code", execution_count: null, id: `c${source.length}`, metadata: {}, outputs: [], source }); // prettier-ignore
const notebook = (...sources: string[]) => ({
  cells: sources.map(cell),
  metadata: { kernelspec: { name: "marginalia", display_name: "TypeScript (Marginalia)", language: "typescript" } },
  nbformat: 4,
  nbformat_minor: 5,
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "marginalia-front-ends-"));
  installKernelspec({ prefix: folder });
  const good = notebook(
    "const x: number = 6; x * 7",
    "console.log('printed'); display(HTML`<b>1</b>`)",
    "x.toFixed(1)",
  );
  writeFileSync(path.join(folder, "good.ipynb"), JSON.stringify(good));
  writeFileSync(
    path.join(folder, "wrong.ipynb"),
    JSON.stringify(notebook("const n: number = 'a'", "globalThis.ran = 1")),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(argv: readonly string[], input?: string): { code: number | null; output: string } {
  const env = { ...process.env, JUPYTER_PATH: path.join(folder, "share", "jupyter"), HOME: folder, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(python!, argv, { cwd: folder, env, encoding: "utf8", input });
  return { code: status, output: stdout + stderr };
}

interface Output {
  output_type: string;
  text?: string | string[];
  data?: Record<string, string | string[]>;
  ename?: string;
}
function outputs(file: string): Output[] {
  const { cells } = JSON.parse(readFileSync(path.join(folder, file), "utf8")) as { cells: { outputs?: Output[] }[] };
  return cells.flatMap((each) => each.outputs ?? []);
}
const shown = (file: string) =>
  outputs(file).map(({ output_type, text, data }) => {
    const value = text ?? data?.["text/html"] ?? data?.["text/plain"] ?? "";
    return `${output_type}: ${Array.isArray(value) ? value.join("") : value}`;
  });
const wanted = ["execute_result: 42", "stream: printed\n", "display_data: <b>1</b>", "execute_result: '6.0'"];

describe.skipIf(!has("papermill"))("papermill", () => {
  test("executes a notebook, and fails with the cell's error", { timeout: 120_000 }, () => {
    expect(run(["-m", "papermill", "good.ipynb", "papermill.ipynb", "--no-progress-bar"])).toMatchObject({ code: 0 });
    expect(shown("papermill.ipynb")).toEqual(wanted);
    const failed = run(["-m", "papermill", "wrong.ipynb", "failed.ipynb", "--no-progress-bar"]);
    expect(failed.code).toBe(1);
    expect(failed.output).toContain("cell [1]:1:7 - TypeScriptError TS2322: Type 'string'");
  });
});

describe.skipIf(!has("nbconvert"))("nbconvert --execute", () => {
  test("executes a notebook, and fails with the cell's error", { timeout: 120_000 }, () => {
    const convert = ["-m", "nbconvert", "--to", "notebook", "--execute"];
    expect(run([...convert, "good.ipynb", "--output", "nbconvert.ipynb"])).toMatchObject({ code: 0 });
    expect(shown("nbconvert.ipynb")).toEqual(wanted);
    const failed = run([...convert, "wrong.ipynb", "--output", "failed.ipynb"]);
    expect([failed.code, failed.output]).toEqual([1, expect.stringContaining("TypeScriptError")]);
    expect(run([...convert, "--allow-errors", "wrong.ipynb", "--output", "allowed.ipynb"])).toMatchObject({ code: 0 });
    expect(outputs("allowed.ipynb").map(({ ename }) => ename)).toContain("TypeScriptError");
    expect(run(["-m", "nbconvert", "--to", "script", "nbconvert.ipynb"])).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(folder, "nbconvert.ts"), "utf8")).toContain("const x: number = 6");
  });
});

describe.skipIf(!has("jupyter_console"))("jupyter console", () => {
  test("reads, executes, prints and asks the user", { timeout: 120_000 }, () => {
    const typed = "const a = 3\na * 7\nconsole.log('hi')\nprompt('Name? ') + '!'\nAda\nlet wrong: string = a\n";
    const { output } = run(["-m", "jupyter_console", "--kernel", "marginalia", "--simple-prompt"], typed);
    expect(output).toMatch(/Marginalia .*: TypeScript .* on Node/);
    expect(output).toMatch(/Out\[2\]: 21/);
    expect(output).toMatch(/^In \[3\]: hi$/m);
    expect(output).toMatch(/Out\[4\]: 'Ada!'/);
    expect(output).toMatch(/TypeScriptError TS2322/);
  });
});
