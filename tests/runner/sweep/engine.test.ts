import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tableFromIPC } from "@uwdata/flechette";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { columnTable } from "../../../src/cli/sweep/arrow.ts";
import { memoryLimit } from "../../../src/runner/client/memory-limit.ts";
import { parseNotebook } from "../../../src/runner/notebook/notebook.ts";
import { bestPoint, columnsOf, csvOf } from "../../../src/runner/sweep/dataframe.ts";
import { localEngine, type EngineOptions } from "../../../src/runner/sweep/engine.ts";
import {
  pointResultSchema,
  readPoint,
  recorded,
  type PointResult,
  type PointTask,
} from "../../../src/runner/sweep/point.ts";
import { parseAxis, pointsOf, type SweepPoint } from "../../../src/runner/sweep/space.ts";
import { code, notebook } from "../notebooks.ts";

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "sweep-test-")));
  mkdirSync(at("notebooks"));
  writeFileSync(at("package.json"), "{}");
  const argv = [process.execPath, path.join(import.meta.dirname, "../scripted-kernel.mjs"), "{connection_file}"];
  const spec = { argv, display_name: "Scripted", language: "typescript", interrupt_mode: "message" };
  writeFileSync(at("kernel.json"), JSON.stringify(spec));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Executed points note themselves in the file `executions`. */
function tasks(body: string, points: readonly SweepPoint[]): PointTask[] {
  const source = notebook([code("let n = 0;", "parameters"), code(`append ${at("executions")} $n\n${body}`)]);
  writeFileSync(at("notebooks", "fig.ipynb"), JSON.stringify(source));
  return points.map(({ id, parameters }) => ({
    id,
    parameters,
    notebook: at("notebooks", "fig.ipynb"),
    version: body,
    folder: at("points", id),
    kernel: at("kernel.json"),
    useCache: false,
  }));
}
const executions = () =>
  existsSync(at("executions")) ? readFileSync(at("executions"), "utf8").trim().split("\n") : [];
const points = (text: string) => pointsOf("fig", { axes: [parseAxis(`n=${text}`)] });
const run = (all: readonly PointTask[], options: Partial<EngineOptions> = {}) =>
  localEngine.run(all, { jobs: 2, ...options });

describe("the local engine", () => {
  test("gives every point's recorded values; a point that crashes takes no other with it", async () => {
    const told: PointResult[] = [];
    const results = await run(
      tasks("record twice $n$n\nrecord twice 1$n\nexit-if $n 2\nrecord done true", points("1..4")),
      {
        onResult: (result) => told.push(result),
      },
    );
    const byN = [...results].sort((a, b) => Number(a.parameters.n) - Number(b.parameters.n));
    expect(byN.map(({ status }) => status)).toEqual(["ok", "failed", "ok", "ok"]);
    expect(byN.map(({ values }) => values.twice)).toEqual([11, 12, 13, 14]); // the last under a name counts
    expect(byN[1].values.done).toBeUndefined();
    expect(byN[1].failure).toMatch(/^cell 3: kernel \S+ exited with code 3/);
    expect(told).toHaveLength(4);
  });

  test("a point that is done is not executed again, unless it is forced or the notebook has changed", async () => {
    const all = tasks("record a $n", points("1..3"));
    await run(all);
    const again = await run(all);
    expect(again.map(({ values }) => values.a).sort()).toEqual([1, 2, 3]);
    expect(executions()).toHaveLength(3);
    const forced = { ...all[0], force: "once" };
    await run([forced]);
    await run([forced]); // delivered twice
    expect(executions()).toHaveLength(4);
    expect(await readPoint({ ...all[1], version: "another" })).toBeUndefined();
  });

  test("failed points are tried again so often, also by a later sweep", async () => {
    const all = tasks("exit-if 1 1", points("1"));
    const attempts: number[] = [];
    const [result] = await run(all, { retries: 2, onResult: (_, attempt) => attempts.push(attempt) });
    expect([result.status, attempts, executions().length]).toEqual(["failed", [3], 3]);
    await run(all);
    expect(executions()).toHaveLength(4);
  });

  test("fail-fast begins no other point", async () => {
    const results = await run(tasks("exit-if 1 1", points("1..5")), { jobs: 1, failFast: true });
    expect(results).toHaveLength(1);
  });

  test("a slow point is ended by its time, a greedy one by its memory, and the others go on", async () => {
    const [greedy] = await run(tasks("hold 900\nsleep 20", points("3")).map((task) => ({ ...task, memory: 200 })));
    expect([greedy.status, greedy.failure]).toEqual(["failed", expect.stringContaining("more memory than the 200 MiB of --memory")]); // prettier-ignore
    const timed = tasks("sleep-if $n 1 600\nrecord a $n", points("1..2")).map((task) => ({ ...task, notebookTimeout: 1.5 })); // prettier-ignore
    const [slow, quick] = (await run(timed)).sort((a, b) => Number(a.parameters.n) - Number(b.parameters.n));
    expect([slow.status, quick.status]).toEqual(["failed", "ok"]);
    expect(slow.failure).toContain("the notebook took longer than the 1.5 s of --notebook-timeout");
  });

  test("with earlyStop, a point that is worse than the median of the finished is ended, others are not", async () => {
    const body = [1, 2, 3].map((step) => `record loss $n.${9 - step} ${step}\nsleep 0.3`).join("\n");
    const all = tasks(body, points("1,2,3,4,5,9,0"));
    const peers = at("peers.json");
    writeFileSync(peers, JSON.stringify(all.map(({ id }) => id)));
    const stopping = all.map((task) => ({
      ...task,
      earlyStop: { objective: "loss", wanted: "least" as const, peers },
    }));
    const results = await run(stopping, { jobs: 1 });
    expect(results.map(({ parameters, status }) => `${String(parameters.n)} ${status}`)).toEqual(["1 ok", "2 ok", "3 ok", "4 ok", "5 ok", "9 stopped", "0 ok"]); // prettier-ignore
    expect(results[0].curves).toEqual({ loss: [[1, 1.8], [2, 1.7], [3, 1.6]] }); // prettier-ignore
    expect(results[5].failure).toMatch(/^hopeless at step 1: its best loss is worse/);
    expect(results[5].curves!.loss.length).toBeLessThan(3);
    // What was stopped is done for a sweep that stops, and not for one that does not.
    await run(stopping);
    expect(executions()).toHaveLength(7);
    expect((await run([all[5]]))[0].status).toBe("ok");
  });

  test("an abort ends the running points, which then have no result, and begins no other", async () => {
    const controller = new AbortController();
    const all = tasks("sleep 30", points("1..3"));
    setTimeout(() => controller.abort(), 1500);
    const results = await run(all, { signal: controller.signal });
    expect(results.every(({ status }) => status === "interrupted")).toBe(true);
    expect(await Promise.all(all.map(readPoint))).toEqual([undefined, undefined, undefined]);
  });
});

