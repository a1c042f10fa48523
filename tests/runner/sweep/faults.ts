/**
 * A sweep that everything happens to: a point that crashes its kernel (n = 7), one that never ends (n = 3), and what
 * the test does to workers and servers. Each point notes in a file that it has begun, and that it has come to its end.
 *
 * $MARGINALIA_SWEEP_POINTS says how many points; CI takes 200.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "vitest";
import type { PointResult, PointTask } from "../../../src/runner/sweep/point.ts";
import { parseAxis, pointsOf } from "../../../src/runner/sweep/space.ts";
import { code, notebook } from "../notebooks.ts";

export const COUNT = Number(process.env.MARGINALIA_SWEEP_POINTS ?? 24);
/** What a faulty sweep may take, in milliseconds. */
export const PATIENCE = 60_000 + 3_000 * COUNT;
const [SLOW, CRASHING] = [3, 7];

export class FaultySweep {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), "faulty-sweep-")));
  readonly tasks: readonly PointTask[];

  constructor() {
    mkdirSync(this.at("notebooks"));
    writeFileSync(this.at("package.json"), "{}");
    const argv = [process.execPath, path.join(import.meta.dirname, "../scripted-kernel.mjs"), "{connection_file}"];
    const spec = { argv, display_name: "Scripted", language: "typescript", interrupt_mode: "message" };
    writeFileSync(this.at("kernel.json"), JSON.stringify(spec));
    const body = [
      `append ${this.at("begun")} $n`,
      "sleep 0.2",
      `exit-if $n ${CRASHING}`,
      `sleep-if $n ${SLOW} 600`,
      "record square $n$n",
      `append ${this.at("ended")} $n`,
    ];
    const cells = [code("let n = 0;", "parameters"), code(body.join("\n"))];
    writeFileSync(this.at("notebooks", "fig.ipynb"), JSON.stringify(notebook(cells)));
    this.tasks = pointsOf("fig", { axes: [parseAxis(`n=1..${COUNT}`)] }).map(({ id, parameters }) => ({
      id,
      parameters,
      notebook: this.at("notebooks", "fig.ipynb"),
      version: "1",
      folder: this.at("points", id),
      kernel: this.at("kernel.json"),
      timeout: 3,
      useCache: false,
    }));
  }

  at(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  /** The points (n) that have begun, or come to their end, each time that they did. */
  times(what: "begun" | "ended"): number[] {
    return existsSync(this.at(what)) ? readFileSync(this.at(what), "utf8").trim().split("\n").map(Number) : [];
  }

  async hasBegun(share: number): Promise<void> {
    await expect.poll(() => new Set(this.times("begun")).size, { timeout: PATIENCE, interval: 50 }).toBeGreaterThanOrEqual(Math.ceil(share * COUNT)); // prettier-ignore
  }

  /**
   * Nothing lost, nothing twice. `told` is what onResult got, `killed` how many executions were taken from under a
   * point.
   */
  expectWhole(results: readonly PointResult[], told: readonly PointResult[], killed: number): void {
    const byN = [...results].sort((a, b) => Number(a.parameters.n) - Number(b.parameters.n));
    const all = Array.from({ length: COUNT }, (_, i) => i + 1);
    expect(byN.map(({ parameters }) => parameters.n)).toEqual(all);
    const failed = byN.filter(({ status }) => status !== "ok");
    expect(failed.map(({ parameters }) => parameters.n)).toEqual([SLOW, CRASHING]);
    expect(failed[0].failure).toContain("took longer than the 3 s");
    expect(failed[1].failure).toMatch(/exited with code 3/);
    for (const { status, values, parameters } of byN)
      if (status === "ok") expect(values.square).toBe(Number(`${String(parameters.n)}${String(parameters.n)}`));
    expect(told.map(({ id }) => id).sort()).toEqual(results.map(({ id }) => id).sort());
    const ended = this.times("ended");
    expect(new Set(ended).size).toBe(COUNT - 2);
    // A point whose worker is killed between its last line and the writing of its result is executed again: no other.
    expect(ended.length - new Set(ended).size).toBeLessThanOrEqual(killed);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
