import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { writeUai } from "../../../src/formats/uai.ts";
import { readResults } from "../../../src/formats/results.ts";
import { openGrid } from "../../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../../src/graph/generators/ising.ts";
import { complete } from "../../../src/graph/generators/structured.ts";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { toFactorGraph } from "../../../src/graph/convert.ts";
import { Random } from "../../../src/graph/random.ts";
import { needsSharedData, sharedData } from "../../formats/shared-data.ts";
import { methodFor } from "../../../src/cli/infer/methods.ts";
import { Project } from "../command.ts";

const project = new Project();
afterEach(() => expect(project.processes()).toEqual([]));
afterAll(() => project.remove());

/** Z = 42; with x2 = 1 it is 6, and x1 = 0 is then impossible. All by hand. */
project.file("small.uai", "MARKOV\n3\n2 2 3\n2\n2 0 1\n2 1 2\n4\n1 2\n3 4\n6\n1 0 2\n3 1 1\n");
project.file("x2.evid", "1 2 1\n");
project.file("impossible.evid", "2 1 0 2 1\n");
project.file("all.evid", "3 0 1 1 1 2 0\n");

interface JsonAnswer {
  readonly task: string;
  readonly method: string;
  readonly logZ: number | string;
  readonly log10Z: number | string;
  readonly bound: string;
  readonly variables?: number[];
  readonly marginals?: number[][];
  readonly map?: number[];
  readonly score?: number;
  readonly bestScore?: [number, number];
  readonly converged: boolean;
  readonly iterations: number;
  readonly seconds: number;
}

async function json(...args: string[]): Promise<JsonAnswer> {
  const { code, stdout, stderr } = await project.run("infer", "--format", "json", ...args);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as JsonAnswer;
}

function numbers(text: string): number[] {
  return text.trim().split(/\s+/).slice(1).map(Number);
}

function expectClose(got: readonly number[], expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  expected.forEach((value, at) => expect(got[at]).toBeCloseTo(value, 10));
}

describe("answers on stdout, nothing else", () => {
  test("PR is log10 Z", async () => {
    const { code, stdout } = await project.run("infer", "small.uai", "--task", "PR");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^PR\n\S+\n$/);
    expectClose(numbers(stdout), [Math.log10(42)]);
  });

  test("MAR lists every variable, an observed one one-hot", async () => {
    const { stdout } = await project.run("infer", "small.uai", "--task", "MAR");
    expect(stdout).toMatch(/^MAR\n/);
    expectClose(numbers(stdout), [3, 2, 13 / 42, 29 / 42, 2, 12 / 42, 30 / 42, 3, 22 / 42, 6 / 42, 14 / 42]);
    const observed = await project.run("infer", "small.uai", "--task", "MAR", "--evidence", "x2.evid");
    expectClose(numbers(observed.stdout), [3, 2, 1 / 3, 2 / 3, 2, 0, 1, 3, 0, 1, 0]);
  });

  test("MAP lists every variable, an observed one in its state", async () => {
    expect((await project.run("infer", "small.uai", "--task", "MAP")).stdout).toBe("MAP\n3 1 1 0\n");
    const observed = await project.run("infer", "small.uai", "--task", "MAP", "--evidence", "x2.evid");
    expect(observed.stdout).toBe("MAP\n3 1 1 1\n");
  });

  test("JSON holds natural logs, what is known about them, and how they came about", async () => {
    const pr = await json("small.uai", "--task", "PR", "--evidence", "x2.evid");
    expect(Object.keys(pr)).toEqual(
      ["task", "method", "logZ", "log10Z", "bound", "converged", "iterations", "seconds"], // prettier-ignore
    );
    expect(pr).toMatchObject({ task: "PR", method: "variable-elimination", bound: "exact", converged: true });
    expect(pr.logZ).toBeCloseTo(Math.log(6), 12);
    expect(pr.log10Z).toBeCloseTo(Math.log10(6), 12);
    const mar = await json("small.uai", "--task", "MAR");
    expect(mar.marginals!.map((row) => row.length)).toEqual([2, 2, 3]);
    const map = await json("small.uai", "--task", "MAP");
    expect(map).toMatchObject({ bound: "exact", map: [1, 1, 0] });
    expect(map.score).toBeCloseTo(Math.log(12), 12);
    expect(map.bestScore).toEqual([map.score, map.score]);
  });

  test.each(["PR", "MAR", "MAP"])("everything observed: %s", async (task) => {
    const { code, stdout } = await project.run("infer", "small.uai", "--task", task, "--evidence", "all.evid");
    expect(code).toBe(0);
    const expected = { PR: [Math.log10(12)], MAR: [3, 2, 0, 1, 2, 0, 1, 3, 1, 0, 0], MAP: [3, 1, 1, 0] }[task]!;
    expectClose(numbers(stdout), expected);
  });

  test("--quiet leaves stderr empty", async () => {
    expect(await project.run("infer", "small.uai", "--task", "PR", "--quiet")).toMatchObject({ code: 0, stderr: "" });
  });

  test("progress names file, evidence, width and method", async () => {
    const { stderr } = await project.run("infer", "small.uai", "--task", "MAR", "--evidence", "x2.evid");
    expect(stderr).toContain("small.uai: 3 variables, 2 factors");
    expect(stderr).toContain("x2.evid: 1 variable observed, 2 left");
    expect(stderr).toContain("elimination order has width 0");
    expect(stderr).toMatch(/junction-tree\[map=false\]: \d\.\d\d s, exact/);
  });
});

