import { describe, expect, test } from "vitest";
import type { CodeCell, JsonObject } from "../../../src/runner/notebook/notebook.ts";
import { Displays, OutputFold } from "../../../src/runner/notebook/outputs.ts";

const newCell = (): CodeCell => ({
  cell_type: "code",
  id: "a",
  metadata: {},
  source: "",
  execution_count: null,
  outputs: [],
});

function fold(messages: readonly (readonly [string, JsonObject])[], displays = new Displays(), cell = newCell()) {
  const folding = new OutputFold(cell, displays);
  for (const [type, content] of messages) folding.add(type, content);
  return cell;
}

const stdout = (text: string) => ["stream", { name: "stdout", text }] as const;
const stderr = (text: string) => ["stream", { name: "stderr", text }] as const;
const show = (text: string, id?: string) =>
  ["display_data", { data: { "text/plain": text }, metadata: {}, transient: id ? { display_id: id } : {} }] as const;
const shown = (text: string) => ({ output_type: "display_data", data: { "text/plain": text }, metadata: {} });
const printed = (text: string, name = "stdout") => ({ output_type: "stream", name, text });

describe("OutputFold", () => {
  test("joins neighbouring pieces of a stream and keeps the order of different ones", () => {
    const cell = fold([stdout("a"), stdout("b\n"), stderr("!"), stdout("c"), show("d"), stdout(""), stdout("e")]);
    expect(cell.outputs).toEqual([printed("ab\n"), printed("!", "stderr"), printed("c"), shown("d"), printed("e")]);
  });

  test("loses none of 100,000 lines", () => {
    const cell = fold(Array.from({ length: 100_000 }, (_, i) => stdout(`${i}\n`)));
    expect(cell.outputs).toHaveLength(1);
    expect((cell.outputs[0] as { text: string }).text.split("\n")).toHaveLength(100_001);
  });

  test("keeps results with their count, errors with their traceback", () => {
    const cell = fold([
      ["execute_input", { code: "1", execution_count: 7 }],
      ["execute_result", { execution_count: 7, data: { "text/plain": "1" }, metadata: { a: 1 } }],
      ["error", { ename: "TypeError", evalue: "no", traceback: ["TypeError: no", "  at cell"] }],
    ]);
    expect(cell.execution_count).toBe(7);
    expect(cell.outputs).toEqual([
      { output_type: "execute_result", execution_count: 7, data: { "text/plain": "1" }, metadata: { a: 1 } },
      { output_type: "error", ename: "TypeError", evalue: "no", traceback: ["TypeError: no", "  at cell"] },
    ]);
  });

  test("update_display_data changes the display wherever it was shown, in earlier cells too", () => {
    const displays = new Displays();
    const first = fold([show("old", "d1"), show("other", "d2"), show("old", "d1")], displays);
    const update = ["update_display_data", { data: { "text/plain": "new" }, metadata: {}, transient: { display_id: "d1" } }] as const; // prettier-ignore
    const second = fold([update], displays);
    expect(first.outputs).toEqual([shown("new"), shown("other"), shown("new")]);
    expect(second.outputs).toEqual([]);
  });

  test("an update of an unknown display, or of one without an id, does nothing", () => {
    const update = ["update_display_data", { data: { "text/plain": "x" }, metadata: {}, transient: {} }] as const;
    expect(fold([show("a"), update]).outputs).toEqual([shown("a")]);
  });

  test("clear_output clears at once, or with wait when the next output comes", () => {
    expect(fold([stdout("a"), ["clear_output", { wait: false }]]).outputs).toEqual([]);
    expect(fold([stdout("a"), ["clear_output", { wait: true }]]).outputs).toEqual([printed("a")]);
    expect(fold([stdout("a"), ["clear_output", { wait: true }], stdout("b")]).outputs).toEqual([printed("b")]);
    expect(fold([show("a"), ["clear_output", { wait: true }], show("b"), show("c")]).outputs).toEqual([
      shown("b"),
      shown("c"),
    ]);
  });

  test("messages about other things leave the outputs alone", () => {
    expect(
      fold([
        ["status", { execution_state: "idle" }],
        ["comm_open", {}],
      ]).outputs,
    ).toEqual([]);
  });
});
