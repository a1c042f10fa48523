import { describe, expect, test } from "vitest";
import { cleanNotebook, type CleanOptions } from "../../../src/runner/notebook/clean.ts";
import { parseNotebook, type CodeCell } from "../../../src/runner/notebook/notebook.ts";
import { code, notebook } from "../notebooks.ts";

const output = { output_type: "execute_result", execution_count: 3, data: { "text/plain": "1" }, metadata: {} };
const cell = (metadata: object, tags?: string[]) => ({
  ...code("1"),
  execution_count: 3,
  outputs: [output],
  metadata: { ...metadata, ...(tags && { tags }) },
});
const cleaned = async (metadata: object, cells: object[], options?: CleanOptions) =>
  cleanNotebook(await parseNotebook(JSON.stringify({ ...notebook(cells), metadata }), "x.ipynb"), options);
const outputs = async (metadata: object, cells: object[], options?: CleanOptions) =>
  (await cleaned(metadata, cells, options)).cells.map((each) => (each as CodeCell).outputs.length);

describe("cleanNotebook keeps", () => {
  test("whatever metadata is not known to be volatile, of the notebook and of its cells", async () => {
    const own = { title: "T", authors: [{ name: "N" }], jupytext: { formats: "ipynb,md" }, kernelspec: { name: "k" }, "x-y": { deep: [1] } }; // prettier-ignore
    const volatile = { signature: "s", widgets: {}, papermill: {}, marginalia: { source: "s", status: "ok", seconds: {} }, language_info: { version: "6" } }; // prettier-ignore
    const ofCell = { name: "n", slideshow: { slide_type: "slide" }, vscode: { languageId: "typescript" }, jupyter: { source_hidden: true }, mine: 1 }; // prettier-ignore
    const folded = { collapsed: true, scrolled: true, execution: {}, ExecuteTime: {}, trusted: true };
    const { metadata, cells } = await cleaned({ ...own, ...volatile }, [cell({ ...ofCell, ...folded, jupyter: { source_hidden: true, outputs_hidden: true } })]); // prettier-ignore
    expect(metadata).toEqual(own);
    expect(cells[0].metadata).toEqual(ofCell);
  });

  test("of a part that holds both, what is not volatile", async () => {
    const { metadata } = await cleaned({ marginalia: { check: { tolerance: 1 }, source: "s", mine: 2 }, language_info: { name: "typescript", version: "6", x: 1 } }, []); // prettier-ignore
    expect(metadata).toEqual({ marginalia: { check: { tolerance: 1 }, mine: 2 }, language_info: { name: "typescript", x: 1 } }); // prettier-ignore
  });

  test("outputs where keep_output says so, in the notebook, in a cell or by its tag; a cell has the last word", async () => {
    const cells = [cell({}), cell({ keep_output: true }), cell({}, ["keep_output"]), cell({ keep_output: false })];
    expect(await outputs({}, cells)).toEqual([0, 1, 1, 0]);
    expect(await outputs({ keep_output: true }, cells)).toEqual([1, 1, 1, 0]);
    expect(await outputs({ keep_output: false }, cells)).toEqual([0, 1, 1, 0]);
    expect(await outputs({}, cells, { keepOutputs: true })).toEqual([1, 1, 1, 0]);
    const [, kept] = (await cleaned({}, cells)).cells as CodeCell[];
    expect([kept.execution_count, (kept.outputs[0] as { execution_count: unknown }).execution_count]).toEqual([null, null]); // prettier-ignore
    await expect(cleaned({}, [cell({ keep_output: false }, ["keep_output"])])).rejects.toThrow(/tag keep_output and/);
  });

  test("nothing else of a run: cleaning what is clean changes nothing", async () => {
    const once = await cleaned({ title: "T" }, [cell({ mine: 1 })]);
    expect(cleanNotebook(once)).toEqual(once);
  });
});