test("memoryLimit bounds the heap of Node's kernels", () => {
  expect(memoryLimit(512).NODE_OPTIONS).toContain("--max-old-space-size=512");
});

describe("columnsOf", () => {
  const result = (point: SweepPoint, values: PointResult["values"], status: PointResult["status"] = "ok") =>
    ({ ...point, version: "", status, values, seconds: 1 }) satisfies PointResult;
  const [one, two, three] = pointsOf("fig", { axes: [parseAxis("n=1,2,3")] });

  test("has one row a point in their order, with types, nulls and what is missing", () => {
    const columns = columnsOf(
      [one, two, three],
      [result(two, { a: 2, b: "Infinity", ok: true }), result(one, { a: 1, b: 0.5, n: 9 })],
    );
    expect(columns.map(({ name, role, type }) => `${name} ${role} ${type}`)).toEqual([
      "id id string",
      "n parameter number",
      "a value number",
      "b value number",
      "n (recorded) value number",
      "ok value boolean",
      "status status string",
      "failure run string",
      "seconds run number",
      "attempts run number",
    ]);
    expect(columns[3].values).toEqual([0.5, Infinity, null]);
    expect(csvOf(columns)).toBe(
      `id,n,a,b,n (recorded),ok,status,failure,seconds,attempts\n${one.id},1,1,0.5,9,,ok,,1,\n${two.id},2,2,Infinity,,true,ok,,1,\n${three.id},3,,,,,missing,,,\n`,
    );
  });

  test("values that JSON lacks, and parameters at their defaults", () => {
    const points = [{ id: "1", parameters: { b: 5n, z: -0, when: new Date(0), none: null, unset: undefined } }];
    const columns = columnsOf(points, [], { defaults: { z: 1, seed: 7, label: "x" } });
    expect(csvOf(columns)).toBe(
      "id,b,z,when,none,unset,seed,label,status,failure,seconds,attempts\n1,5,-0,1970-01-01T00:00:00.000Z,,undefined,7,x,missing,,,\n",
    );
  });

  test.each(["constructor", "__proto__", "toString", "id", "status", "failure"])(
    "a value may be recorded under the name %s",
    async (name) => {
      const output = (value: number, step: number) => ({ output_type: "display_data", metadata: {}, data: { "application/vnd.marginalia.record+json": { name, value, step } } }); // prettier-ignore
      const cell = { ...code("1"), outputs: [output(1, 1), output(2, 2)] };
      const { values, curves } = recorded(await parseNotebook(JSON.stringify(notebook([cell])), "x.ipynb"));
      const point = pointResultSchema.parse(JSON.parse(JSON.stringify({ ...one, version: "", status: "ok", values, curves, seconds: 1 }))); // prettier-ignore
      expect([point.values[name], point.curves![name]]).toEqual([2, [[1, 1], [2, 2]]]); // prettier-ignore
      const other = result(two, {});
      const column = columnsOf([one, two], [point, other]).find(({ role }) => role === "value")!;
      expect(column.values).toEqual([2, null]);
      expect(bestPoint([other, point], name, "least")).toMatchObject({ id: one.id, value: 2 });
      expect(bestPoint([other], name, "least")).toBeUndefined();
      const table = tableFromIPC(await columnTable(columnsOf([one, two], [point, other])));
      expect([...table.getChild(column.name).toArray()]).toEqual([2, null]); // prettier-ignore
    },
  );

  test("the best point is the finished one whose number is least, or greatest", () => {
    const all = [result(one, { a: 2 }), result(two, { a: 1 }), result(three, { a: 0 }, "failed")];
    expect(bestPoint(all, "a", "least")?.id).toBe(two.id);
    expect(bestPoint(all, "a", "greatest")?.value).toBe(2);
    expect(bestPoint(all, "b", "least")).toBeUndefined();
  });
});
