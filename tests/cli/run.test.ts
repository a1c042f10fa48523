import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasNbformat, nbformatVerdict } from "../runner/nbformat.ts";
import { code, markdown, notebookProblems } from "../runner/notebooks.ts";
import { Project } from "./command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

const read = (...names: string[]) => readFileSync(project.in(...names), "utf8");
const outputsOf = (text: string) => {
  const { cells } = JSON.parse(text) as { cells: { outputs?: { text?: string[]; data?: object; ename?: string }[] }[] };
  return cells.map((cell) => cell.outputs ?? []);
};

describe("marginalia run, with its own kernel", () => {
  test("runs a TypeScript notebook with parameters and writes a valid executed notebook", async () => {
    const declarations = 'let n: number = 3;\nconst profile: "quick" | "paper" = "quick";';
    const file = project.notebook(
      "paper/fig",
      markdown("# Title"),
      code(declarations, "parameters"),
      code('console.log(n, profile, profile === "paper")'),
      code("let s = 2;\nconst f = () => s"),
      code("s = 5;\nf()"),
    );
    const { code: exit, stdout, stderr } = await project.run("run", file, "-p", "n=10", "--profile", "paper");
    expect(stderr).toContain("✓ paper/fig");
    expect(exit).toBe(0);
    const output = path.join("figures", "paper", "fig", "fig.ipynb");
    expect(stdout).toBe(`${project.in(output)}\n`);
    expect(project.written()).toEqual([output]);
    const executed = read(output);
    expect(notebookProblems(executed)).toEqual([]);
    if (hasNbformat) expect(nbformatVerdict(executed)).toBe("same");
    expect(outputsOf(executed)).toMatchObject([[], [], [], [{ text: ["10 paper true\n"] }], [], [{ data: { "text/plain": ["5"] } }]]); // prettier-ignore
    expect(JSON.parse(executed)).toMatchObject({
      metadata: {
        kernelspec: { name: "marginalia" },
        language_info: { name: "typescript" },
        marginalia: { parameters: { n: 10, profile: "paper" }, profile: "paper", source: "notebooks/paper/fig.ipynb" },
      },
    });
  });

  test("refuses parameters of the wrong type before anything runs; --parameters reads them from a file", async () => {
    const file = project.notebook("fig", code('const kind: "a" | "b" = "a"; // which\nlet n = 1;', "parameters"));
    project.file("notebooks/given.yaml", "kind: c\nn: 2\n");
    const { code: exit, stderr } = await project.run("run", file, "--parameters", "notebooks/given.yaml", "-p", "n=x");
    expect(exit).toBe(2);
    expect(stderr).toContain('parameter kind is "c", expected "a" | "b"');
    expect(stderr).toContain('parameter n is "x", expected number');
    expect(project.written()).toEqual([]);
    const { stdout } = await project.run("run", "--help-notebook", file);
    expect(stdout).toMatch(/kind +"a" \| "b" +default "a" +\/\/ which\n +n +number +default 1\n/);
    expect((await project.run("run")).code).toBe(2);
  });

  test("tells where a type error, a thrown error and an endless cell are, and goes on with the other notebooks", async () => {
    project.notebook("types", code("const a = 1;"), code('const b = 2;\nconst c: number = "three";'), code("1"));
    project.notebook(
      "throws",
      code("function f() {\n  throw new RangeError('boom');\n}"),
      code("1;\n\nf();"),
      code("1"),
    );
    project.notebook("endless", code("console.log('here');"), code("while (true) {}"));
    project.notebook("fine", code("console.log(6 * 7)"));
    const { code: exit, stdout, stderr } = await project.run("run", "notebooks", "--jobs", "2", "--timeout", "10");
    expect(exit).toBe(1);
    expect(stderr).toMatch(/✗ notebooks.types\.ipynb, cell 2 \(id [\w-]+\), line 2: .*not assignable to type 'number'/);
    expect(stderr).toMatch(/✗ notebooks.throws\.ipynb, cell 2 \(id [\w-]+\), line 3: RangeError: boom\n/);
    expect(stderr).toContain("at f (cell [1]:2:9)");
    expect(stderr).toMatch(
      /✗ notebooks.endless\.ipynb, cell 2 \(id [\w-]+\): the cell took longer than the 10 s of --timeout/,
    );
    expect(stderr).toContain("1 of 4 notebooks done, 3 failed");
    expect(stdout).toBe(`${project.in("figures", "fine", "fine.ipynb")}\n`);
    const names = ["endless", "fine", "throws", "types"];
    expect(project.written()).toEqual(names.map((name) => path.join("figures", name, `${name}.ipynb`)));
    for (const name of names) expect(notebookProblems(read("figures", name, `${name}.ipynb`))).toEqual([]);
    const [first, second] = outputsOf(read("figures", "endless", "endless.ipynb"));
    expect(first).toMatchObject([{ text: ["here\n"] }]);
    expect(second.at(-1)).toMatchObject({ ename: "CellTimeout" });
    const [, failed, never] = outputsOf(read("figures", "throws", "throws.ipynb"));
    expect(failed).toMatchObject([{ output_type: "error", ename: "RangeError", evalue: "boom" }]);
    expect(never).toEqual([]);
  }, 120_000);
});

