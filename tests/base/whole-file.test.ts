import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeWhole, writeWholeSync } from "../../src/base/whole-file.ts";
import { fill, onSmallDisk } from "./small-disk.ts";

let folder: string;
const at = (name: string) => path.join(folder, name);
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "whole-file-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ["writeWhole", writeWhole],
  [
    "writeWholeSync",
    (...given: Parameters<typeof writeWhole>) => Promise.resolve().then(() => writeWholeSync(...given)),
  ],
])("%s", (_, write) => {
  test("writes text and bytes, and leaves nothing else behind", async () => {
    await write(at("text"), "déjà vu");
    await write(at("bytes"), Uint8Array.of(0, 255, 7));
    await write(at("text"), "again");
    expect(readFileSync(at("text"), "utf8")).toBe("again");
    expect([...readFileSync(at("bytes"))]).toEqual([0, 255, 7]);
    expect(readdirSync(folder).sort()).toEqual(["bytes", "text"]);
  });

  test("keeps a file's permissions, and a link to it", async () => {
    writeFileSync(at("secret"), "old");
    chmodSync(at("secret"), 0o600);
    symlinkSync("secret", at("link"));
    await write(at("link"), "new");
    expect(readFileSync(at("secret"), "utf8")).toBe("new");
    expect(statSync(at("secret")).mode & 0o777).toBe(0o600);
    expect(lstatSync(at("link")).isSymbolicLink()).toBe(true);
  });

  test("says what is wrong where there is no folder", async () => {
    await expect(write(path.join(folder, "none", "file"), "text")).rejects.toThrow(/ENOENT.*none/);
  });

  test("on a disk that fills up half way, throws and leaves the file as it was", async ({ skip }) => {
    const isMounted = await onSmallDisk(folder, 64, async () => {
      await write(at("file"), "old");
      await write(at("large"), "y".repeat(20_000));
      const giveBack = fill(folder, 12);
      for (const content of ["x".repeat(40_000), Buffer.alloc(40_000)])
        await expect(write(at("file"), content)).rejects.toThrow(
          `${at("file")} cannot be written: no space is left on its disk (ENOSPC)`,
        );
      expect(readFileSync(at("file"), "utf8")).toBe("old");
      giveBack();
      await write(at("file"), "new");
      expect(readFileSync(at("file"), "utf8")).toBe("new");
      expect(readdirSync(folder).sort()).toEqual(["file", "large"]);
    });
    if (!isMounted) skip();
  });
});

test("writeWholeSync takes text in pieces; what goes wrong in one leaves the file as it was", () => {
  writeWholeSync(at("file"), ["one ", "two"]);
  expect(readFileSync(at("file"), "utf8")).toBe("one two");
  const pieces = function* () {
    yield "three";
    throw new RangeError("no fourth");
  };
  expect(() => writeWholeSync(at("file"), pieces())).toThrow("no fourth");
  expect(readFileSync(at("file"), "utf8")).toBe("one two");
  expect(readdirSync(folder)).toEqual(["file"]);
});
