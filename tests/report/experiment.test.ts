import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { openExperiment, type ResultRecord } from "../../src/report/experiment.ts";
import { notebookFolder, projectRoot, sourceState } from "../../src/base/provenance.ts";
import { table } from "../../src/report/table.ts";
import { git, runElsewhere } from "./child.ts";
import { open, options, runAll, small } from "./example-experiment.ts";

let out: string;
beforeEach(() => {
  out = realpathSync(mkdtempSync(path.join(tmpdir(), "marginalia-report-")));
  vi.stubEnv("MARGINALIA_OUT", out);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(out, { recursive: true, force: true });
});

const number = z.union([z.number(), z.string()]);
const schema = z.strictObject({
  experiment: z.string().regex(/^[^/]+\/[^/]+$/),
  title: z.string(),
  profile: z.enum(["quick", "paper"]),
  figures: z.array(z.string()),
  tables: z.array(z.string()),
  rows: z.array(
    z.strictObject({
      quantity: z.string(),
      paper: z.union([number, z.tuple([number, number]), z.null()]),
      ours: number,
      standardError: z.nullable(number),
      verdict: z.enum(["match", "better", "worse", "differs", "no reference"]),
      why: z.string().min(1),
    }),
  ),
  provenance: z.strictObject({
    commit: z.nullable(z.string().regex(/^[0-9a-f]{40,64}$/)),
    dirty: z.nullable(z.boolean()),
    seed: z.nullable(z.number()),
    parameters: z.record(z.string(), z.unknown()),
    data: z.enum(["generated", "real", "stand-in"]),
    backend: z.string(),
    node: z.string(),
    v8: z.string(),
    cpu: z.string(),
    marginalia: z.string(),
    lock: z.nullable(z.string().regex(/^[0-9a-f]{64}$/)),
  }),
});

describe("an experiment", () => {
  test("writes each figure as svg, png and json, tables as csv and its comparison, and leaves no other file", () => {
    const { folder } = runAll();
    expect(folder).toBe(path.join(out, "paper", "one"));
    expect(readdirSync(folder).sort()).toEqual(["curve.json", "curve.png", "curve.svg", "numbers.csv", "result.json"]);
    expect(readFileSync(path.join(folder, "numbers.csv"), "utf8")).toBe("x\n1\n2\n");
  });

  test("shows in the notebook the very figure that is in the files, with where it came from", () => {
    const experiment = open();
    const shown = experiment.figure("curve", small());
    expect(readFileSync(path.join(experiment.folder, "curve.svg"), "utf8")).toBe(shown.svg());
    expect(readFileSync(path.join(experiment.folder, "curve.png"))).toEqual(Buffer.from(shown.png().bytes));
    expect(shown.svg()).toMatch(/quick profile · generated data · seed 1 · (commit [0-9a-f]{7}|no commit)/);
    const json = JSON.parse(readFileSync(path.join(experiment.folder, "curve.json"), "utf8")) as {
      layout: { meta: object };
    };
    expect(json.layout.meta).toMatchObject({ experiment: "paper/one", profile: "quick", seed: 1, data: "generated" });
  });

  test("writes a result.json of the documented form", () => {
    const { folder } = runAll();
    const record = schema.parse(JSON.parse(readFileSync(path.join(folder, "result.json"), "utf8"))) as ResultRecord;
    expect(record).toMatchObject({ experiment: "paper/one", figures: ["curve"], tables: ["numbers"] });
    expect(record.rows.map(({ verdict }) => verdict)).toEqual(["better", "differs", "match", "no reference"]);
    expect(record.rows[1].ours).toBe("-Infinity");
    expect(record.provenance.parameters).toEqual({ n: 8, d: [0.1, "Infinity"] });
    expect(record.provenance.seed).toBe(1);
  });

  test("shows the comparison as a table", () => {
    const shown = open().compare([{ quantity: "gap", paper: [0, 1.5], ours: 0.25, standardError: 0.125 }]);
    expect(shown.columns).toEqual(["quantity", "paper", "ours", "standard error", "verdict", "why"]);
    expect((shown.values as unknown[][])[0].slice(0, 5)).toEqual(["gap", "0 to 1.5", 0.25, 0.125, "match"]);
    expect(open().compare([{ quantity: "gap", ours: 1 }]).columns).not.toContain("standard error");
  });

  test("writes the same bytes again, and in another process", () => {
    const bytes = () =>
      readdirSync(path.join(out, "paper", "one")).map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(path.join(out, "paper", "one", name)))
          .digest("hex"),
      ]);
    runAll();
    const first = bytes();
    rmSync(path.join(out, "paper"), { recursive: true });
    runAll("paper/other");
    runAll();
    expect(bytes()).toEqual(first);
    rmSync(path.join(out, "paper"), { recursive: true });
    runElsewhere('import { runAll } from "./example-experiment.ts"; runAll();');
    expect(bytes()).toEqual(first);
  });

  test("keeps the old file whole when the new one cannot be written", () => {
    const experiment = open();
    mkdirSync(path.join(experiment.folder, "numbers.csv"), { recursive: true }); // in the way, so that the rename fails
    expect(() => experiment.table("numbers", table({ x: [1] }))).toThrow();
    expect(readdirSync(experiment.folder)).toEqual(["numbers.csv"]);
  });

  test("writes nothing of a figure that cannot be drawn", () => {
    const experiment = open();
    const broken = small();
    vi.spyOn(broken, "withNote").mockReturnValue(
      Object.assign(small(), { png: () => { throw new Error("no picture"); } }), // prettier-ignore
    );
    expect(() => experiment.figure("curve", broken)).toThrow("no picture");
    expect(readdirSync(out)).toEqual([]);
  });

  test("a notebook of no paper has a name of one part", () => {
    const experiment = openExperiment("start-here", { ...options, reference: "exact" });
    expect(experiment.folder).toBe(path.join(out, "start-here"));
    const comparison = experiment.compare([{ quantity: "ln Z", paper: 2, ours: 2 }]);
    expect(comparison.columns).toEqual(["quantity", "exact", "ours", "verdict", "why"]);
  });

  test.each(["", "a/b/c", "../up/x", "a/..", "a/", "a b/c", "/etc/x"])("refuses the name %j", (name) => {
    expect(() => open(name)).toThrow(TypeError);
  });

  test.each(["../curve", "a/b", "", ".hidden", "result"])("refuses a figure or table named %j", (name) => {
    expect(() => open().figure(name, small())).toThrow(TypeError);
    expect(() => open().table(name, table({ x: [1] }))).toThrow(TypeError);
    expect(readdirSync(out)).toEqual([]);
  });

  test("takes a profile of any name, or none, and refuses one without a name", () => {
    for (const profile of ["fast", undefined]) {
      const experiment = openExperiment("a/b", { ...options, profile });
      expect(String(experiment.compare([{ quantity: "q", ours: 1 }]))).toBeDefined();
      const written = JSON.parse(readFileSync(path.join(experiment.folder, "result.json"), "utf8")) as { profile: unknown }; // prettier-ignore
      expect(written.profile).toBe(profile ?? null);
    }
    expect(() => openExperiment("a/b", { ...options, profile: "" })).toThrow(/profile must be a name/);
  });

  test("parameters of every kind are recorded: what JSON lacks by its name", () => {
    const parameters = { big: 5n, when: new Date(0), minus: -0, none: undefined, ["__proto__"]: 1, constructor: 2 };
    const experiment = openExperiment("a/b", { ...options, parameters });
    experiment.compare([{ quantity: "q", ours: 1 }]);
    const text = readFileSync(path.join(experiment.folder, "result.json"), "utf8");
    expect(Object.entries((JSON.parse(text) as { provenance: { parameters: object } }).provenance.parameters)).toEqual([
      ["big", "5"],
      ["when", "1970-01-01T00:00:00.000Z"],
      ["minus", "-0"],
      ["none", "undefined"],
      ["__proto__", 1],
      ["constructor", 2],
    ]);
  });

  test("refuses an empty comparison", () => {
    expect(() => open().compare([])).toThrow(RangeError);
  });
});

