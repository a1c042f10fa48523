import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { executeRun, type ExecuteOptions, type RunEvent } from "../../src/runner/execute.ts";
import { describeFailure } from "../../src/runner/failure.ts";
import type { Kernel } from "../../src/runner/client/kernelspecs.ts";
import type { CodeCell } from "../../src/runner/notebook/notebook.ts";
import { readNotebook } from "../../src/runner/notebook/notebook.ts";
import { prepareRun } from "../../src/runner/notebook/prepare.ts";
import { code, markdown, notebook, notebookProblems } from "./notebooks.ts";
import { isAlive } from "./processes.ts";

const SCRIPT = path.join(import.meta.dirname, "scripted-kernel.mjs");

let project: string;
beforeEach(async () => {
  project = await realpath(await mkdtemp(path.join(tmpdir(), "execute-test-")));
  await mkdir(path.join(project, "notebooks", "paper"), { recursive: true });
  await writeFile(path.join(project, "package.json"), "{}");
});
afterEach(() => rm(project, { recursive: true, force: true }));

function kernel(interruptMode: "message" | "signal" = "message", ...mode: string[]): Kernel {
  return {
    name: "scripted",
    display_name: "Scripted",
    language: "typescript",
    argv: [process.execPath, SCRIPT, "{connection_file}", ...mode],
    interrupt_mode: interruptMode,
    env: {},
    resourceFolder: "",
  };
}

async function run(cells: readonly object[], options: Partial<ExecuteOptions> = {}, name = "fig") {
  const file = path.join(project, "notebooks", "paper", `${name}.ipynb`);
  await writeFile(file, JSON.stringify(notebook(cells)));
  const prepared = await prepareRun(file);
  const result = await executeRun(prepared, { kernel: kernel(), ...options });
  const text = existsSync(prepared.output) ? await readFile(prepared.output, "utf8") : undefined;
  const executed = text === undefined ? undefined : await readNotebook(prepared.output);
  if (text !== undefined) expect(notebookProblems(text)).toEqual([]);
  const outputs = executed?.cells.filter((cell) => cell.cell_type === "code").map((cell) => cell.outputs) ?? [];
  return { result, executed, outputs, output: prepared.output, prepared };
}

