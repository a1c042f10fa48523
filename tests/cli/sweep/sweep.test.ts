import { existsSync, readFileSync } from "node:fs";
import { tableFromIPC } from "@uwdata/flechette";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { code } from "../../runner/notebooks.ts";
import { Project } from "../command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

const read = (name: string) => readFileSync(project.in("figures", "paper", "fig-sweep", name), "utf8");
/** The last column but one. */
const withoutTimes = (csv: string) => csv.replace(/,[\d.]+(,\d+)$/gm, ",s$1");

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
    expect(withoutTimes(read("results.csv")).replace(/^[0-9a-f]{12}/gm, "*")).toBe(
      "id,depth,seed,error,status,failure,seconds,attempts\n" +
        ["1,1,1.1,ok,", "1,2,1.2,ok,", "2,1,2.1,ok,", "2,2,2.2,ok,", "3,1,3.1,ok,", "3,2,3.2,failed,cell 3: kernel scripted exited with code 3"] // prettier-ignore
          .map((row) => `*,${row},s,1\n`)
          .join(""),
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
    expect(withoutTimes(other)).toBe(withoutTimes(read("results.csv")));
  });

  test("another sweep of one notebook takes a name, or says that it writes over the first; --dry-run runs nothing", async () => {
    const kernel = project.scriptedKernel();
    const file = project.notebook(
      "paper/fig",
      code("let v: number[] = [];\nlet w: string | null = 'no';\nlet label: string = \"a\";", "parameters"),
      code("record error 1"),
    );
    const sweep = (...args: string[]) => project.run("sweep", file, "--kernel", kernel, ...args);
    const dry = await sweep("-p", "v=[1,2],[3]", "--dry-run");
    expect([dry.code, dry.stdout.replace(/^\w{12}/gm, "*")]).toEqual([0, "* v=[1,2]\n* v=[3]\n"]);
    expect(project.written()).toEqual([]);
    expect((await sweep("-p", "v=[1,2],[3]")).code).toBe(0);
    const first = read("results.csv");
    expect(first).toMatch(/^id,v,w,label,error,status/);
    expect(withoutTimes(first)).toMatch(/^\w{12},"\[1,2\]",no,a,1,ok,,s,1$/m);

    const refused = await sweep("-p", "w=null,x", "-p", "label=2020");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("2 of its 2 points are not among these 2; give this one a name")]); // prettier-ignore
    expect(read("results.csv")).toBe(first);
    expect((await sweep("-p", "w=null,x", "-p", "label=2020", "--name", "w")).code).toBe(0);
    const second = readFileSync(project.in("figures", "paper", "fig-sweep-w", "results.csv"), "utf8");
    expect(withoutTimes(second)).toMatch(/^\w{12},,2020,\[\],1,ok,,s,1\n\w{12},x,2020,/m);
    expect(read("results.csv")).toBe(first);
    expect((await sweep("-p", "v=[1,2],[3],[4]")).code).toBe(0); // grows
    expect((await sweep("-p", "w=x", "--replace")).code).toBe(0);
  });

  test("values that JSON lacks reach the notebook and the results as they are", async () => {
    const kernel = project.scriptedKernel();
    const file = project.notebook(
      "paper/fig",
      code("let n: number = 1;\nlet big = 5n;\nlet when: Date = new Date(0);", "parameters"),
      code("record error 1"),
    );
    const { code: exit, stderr } = await project.run("sweep", file, "--kernel", kernel, "-p", "n=-0,NaN", "-p", "big=12345678901234567890", "-p", "when=2020-01-01"); // prettier-ignore
    expect([exit, stderr]).toEqual([0, expect.stringContaining("2 of 2 points done")]);
    const rows = read("results.csv").split("\n").slice(1, 3).map((row) => row.split(",").slice(1, 4)); // prettier-ignore
    expect(rows).toEqual(["-0", "NaN"].map((n) => [n, "12345678901234567890", "2020-01-01T00:00:00.000Z"]));
    const { points } = JSON.parse(read("sweep.json")) as { points: { id: string; parameters: object }[] };
    expect(points[1].parameters).toEqual({ n: "NaN", big: "12345678901234567890", when: "2020-01-01T00:00:00.000Z" });
    const executed = readFileSync(project.in("figures", "paper", "fig-sweep", ".points", points[0].id, "paper", "fig", "fig.ipynb"), "utf8"); // prettier-ignore
    expect(executed).toContain('"n = -0;\\n"');
    expect(executed).toContain("big = 12345678901234567890n;");
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