describe("provenance", () => {
  test("finds the project from the notebook's folder, and without a notebook from the working folder", () => {
    writeFileSync(path.join(out, "package.json"), "{}");
    mkdirSync(path.join(out, "notebooks", "paper"), { recursive: true });
    vi.stubEnv("MARGINALIA_NOTEBOOK", path.join(out, "notebooks", "paper", "one.ipynb"));
    expect(projectRoot(notebookFolder())).toBe(out);
    vi.stubEnv("MARGINALIA_NOTEBOOK", "");
    expect(notebookFolder()).toBe(process.cwd());
  });

  test("writes to figures in the notebook's project when no output folder is named", () => {
    vi.stubEnv("MARGINALIA_OUT", "");
    vi.stubEnv("MARGINALIA_NOTEBOOK", path.join(out, "one.ipynb"));
    writeFileSync(path.join(out, "package.json"), "{}");
    expect(open().folder).toBe(path.join(out, "figures", "paper", "one"));
  });

  test("counts changes beyond the output folder, and knows neither commit nor changes outside of git", () => {
    expect(sourceState(out, path.join(out, "figures"))).toEqual({ commit: null, dirty: null });
    git(out, "init", "--quiet");
    writeFileSync(path.join(out, "a.txt"), "1");
    git(out, "add", ".");
    git(out, "commit", "--quiet", "-m", "first");
    const commit = git(out, "rev-parse", "HEAD").trim();
    mkdirSync(path.join(out, "figures"));
    writeFileSync(path.join(out, "figures", "new.svg"), "");
    expect(sourceState(out, path.join(out, "figures"))).toEqual({ commit, dirty: false });
    expect(sourceState(out, path.join(out, "elsewhere"))).toEqual({ commit, dirty: true });
    rmSync(path.join(out, "figures"), { recursive: true });
    expect(sourceState(out, out)).toEqual({ commit, dirty: false });
    writeFileSync(path.join(out, "a.txt"), "2");
    expect(sourceState(out, path.join(out, "figures"))).toEqual({ commit, dirty: true });
  });
});

// The tensor engine does load with it: the learned methods are methods like any other. Built, for a bundle loses its
// kernels.
test("importing marginalia loads neither jsdom, Plotly, Danfo nor the rasteriser", () => {
  const built = path.resolve(import.meta.dirname, "../../dist/index.js");
  const code = `
    import { createRequire } from "node:module";
    await import(${JSON.stringify(pathToFileURL(built).href)});
    const loaded = Object.keys(createRequire(${JSON.stringify(built)}).cache);
    console.log(JSON.stringify(loaded.filter((file) => /jsdom|plotly|danfo|resvg|opentype|mathjs/.test(file))));
`;
  const stdout = execFileSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  expect(JSON.parse(stdout)).toEqual([]);
});