describe("impossible evidence", () => {
  test("is a legal answer to PR", async () => {
    const given = ["small.uai", "--evidence", "impossible.evid", "--task", "PR"];
    expect(await project.run("infer", ...given)).toMatchObject({ code: 0, stdout: "PR\n-inf\n" });
    expect(await json(...given)).toMatchObject({ logZ: "-Infinity", log10Z: "-Infinity", bound: "exact" });
  });

  test.each(["MAR", "MAP"])("leaves nothing to answer to %s, which is said", async (task) => {
    const given = ["small.uai", "--evidence", "impossible.evid", "--task", task];
    const { code, stdout, stderr } = await project.run("infer", ...given);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("marginalia: no state is possible with this evidence (Z = 0)");
  });
});

describe("model files", () => {
  test("gzipped", async () => {
    writeFileSync(project.in("packed.uai.gz"), gzipSync(readFileSync(project.in("small.uai"))));
    expect((await json("packed.uai.gz", "--task", "PR")).logZ).toBeCloseTo(Math.log(42), 12);
  });

  test("gzipped under a name without .gz", async () => {
    writeFileSync(project.in("hidden.uai"), gzipSync(readFileSync(project.in("small.uai"))));
    expect((await json("hidden.uai", "--task", "PR")).logZ).toBeCloseTo(Math.log(42), 12);
  });

  test.each([
    ["MARKOV\n1\n2\n1\n1 0\n2\n4 6\n", "1"],
    ["c a formula\np cnf 1 1\n1 0\n", "0"],
  ])("- reads standard input, whatever its format, and log10 of 10 is 1", (input, log10Z) => {
    const main = path.resolve(import.meta.dirname, "../../../src/cli/bin.mjs");
    const options = { input, encoding: "utf8" } as const;
    expect(execFileSync(process.execPath, [main, "infer", "-", "--task", "PR", "--quiet"], options)).toBe(
      `PR\n${log10Z}\n`,
    );
  });

  test(".fg: variables are named as in the file", async () => {
    const file = path.resolve(import.meta.dirname, "../../formats/fixtures/sparse-labels.fg");
    const { variables, marginals } = await json(file, "--task", "MAR");
    expect(variables).toEqual([1, 3, 10]);
    expectClose(marginals!.flat(), [3 / 14, 0, 11 / 14, 1 / 3, 2 / 3, 6 / 14, 8 / 14]);
  });

  test(".cnf: variables that split wide clauses are cut off", async () => {
    const literals = Array.from({ length: 20 }, (_, variable) => variable + 1);
    project.file("wide.cnf", `p cnf 20 1\n${literals.join(" ")} 0\n`);
    const { logZ, marginals, variables } = await json("wide.cnf", "--task", "MAR");
    expect(logZ).toBeCloseTo(Math.log(2 ** 20 - 1), 10);
    expect(variables).toEqual(literals);
    expect(marginals).toHaveLength(20);
    for (const [, isTrue] of marginals!) expect(isTrue).toBeCloseTo(2 ** 19 / (2 ** 20 - 1), 10);
    const map = await project.run("infer", "wide.cnf", "--task", "MAP");
    expect(numbers(map.stdout)).toHaveLength(21);
    expect(numbers(map.stdout).slice(1)).toContain(1);
  });

  test.each([
    ["a wrong word", "MARKOV\n2\n2 x\n1\n1 0\n2\n1 2\n", "broken.uai:3:3: "],
    ["a truncated table", "MARKOV\n1\n2\n1\n1 0\n2\n1", "broken.uai:7:2: "],
    ["a gigantic table", "MARKOV\n3\n9999999 9999999 9999999\n1\n3 0 1 2\n99\n1\n", "broken.uai:"],
  ])("%s is told by its place, without a stack trace", async (_, text, place) => {
    project.file("broken.uai", text);
    const { code, stdout, stderr } = await project.run("infer", "broken.uai", "--task", "PR");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.startsWith(`marginalia: ${place}`), stderr).toBe(true);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("evidence that does not fit the model is told by its place", async () => {
    project.file("broken.evid", "1 2 3\n");
    const { code, stderr } = await project.run("infer", "small.uai", "--task", "PR", "--evidence", "broken.evid");
    expect(code).toBe(2);
    expect(stderr).toContain("marginalia: broken.evid:1:5: variable 2 has no state 3, expected 0 to 2");
  });

  test.each([
    ["missing.uai", "missing.uai: no such file"],
    [".", "unknown kind of model, expected a name ending in .uai"],
  ])("%s is no model", async (name, message) => {
    const { code, stderr } = await project.run("infer", name, "--task", "PR");
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("--method", () => {
  test.each([
    ["enumeration", "PR", "enumeration"],
    ["junction-tree[order=min-fill]", "MAR", "junction-tree[order=min-fill]"],
    ["variable-elimination", "MAP", "variable-elimination[task=max]"],
    ["bp[temperature=0]", "MAP", "bp[temperature=0]"],
    ["gbp", "PR", "gbp"],
  ])("%s answers %s, exactly on a tree", async (method, task, shown) => {
    const answer = await json("small.uai", "--task", task, "--method", method);
    expect(answer.method).toBe(shown);
    if (task === "MAP") expect(answer.map).toEqual([1, 1, 0]);
    else expect(answer.logZ).toBeCloseTo(Math.log(42), 9);
    if (task === "MAR") expectClose(answer.marginals![0], [13 / 42, 29 / 42]);
  });

  test("bounds take a factor graph that is a pairwise binary model, and say on which side they are", async () => {
    project.file("ising.uai", "MARKOV\n2\n2 2\n1\n2 0 1\n4\n3 1\n1 2\n");
    const lower = await json("ising.uai", "--task", "PR", "--method", "factorised-lower");
    const upper = await json("ising.uai", "--task", "PR", "--method", "refined-upper[order=index]");
    expect([lower.bound, upper.bound]).toEqual(["lower", "upper"]);
    expect(lower.logZ).toBeLessThan(Math.log(7));
    expect(upper.logZ).toBeGreaterThan(Math.log(7));
    const { code, stderr } = await project.run("infer", "small.uai", "--task", "PR", "--method", "refined-upper");
    expect(code).toBe(2);
    expect(stderr).toContain(
      "refined-upper takes a Boltzmann machine or an Ising model, and here variable 2 has 3 states",
    );
  });

  test("one that cannot answer is refused, with those that can", async () => {
    const { code, stdout, stderr } = await project.run("infer", "small.uai", "--task", "PR", "--method", "max-product");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^marginalia: max-product does not give ln Z; methods that answer PR: enumeration, /);
  });

  test.each([
    ["magic", "PR", /unknown method "magic"\. Accepted methods: enumeration, /],
    ["bp[dampen=1]", "PR", /unknown option dampen\. Accepted options: schedule=parallel\|/],
    ["bp[damping=2]", "PR", /option damping: .*Accepted options/],
    ["bp[damping", "PR", /is not a method, expected name or name\[option=value/],
    ["max-product", "MAR", /does not give marginals of the variables; methods that answer MAR: /],
    ["variable-elimination[task=sum]", "MAP", /methods that answer MAP: .*variable-elimination\[task=max\]/],
    ["refined-upper", "MAR", /methods that answer MAR: /],
  ] as const)("%s for %s is answered with what is accepted", (method, task, message) => {
    expect(() => methodFor(method, task)).toThrow(message);
  });

  test("--methods lists every method with the tasks that it answers", async () => {
    const { code, stdout } = await project.run("infer", "--methods");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^enumeration: .*\n {4}answers PR, MAR, MAP$/m);
    expect(stdout).toMatch(/^max-product: .*\n {4}answers MAP$/m);
    expect(stdout).toMatch(/^ {4}damping=number \(default 0\): /m);
  });

  test.each([
    [[], "name a model file"],
    [["small.uai"], "Give --task PR, MAR or MAP"],
    [["small.uai", "--task", "pie"], "Allowed choices are PR, MAR, MAP"],
    [["small.uai", "--task", "PR", "--time-limit", "0"], "Expected a number above 0"],
  ])("wrong usage: %j", async (args, message) => {
    const { code, stderr } = await project.run("infer", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("infer runs every method that --methods lists, on a model that it accepts", async () => {
    project.file("pair.uai", "MARKOV\n2\n2 2\n1\n2 0 1\n4\n3 1\n1 2\n");
    const { stdout: list } = await project.run("infer", "--methods");
    const listed = [...list.matchAll(/^(\S+): .*\n {4}answers (\w+)/gm)];
    expect(listed.map(([, name]) => name)).toEqual(expect.arrayContaining(["enumeration", "estimate", "gnn", "bpnn"]));
    for (const [, name, task] of listed) {
      const { code, stderr } = await project.run(
        "infer",
        "pair.uai",
        "--task",
        task,
        "--format",
        "json",
        "--method",
        name,
      );
      expect(code, `${name}: ${stderr}`).toBe(0);
    }
    const learned = ["--task", "PR", "--format", "json", "--method", "bpnn[weights=kuck2020/bpnn-ising]"];
    expect((await project.run("infer", "pair.uai", ...learned)).code).toBe(0);
    const { code, stderr } = await project.run("infer", "pair.uai", "--task", "PR", "--method", "bpmm");
    expect(code).toBe(2);
    expect(stderr).toMatch(/unknown method "bpmm"\. Accepted methods: .*gnn, bpnn/);
  }, 120_000);

  test("--seed decides what a method draws", async () => {
    writeGrid("drawn.uai", 5, 2);
    const run = (seed: string) =>
      json("drawn.uai", "--task", "PR", "--method", "bp[schedule=random,maxIterations=3]", "--seed", seed);
    const [one, again, other] = [await run("1"), await run("1"), await run("2")];
    expect(again.logZ).toBe(one.logZ);
    expect(other.logZ).not.toBe(one.logZ);
  });
});

/** A spin glass on a side x side grid; where the couplings are strong, belief propagation does not converge on it. */
function writeGrid(name: string, side: number, couplingDeviation: number): void {
  const model = gaussianIsing(openGrid(side, side), Random.fromSeed(7), { biasDeviation: 0.1, couplingDeviation });
  writeUai(project.in(name), toFactorGraph(model));
}

/** Every pair of n variables joined: too wide for anything but enumeration. */
function writeDense(name: string, n: number): void {
  const model = gaussianIsing(complete(n), Random.fromSeed(3), { couplingDeviation: 0.1 });
  writeUai(project.in(name), toFactorGraph(model));
}

/** Every pair of n variables of many states joined by a table drawn. */
function writeGlass(name: string, n: number, states: number): void {
  const random = Random.fromSeed(1);
  const pairs = Array.from({ length: n }, (_, i) => Array.from({ length: i }, (_, j) => [j, i])).flat();
  const table = () => Float64Array.from({ length: states ** 2 }, () => random.normal(0, 2));
  const factors = pairs.map((variables) => ({ variables, logPotentials: table() }));
  writeUai(project.in(name), factorGraph(new Int32Array(n).fill(states), factors));
}

describe("what is too much", () => {
  test.each(["PR", "MAR", "MAP"])(
    "without --method a graph that is too wide is approximated for %s, loudly",
    async (task) => {
      writeDense("wide.uai", 70);
      const given = ["wide.uai", "--task", task, "--format", "json", "--quiet", "--time-limit", "8"];
      const { code, stdout, stderr } = await project.run("infer", ...given);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("it is NOT exact");
      const answer = JSON.parse(stdout) as JsonAnswer;
      expect(answer.bound).toBe(task === "MAP" ? "lower" : "none");
      if (task === "MAR") expect(answer.marginals).toHaveLength(70);
      if (task === "MAP") expect(answer.map).toHaveLength(70);
    },
  );

  test("a method that was asked for by name is not replaced", async () => {
    writeDense("wide.uai", 70);
    const { code, stdout, stderr } = await project.run(
      "infer",
      "wide.uai",
      "--task",
      "PR",
      "--method",
      "junction-tree",
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("the graph is too densely connected for exact inference");
  });

  test("--time-limit ends a loop that never looks at the clock, and says how far it had come", async () => {
    writeDense("slow.uai", 25);
    const given = ["slow.uai", "--task", "PR", "--method", "enumeration", "--time-limit", "2"];
    const { code, stdout, stderr } = await project.run("infer", ...given);
    expect({ code, stdout }).toEqual({ code: 124, stdout: "" });
    expect(stderr).toMatch(/no answer within the time limit of 2 s; it was at: enumeration, for \d\.\d s of \d\.\d s/);
  });

  test("Ctrl-C ends it as well", async () => {
    writeDense("slow.uai", 25);
    const { child, ended, says } = project.start("infer", "slow.uai", "--task", "PR", "--method", "enumeration");
    await says("slow.uai: 25 variables");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toContain("interrupted; it was at: ");
  });

  test("a method that can stop by itself answers with what it has when the time is up", async () => {
    writeGrid("glass.uai", 10, 3);
    const method = "bp[tolerance=0,maxIterations=1000000000]";
    const answer = await json("glass.uai", "--task", "PR", "--method", method, "--time-limit", "2.5");
    expect(answer).toMatchObject({ converged: false, method });
    expect(answer.iterations).toBeGreaterThan(10);
  });

  test("a MAP search that is broken off gives its best state, score, upper bound and gap, unproven", async () => {
    writeGlass("glass60.uai", 60, 11);
    const { code, stdout, stderr } = await project.run("infer", "glass60.uai", "--task", "MAP", "--time-limit", "4");
    expect(code, stderr).toBe(0);
    expect(numbers(stdout)).toHaveLength(61);
    expect(stderr).toMatch(/it is NOT exact: its ln score is \d\S*, the best is at most \d\S* \(gap \d\S*\)/);
  });

  test("half of the time limit goes to the exact default, the rest to an approximation", async () => {
    writeGrid("wide-grid.uai", 25, 0.3);
    const { code, stdout, stderr } = await project.run("infer", "wide-grid.uai", "--task", "PR", "--time-limit", "12");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^PR\n\d/);
    expect(stderr).toMatch(/! (no exact answer within half of the time limit|exact inference would hold)/);
    expect(stderr).toMatch(/estimate is an estimate; what is proven: \S+ <= log10 Z <= \S+/);
  });
});

describe.skipIf(!sharedData)(`published answers${needsSharedData}`, () => {
  const inShared = (task: string, name: string) => path.join(sharedData ?? "", "uai", task, `${name}.uai`);

  test.each(["CSP_12", "Segmentation_14", "grid10x10.f10"])("PR of %s", async (name) => {
    const file = inShared("PR", name);
    const published = readResults(`${file}.PR`);
    if (published.task !== "PR") throw new Error("not a PR file");
    const { stdout } = await project.run("infer", file, "--evidence", `${file}.evid`, "--task", "PR");
    const [log10Z] = numbers(stdout);
    // Published to six digits.
    expect(Math.abs(log10Z - published.log10Z[0])).toBeLessThan(1e-5 * Math.max(1, Math.abs(log10Z)));
  });

  test.each(["Pedigree_12", "Segmentation_12"])("MAR of %s", async (name) => {
    const file = inShared("MAR", name);
    const published = readResults(`${file}.MAR`);
    if (published.task !== "MAR") throw new Error("not a MAR file");
    const { stdout } = await project.run("infer", file, "--evidence", `${file}.evid`, "--task", "MAR");
    project.file("answer.MAR", stdout);
    const ours = readResults(project.in("answer.MAR"));
    if (ours.task !== "MAR") throw new Error("not a MAR answer");
    expect(ours.marginals[0].offsets).toEqual(published.marginals[0].offsets);
    published.marginals[0].values.forEach((p, at) =>
      expect(Math.abs(ours.marginals[0].values[at] - p)).toBeLessThan(1e-6),
    );
  });
});

describe("bounds answer with intervals", () => {
  const model = gaussianIsing(complete(8), Random.fromSeed(4));
  writeUai(project.in("dense.uai"), toFactorGraph(model));

  test("PR and MAR as [lower, upper] around the exact answers", async () => {
    const method = ["--method", "bounds[exactWidth=2]"];
    const exact = await json("dense.uai", "--task", "MAR", "--method", "junction-tree");
    const found = (await json("dense.uai", "--task", "MAR", ...method)) as unknown as {
      bound: string;
      logZ: [number, number];
      marginals: [number, number][][];
    };
    expect(found.bound).toBe("interval");
    exact.marginals!.forEach((states, i) => {
      states.forEach((p, state) => {
        expect(found.marginals[i][state][0]).toBeLessThanOrEqual(p);
        expect(found.marginals[i][state][1]).toBeGreaterThanOrEqual(p);
      });
    });
    const { logZ } = (await json("dense.uai", "--task", "PR", ...method)) as unknown as { logZ: [number, number] };
    expect(logZ[0]).toBeLessThanOrEqual(exact.logZ as number);
    expect(logZ[1]).toBeGreaterThanOrEqual(exact.logZ as number);
  });

  test("the .uai format has no room for intervals, and says so", async () => {
    const { code, stderr } = await project.run(
      "infer",
      "dense.uai",
      "--task",
      "PR",
      "--method",
      "bounds[exactWidth=2]",
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain("--format json");
  });
});
