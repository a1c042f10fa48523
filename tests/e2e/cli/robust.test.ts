/** What may happen to a run from outside: a second one, kill -9, a full disk, too little time or memory. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fill, onSmallDisk } from "../../base/small-disk.ts";
import { code, notebookProblems } from "../../runner/notebooks.ts";
import { Project } from "../../cli/command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

const read = (...names: string[]) => readFileSync(project.in(...names), "utf8");
const withoutTimes = (text: string) => text.replace(/"seconds": \{.*?\}.*?\}|"began": ".*?"/gs, "");

test("two runs on one output: the second says who is there and leaves it alone, the first goes on", async () => {
  const file = project.notebook("fig", code("print one"), code("sleep 3"), code("print three"));
  const kernel = project.scriptedKernel();
  const first = project.start("run", file, "--kernel", kernel);
  await first.says("cell 1/3");
  const second = await project.run("run", file, "--kernel", kernel);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(new RegExp(`figures.fig is being written by process ${first.child.pid} since .*--out`));
  expect((await first.ended).code).toBe(0);
  expect(JSON.parse(read("figures", "fig", "fig.ipynb"))).toMatchObject({ metadata: { marginalia: { status: "ok" } } });
  expect(project.written()).toEqual([path.join("figures", "fig", "fig.ipynb")]);
});

test("kill -9 at whatever moment, then --resume: what was finished is taken, the results are those of one run", async () => {
  mkdirSync(project.in("node_modules")); // where the cache lies
  const names = ["a", "b", "c", "d"];
  for (const name of names) project.notebook(name, code(`print ${name}1`), code(`sleep 0.2\nprint ${name}2`), code("print 3")); // prettier-ignore
  const args = ["run", "notebooks", "--kernel", project.scriptedKernel(), "--jobs", "2"];
  await project.run(...args, "--out", "whole", "--no-cache");
  let restored = 0;
  for (const milliseconds of [300, 700, 1100, 1500, 1900]) {
    const { child, ended } = project.start(...args, "--resume");
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill("SIGKILL");
    restored += [...(await ended).stderr.matchAll(/restored from the cache/g)].length;
    for (const name of names)
      if (existsSync(project.in("figures", name, `${name}.ipynb`)))
        expect(notebookProblems(read("figures", name, `${name}.ipynb`))).toEqual([]); // never half a file
    await expect.poll(() => project.processes(), { timeout: 10_000 }).toEqual([]);
  }
  const last = await project.run(...args, "--resume");
  expect([last.code, last.stderr]).toEqual([0, expect.stringContaining("4 of 4 notebooks done")]);
  const again = await project.run(...args, "--resume");
  expect([...again.stderr.matchAll(/restored from the cache/g)]).toHaveLength(4);
  expect(restored).toBeLessThan(5 * 4);
  for (const name of names)
    expect(withoutTimes(read("figures", name, `${name}.ipynb`))).toBe(withoutTimes(read("whole", name, `${name}.ipynb`))); // prettier-ignore
  expect(project.written().filter((file) => file.startsWith("figures"))).toEqual(names.map((name) => path.join("figures", name, `${name}.ipynb`))); // prettier-ignore
}, 60_000);

test("a run begins by taking away the temporary files of one that was killed while it wrote", async () => {
  const file = project.notebook("fig", code("print a"));
  for (const name of ["fig.ipynb.123456", "a.svg.77.part", "result.json.4711"]) project.file(`figures/fig/${name}`, "{ half"); // prettier-ignore
  project.file("figures/fig/notes.2", "the user's");
  await project.run("run", file, "--kernel", project.scriptedKernel());
  expect(project.written()).toEqual([path.join("figures", "fig", "fig.ipynb"), path.join("figures", "fig", "notes.2")]);
});

test("--resume excludes --force and --no-cache", async () => {
  const file = project.notebook("fig", code("print a"));
  for (const option of ["--force", "--no-cache"]) {
    const { code: exit, stderr } = await project.run("run", file, "--resume", option);
    expect([exit, stderr]).toEqual([2, expect.stringContaining(`--resume takes what is finished, ${option}`)]);
  }
});

describe("limits", () => {
  test("--notebook-timeout ends a notebook whose cells together take too long, and keeps what was done", async () => {
    const file = project.notebook("fig", code("print one\nsleep 0.5"), code("sleep 0.7"), code("print two\nsleep 30"));
    const { code: exit, stderr } = await project.run("run", file, "--kernel", project.scriptedKernel(), "--notebook-timeout", "2.5"); // prettier-ignore
    expect(exit).toBe(1);
    expect(stderr).toMatch(/cell 3 \(id .*\): the notebook took longer than the 2\.5 s of --notebook-timeout; this cell was interrupted/); // prettier-ignore
    expect(stderr).toContain("partial notebook: ");
    expect(read("figures", "fig", "fig.ipynb")).toContain("one");
  });

  test("--memory ends a kernel whose process grows beyond, arrays of numbers counted", async () => {
    const file = project.notebook(
      "fig",
      code("const held: Float64Array[] = [];"),
      code("for (let i = 0; i < 200; i++) {\n  held.push(new Float64Array(2 ** 20).fill(1));\n  await new Promise((done) => setTimeout(done, 20));\n}"), // prettier-ignore
    );
    const { code: exit, stderr } = await project.run("run", file, "--memory", "300", "--timeout", "60");
    expect(exit).toBe(1);
    expect(stderr).toMatch(/cell 2 .*more memory than the 300 MiB of --memory and was killed/);
    expect(read("figures", "fig", "fig.ipynb")).toContain("MemoryLimit");
  }, 60_000);

  // The kernel ends the cell shortly before V8 would end the process; what fills faster than it looks is ended by V8 or
  // by the watch.
  test("a heap that is full is a failure that says so", { timeout: 90_000 }, async () => {
    const file = project.notebook("fig", code("const all: object[] = [];\nfor (;;) all.push({ a: [all.length] });"));
    const { code: exit, stderr } = await project.run("run", file, "--memory", "150", "--timeout", "60");
    expect(exit).toBe(1);
    expect(stderr).toMatch(
      /cell 1 .*(OutOfMemory: .* of at most 150 MiB|heap out of memory|more memory than the 150 MiB)/s,
    );
  });
});

describe("a full disk", () => {
  test("is a failure with its reason; the partial notebook is whole, the log's and the report's end too", async ({
    skip,
  }) => {
    const isMounted = await onSmallDisk(project.in("figures"), 64, async () => {
      project.notebook("fig", code("print small"), code("print-long 90000"), code("print never"));
      project.notebook("other", code("print small too"));
      const args = ["run", "notebooks", "--kernel", project.scriptedKernel(), "--events", "figures/events.jsonl", "--junit", "report.xml"]; // prettier-ignore
      const { code: exit, stderr } = await project.run(...args);
      expect(exit).toBe(1);
      expect(stderr).toMatch(/✗ notebooks.fig\.ipynb: .*ENOSPC/);
      expect(stderr).toContain("1 of 2 notebooks done, 1 failed");
      const partial = read("figures", "fig", "fig.ipynb");
      expect(notebookProblems(partial)).toEqual([]);
      expect(partial).toContain("small");
      expect(project.written()).toEqual(["events.jsonl", path.join("fig", "fig.ipynb"), path.join("other", "other.ipynb")].map((name) => path.join("figures", name)).concat("report.xml").sort()); // prettier-ignore
      for (const line of read("figures", "events.jsonl").trim().split("\n")) JSON.parse(line);
      expect(read("report.xml")).toContain('failures="1"');
      // With the disk full to the last byte nothing can be written at all.
      fill(project.in("figures"));
      const full = await project.run("run", "notebooks/other.ipynb", "--kernel", project.scriptedKernel());
      expect([full.code, full.stderr]).toEqual([1, expect.stringContaining("ENOSPC")]);
      expect(notebookProblems(read("figures", "other", "other.ipynb"))).toEqual([]);
    });
    if (!isMounted) skip();
  }, 60_000);
});

describe("--profile", () => {
  test("over many goes to the notebooks that declare a profile, and the others are executed as they are; where none does it is refused", async () => {
    project.notebook("with", code('let profile: "quick" | "paper" = "paper";', "parameters"));
    project.notebook("without", code("print none"));
    const kernel = project.scriptedKernel();
    const { code: exit, stderr } = await project.run("run", "notebooks", "--profile", "quick", "--kernel", kernel);
    expect(exit).toBe(0);
    expect(stderr).toContain("no profiles, so executed as they are: without");
    expect(read("figures", "with", "with.ipynb")).toContain('profile = \\"quick\\"');
    project.notebook("another", code("print none"));
    const none = await project.run("run", "notebooks/without.ipynb", "notebooks/another.ipynb", "--profile", "quick", "--kernel", kernel); // prettier-ignore
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("none of these notebooks declares the parameter profile")]); // prettier-ignore
    const named = await project.run("run", "notebooks/without.ipynb", "--profile", "quick", "--kernel", kernel);
    expect([named.code, named.stderr]).toEqual([2, expect.stringContaining('no cell is tagged "parameters"')]);
  });
});

test("an executed notebook tells commit and dirty flag, lock hash, Node, V8, processor and times", async () => {
  const git = (...args: string[]) => spawnSync("git", ["-C", project.folder, "-c", "user.name=t", "-c", "user.email=t@t", ...args]); // prettier-ignore
  const file = project.notebook("fig", code("let n = 1;", "parameters"), code("print a"));
  project.file("package-lock.json", "{}");
  git("init", "-q");
  git("add", "notebooks", "package.json", "package-lock.json");
  git("commit", "-q", "-m", "first");
  project.file(".gitignore", "scripted\ntemporary\n.gitignore\n");
  await project.run("run", file, "--kernel", project.scriptedKernel(), "-p", "n=2");
  const { marginalia } = (JSON.parse(read("figures", "fig", "fig.ipynb")) as { metadata: { marginalia: object } }).metadata; // prettier-ignore
  expect(marginalia).toMatchObject({
    commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
    dirty: false,
    lock: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: expect.any(String) as string,
    began: expect.stringMatching(/^\d{4}-/) as string,
    parameters: { n: 2 },
    status: "ok",
  });
});