const printed = (text: string) => ({ output_type: "stream", name: "stdout", text });
describe("executeRun", () => {
  test("executes the code cells in order and writes the executed notebook", async () => {
    const { result, executed, outputs, output } = await run([markdown("# T"), code("print a\nresult b"), code("  "), code("print c")]); // prettier-ignore
    expect(result).toMatchObject({ status: "ok", isSaved: true });
    expect(output).toBe(path.join(project, "figures", "paper", "fig", "fig.ipynb"));
    const b = { output_type: "execute_result", execution_count: 1, data: { "text/plain": "b" }, metadata: {} };
    expect(outputs).toEqual([[printed("a\n"), b], [], [printed("c\n")]]);
    expect(executed?.cells.map((cell) => (cell as CodeCell).execution_count)).toEqual([undefined, 1, null, 2]);
    expect(executed?.metadata).toMatchObject({
      kernelspec: { name: "scripted", language: "typescript" },
      language_info: { name: "typescript" },
      marginalia: { source: "notebooks/paper/fig.ipynb", status: "ok", node: process.versions.node },
    });
  });

  test("timings stand in metadata.marginalia alone: without them two runs are equal", async () => {
    const cells = [code("print a"), code("result b")];
    const untimed = async () => {
      const { executed } = await run(cells);
      const times = executed?.metadata.marginalia as { seconds?: unknown; began?: unknown };
      delete times.seconds;
      delete times.began;
      return executed;
    };
    expect(await untimed()).toEqual(await untimed());
  });

  test("the kernel gets the notebook's folder, its path and the output root", async () => {
    const { outputs } = await run([code("cwd"), code("env MARGINALIA_NOTEBOOK"), code("env MARGINALIA_OUT")]);
    const folder = path.join(project, "notebooks", "paper");
    expect(outputs).toEqual([
      [printed(folder)],
      [printed(path.join(folder, "fig.ipynb"))],
      [printed(path.join(project, "figures"))],
    ]);
  });

  test("stops at a failing cell with number, id, line, text and traceback, and keeps what was done", async () => {
    const failing = code("print before\nerror TypeError x is not a function\nprint never");
    const { result, outputs } = await run([markdown("#"), code("print a"), failing, code("print never")]);
    expect(result).toMatchObject({
      status: "failed",
      failure: {
        kind: "error",
        cell: 3,
        cellId: failing.id,
        line: 2,
        sourceLine: "error TypeError x is not a function",
        message: "TypeError: x is not a function",
        traceback: ["TypeError: x is not a function", "    at cell [2]:2:1"],
      },
    });
    expect(describeFailure(result.failure!, "fig.ipynb")).toBe(
      `fig.ipynb, cell 3 (id ${failing.id}), line 2: TypeError: x is not a function
  2 | error TypeError x is not a function
      at cell [2]:2:1`,
    );
    expect(outputs.map((list) => list.length)).toEqual([1, 2, 0]);
  });

  test("goes on after a failing cell that is tagged raises-exception, and leaves skip-execution out", async () => {
    const cells = [code("error E x", "raises-exception"), code("print a", "skip-execution"), code("print b")];
    const { result, outputs } = await run(cells);
    expect(result.status).toBe("ok");
    expect(outputs.slice(1)).toEqual([[], [printed("b\n")]]);
  });

  test.each(["message", "signal"] as const)("interrupts a cell that takes too long, by %s", async (mode) => {
    const { result, outputs } = await run([code("print a\nsleep 30")], { kernel: kernel(mode), cellTimeout: 0.3 });
    expect(result).toMatchObject({ status: "failed", failure: { kind: "timeout", cell: 1 } });
    expect(result.failure?.message).toBe("the cell took longer than the 0.3 s of --timeout and was interrupted");
    expect(outputs[0].map((output) => (output as { ename?: string }).ename)).toEqual([undefined, "Interrupted", "CellTimeout"]); // prettier-ignore
  });

  test.each(["message", "signal"] as const)("kills a kernel that does not heed the interrupt by %s", async (mode) => {
    const options = { kernel: kernel(mode), cellTimeout: 0.2, grace: 0.2 };
    const { result, outputs } = await run([code("print a"), code("hang")], options);
    expect(result.failure?.message).toMatch(/and did not heed the interrupt, so the kernel was killed$/);
    expect(outputs[0]).toEqual([printed("a\n")]);
  });

  test("tells of a kernel that dies, with its last words", async () => {
    const { result, outputs } = await run([code("print a"), code("exit 9"), code("print b")]);
    expect(result).toMatchObject({ status: "failed", failure: { kind: "kernel died", cell: 2 } });
    expect(result.failure?.message).toBe(
      "kernel scripted exited with code 9; it said:\nscripted kernel: leaving with 9",
    );
    expect(outputs).toMatchObject([[printed("a\n")], [{ output_type: "error", ename: "KernelDied" }], []]);
  });

  test("a kernel that dies is heard out: what it had sent by then arrives", async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
    const { result, outputs } = await run([code([...lines.map((line) => `print ${line}`), "exit 9"].join("\n"))]);
    expect(result).toMatchObject({ status: "failed", failure: { kind: "kernel died", cell: 1 } });
    expect(outputs[0]).toMatchObject([{ output_type: "stream" }, { ename: "KernelDied" }]);
    expect((outputs[0][0] as { text: string }).text.trim().split("\n")).toEqual(lines);
  });

  test("writes nothing when the kernel does not come up", async () => {
    const { result, executed } = await run([code("print a")], { kernel: kernel("message", "dies") });
    expect(result).toMatchObject({ status: "failed", isSaved: false, failure: { kind: "kernel died" } });
    expect(result.failure?.message).toContain("exited with code 7; it said:\nscripted kernel: no such luck");
    expect(executed).toBeUndefined();
    expect(await readdir(project)).not.toContain("figures");
    const absent = await run([code("")], { kernel: { ...kernel(), argv: ["no-such-program"] } });
    expect(absent.result.failure?.message).toMatch(/could not be started.*ENOENT/s);
  });

  test("an abort interrupts the running cell, keeps the partial notebook and begins no other cell", async () => {
    const controller = new AbortController();
    const onEvent = (event: RunEvent) => {
      if (event.type === "cell-start" && event.cell === 2) setTimeout(() => controller.abort(), 200);
    };
    const cells = [code("print a"), code("print b\nsleep 30"), code("print c")];
    const { result, outputs } = await run(cells, { signal: controller.signal, onEvent });
    expect(result).toMatchObject({ status: "interrupted", failure: { kind: "interrupted", cell: 2 } });
    expect(outputs[0]).toEqual([printed("a\n")]);
    expect(outputs[1][0]).toEqual(printed("b\n"));
    expect(outputs[2]).toEqual([]);
  });

  test("an abort while the kernel starts ends the run", async () => {
    const signal = AbortSignal.timeout(300);
    const { result } = await run([code("print a")], { kernel: kernel("message", "mute"), signal });
    expect(result).toMatchObject({ status: "interrupted", isSaved: false });
  });

  test("keeps results that arrive after the idle status", async () => {
    const { outputs } = await run([code("late-result a"), code("print b")]);
    expect(outputs).toMatchObject([[{ output_type: "execute_result" }], [printed("b\n")]]);
  });

  test("an error that comes after its cell has ended fails the notebook in the name of that cell, unless it was expected", async () => {
    const late = code("late-error Error late");
    const { result } = await run([late, code("sleep 0.3"), code("print never")]);
    expect(result).toMatchObject({ status: "failed", failure: { kind: "error", cell: 1, cellId: late.id, message: "Error: late" } }); // prettier-ignore
    const expected = await run([code("late-error Error late", "raises-exception"), code("sleep 0.3")]);
    expect(expected.result.status).toBe("ok");
  });

  test("heeds no message that is signed with another key", async () => {
    const { outputs } = await run([code("forged x\nprint a")]);
    expect(outputs).toEqual([[printed("a\n")]]);
  });

  test("answers a kernel that asks for input with an empty line", async () => {
    const { result } = await run([code("ask\nsleep 0.2")]);
    expect(result.status).toBe("ok");
  });

  test("leaves no process behind: neither a kernel that stays after shutdown nor what it started", async () => {
    const pidFile = path.join(project, "pid");
    await run([code("print a")], { kernel: kernel("message", "with-child", pidFile) });
    const pid = Number(await readFile(pidFile, "utf8"));
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test("saves the notebook after every cell", async () => {
    const seen: (string | undefined)[] = [];
    const output = path.join(project, "figures", "paper", "fig", "fig.ipynb");
    const onEvent = (event: RunEvent) => {
      if (event.type === "cell-start") seen.push(existsSync(output) ? "saved" : undefined);
    };
    await run([code("print a"), code("print b")], { onEvent });
    expect(seen).toEqual([undefined, "saved"]);
  });

  test("knows the timings of the last run with the same profile", async () => {
    const { prepared } = await run([code("print a")]);
    expect(prepared.expectedSeconds).toEqual({});
    const again = await prepareRun(prepared.file);
    expect(Object.keys(again.expectedSeconds)).toEqual([prepared.notebook.cells[0].id]);
  });
});
