import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prepareRun } from "../../../src/runner/notebook/prepare.ts";
import { code, notebook } from "../notebooks.ts";

let project: string;
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), "prepare-test-"));
  await writeFile(path.join(project, "package.json"), "{}");
});
afterAll(() => rm(project, { recursive: true, force: true }));

describe("prepareRun", () => {
  const prepare = async (cells: readonly object[], options: Parameters<typeof prepareRun>[1]) => {
    const file = path.join(project, "x.ipynb");
    await writeFile(file, JSON.stringify(notebook(cells)));
    return prepareRun(file, options);
  };
  const declaring = code('let profile: "quick" | "paper" = "quick"', "parameters");

  test("injects the profile as a parameter", async () => {
    const run = await prepare([declaring], { profile: "paper" });
    expect(run.notebook.cells[1].source).toContain('profile = "paper";');
    expect(run).toMatchObject({ profile: "paper", parameters: { profile: "paper" } });
  });

  test("a profile for a notebook that declares none is refused, or left out where that is asked", async () => {
    await expect(prepare([code("1")], { profile: "paper" })).rejects.toThrow('no cell is tagged "parameters"');
    const run = await prepare([code("1")], { profile: "paper", profileIfDeclared: true });
    expect(run).toMatchObject({ profile: undefined, parameters: {} });
  });

  test("refuses to replace the source by its executed copy", async () => {
    const file = path.join(project, "figures", "x", "x.ipynb");
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(notebook([])));
    await expect(prepareRun(file)).rejects.toThrow("its executed copy would replace it");
  });
});
