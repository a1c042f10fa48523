/** The side of the TypeScript service that the kernel sees, where the service itself cannot be had. */
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { LanguageService } from "../../src/kernel/language.ts";

const node = process.execPath;
afterEach(() => (process.execPath = node));

test("a service that never starts is said so to every question, and none waits for ever", async () => {
  process.execPath = path.join(path.dirname(node), "no-such-program");
  const folder = import.meta.dirname;
  const packageRoot = path.resolve(folder, "../..");
  const libFolder = path.join(packageRoot, "node_modules", "typescript", "lib");
  const language = new LanguageService({ folder, packageRoot, libFolder });
  await expect(language.ask("prepare", "1 + 1")).rejects.toThrow(/TypeScript service .*(started again|does not start)/);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await expect(language.ask("prepare", "1 + 1")).rejects.toThrow(/does not start; restart the kernel/);
  language.close();
});
