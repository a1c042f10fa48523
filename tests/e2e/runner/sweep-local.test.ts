import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import type { PointResult } from "../../../src/runner/sweep/point.ts";
import { COUNT, FaultySweep, PATIENCE } from "../../runner/sweep/faults.ts";

const main = path.resolve(import.meta.dirname, "../../../dist/cli/main.js");
const sweep = new FaultySweep();
afterAll(() => sweep.remove());

function start(): { readonly child: ChildProcess; readonly ended: Promise<string> } {
  const args = [main, "sweep", "notebooks/fig.ipynb", "-p", `n=1..${COUNT}`, "--kernel", "kernel.json"];
  const more = ["--timeout", "3", "--retries", "1", "--jobs", "2", "--no-cache", "--resume"];
  const child = spawn(process.execPath, [...args, ...more], { cwd: sweep.folder, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  return { child, ended: new Promise((resolve) => child.once("close", () => resolve(said))) };
}

test(
  "the local engine, killed twice, with a crashing and an endless point: --resume loses nothing and does nothing twice",
  async () => {
    for (const share of [0.3, 0.7]) {
      const { child, ended } = start();
      await sweep.hasBegun(share);
      child.kill("SIGKILL");
      await ended;
    }
    const { child, ended } = start();
    const said = await ended;
    expect(said).toMatch(new RegExp(`\\d+ of ${COUNT} points are done already`));
    expect(said).toContain(`${COUNT - 2} of ${COUNT} points done, 2 failed`);
    expect(child.exitCode).toBe(1);
    const file = sweep.at("figures", "fig-sweep", "sweep.json");
    const { results } = JSON.parse(readFileSync(file, "utf8")) as { results: PointResult[] };
    sweep.expectWhole(results, results, 4);
  },
  PATIENCE,
);
