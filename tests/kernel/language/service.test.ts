/**
 * The side of the TypeScript service that the kernel sees: how the two find each other, and what is said where that
 * fails.
 */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { afterEach, describe, expect, test } from "vitest";

// The service's process runs what has been built.
const built = (name: string) => path.resolve(import.meta.dirname, "../../../dist/kernel/language", name);
const { LanguageService } = (await import(
  built("service.js")
)) as typeof import("../../../src/kernel/language/service.ts");
const { startLanguage } = (await import(
  built("connection.js")
)) as typeof import("../../../src/kernel/language/connection.ts");

const folder = import.meta.dirname;
const packageRoot = path.resolve(folder, "../../..");
const place = { folder, packageRoot, libFolder: path.join(packageRoot, "node_modules", "typescript", "lib") };

const node = process.execPath;
afterEach(() => (process.execPath = node));

test("the socket lies in a folder that only its owner enters, and that is gone when the service has connected", async () => {
  const started = startLanguage(place, undefined);
  const private_ = path.dirname(started.address!);
  expect(statSync(private_).mode & 0o777).toBe(0o700);
  const language = new LanguageService(place, {}, started);
  await language.ready;
  expect(existsSync(private_)).toBe(false);
  language.close();
});

test("when a service is killed, the next one knows the cells that have run and is asked what is not answered", async () => {
  const started = startLanguage(place, undefined);
  const language = new LanguageService(place, {}, started);
  expect(await language.ask("prepare", "const kept = 1")).toMatchObject({ mistakes: [] });
  await language.ask("commit");
  const waiting = language.ask("prepare", "const more = kept + 1");
  process.kill(started.pid!, "SIGKILL");
  expect(await waiting, "it is asked again").toMatchObject({ mistakes: [] });
  expect(await language.ask("prepare", "kept + 1")).toMatchObject({ mistakes: [] });
  language.close();
});

describe("a service that never starts is said so to every question, and none waits for ever", () => {
  test.each(["/nowhere/no-such-program", "/bin/false"])("%s", async (program) => {
    process.execPath = program;
    const language = new LanguageService(place, {});
    const why = /TypeScript service .*(ended twice|does not start)/;
    await expect(language.ask("prepare", "1 + 1")).rejects.toThrow(why);
    await expect(language.ready).rejects.toThrow(/does not start/);
    await expect(language.ask("prepare", "1 + 1")).rejects.toThrow(/does not start; restart the kernel/);
    language.close();
  });
});
