import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bullmqEngine } from "../../../src/runner/sweep/bullmq.ts";
import { executePoint, type PointResult, type PointTask } from "../../../src/runner/sweep/point.ts";
import { redisAccess } from "../../../src/runner/sweep/queue-access.ts";
import { COUNT, FaultySweep, PATIENCE } from "./faults.ts";

const main = path.resolve(import.meta.dirname, "../../../dist/cli/main.js");
const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;
if (!hasRedis)
  console.warn("SKIPPED: sweeps over BullMQ, since no redis-server is on PATH (Debian: apt-get install redis-server)");

let sweep: FaultySweep;
let tasks: readonly PointTask[];
let port: number;
let redis: ChildProcess | undefined;
const workers: ChildProcess[] = [];
const ended = (child: ChildProcess) => new Promise((resolve) => child.once("exit", resolve));

async function startRedis(): Promise<void> {
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", sweep.folder, "--appendonly", "yes", "--appendfsync", "always"]; // prettier-ignore
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

/** Workers know the scripted kernel by its name alone. */
const environment = () => ({
  ...process.env,
  JUPYTER_PATH: sweep.at("jupyter"),
  MARGINALIA_SWEEP_SECRET: "of this test",
});

function startWorker(): ChildProcess {
  const args = [main, "worker", "--redis", `redis://127.0.0.1:${port}`, "--jobs", "2", "--lock", "2"];
  const child = spawn(process.execPath, args, { cwd: sweep.folder, env: environment(), stdio: ["ignore", "ignore", "pipe"] }); // prettier-ignore
  workers.push(child);
  return child;
}

beforeAll(async () => {
  if (!hasRedis) return;
  sweep = new FaultySweep();
  mkdirSync(sweep.at("jupyter", "kernels", "scripted"), { recursive: true });
  copyFileSync(sweep.at("kernel.json"), sweep.at("jupyter", "kernels", "scripted", "kernel.json"));
  tasks = sweep.tasks.map((task) => ({ ...task, kernel: "scripted" }));
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
  sweep.remove();
});

test.skipIf(!hasRedis)(
  "workers killed, Redis killed and restarted, a crashing and an endless point, points delivered twice: nothing lost, nothing twice",
  async () => {
    const told: PointResult[] = [];
    const engine = bullmqEngine(redisAccess(`redis://127.0.0.1:${port}`, environment()));
    const run = (all: readonly PointTask[]) =>
      engine.run(all, { jobs: 1, retries: 1, onResult: (result) => told.push(result) });

    const [first, second] = [startWorker(), startWorker()];
    const running = run(tasks);
    await sweep.hasBegun(0.2);
    first.kill("SIGKILL");
    startWorker();
    await sweep.hasBegun(0.4);
    second.kill("SIGTERM"); // gives back what it has begun
    startWorker();
    await sweep.hasBegun(0.6);
    await stopRedis();
    await startRedis();
    // Another sweep asks for the same points meanwhile.
    const twice = engine.run(tasks.slice(0, 6), { jobs: 1, retries: 1 });

    const results = await running;
    sweep.expectWhole(results, told, 8);
    expect((await twice).map(({ id }) => id).sort()).toEqual(sweep.tasks.slice(0, 6).map(({ id }) => id).sort()); // prettier-ignore
    // What was running in a worker that ended, or when Redis went, may have begun again; what was done has not.
    expect(sweep.times("begun").filter((n) => n !== 3 && n !== 7).length).toBeLessThan(COUNT + 10);
    const before = sweep.times("begun").length;
    const rest = tasks.filter(({ parameters }) => Number(parameters.n) > 7);
    expect((await run(rest)).every(({ status }) => status === "ok")).toBe(true);
    expect(sweep.times("begun")).toHaveLength(before);
  },
  PATIENCE,
);

test.skipIf(!hasRedis)("a point that two workers hold at once is executed by one of them", async () => {
  // A job whose lock ran out while its worker was still at work is delivered a second time.
  const [task] = sweep.tasks;
  const again = { ...task, folder: sweep.at("held", task.id) };
  const before = sweep.times("begun").length;
  const results = await Promise.all([executePoint(again), executePoint(again)]);
  expect(results.map(({ status }) => status)).toEqual(["ok", "ok"]);
  expect(sweep.times("begun")).toHaveLength(before + 1);
});

test.skipIf(!hasRedis)("a task of somebody who does not know the secret is refused and executes nothing", async () => {
  startWorker();
  const before = sweep.times("begun").length;
  const stranger = bullmqEngine(redisAccess(`redis://127.0.0.1:${port}`, {}));
  const forged = { ...tasks[0], id: "forged", folder: sweep.at("points", "forged") };
  const [result] = await stranger.run([forged], { jobs: 1 });
  expect(result).toMatchObject({ status: "failed", failure: expect.stringContaining("not sealed") as string });
  expect(sweep.times("begun")).toHaveLength(before);
});
