import { afterEach, describe, expect, test, vi } from "vitest";
import { clearOutput, display, mimeBundle, type KernelDisplay } from "../../src/report/display.ts";
import { table } from "../../src/report/table.ts";
import { runElsewhere } from "./child.ts";

const kernel = Symbol.for("marginalia.kernel");
const holder = globalThis as Record<symbol, unknown>;

function withKernel() {
  const own = { display: vi.fn<KernelDisplay["display"]>(), clearOutput: vi.fn<KernelDisplay["clearOutput"]>() };
  holder[kernel] = own;
  return own;
}
afterEach(() => {
  delete holder[kernel];
});

describe("display", () => {
  test("hands the kernel the value's own bundle, its metadata and the options", () => {
    const own = withKernel();
    const value = {
      [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>1</b>" }),
      [Symbol.for("Jupyter.displayMetadata")]: () => ({ "text/html": { isolated: true } }),
    };
    display(value, { displayId: "progress", update: true });
    expect(own.display).toHaveBeenCalledExactlyOnceWith(
      { "text/html": "<b>1</b>" },
      { "text/html": { isolated: true } },
      { displayId: "progress", update: true },
    );
  });

  test("hands the kernel plain text for a value without a bundle", () => {
    const own = withKernel();
    display("words");
    display({ a: [1] });
    display(null);
    expect(own.display.mock.calls.map(([data]) => data["text/plain"])).toEqual(["words", "{ a: [ 1 ] }", "null"]);
  });

  test("clears through the kernel, and does nothing without one", () => {
    clearOutput();
    const own = withKernel();
    clearOutput(true);
    expect(own.clearOutput).toHaveBeenCalledExactlyOnceWith(true);
  });

  test("prints a table's text on a terminal", () => {
    const code = `
      import { display } from "../../src/report/display.ts";
      import { table } from "../../src/report/table.ts";
      display(table({ name: ["a"], x: [0.5] }));
      display(42);`;
    expect(runElsewhere(code)).toEqual({ stdout: "name    x\na     0.5\n42\n", stderr: "" });
  });
});

test("mimeBundle asks the value itself, with this", () => {
  expect(Object.keys(mimeBundle(table({ x: [1] })).data)).toEqual(["text/html", "text/plain"]);
  expect(mimeBundle(undefined)).toEqual({ data: { "text/plain": "undefined" }, metadata: {} });
});
