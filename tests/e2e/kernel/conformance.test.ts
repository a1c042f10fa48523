/**
 * jupyter_kernel_test (PyPI) against the installed kernelspec, through Jupyter's own client. Needs a Python that has
 * it, named by $MARGINALIA_PYTHON; .ci/run makes one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { installKernelspec } from "../../../src/kernel/install/kernelspec.ts";

const python = process.env.MARGINALIA_PYTHON;

function has(module: string): boolean {
  if (!python) return false;
  try {
    execFileSync(python, ["-c", `import ${module}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Runs the suite's tests with our samples and prints the outcome of each as JSON. */
const SUITE = `
import json, os, unittest
import jupyter_kernel_test as jkt

class Marginalia(jkt.KernelTests):
    kernel_name = "marginalia"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oops')"
    completion_samples = [{"text": "'a'.repea", "matches": {"repeat"}}]
    complete_code_samples = ["1 + 1", "function f() {\\n  return 1;\\n}"]
    incomplete_code_samples = ["function f() {", "[1, 2"]
    invalid_code_samples = ["let 1a = 2", ")("]
    code_page_something = ""
    code_generate_error = "throw new Error('wrong')"
    code_execute_result = [{"code": "6 * 7", "result": "42"}, {"code": "'a'", "result": "'a'"}]
    code_display_data = [{"code": "display(HTML\`<b>1</b>\`)", "mime": "text/html"}, {"code": "display(SVG('<svg/>'))", "mime": "image/svg+xml"}]
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "parseFloat"
    code_clear_output = "clearOutput()"

result = unittest.TestResult()
names = unittest.TestLoader().getTestCaseNames(Marginalia)
outcome = {}
suite = unittest.TestSuite(Marginalia(name) for name in names)
suite.run(result)
for name in names:
    outcome[name] = "passed"
for test, text in [*result.failures, *result.errors]:
    outcome[getattr(test, "test_case", test)._testMethodName] = text[-600:]
for test, reason in result.skipped:
    outcome[test._testMethodName] = "skipped: " + reason
print("OUTCOME " + json.dumps(outcome))
`;

const ready = has("jupyter_kernel_test");
if (!ready) console.warn("SKIPPED: jupyter_kernel_test needs $MARGINALIA_PYTHON to name a Python that has it.");

test.skipIf(!ready)("jupyter_kernel_test: all eleven tests that apply pass", { timeout: 180_000 }, () => {
  const prefix = mkdtempSync(path.join(tmpdir(), "marginalia-conformance-"));
  try {
    installKernelspec({ prefix });
    const env = { ...process.env, JUPYTER_PATH: path.join(prefix, "share", "jupyter"), HOME: prefix };
    const output = execFileSync(python!, ["-c", SUITE], { env, encoding: "utf8", cwd: prefix });
    const outcome = JSON.parse(/^OUTCOME (.*)$/m.exec(output)?.[1] ?? "{}") as Record<string, string>;
    const pager = Object.keys(outcome).filter((name) => outcome[name].startsWith("skipped"));
    expect(pager).toEqual(["test_pager"]);
    const others = Object.entries(outcome).filter(([name]) => name !== "test_pager");
    expect(Object.fromEntries(others)).toEqual(Object.fromEntries(others.map(([name]) => [name, "passed"])));
    expect(others).toHaveLength(11);
  } finally {
    rmSync(prefix, { recursive: true, force: true });
  }
});

test.skipIf(!ready || !has("nbclient"))("nbclient executes cells, and reports an error as it is", () => {
  const prefix = mkdtempSync(path.join(tmpdir(), "marginalia-nbclient-"));
  const script = `
import json, nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
v4 = nbformat.v4
book = v4.new_notebook(cells=[v4.new_code_cell(c) for c in ["const x: number = 6; x * 7", "for (const i of progress([1, 2])) console.log(i)", "const y: string = x"]])
book.metadata["kernelspec"] = {"name": "marginalia", "display_name": "", "language": "typescript"}
NotebookClient(book, timeout=60, allow_errors=True).execute()
nbformat.validate(book)
error = book.cells[2].outputs[0]
print("OUTCOME " + json.dumps([book.cells[0].outputs[0].data["text/plain"], [o.output_type for o in book.cells[1].outputs], error.ename, "widgets" in book.metadata]))
`;
  try {
    installKernelspec({ prefix });
    const env = { ...process.env, JUPYTER_PATH: path.join(prefix, "share", "jupyter"), HOME: prefix };
    const output = execFileSync(python!, ["-c", script], { env, encoding: "utf8", cwd: prefix });
    expect(JSON.parse(/^OUTCOME (.*)$/m.exec(output)?.[1] ?? "[]")).toEqual([
      "42",
      expect.arrayContaining(["display_data", "stream"]),
      "TypeScriptError",
      true,
    ]);
  } finally {
    rmSync(prefix, { recursive: true, force: true });
  }
});
