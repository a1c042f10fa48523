import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CompiledModules } from "../../../../src/kernel/user/modules/compiled-modules.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "marginalia-compiled-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a module is compiled once, again when its text or path is another, and when what was kept is damaged", async () => {
  const kept = () => readdirSync(path.join(folder, "node_modules", ".cache", "marginalia", "modules"));
  const compile = async (name: string, text: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return new CompiledModules(folder).compile(file, "esm");
  };
  const first = await compile("a.ts", "export const a: number = 1;");
  expect(first.code).toMatch(/^const a = 1;\nexport \{\s+a\s+\};\n$/);
  expect(JSON.parse(first.map)).toMatchObject({ sources: [expect.stringMatching(/a\.ts$/) as string] });
  const [name] = kept();
  const place = path.join(folder, "node_modules", ".cache", "marginalia", "modules", name);
  writeFileSync(place, JSON.stringify({ code: "from the cache", map: "{}" }));
  expect((await compile("a.ts", "export const a: number = 1;")).code).toBe("from the cache");
  writeFileSync(place, "{ half");
  expect(await compile("a.ts", "export const a: number = 1;")).toEqual(first);
  expect((await compile("a.ts", "export const a: number = 2;")).code).toContain("const a = 2;");
  expect((await compile("b.ts", "export const a: number = 1;")).map).toContain("b.ts");
  expect(kept()).toHaveLength(3);
});
