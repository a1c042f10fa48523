import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mkdirSync, readFileSync } from "node:fs";
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

const WRITES = `
import { mkdirSync, writeFileSync } from "node:fs";
import { half } from "./half.ts";
const folder = process.env.MARGINALIA_OUT + "/paper/fig";
mkdirSync(folder, { recursive: true });
const xs = [1, 2, 3].slice(0, points);
writeFileSync(folder + "/numbers.csv", "x,half,noise\\n" + xs.map((x) => [x, half(x), Date.now()].join()).join("\\n"));
writeFileSync(folder + "/plot.json", JSON.stringify({ data: [{ name: "half", y: xs.map(half) }], layout: { meta: { now: Date.now() } } }));
const verdict = half(2) === 1 ? "match" : "differs";
writeFileSync(folder + "/result.json", JSON.stringify({ rows: [{ quantity: "half of 2", paper: 1, ours: half(2), verdict }], provenance: { now: Date.now() } }));
console.log("half of 3 is", half(3));`;

describe("marginalia run --check", () => {
  test("says that nothing has changed, and catches a bug planted in an imported module with the places named", async () => {
    const module = (divisor: string) => project.file("notebooks/paper/half.ts", `export const half = (x: number) => x / ${divisor};\n`); // prettier-ignore
    mkdirSync(project.in("node_modules")); // where the cache lies
    module("2");
    const file = project.notebook("paper/fig", code("const points: number = 3;", "parameters"), code(WRITES));
    const source = JSON.parse(readFileSync(project.in(file), "utf8")) as { metadata: Record<string, unknown> };
    source.metadata.marginalia = { check: { tables: { numbers: { noise: { ignore: true } } } } };
    project.file(file, JSON.stringify(source));
    expect((await project.run("run", "--check", file)).stderr).toContain("nothing is committed to compare with");
    expect((await project.run("run", file, "-p", "points=2")).code).toBe(0);
    const before = project.written();

    const same = await project.run("run", "--check", file);
    expect(same.stderr).toContain("✓ paper/fig gives what is committed"); // with the parameters of the committed run
    expect(same.code).toBe(0);

    module("2.5");
    const { code: exit, stderr } = await project.run("run", "--check", file, "--junit", "temporary/report.xml", "--events", "temporary/log.jsonl"); // prettier-ignore
    expect(exit).toBe(1);
    expect(stderr).toContain("differs from figures/paper/fig:");
    expect(stderr).toContain("table numbers, column half, row 1: 0.5 became 0.4 (");
    expect(stderr).toContain('figure plot, trace 1 "half", y[0]: 0.5 became 0.4');
    expect(stderr).toContain('comparison "half of 2": verdict match became differs');
    expect(stderr).toMatch(
      /cell 3 \(id [\w-]+\), what it prints, line 1:\n {4}- half of 3 is 1\.5\n {4}\+ half of 3 is 1\.2/,
    );
    expect(stderr).not.toContain("noise");
    expect(stderr).toContain("since it was executed last: notebooks/paper/half.ts has changed");
    const [report, log] = ["report.xml", "log.jsonl"].map((name) =>
      readFileSync(project.in("temporary", name), "utf8"),
    );
    expect(report).toMatch(
      /failures="1".*<failure type="difference" message="differs from figures.paper.fig: .*column half/s,
    );
    expect(log.trim().split("\n").map((line) => (JSON.parse(line) as { event: string }).event)).toContain("run-end"); // prettier-ignore
    expect(project.written().filter((name) => !name.startsWith("temporary"))).toEqual(before);
  });
});
