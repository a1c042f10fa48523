import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PointResult, PointTask } from "../../../src/runner/sweep/point.ts";
import { parseAxis, pointsOf } from "../../../src/runner/sweep/space.ts";
import { code, notebook } from "../notebooks.ts";

const main = path.resolve(import.meta.dirname, "../../../dist/cli/main.js");
const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;
if (!hasRedis)
  console.warn("SKIPPED: sweeps over BullMQ, since no redis-server is on PATH (Debian: apt-get install redis-server)");

let folder: string;
let port: number;
let redis: ChildProcess | undefined;
const workers: ChildProcess[] = [];
const at = (...names: string[]) => path.join(folder, ...names);
const ended = (child: ChildProcess) => new Promise((resolve) => child.once("exit", resolve));

async function startRedis(): Promise<void> {
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "always"]; // prettier-ignore
  redis = spawn("redis-server", options, { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    redis!.stdout!.on("data", (piece: Buffer) => {
      said += piece.toString();
      if (said.includes("eady to accept connections")) resolve();
    });
    redis!.once("exit", () => reject(new Error(`redis-server ended:\n${said}`)));
  });
}

async function stopRedis(): Promise<void> {
  const gone = ended(redis!);
  redis!.kill("SIGKILL");
  await gone;
}

function startWorker(): ChildProcess {
  const args = [main, "worker", "--redis", `redis://127.0.0.1:${port}`, "--jobs", "2", "--lock", "2"];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  workers.push(child);
  return child;
}

beforeAll(async () => {
  if (!hasRedis) return;
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "bullmq-test-")));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  await startRedis();
});
afterAll(async () => {
  if (!hasRedis) return;
  for (const child of workers)
    if (child.exitCode === null && child.signalCode === null) {
      const gone = ended(child);
      child.kill("SIGKILL");
      await gone;
    }
  await stopRedis();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!hasRedis)(
  "a worker killed, Redis killed and restarted, a crashing point, points delivered twice: nothing lost, nothing twice",
  async () => {
    const { bullmqEngine } = await import("../../../src/runner/sweep/bullmq.ts");
    mkdirSync(at("notebooks"));
    writeFileSync(at("package.json"), "{}");
    const argv = [process.execPath, path.join(import.meta.dirname, "../scripted-kernel.mjs"), "{connection_file}"];
    const spec = { argv, display_name: "Scripted", language: "typescript", interrupt_mode: "message" };
    writeFileSync(at("kernel.json"), JSON.stringify(spec));
    const body = `append ${at("executions")} $n\nsleep 0.3\nrecord square $n$n\nexit-if $n 7`;
    const source = notebook([code("let n = 0;", "parameters"), code(body)]);
    writeFileSync(at("notebooks", "fig.ipynb"), JSON.stringify(source));
    const count = 24;
    const tasks = pointsOf("fig", { axes: [parseAxis(`n=1..${count}`)] }).map(({ id, parameters }): PointTask => ({
      id,
      parameters,
      notebook: at("notebooks", "fig.ipynb"),
      version: "1",
      folder: at("points", id),
      kernel: at("kernel.json"),
      useCache: false,
    }));
    const executions = () => (existsSync(at("executions")) ? readFileSync(at("executions"), "utf8").trim().split("\n") : []); // prettier-ignore
    const told: PointResult[] = [];
    const engine = bullmqEngine(`redis://127.0.0.1:${port}`);
    const sweep = (all: readonly PointTask[]) =>
      engine.run(all, { jobs: 1, retries: 1, onResult: (result) => told.push(result) });

    const [first] = [startWorker(), startWorker()];
    const running = sweep(tasks);
    await expect.poll(() => executions().length, { timeout: 30_000 }).toBeGreaterThan(4);
    first.kill("SIGKILL");
    startWorker();
    await expect.poll(() => executions().length, { timeout: 30_000 }).toBeGreaterThan(10);
    await stopRedis();
    await startRedis();
    // Another sweep asks for the same points meanwhile.
    const twice = engine.run(tasks.slice(0, 6), { jobs: 1, retries: 1 });

    const results = await running;
    const byN = [...results].sort((a, b) => Number(a.parameters.n) - Number(b.parameters.n));
    expect(byN.map(({ parameters }) => parameters.n)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(byN.filter(({ status }) => status !== "ok").map(({ parameters }) => parameters.n)).toEqual([7]);
    expect(byN.map(({ values }) => values.square)).toEqual(Array.from({ length: count }, (_, i) => Number(`${i + 1}${i + 1}`))); // prettier-ignore
    expect(told).toHaveLength(count);
    expect((await twice).map(({ id }) => id).sort()).toEqual(tasks.slice(0, 6).map(({ id }) => id).sort()); // prettier-ignore
    // What was running in the killed worker, or when Redis went, may have begun again; what was done has not.
    expect(executions().filter((n) => n !== "7").length).toBeLessThan(count + 8);
    const before = executions().length;
    expect((await sweep(tasks.filter(({ parameters }) => parameters.n !== 7))).every(({ status }) => status === "ok")).toBe(true); // prettier-ignore
    expect(executions()).toHaveLength(before);
  },
  120_000,
);
