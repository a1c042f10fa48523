import path from "node:path";
import { describe, expect, test } from "vitest";
import { executedNotebookFile, experimentName, projectOfNotebook } from "../../src/runner/locations.ts";

describe("locations", () => {
  test.each([
    ["/p/notebooks/jaakkola1996/fig3-bounds.ipynb", "jaakkola1996/fig3-bounds"],
    ["/notebooks/p/notebooks/paper/a/b.ipynb", "paper/a/b"],
    ["/p/notebooks/alone.ipynb", "alone"],
    ["/p/elsewhere/alone.ipynb", "alone"],
    ["/p/notebooks.ipynb", "notebooks"],
  ])("the experiment of %s is %s", (file, name) => expect(experimentName(file)).toBe(name));

  test("the executed notebook is named after its folder", () => {
    const out = path.resolve("/out");
    const file = executedNotebookFile(out, "/p/notebooks/paper/fig3.ipynb");
    expect(file).toBe(path.join(out, "paper", "fig3", "fig3.ipynb"));
  });

  test("a notebook belongs to the nearest package.json, else to the project worked in", () => {
    const here = path.resolve(import.meta.dirname, "../..");
    expect(projectOfNotebook(path.join(here, "notebooks", "x", "y.ipynb"))).toBe(here);
    expect(projectOfNotebook("/nowhere/y.ipynb")).toBe(here);
  });
});
