import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PointResult } from "../../../src/runner/sweep/point.ts";
import { slurmEngine } from "../../../src/runner/sweep/slurm.ts";
import { COUNT, FaultySweep, PATIENCE } from "./faults.ts";
import { hasSlurm, SlurmCluster } from "./slurm-cluster.ts";

const main = path.resolve(import.meta.dirname, "../../../dist/cli/main.js");
let cluster: SlurmCluster;
let sweep: FaultySweep;
beforeAll(async () => {
  if (!hasSlurm) return;
  cluster = await SlurmCluster.start();
  sweep = new FaultySweep();
}, 60_000);
afterAll(async () => {
  if (!hasSlurm) return;
  await cluster.stop();
  sweep.remove();
}, 60_000);

test.skipIf(!hasSlurm)(
  "chunks killed, requeued, the controller restarted, a crashing and an endless point: nothing lost, nothing twice",
  async () => {
    const said: string[] = [];
    const engine = slurmEngine({ chunk: 4, silence: 15, command: [process.execPath, main, "sweep-chunk"], say: (text) => said.push(text) }); // prettier-ignore
    const told: PointResult[] = [];
    const running = engine.run(sweep.tasks, { jobs: 2, retries: 1, onResult: (result) => told.push(result) });

    await sweep.hasBegun(0.2);
    process.kill(cluster.chunkProcesses(sweep.folder)[0], "SIGKILL"); // as the kernel does to who takes too much memory
    await sweep.hasBegun(0.4);
    await cluster.requeue(cluster.running()[0]); // as on a node's failure: the chunk is delivered again
    await sweep.hasBegun(0.6);
    await cluster.restartController();

    const tooLate = sleep(PATIENCE - 20_000, undefined, { ref: false }).then(() => {
      throw new Error(
        `${told.length} of ${COUNT} points after ${PATIENCE / 1000 - 20} s\n${said.join("\n")}\n${cluster.describe()}`,
      );
    });
    const results = await Promise.race([running, tooLate]);
    sweep.expectWhole(results, told, 4);
    // the killed chunk's rest went again
    expect(said.filter((text) => text.startsWith("Slurm job")).length).toBeGreaterThan(1);
    expect(sweep.times("begun").filter((n) => n !== 3 && n !== 7).length).toBeLessThan(COUNT + 8);

    // Resume: all is done but what failed.
    const before = sweep.times("begun").length;
    const again = await engine.run(sweep.tasks.filter(({ parameters }) => Number(parameters.n) > 7), { jobs: 2 }); // prettier-ignore
    expect(again.every(({ status }) => status === "ok")).toBe(true);
    expect(sweep.times("begun")).toHaveLength(before);
    await cluster.emptyQueue();
  },
  PATIENCE,
);

test.skipIf(!hasSlurm)(
  "marginalia sweep --engine slurm, with options for sbatch",
  async () => {
    const args = [main, "sweep", "notebooks/fig.ipynb", "-p", "n=8,9", "--kernel", "kernel.json", "--no-cache"];
    const more = ["--engine", "slurm", "--sbatch=--time=5", "--sbatch=--comment=mine", "--chunk", "2"];
    const child = spawn(process.execPath, [...args, ...more], { cwd: sweep.folder, stdio: ["ignore", "ignore", "pipe"] }); // prettier-ignore
    let said = "";
    child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
    expect(await new Promise((resolve) => child.once("close", resolve)), said).toBe(0);
    expect(said).toMatch(/Slurm job \d+: 1 chunk of points/);
    expect(said).toContain("2 of 2 points done");
    const csv = readFileSync(sweep.at("figures", "fig-sweep", "results.csv"), "utf8");
    expect(csv).toMatch(/^id,n,square,status\n\w+,8,88,ok\n\w+,9,99,ok\n$/);
  },
  120_000,
);

test.skipIf(!hasSlurm)(
  "a command that the nodes cannot execute fails its points after three jobs, and sbatch's own words are told",
  async () => {
    const [task] = new FaultySweep().tasks;
    const broken = slurmEngine({ command: ["/no/such/program"] });
    const [result] = await broken.run([task], { jobs: 1 });
    expect(result).toMatchObject({
      status: "failed",
      failure: expect.stringMatching(/ended 3 times.*FAILED/s) as string,
    });
    const refused = slurmEngine({ command: [process.execPath, main], sbatch: ["--partition=none"] });
    await expect(refused.run([task], { jobs: 1 })).rejects.toThrow(/sbatch refused the sweep: .*invalid partition/is);
  },
  60_000,
);
