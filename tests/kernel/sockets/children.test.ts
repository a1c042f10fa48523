import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KernelClient } from "../client.ts";

let kernel: KernelClient;
beforeEach(async () => {
  kernel = await KernelClient.start();
  await kernel.execute('import { exec, execFileSync, execSync, fork, spawn, spawnSync } from "node:child_process";');
});
afterEach(() => kernel.stop());

const lives = (id: number) => {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
};
const gone = (ids: readonly number[]) => expect.poll(() => ids.filter(lives), { timeout: 5000 }).toEqual([]);

/** Starts children of every kind; the one started `detached` comes last. */
async function startChildren(): Promise<{ bound: number[]; detached: number }> {
  const cell = await kernel.execute(`
    const bound = [spawn("sleep", ["60"]), exec("sleep 60; true"), spawn("sleep", ["60"], { stdio: "inherit" })].map(({ pid }) => pid);
    const shell = spawn("sh", ["-c", "sleep 60 & echo $!; sleep 60 & echo $!"]); // it ends, and leaves two behind
    let told = "";
    shell.stdout.on("data", (data) => (told += data));
    await new Promise((resolve) => shell.on("exit", resolve));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const free = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
    free.unref();
    JSON.stringify([...bound, ...told.trim().split("\\n").map(Number), free.pid])`);
  const ids = JSON.parse(String(cell.result).slice(1, -1)) as number[];
  expect(ids.every(lives)).toBe(true);
  return { bound: ids.slice(0, -1), detached: ids[ids.length - 1] };
}

describe.skipIf(process.platform === "win32")("children of cells", () => {
  test.each([
    ["shutdown", false],
    ["restart", true],
  ])("end at %s, but for what was started detached", async (_, restart) => {
    const { bound, detached } = await startChildren();
    void kernel.request("control", "shutdown_request", { restart });
    await kernel.exited;
    await gone(bound);
    expect(lives(detached)).toBe(true);
    process.kill(detached);
  });

  test("end by an interrupt of the cell that waits for them, but for what was started detached", async () => {
    const started = await kernel.execute('spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).pid');
    const running = kernel.execute(
      'const child = spawn("sleep", ["60"]); console.log(child.pid); await new Promise((resolve) => child.on("exit", resolve))',
    );
    const printed = () => kernel.published.find(({ content }) => /^\d+\n$/.test(String(content.text)));
    await kernel.until(() => printed() !== undefined);
    await kernel.request("control", "interrupt_request", {});
    expect((await running).error.ename).toBe("KeyboardInterrupt");
    await gone([Number(printed()?.content.text)]);
    expect(lives(Number(started.result))).toBe(true);
    process.kill(Number(started.result));
  });

  test.each([
    ["a loop of shells", 'for (;;) execSync("sleep 30")'],
    ["a program", 'for (;;) execFileSync("sleep", ["30"])'],
    ["a program that shows what it prints", 'for (;;) spawnSync("sleep", ["30"], { stdio: "inherit" })'],
    ["a shell that catches errors", 'for (;;) { try { execSync("sleep 30; sleep 30") } catch {} }'],
    ["a shell that ignores interrupts", "execSync(\"trap '' INT; sleep 30; sleep 30\")"],
    ["a shell that ignores every signal that can be ignored", "execSync(\"trap '' INT TERM; sleep 30; sleep 30\")"],
  ])("do not hold up the next cell after an interrupt: %s", async (_, code) => {
    const running = kernel.execute(`console.log("running"); ${code}`);
    await kernel.until(() => kernel.published.some(({ content }) => content.text === "running\n"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const begun = performance.now();
    await kernel.request("control", "interrupt_request", {});
    expect((await running).error.ename).toBe("KeyboardInterrupt");
    expect((await kernel.execute("'next'")).result).toBe("'next'");
    expect(performance.now() - begun, "ms; the child would take 30 s").toBeLessThan(5000);
  });
});
