import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { code } from "../../runner/notebooks.ts";
import { Project } from "../../cli/command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

test("--help names the commands and the exit codes", async () => {
  const { code: exit, stdout } = await project.run("--help");
  expect(exit).toBe(0);
  for (const command of ["run", "reproduce", "infer", "gallery", "kernel", "doctor"])
    expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
  for (const exitCode of ["0 ", "1 ", "2 ", "130 "]) expect(stdout).toMatch(new RegExp(`^ {2}${exitCode}`, "m"));
});

test("--version is the package's", async () => {
  const manifest = readFileSync(path.resolve(import.meta.dirname, "../../../package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  expect(await project.run("--version")).toMatchObject({ code: 0, stdout: `${version}\n` });
});

test("no command at all is wrong usage", async () => {
  const { code: exit, stderr } = await project.run();
  expect(exit).toBe(2);
  expect(stderr).toContain("Usage: marginalia");
});

describe("marginalia reproduce", () => {
  test("runs every notebook with the quick profile where it is declared, then writes the gallery", async () => {
    project.notebook("paper/a", code('let profile: "quick" | "paper" = "paper"', "parameters"));
    project.notebook("paper/b", code("print no parameters here"));
    const { code: exit, stdout } = await project.run("reproduce", "--kernel", project.scriptedKernel());
    expect(exit).toBe(0);
    expect(stdout.trim().split("\n").at(-1)).toBe(project.in("figures", "index.html"));
    expect(readFileSync(project.in("figures", "paper", "a", "a.ipynb"), "utf8")).toContain('profile = \\"quick\\";');
    const page = readFileSync(project.in("figures", "index.html"), "utf8");
    expect(page).toContain("paper/a");
    expect(page).toContain("paper/b");
  });

  test("a notebook that fails or cannot be read does not stop the others, but counts", async () => {
    project.notebook("fails", code("error E no"));
    project.notebook("works", code("print a"));
    project.file("notebooks/broken.ipynb", "{");
    const { code: exit, stderr } = await project.run("reproduce", "--kernel", project.scriptedKernel());
    expect(exit).toBe(1);
    expect(stderr).toContain("broken.ipynb:1:2: broken JSON");
    expect(stderr).toContain("1 of 2 notebooks done, 1 failed");
    expect(readFileSync(project.in("figures", "index.html"), "utf8")).toContain("The last run failed: cell 1: E: no");
  });
});

test("marginalia reproduce outside a project with notebooks is wrong usage", async () => {
  rmSync(project.in("notebooks"), { recursive: true });
  const { code: exit, stderr } = await project.run("reproduce");
  expect(exit).toBe(2);
  expect(stderr).toContain("has no notebooks folder");
  expect(project.written()).toEqual([]);
});

describe("marginalia gallery", () => {
  test("says where the page is, and what it could not read", async () => {
    project.file("figures/paper/x/result.json", "{");
    const { code: exit, stdout, stderr } = await project.run("gallery");
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: `${project.in("figures", "index.html")}\n` });
    expect(stderr).toContain("paper/x/result.json: ");
  });

  test("without figures it is wrong usage, and writes nothing", async () => {
    const { code: exit, stderr } = await project.run("gallery");
    expect(exit).toBe(2);
    expect(stderr).toContain("no such folder; run a notebook first");
    expect(project.written()).toEqual([]);
  });
});

describe("marginalia kernel", () => {
  test("installs under a prefix and takes itself away again", async () => {
    const folder = project.in("prefix", "share", "jupyter", "kernels", "marginalia");
    const extension = project.in("prefix", "share", "jupyter", "labextensions", "marginalia-plotly");
    expect(await project.run("kernel", "install", "--prefix", "prefix")).toMatchObject({
      code: 0,
      stdout: `installed in ${folder}\nfor Plotly figures in JupyterLab: ${extension}\n`,
    });
    expect(existsSync(path.join(extension, "package.json"))).toBe(true);
    const spec = JSON.parse(readFileSync(path.join(folder, "kernel.json"), "utf8")) as { argv: string[] };
    expect(spec.argv).toContain("{connection_file}");
    expect((await project.run("kernel", "uninstall", "--prefix", "prefix")).code).toBe(0);
    expect([folder, extension].filter(existsSync)).toEqual([]);
    expect((await project.run("kernel", "uninstall", "--prefix", "prefix")).code).toBe(1);
  });

  test("places exclude one another", async () => {
    expect((await project.run("kernel", "install", "--user", "--sys-prefix")).code).toBe(2);
    expect(project.written()).toEqual([]);
  });
});

test("marginalia doctor starts the kernel and names every part", async () => {
  const { stdout } = await project.run("doctor");
  expect(stdout).toMatch(/✓ node +\d+/);
  expect(stdout).toMatch(/✓ kernel +started, ran a cell and ended/);
  expect(stdout).toMatch(/✓ figures +resvg/);
  expect(stdout).toMatch(/✓ tensors +marginalia: (native kernels, .+|WebAssembly SIMD) \(.+\)/);
  expect(stdout).toMatch(/✓ Danfo's tfjs +(tfjs|tensorflow): /);
  for (const name of ["C compiler", "Python", "Jupyter", "browser"])
    expect(stdout).toMatch(new RegExp(`^[✓–] ${name} `, "m"));
});
