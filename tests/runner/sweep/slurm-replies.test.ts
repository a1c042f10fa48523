/**
 * What Slurm may answer when its controller is away or has lost its memory; sweeps over a real one are in
 * slurm.test.ts.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { slurmEngine } from "../../../src/runner/sweep/slurm.ts";
import { FaultySweep } from "./faults.ts";

const main = path.resolve(import.meta.dirname, "../../../dist/cli/main.js");
const AWAY = { error: "error: Unable to contact slurm controller (connect failure)" };
let sweep: FaultySweep;
const before = { PATH: process.env.PATH, SLURM_REPLIES: process.env.SLURM_REPLIES };
beforeEach(() => {
  sweep = new FaultySweep();
  mkdirSync(sweep.at("bin"));
  for (const program of ["sbatch", "squeue", "scancel"])
    writeFileSync(sweep.at("bin", program), `#!/bin/sh\nexec '${process.execPath}' '${path.join(import.meta.dirname, "slurm-replies.mjs")}' ${program} "$@"\n`, { mode: 0o755 }); // prettier-ignore
  process.env.PATH = `${sweep.at("bin")}${path.delimiter}${process.env.PATH}`;
  process.env.SLURM_REPLIES = sweep.folder;
});
afterEach(() => {
  process.env.PATH = before.PATH;
  if (before.SLURM_REPLIES === undefined) delete process.env.SLURM_REPLIES;
  sweep.remove();
});

async function run(replies: Record<"sbatch" | "squeue", object[]>, task = sweep.tasks[0]) {
  for (const [program, list] of Object.entries(replies)) writeFileSync(sweep.at(`${program}.json`), JSON.stringify(list)); // prettier-ignore
  const said: string[] = [];
  const engine = slurmEngine({ chunk: 1, silence: 1.5, command: [process.execPath, main, "sweep-chunk"], say: (text) => said.push(text) }); // prettier-ignore
  const results = await engine.run([task], { jobs: 1 });
  expect(results).toMatchObject([{ status: "ok", values: { square: 11 } }]);
  expect(sweep.times("begun")).toEqual([1]);
  return { said, calls: readFileSync(sweep.at("calls"), "utf8").trim().split("\n") };
}

test("a controller that is away is asked again, and that is said once; what may have come through is cancelled", async () => {
  const { said, calls } = await run({ sbatch: [AWAY, AWAY, { out: "5", execute: true }], squeue: [AWAY, AWAY] });
  expect(said).toEqual([`Slurm does not answer, and is asked again: ${AWAY.error}`, "Slurm job 5: 1 chunk of points"]);
  expect(calls.at(-1)).toMatch(/^scancel --full --name marginalia-/);
});

test.each([
  ["held for ever", ["5|0|PENDING|launch failed requeued held", ""], "scancel --full 5_0"],
  [
    "said to run and shows no sign of life",
    [...new Array<string>(4).fill("5|0|RUNNING|None"), ""],
    "scancel --full 5_0",
  ],
  ["forgotten", [""], undefined],
])("a task that is %s is submitted again", async (_, outs, cancelled) => {
  const squeue = outs.map((out) => ({ out }));
  const { said, calls } = await run({ sbatch: [{ out: "5" }, { out: "6", execute: true }], squeue });
  expect(said.filter((text) => text.startsWith("Slurm job"))).toEqual(
    expect.arrayContaining(["Slurm job 5: 1 chunk of points", "Slurm job 6: 1 chunk of points"]),
  );
  if (cancelled !== undefined) expect(calls).toContain(cancelled);
});

test("a task that comes back after its end, as a controller's old memory has it, is cancelled", async () => {
  const squeue = ["5|0|COMPLETED|None", "5|0|RUNNING|None", "5|0|COMPLETED|None"].map((out) => ({ out }));
  const { calls } = await run({ sbatch: [{ out: "5" }, { error: "error: Unable to contact slurm controller" }, { out: "6", execute: true }], squeue }); // prettier-ignore
  expect(calls).toContain("scancel --full 5_0");
});

test("a folder with Slurm's own sign for patterns in its name is itself in the logs' place", async () => {
  const [task] = sweep.tasks;
  const { calls } = await run({ sbatch: [{ out: "5", execute: true }], squeue: [{ out: "" }] }, { ...task, folder: sweep.at("100%A", task.id) }); // prettier-ignore
  const output = /--output=(\S+)/.exec(calls.find((call) => call.startsWith("sbatch"))!)![1];
  expect(output.replaceAll("%%", "").match(/%/g)).toHaveLength(2);
  expect(output).toMatch(/100%%A.*%A_%a\.log$/);
});

test("a task that waits for something unusual is said to, once", async () => {
  const waits = { out: "5|0|PENDING|ReqNodeNotAvail, UnavailableNodes:node1" };
  const { said } = await run({
    sbatch: [{ out: "5" }, { out: "6", execute: true }],
    squeue: [waits, waits, { out: "" }],
  });
  expect(said.filter((text) => text.includes("waits"))).toEqual(["Slurm job 5 waits: ReqNodeNotAvail, UnavailableNodes:node1"]); // prettier-ignore
});
