import { expect, test, vi } from "vitest";
import { record, RECORD_MIME } from "../../src/report/record.ts";

function recorded(work: () => void): unknown[] {
  const display = vi.fn();
  const kernel = Symbol.for("marginalia.kernel");
  Object.assign(globalThis, { [kernel]: { display } });
  try {
    work();
  } finally {
    delete (globalThis as Record<symbol, unknown>)[kernel];
  }
  return display.mock.calls.map(([data]) => data as unknown);
}

test("record shows name and value to the kernel, as data and as text", () => {
  const shown = recorded(() => {
    record("error", 0.25);
    record("kind", "tree");
    record("none", null);
  });
  expect(shown).toEqual([
    { [RECORD_MIME]: { name: "error", value: 0.25 }, "text/plain": "error = 0.25" },
    { [RECORD_MIME]: { name: "kind", value: "tree" }, "text/plain": "kind = tree" },
    { [RECORD_MIME]: { name: "none", value: null }, "text/plain": "none = null" },
  ]);
});

test("numbers that JSON lacks are recorded by their names", () => {
  const shown = recorded(() => [NaN, Infinity, -Infinity].forEach((value) => record("x", value)));
  expect(shown.map((data) => (data as Record<string, unknown>)[RECORD_MIME])).toEqual(
    ["NaN", "Infinity", "-Infinity"].map((value) => ({ name: "x", value })),
  );
});

test("refuses what is no scalar, and an empty name", () => {
  expect(() => record("x", [1] as never)).toThrow("takes a number, string, boolean or null, got object");
  expect(() => record("x", undefined as never)).toThrow(TypeError);
  expect(() => record(" ", 1)).toThrow("needs a name");
});
