import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatNotebook, parseNotebook, readNotebook, writeNotebook } from "../../../src/runner/notebook/notebook.ts";
import { hasNbformat, nbformatVerdict } from "../nbformat.ts";
import { code, markdown, notebook, notebookProblems } from "../notebooks.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "notebook-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const parse = (value: unknown) => parseNotebook(JSON.stringify(value), "x.ipynb");

describe("parseNotebook(content, file)", () => {
  test("joins lines, wherever the format allows lines", async () => {
    const output = { output_type: "stream", name: "stdout", text: ["a\n", "b"] };
    const data = { "text/plain": ["1\n", "2"], "application/json": ["kept", "apart"] };
    const read = await parse({
      ...notebook([]),
      cells: [
        {
          ...code(""),
          source: ["let a\n", "a"],
          outputs: [output, { output_type: "display_data", data, metadata: {} }],
        },
      ],
    });
    expect(read.cells[0]).toMatchObject({
      source: "let a\na",
      outputs: [{ text: "a\nb" }, { data: { "text/plain": "1\n2", "application/json": ["kept", "apart"] } }],
    });
  });

  test("keeps good cell ids and fills missing, malformed and repeated ones, the same for the same file", async () => {
    const cells = [
      { ...code("1"), id: "good" },
      { ...code("1"), id: undefined },
      { ...code("1"), id: undefined },
      { ...code("2"), id: "good" },
      { ...code("3"), id: "not good!" },
    ];
    const ids = (await parse(notebook(cells))).cells.map((cell) => cell.id);
    expect(ids[0]).toBe("good");
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect((await parse(notebook(cells))).cells.map((cell) => cell.id)).toEqual(ids);
  });

  test("an id does not depend on the cells before it", async () => {
    const cell = { ...code("stays"), id: undefined };
    const alone = await parse(notebook([cell]));
    const after = await parse(notebook([{ ...code("new"), id: undefined }, cell]));
    expect(after.cells[1].id).toBe(alone.cells[0].id);
  });

  test.each([
    ['{\n  "nbformat": 4,\n  "cells": [}\n', "x.ipynb:3:13: broken JSON"],
    ["", "x.ipynb:1:1: broken JSON"],
    ['{"nbformat": 4, "cells": [', "x.ipynb:1:27: broken JSON"],
    ["{ nbformat: 4 }", "x.ipynb:1:3: broken JSON"],
    ['{"a": 1,}', "x.ipynb:1:9: broken JSON"],
  ])("tells line and column of broken JSON: %j", async (content, message) => {
    await expect(parseNotebook(content, "x.ipynb")).rejects.toThrow(message);
  });

  test.each([
    ["null", "not a notebook"],
    ["[1]", "not a notebook"],
    ['{"cells": []}', "not a notebook"],
    ['{"nbformat": 3, "worksheets": []}', "nbformat 3, expected 4"],
    ['{"nbformat": 5, "cells": []}', "nbformat 5, expected 4"],
    ['{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "poem"}]}', "not a valid notebook"],
    ['{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a valid notebook"],
  ])("refuses %s", async (content, message) => {
    await expect(parseNotebook(content, "x.ipynb")).rejects.toThrow(`x.ipynb: ${message}`);
  });

  test("names the cell and field that is wrong", async () => {
    const cells = [markdown("fine"), { ...code("1"), outputs: [{ output_type: "stream", name: "stdout" }] }];
    await expect(parse(notebook(cells))).rejects.toThrow("cells[1].outputs[0].text");
  });
});

describe("readNotebook(file)", () => {
  test("names a file that is missing, and a folder", async () => {
    await expect(readNotebook(path.join(folder, "none.ipynb"))).rejects.toThrow(/none\.ipynb: no such file/);
    await expect(readNotebook(folder)).rejects.toThrow(/is a folder/);
  });
});

describe("writeNotebook(file, notebook)", () => {
  test("writes what readNotebook reads, as nbformat 4.5 in Jupyter's layout", async () => {
    const file = path.join(folder, "new", "round.ipynb");
    const made = await parse(
      notebook([
        markdown("# Title\n\ntext"),
        { ...code("a\n\nb\n"), execution_count: 3, outputs: [{ output_type: "stream", name: "stdout", text: "é\n" }] },
        { cell_type: "raw", id: "raw", metadata: {}, source: "" },
      ]),
    );
    await writeNotebook(file, made);
    expect(await readNotebook(file)).toEqual(made);
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/^\{\n "cells": \[\n {2}\{\n {3}"cell_type": "markdown",\n/);
    expect(text.endsWith(' "nbformat": 4,\n "nbformat_minor": 5\n}\n')).toBe(true);
    expect(JSON.parse(text)).toMatchObject({ cells: [{ source: ["# Title\n", "\n", "text"] }, {}, { source: [] }] });
    expect(notebookProblems(text)).toEqual([]);
    expect(await readdir(path.dirname(file))).toEqual(["round.ipynb"]);
  });

  test.skipIf(!hasNbformat)("writes what Python's nbformat holds valid and would write byte for byte", async () => {
    const outputs = [
      { output_type: "display_data", data: { "image/png": "iVBO", "text/html": "<b>\n</b>", "application/json": [1] }, metadata: {} }, // prettier-ignore
      { output_type: "execute_result", execution_count: 1, data: { "text/plain": "'ü'\n" }, metadata: {} },
      { output_type: "error", ename: "E", evalue: "", traceback: ["\u001b[31mE"] },
    ];
    const made = await parse(notebook([markdown("a\n\nb"), { ...code("1\n2", "tag"), outputs }]));
    expect(nbformatVerdict(formatNotebook(made))).toBe("same");
  });

  test("leaves out metadata that changes from run to run, and keeps the rest", async () => {
    const metadata = { tags: ["a"], execution: { "iopub.status.busy": "now" }, ExecuteTime: {}, mine: 1 };
    const text = formatNotebook(await parse(notebook([{ ...code("1"), metadata }])));
    expect((JSON.parse(text) as { cells: unknown[] }).cells[0]).toMatchObject({ metadata: { tags: ["a"], mine: 1 } });
    expect(text).not.toContain('execution":');
    expect(text).not.toContain("ExecuteTime");
  });

  test("gives the same bytes whatever the order of keys", async () => {
    const a = await parse({ cells: [], metadata: { b: 1, a: { d: 1, c: 2 } }, nbformat: 4, nbformat_minor: 4 });
    const b = await parse({ nbformat_minor: 5, nbformat: 4, metadata: { a: { c: 2, d: 1 }, b: 1 }, cells: [] });
    expect(formatNotebook(a)).toBe(formatNotebook(b));
  });

  test("leaves the old file whole when it cannot write", async () => {
    const file = path.join(folder, "a-file");
    await writeFile(file, "old");
    await expect(writeNotebook(path.join(file, "x.ipynb"), await parse(notebook([])))).rejects.toThrow();
    expect(await readFile(file, "utf8")).toBe("old");
  });
});

test.each([1000, 100_000])("JSON nested %d deep is refused with its place", async (depth) => {
  const deep = `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const content = `{ "nbformat": 4, "nbformat_minor": 5, "metadata": { "mine": ${deep} }, "cells": [] }`;
  await expect(parseNotebook(content, "x.ipynb")).rejects.toThrow(
    /^x\.ipynb: metadata\.mine[.0]* is nested more than 500 levels deep/,
  );
  await expect(parseNotebook(content.slice(0, -depth), "x.ipynb")).rejects.toThrow("broken JSON");
});
