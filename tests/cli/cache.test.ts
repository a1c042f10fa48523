import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { code } from "../runner/notebooks.ts";
import { Project } from "./command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

test("marginalia run restores figures exactly, and runs again when an imported module or a data file has changed", async () => {
  mkdirSync(project.in("node_modules"));
  project.file("notebooks/half.ts", "export const half = (x: number) => x / 2;\n");
  project.file("notebooks/data.txt", "5");
  const source = `import { half } from "./half.ts";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const folder = process.env.MARGINALIA_OUT + "/fig";
mkdirSync(folder, { recursive: true });
writeFileSync(folder + "/table.csv", "x\\n" + half(Number(readFileSync("data.txt", "utf8"))) + "," + Math.random());`;
  const file = project.notebook("fig", code(source));
  const table = () => readFileSync(project.in("figures", "fig", "table.csv"), "utf8");

  expect((await project.run("run", file)).stderr).toContain("fig: not in the cache");
  const first = table();
  rmSync(project.in("figures"), { recursive: true });
  const again = await project.run("run", file);
  expect(again.stderr).toContain("✓ fig restored from the cache");
  expect(again.stdout).toBe(`${project.in("figures", "fig", "fig.ipynb")}\n`);
  expect(table()).toBe(first);

  writeFileSync(project.in("notebooks", "data.txt"), "6");
  expect((await project.run("run", file)).stderr).toContain("fig: notebooks/data.txt has changed");
  expect(table()).toMatch(/^x\n3,/);
  project.file("notebooks/half.ts", "export const half = (x: number) => x / 3;\n");
  expect((await project.run("run", file)).stderr).toContain("fig: notebooks/half.ts has changed");
  expect(table()).toMatch(/^x\n2,/);
});

test("a notebook may scribble among temporary files and is kept all the same, but not when it writes into its project", async () => {
  mkdirSync(project.in("node_modules"));
  const write = (where: string) => `import { writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
writeFileSync(${where}, "mine");
readFileSync(${where}, "utf8");`;
  const scratch = project.notebook("scratch", code(write('tmpdir() + "/scratch.txt"')));
  expect((await project.run("run", scratch)).stderr).not.toContain("not kept");
  expect((await project.run("run", scratch)).stderr).toContain("restored from the cache");
  const inside = project.notebook("inside", code(write('"beside.txt"')));
  expect((await project.run("run", inside)).stderr).toMatch(/not kept in the cache: it writes outside its output folder \(notebooks.beside\.txt\)/); // prettier-ignore
});
