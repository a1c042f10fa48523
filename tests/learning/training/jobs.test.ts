import { describe, expect, it } from "vitest";
import { runJobs, type Job } from "../../../src/learning/training/jobs.ts";

const job = (name: string, ...given: unknown[]): Job => ({
  module: new URL("jobs-example.mjs", import.meta.url).href,
  function: name,
  arguments: given,
});

describe("runJobs", () => {
  it("gives results in the order of the jobs, each from a process of its own, never more at a time than workers", async () => {
    const reports: [number, unknown][] = [];
    const results = await runJobs([job("square", 3, 60), job("square", 4, 0), job("square", 5, 0)], {
      workers: 2,
      onReport: (at, message) => reports.push([at, message]),
    });
    const all = results as { value: number; process: number }[];
    expect(all.map(({ value }) => value)).toEqual([9, 16, 25]);
    expect(new Set([process.pid, ...all.map(({ process }) => process)]).size).toBe(4);
    expect(reports.sort(([a], [b]) => a - b)).toEqual([0, 1, 2].map((at) => [at, `squaring ${at + 3}`]));
  });

  it("names the job that failed, or whose process ended", async () => {
    await expect(runJobs([job("square", 1, 0), job("fail", "badly")])).rejects.toThrow(/fail\("badly"\): went badly/);
    await expect(runJobs([job("end")])).rejects.toThrow(/ended with code 3/);
    await expect(runJobs([job("absent")])).rejects.toThrow(/no function absent/);
  });

  it("has nothing to do for no jobs", async () => {
    expect(await runJobs([])).toEqual([]);
  });
});
