import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const folder = mkdtempSync(path.join(tmpdir(), "marginalia-killed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = fileURLToPath(new URL("killed-training.ts", import.meta.url));

function start(checkpoint: string, pause: number) {
  const args = ["--import", "tsx", "--conditions=marginalia-source", program, checkpoint, String(pause)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = new Promise<string>((resolve) => child.on("exit", (_code, signal) => resolve(signal ?? output))); // prettier-ignore
  return { child, ended };
}

interface Saved {
  history: unknown[];
}

it("goes on to the same numbers, bit for bit, however often its process is killed (kill -9)", async () => {
  const unbroken = await start("", 0).ended;
  const checkpoint = path.join(folder, "c.json");
  const epochs = () => (existsSync(checkpoint) ? (JSON.parse(readFileSync(checkpoint, "utf8")) as Saved).history.length : 0); // prettier-ignore
  for (const kill of [1, 2, 3]) {
    const before = epochs();
    const { child, ended } = start(checkpoint, 25);
    while (epochs() < before + 3) await sleep(5); // each look also finds a whole file
    await sleep(11 * kill);
    child.kill("SIGKILL");
    expect(await ended).toBe("SIGKILL");
  }
  expect(epochs()).toBeGreaterThanOrEqual(9);
  expect(epochs()).toBeLessThan(40);
  expect(await start(checkpoint, 0).ended).toBe(unbroken);
  expect(JSON.parse(unbroken)).toMatchObject({ history: expect.objectContaining({ length: 40 }) as unknown });
}, 120_000);
