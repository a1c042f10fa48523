import { existsSync, readFileSync } from "node:fs";
import { tableFromIPC } from "@uwdata/flechette";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { code } from "../runner/notebooks.ts";
import { Project } from "./command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

const read = (name: string) => readFileSync(project.in("figures", "paper", "fig-sweep", name), "utf8");
const withoutTimes = (text: string) => text.replace(/"(seconds)": [\d.e-]+/g, "");

describe("marginalia sweep", () => {
  test("collects what a notebook records in csv and arrow, draws figures, reports the best point and goes on after kill -9", async () => {
    const kernel = project.scriptedKernel();
    const file = project.notebook(
      "paper/fig",
      code("let depth: number = 1;\nlet seed: number = 1;", "parameters"),
      code("sleep 0.2\nrecord error $depth.$seed\nexit-if $depth$seed 32"),
    );
    const args = ["sweep", file, "-p", "depth=1..3", "-p", "seed=1,2", "--kernel", kernel, "--minimise", "error"];
    const first = project.start(...args);
    await first.says("2/6");
    first.child.kill("SIGKILL");
    await first.ended;
    await expect.poll(() => project.processes(), { timeout: 10_000 }).toEqual([]);

    const { code: exit, stderr, stdout } = await project.run(...args, "--jobs", "2");
    expect(stderr).toContain("2 of 6 points are done already");
    expect(stderr).toContain("5 of 6 points done, 1 failed");
    expect(stderr).toMatch(/least error: 1\.1 at \{"depth":1,"seed":1\}/);
    expect(exit).toBe(1);
    expect(stdout).toBe(`${project.in("figures", "paper", "fig-sweep", "results.csv")}\n`);
    expect(read("results.csv").replace(/^[0-9a-f]{12}/gm, "*")).toBe(
      "id,depth,seed,error,status\n*,1,1,1.1,ok\n*,1,2,1.2,ok\n*,2,1,2.1,ok\n*,2,2,2.2,ok\n*,3,1,3.1,ok\n*,3,2,3.2,failed\n",
    );
    const arrow = tableFromIPC(readFileSync(project.in("figures", "paper", "fig-sweep", "results.arrow")));
    expect(arrow.getChild("error").toArray()).toEqual(Float64Array.of(1.1, 1.2, 2.1, 2.2, 3.1, 3.2));
    for (const name of ["small-multiples", "heat-map", "parallel-coordinates"])
      expect(existsSync(project.in("figures", "paper", "fig-sweep", `${name}.svg`))).toBe(true);
    const page = readFileSync(project.in("figures", "index.html"), "utf8");
    expect(page).toContain("Sweep of paper/fig");
    expect(page.match(/<article/g)).toHaveLength(1); // the points are not experiments of their own

    const whole = await project.run(...args, "--out", "elsewhere");
    expect(whole.code).toBe(1);
    const other = readFileSync(project.in("elsewhere", "paper", "fig-sweep", "results.csv"), "utf8");
    expect(withoutTimes(other)).toBe(read("results.csv"));
  });

  test("refuses unknown parameters and wrong types before anything runs", async () => {
    const file = project.notebook("fig", code('let kind: "a" | "b" = "a";', "parameters"));
    const unknown = await project.run("sweep", file, "-p", "knd=a,b");
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("unknown parameter knd")]);
    const wrong = await project.run("sweep", file, "-p", "kind=a,b,c,d");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/kind is "c", expected "a" \| "b"\n.*kind is "d", expected/);
    expect((await project.run("sweep", file)).stderr).toContain("a sweep varies something");
    expect(project.written()).toEqual([]);
  });
});
