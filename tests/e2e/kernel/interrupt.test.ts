import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelClient } from "../../kernel/client.ts";

let kernel: KernelClient;
beforeAll(async () => {
  kernel = await KernelClient.start({ files: { "some.txt": "text" } });
  await kernel.execute(`
    import { pbkdf2Sync } from "node:crypto";
    import { readFile } from "node:fs/promises";
    import { setTimeout as sleep } from "node:timers/promises";
    let kept = 0;
    let ticks = 0;`);
});
afterAll(() => kernel.stop());

/** Each says that it runs before it goes on for ever. */
const endless: Record<string, string> = {
  "a loop": "for (;;) {}",
  "a loop in a function": "function spin() { let n = 0; for (;;) n++ }\nspin()",
  "a loop after an await": "await null; for (;;) {}",
  "a loop of microtasks": "for (;;) await null",
  "a long await": "await new Promise((resolve) => setTimeout(resolve, 1e8))",
  "a loop that catches everything": "for (;;) { try { for (;;) {} } catch {} finally { ticks++ } }",
  "a loop of timers": "setInterval(() => ticks++, 1); for (;;) { await sleep(2); ticks++ }",
  "a catastrophic regular expression": "/^(a+)+$/.test('a'.repeat(40) + 'b')",
  "a sort": "for (;;) Array.from({ length: 2e6 }, (_, i) => (i * 7919) % 1e6).sort((a, b) => a - b)",
  "calls of native code": "for (;;) pbkdf2Sync('a', 'b', 50_000, 64, 'sha512')",
  "a loop of file reads": "for (;;) { await readFile('some.txt'); ticks++ }",
  "a timer's callback": "setInterval(() => { for (;;) {} }, 1); await new Promise(() => {})",
  "a loop that prints": "for (;;) console.log('again')",
};

describe.each(["message", "SIGINT"] as const)("an interrupt by %s", (how) => {
  test.each(Object.entries(endless))("ends %s and keeps all variables", async (_name, code) => {
    const running = kernel.execute(`kept++; console.log("running");\n${code}`);
    const { length } = kernel.published;
    const runs = () => kernel.published.slice(length).some(({ content }) => String(content.text).startsWith("running"));
    await kernel.until(runs);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (how === "message") void kernel.request("control", "interrupt_request", {});
    else kernel.process.kill("SIGINT");
    const cell = await running;
    expect(cell.error).toMatchObject({
      ename: "KeyboardInterrupt",
      evalue: expect.stringMatching(/^cell \[\d+\]/) as string,
    });
    expect(cell.reply.content.status).toBe("error");
    const { result } = await kernel.execute("[kept, ticks].join()");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await kernel.execute("[kept, ticks].join()")).result, "nothing goes on").toBe(result);
  });

  test("stops what earlier cells have left running when no cell runs", async () => {
    await kernel.execute("const left = setInterval(() => ticks++, 1)");
    await kernel.execute("await sleep(20)");
    if (how === "message") await kernel.request("control", "interrupt_request", {});
    else kernel.process.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { result } = await kernel.execute("ticks");
    expect((await kernel.execute("ticks")).result).toBe(result);
  });
});

test("a kernel was the same one all the time", async () => {
  expect((await kernel.execute("kept")).result).toBe(String(2 * Object.keys(endless).length));
});

test("an interrupt with nothing to stop does no harm to the next cell", async () => {
  for (let round = 0; round < 10; round++) {
    void kernel.request("control", "interrupt_request", {});
    expect((await kernel.execute("await sleep(1); 'fine'")).status).toMatch(/ok|error/);
  }
  await kernel.request("control", "interrupt_request", {});
  expect((await kernel.execute("await sleep(1); 'fine'")).result).toBe("'fine'");
});

test("waiting cells are aborted by an interrupt", async () => {
  const first = kernel.execute("await new Promise(() => {})");
  const second = kernel.execute("1");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await kernel.request("control", "interrupt_request", {});
  expect([(await first).status, (await second).status]).toEqual(["error", "aborted"]);
});
