import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { KernelClient } from "../client.ts";

let kernel: KernelClient;
let asked = 0;
beforeAll(async () => {
  kernel = await KernelClient.start();
  await kernel.execute(`
    import callbacks from "node:readline";
    import { createInterface } from "node:readline/promises";
    import { text } from "node:stream/consumers";
    const open = (more = {}) => createInterface({ input: process.stdin, output: process.stdout, ...more });
    const left: unknown[] = [];`);
});
afterAll(() => kernel.stop());
beforeEach(() => {
  asked = 0;
});

/** Ways to read two lines from the same stdin as everybody before. */
const consumers: Record<string, string> = {
  "a question of an interface that stays open":
    "const r = open(); left.push(r); [await r.question('?'), await r.question('?')]",
  "a question of an interface that is closed":
    "const r = open(); const found = [await r.question('?'), await r.question('?')]; r.close(); found",
  "an interface for each question":
    "const found = []; for (let i = 0; i < 2; i++) { const r = open(); found.push(await r.question('?')); r.close() } found",
  "interfaces side by side":
    "const [r, s] = [open(), open()]; const found = [await r.question('?'), await s.question('?')]; r.close(); s.close(); found",
  "a question by callback":
    "const r = callbacks.createInterface({ input: process.stdin }); const ask = () => new Promise((resolve) => r.question('?', resolve)); const found = [await ask(), await ask()]; r.close(); found",
  "line events":
    "const r = open(); const found: string[] = []; await new Promise<void>((resolve) => r.on('line', (line) => { if (found.push(line) === 2) resolve() })); r.close(); found",
  "iteration over lines":
    "const found = []; for await (const line of open()) { found.push(line); if (found.length === 2) break } found",
  "data events":
    "const found: string[] = []; await new Promise<void>((resolve) => { const take = (data: Buffer) => { if (found.push(String(data).trim()) < 2) return; process.stdin.off('data', take).pause(); resolve() }; process.stdin.on('data', take) }); found",
  "one data event after another":
    "const next = () => new Promise((resolve) => process.stdin.once('data', (data) => resolve(String(data).trim()))); [await next(), await next()]",
  "iteration over chunks":
    "const found = []; for await (const chunk of process.stdin) { found.push(String(chunk).trim()); if (found.length === 2) break } found",
  "an imported stdin":
    "const { stdin } = await import('node:process'); const found = []; for await (const chunk of stdin) { found.push(String(chunk).trim()); if (found.length === 2) break } found",
  "its end": "(await text(process.stdin)).trim().split('\\n')",
  "its end by an interface": "const found = []; for await (const line of open()) found.push(line); found",
};

describe.each([
  ["at once", 0],
  ["after a while", 60],
])("a user who answers %s", (_, delay) => {
  test.each(Object.entries(consumers))("is asked for what is read, twice and thrice: %s", async (name, code) => {
    for (let round = 0; round < 3; round++) {
      asked = 0;
      kernel.answer = async () => {
        asked++;
        await new Promise((resolve) => setTimeout(resolve, delay));
        return asked > 2 ? "\x04" : `line ${asked}`;
      };
      const cell = await kernel.execute(
        `await (async () => { ${code.replace(/(.*[;}] |^)(.*)$/s, "$1return $2")} })()`,
      );
      expect(cell.error?.traceback).toBeUndefined();
      expect(cell.result, `round ${round + 1}`).toBe("[ 'line 1', 'line 2' ]");
      expect(asked).toBe(name.startsWith("its end") ? 3 : 2);
    }
    // they would hear of a destroyed stdin
    await kernel.execute("for (const each of left.splice(0) as any[]) each.close()");
  });
});

test("Ctrl-D at a prompt is no answer", async () => {
  kernel.answer = () => "\x04";
  expect((await kernel.execute("[prompt('?'), prompt('?', 'otherwise')]")).result).toBe("[ '', 'otherwise' ]");
});