test("a killed runner leaves no kernel running", async () => {
  const file = project.notebook("endless", code("console.log('here')"), code("while (true) {}"));
  const { child, ended, says } = project.start("run", file);
  await says("cell 1/2");
  expect(project.processes()).not.toEqual([]);
  child.kill("SIGKILL");
  await ended;
  await expect.poll(() => project.processes(), { timeout: 20_000 }).toEqual([]);
  expect(notebookProblems(read("figures", "endless", "endless.ipynb"))).toEqual([]);
});

describe("marginalia run refuses, before anything runs or is written,", () => {
  const refused = async (...args: string[]) => {
    const { code: exit, stdout, stderr } = await project.run("run", ...args);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
    expect(project.written()).toEqual([]);
    return stderr;
  };

  test("a file that is not there, even beside a good one", async () => {
    const good = project.notebook("good", code("1"));
    expect(await refused(good, "none.ipynb")).toContain("none.ipynb: no such file");
  });

  test("broken JSON, with line and column", async () => {
    const file = project.file("notebooks/broken.ipynb", '{\n "cells": [\n  {"cell_type" "code"}\n ]\n}');
    expect(await refused(file)).toMatch(/broken\.ipynb:3:16: broken JSON/);
  });

  test("a file that is no notebook, an old notebook, a folder without notebooks", async () => {
    expect(await refused(project.file("notebooks/x.ipynb", "{}"))).toContain("not a notebook");
    expect(await refused(project.file("notebooks/x.ipynb", '{"nbformat": 3}'))).toContain("nbformat 3, expected 4");
    project.file("notebooks/empty/readme.txt", "");
    expect(await refused("notebooks/empty")).toContain("no notebooks");
  });

  test("an unknown parameter, with the names that there are", async () => {
    const file = project.notebook("x", code("let depth = 5; let seed = 1", "parameters"));
    const said = await refused(file, "-p", "detph=7");
    expect(said).toContain("unknown parameter detph; its parameters cell declares depth: number, seed: number");
  });

  test.each([
    [["-p", "depth"], "expected name=value"],
    [["--jobs", "0"], "whole number above 0"],
    [["--jobs", "1.5"], "whole number above 0"],
    [["--timeout", "soon"], "number above 0"],
    [["--profile", " "], "Expected a name, such as quick or paper"],
    [["--kernel", "no-such-kernel"], 'no kernel "no-such-kernel"; there are marginalia'],
    [["--kernel", "none/kernel.json"], "cannot read the kernelspec none/kernel.json"],
    [["--no-such-option"], "unknown option"],
  ])("%j", async (args, message) => {
    const file = project.notebook("x", code("let depth = 5", "parameters"));
    expect(await refused(file, ...args)).toContain(message);
  });

  test("two notebooks that would write to one place", async () => {
    const files = [project.file("a/x.ipynb", ""), project.file("b/x.ipynb", "")];
    for (const file of files) project.file(file, read("package.json").replace(/.*/, '{"nbformat": 4, "nbformat_minor": 5, "cells": []}')); // prettier-ignore
    const { code: exit, stderr } = await project.run("run", ...files);
    expect(exit).toBe(2);
    expect(stderr).toContain("would both write");
  });

  test("a Python notebook, unless the kernel is named", async () => {
    const metadata = { kernelspec: { name: "python3", display_name: "Python", language: "python" } };
    const file = project.file(
      "notebooks/p.ipynb",
      JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells: [] }),
    );
    expect(await refused(file)).toContain("a python notebook, but the kernel speaks typescript");
  });

  test("no notebooks, and unknown commands", async () => {
    expect(await refused()).toContain("run needs notebooks or folders");
    const { code: exit, stderr } = await project.run("walk");
    expect(exit).toBe(2);
    expect(stderr).toContain("unknown command 'walk'");
  });
});

