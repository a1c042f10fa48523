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

  test.each(["/p/notebooks/...ipynb", "/p/x/...ipynb", "/p/notebooks/paper/.ipynb", "/p/notebooks/.hidden/x.ipynb"])(
    "%s is refused, since its results would go out of the output root or to a hidden folder",
    (file) => expect(() => experimentName(file)).toThrow(/its results would go to a folder named "/),
  );

  test("names with spaces and of any alphabet are names", () => {
    expect(experimentName("/p/notebooks/Übung 1.ipynb")).toBe("Übung 1");
    expect(experimentName("/p/notebooks/a..b.ipynb")).toBe("a..b");
  });

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
