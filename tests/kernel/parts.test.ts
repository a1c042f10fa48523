import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { excerpt } from "../../src/kernel/sockets/excerpt.ts";
import { History } from "../../src/kernel/sockets/history.ts";
import {
  installKernelspec,
  kernelSpec,
  kernelspecFolder,
  uninstallKernelspec,
} from "../../src/kernel/install/kernelspec.ts";
import { makePipe, PipeReader, PipeWriter, STDERR, STDOUT, type PipeRecord } from "../../src/kernel/protocol/pipe.ts";

describe("the pipe between the threads", () => {
  test("gives back what was written, in order, with the prints of a run joined", () => {
    const pipe = makePipe();
    let bells = 0;
    const writer = new PipeWriter(pipe, () => bells++);
    const reader = new PipeReader(pipe);
    expect(reader.take(100)).toBeUndefined();
    writer.stream(1, STDOUT, "a");
    writer.stream(1, STDOUT, "é😀");
    writer.stream(1, STDERR, "b");
    writer.stream(2, STDERR, "c");
    writer.message(2, { type: "done" });
    writer.stream(2, STDERR, "");
    expect(bells, "only messages ring while the reader is awake").toBe(1);
    const all: PipeRecord[] = [];
    for (let record = reader.take(100); record; record = reader.take(100)) all.push(record);
    expect(all).toEqual([
      { run: 1, stream: "stdout", text: "aé😀" },
      { run: 1, stream: "stderr", text: "b" },
      { run: 2, stream: "stderr", text: "c" },
      { run: 2, message: { type: "done" } },
    ]);
    expect(reader.sleep()).toBe(true);
    writer.stream(1, STDOUT, "wake");
    expect(bells).toBe(2);
    expect(reader.sleep()).toBe(false);
  });

  test("texts and messages of any size go round the ring unharmed", () => {
    const pipe = makePipe();
    const writer = new PipeWriter(pipe, () => undefined);
    const reader = new PipeReader(pipe);
    const text = fc.tuple(fc.string({ unit: "grapheme", minLength: 1 }), fc.integer({ min: 1, max: 20_000 }));
    fc.assert(
      fc.property(text, fc.boolean(), ([piece, times], asMessage) => {
        const whole = piece.repeat(Math.ceil(times / piece.length));
        if (asMessage) writer.message(3, whole);
        else writer.stream(3, STDOUT, whole);
        let read = "";
        for (let record = reader.take(50_000); record; record = reader.take(50_000))
          read += "text" in record ? record.text : (record.message as string);
        expect(read === whole).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

test("an excerpt shows the line, two before it, and a squiggle as long as the mistake", () => {
  const source = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join("\n");
  expect(excerpt(source, 10, 6, 2)).toEqual(["   8 | line 8", "   9 | line 9", "> 10 | line 10", "     |      ~~"]);
  expect(excerpt("\tx", 1, 2)).toEqual(["> 1 | \tx", "    | \t^"]);
  expect(excerpt("a\nb", 1, 1, 10), "a mistake over several lines ends with its first").toEqual(["> 1 | a", "    | ^"]);
  expect(excerpt("a", 3, 1)).toEqual([]);
});

test("history is found by tail, range and search", () => {
  const history = new History();
  for (const [line, input] of ["1 + 1", "f(1)", "f(2)", "f(1)"].entries()) history.add(line + 1, input);
  history.setOutput(1, "2");
  expect(history.find({ hist_access_type: "tail", n: 2 })).toEqual([
    [1, 3, "f(2)"],
    [1, 4, "f(1)"],
  ]);
  expect(history.find({ hist_access_type: "range", session: 0, start: 1, stop: 3, output: true })).toEqual([
    [1, 1, ["1 + 1", "2"]],
    [1, 2, ["f(1)", null]],
  ]);
  expect(history.find({ hist_access_type: "range", session: 7 })).toEqual([]);
  expect(history.find({ hist_access_type: "search", pattern: "f(?)", unique: true })).toEqual([
    [1, 4, "f(1)"],
    [1, 3, "f(2)"],
  ]);
  expect(history.find({ hist_access_type: "search", pattern: "1 + 1" })).toHaveLength(1);
  expect(history.find({ hist_access_type: "nonsense" })).toEqual([]);
});

describe("the kernelspec", () => {
  test("starts this Node with absolute paths and asks to be interrupted by message", () => {
    const { argv, interrupt_mode } = kernelSpec();
    expect([argv[0], argv.at(-1)]).toEqual([process.execPath, "{connection_file}"]);
    expect(path.isAbsolute(argv.at(-2) ?? "")).toBe(true);
    expect(interrupt_mode).toBe("message");
  });

  test("is installed under a prefix, for the user or in a Python environment, and removed again", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "marginalia-spec-"));
    try {
      expect(kernelspecFolder("user", { JUPYTER_DATA_DIR: folder })).toBe(path.join(folder, "kernels", "marginalia"));
      expect(kernelspecFolder("sys-prefix", { VIRTUAL_ENV: folder })).toBe(kernelspecFolder({ prefix: folder }));
      expect(uninstallKernelspec({ prefix: folder })).toBeUndefined();
      const installed = installKernelspec({ prefix: folder });
      expect(installed).toBe(path.join(folder, "share", "jupyter", "kernels", "marginalia"));
      expect(JSON.parse(readFileSync(path.join(installed, "kernel.json"), "utf8"))).toEqual(kernelSpec());
      expect(existsSync(path.join(installed, "logo-svg.svg"))).toBe(true);
      expect(installKernelspec({ prefix: folder }), "an older one is replaced").toBe(installed);
      expect(uninstallKernelspec({ prefix: folder })).toBe(installed);
      expect(existsSync(installed)).toBe(false);
      installKernelspec({ prefix: folder });
      writeFileSync(path.join(installed, "mine.txt"), "somebody else's");
      uninstallKernelspec({ prefix: folder });
      expect(readdirSync(installed), "what is not ours stays").toEqual(["mine.txt"]);
      writeFileSync(path.join(installed, "kernel.json"), '{ "argv": ["other"] }');
      expect(() => uninstallKernelspec({ prefix: folder })).toThrow(/another program's/);
      expect(readdirSync(installed)).toHaveLength(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