describe("marginalia run, with another kernel", () => {
  test("--out names the place; the project's figures stay untouched", async () => {
    const file = project.notebook("paper/fig", code("env MARGINALIA_OUT"));
    const { code: exit } = await project.run("run", file, "--kernel", project.scriptedKernel(), "--out", "elsewhere");
    expect(exit).toBe(0);
    expect(project.written()).toEqual([path.join("elsewhere", "paper", "fig", "fig.ipynb")]);
    expect(read("elsewhere", "paper", "fig", "fig.ipynb")).toContain(JSON.stringify(project.in("elsewhere")));
  });

  test("--jobs runs notebooks side by side", async () => {
    for (const name of ["a", "b"]) project.notebook(name, code("sleep 1.5"), code("print done"));
    const started = project.start("run", "notebooks", "--jobs", "2", "--kernel", project.scriptedKernel());
    await started.says("b: 2 cells");
    await expect.poll(() => project.processes().filter((line) => line.includes("scripted-kernel")).length, { timeout: 20_000 }).toBe(2); // prettier-ignore
    const { code: exit, stderr } = await started.ended;
    expect(exit).toBe(0);
    expect(stderr).toContain("2 of 2 notebooks done");
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s interrupts the cell, keeps the partial notebook and exits with %d", async (signal, exitCode) => {
    const file = project.notebook("x", code("print first"), code("print second\nsleep 60"), code("print third"));
    const { child, ended, says } = project.start("run", file, "--kernel", project.scriptedKernel());
    await says("cell 1/3");
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill(signal);
    const { code: exit, stderr } = await ended;
    expect(exit).toBe(exitCode);
    expect(stderr).toMatch(
      /x\.ipynb, cell 2 \(id [\w-]+\): the cell was interrupted\n {2}partial notebook: figures.x.x\.ipynb/,
    );
    const outputs = outputsOf(read("figures", "x", "x.ipynb"));
    expect(outputs.map((list) => list[0]?.text)).toEqual([["first\n"], ["second\n"], undefined]);
    expect(project.written()).toEqual([path.join("figures", "x", "x.ipynb")]);
  });

  test("a second Ctrl-C ends at once, and the kernel with it", async () => {
    const file = project.notebook("x", code("print first"), code("hang"));
    const { child, ended, says } = project.start("run", file, "--kernel", project.scriptedKernel("with-child", project.in("temporary", "pid"))); // prettier-ignore
    await says("cell 1/2");
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 700));
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    await expect.poll(() => project.processes()).toEqual([]);
  });

  test("an output folder that cannot be written is a failure with the reason", async () => {
    project.file("figures", "a file, not a folder");
    const file = project.notebook("x", code("print a"));
    const { code: exit, stderr } = await project.run("run", file, "--kernel", project.scriptedKernel());
    expect(exit).toBe(1);
    expect(stderr).toMatch(/✗ notebooks.x\.ipynb: .*(ENOTDIR|EEXIST)/);
  });
});
