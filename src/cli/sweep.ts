/**
 * `marginalia sweep`: a notebook at every point of a parameter space. Results go to <out>/<paper>/<experiment>-sweep/:
 * results.csv and results.arrow (one row a point), sweep.json (the space, every result, the best point), figures, and result.json,
 * by which the gallery shows it; each point's executed notebook and outputs lie below .points/<id>/.
 */
import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import { columnTable } from "./arrow.ts";
import pc from "picocolors";
import writeFileAtomic from "write-file-atomic";
import { marginaliaVersion, sourceState } from "../report/provenance.ts";
import { writeGallery } from "../runner/gallery.ts";
import { InputError } from "../runner/input-error.ts";
import { experimentName, figuresFolder, projectOfNotebook, shownPath } from "../runner/locations.ts";
import { readNotebook } from "../runner/notebook.ts";
import { readParameterFile } from "../runner/parameter-file.ts";
import { checkNames, checkParameterTypes, declaredParameters, type ParameterValue } from "../runner/parameters.ts";
import { clock } from "../runner/progress.ts";
import { bestPoint, columnsOf, csvOf, type Best } from "../runner/sweep/dataframe.ts";
import { localEngine, type Engine } from "../runner/sweep/engine.ts";
import { readPoint, versionOf, type PointResult, type PointTask } from "../runner/sweep/point.ts";
import { axisOf, parseAxis, pointsOf, type Space, type SweepPoint } from "../runner/sweep/space.ts";
import { EXIT } from "./exit-codes.ts";
import { interruptible } from "./interrupts.ts";
import { sweepFigures } from "./sweep-figures.ts";

export interface SweepOptions {
  readonly parameter?: readonly string[];
  readonly parameters?: string;
  readonly zip?: readonly string[];
  readonly samples?: number;
  readonly seed?: number;
  readonly profile?: string;
  readonly out?: string;
  readonly kernel?: string;
  readonly engine: "local" | "bullmq";
  readonly redis: string;
  readonly jobs: number;
  readonly timeout?: number;
  readonly memory?: number;
  readonly retries: number;
  readonly failFast?: boolean;
  readonly minimise?: string;
  readonly maximise?: string;
  readonly force?: boolean;
  readonly cache?: boolean;
}

export async function sweep(file: string, options: SweepOptions): Promise<number> {
  if (options.minimise !== undefined && options.maximise !== undefined)
    throw new InputError("--minimise and --maximise exclude one another");
  const name = experimentName(file);
  const space = await spaceOf(options);
  const points = pointsOf(name, space);
  const source = await readNotebook(file);
  const declared = await declaredParameters(source);
  const pairs = distinctPairs(points);
  checkNames(declared, [...new Set(pairs.map(([parameter]) => parameter))], source, file);
  await checkParameterTypes(source, declared, pairs, file);
  const root = path.resolve(options.out ?? figuresFolder(projectOfNotebook(file)));
  const folder = path.join(root, ...`${name}-sweep`.split("/"));
  const version = versionOf(source);
  const tasks = points.map(({ id, parameters }): PointTask => ({
    id,
    notebook: path.resolve(file),
    version,
    parameters,
    folder: path.join(folder, ".points", id),
    kernel: options.kernel,
    timeout: options.timeout,
    memory: options.memory,
    force: options.force,
    useCache: options.cache !== false,
  }));
  const engine = await engineOf(options);
  return interruptible(async (signal) => {
    const results = await runPoints(engine, tasks, options, signal);
    const best = objectiveOf(options) && bestPoint(results, objectiveOf(options)!.name, objectiveOf(options)!.wanted);
    await writeResults({ file, name, folder, root, points, results, best, options, version });
    report(points, results, best, options, folder);
    await writeGallery(root);
    console.log(path.join(folder, "results.csv"));
    return results.length === points.length && results.every(({ status }) => status === "ok") ? EXIT.ok : EXIT.failed;
  });
}

async function spaceOf(options: SweepOptions): Promise<Space> {
  const fromFile = options.parameters === undefined ? {} : await readParameterFile(options.parameters);
  const given = (options.parameter ?? []).map(parseAxis);
  const named = new Set(given.map(({ name }) => name));
  const others = Object.entries(fromFile).filter(([name]) => !named.has(name));
  const profile = options.profile === undefined ? [] : [{ name: "profile", values: [options.profile] }];
  const axes = [...profile, ...others.map(([name, value]) => axisOf(name, value)), ...given];
  if (axes.length === 0) throw new InputError("a sweep varies something: give -p name=values, or --parameters FILE");
  const zip = options.zip?.map((group) => group.split(",").map((name) => name.trim()));
  return { axes, zip, samples: options.samples, seed: options.seed };
}

/** Each value of each parameter once, to be held against its type. */
function distinctPairs(points: readonly SweepPoint[]): [string, ParameterValue][] {
  const pairs = new Map<string, [string, ParameterValue]>();
  for (const { parameters } of points)
    for (const [name, value] of Object.entries(parameters)) pairs.set(JSON.stringify([name, value]), [name, value]);
  return [...pairs.values()];
}

async function engineOf(options: SweepOptions): Promise<Engine> {
  if (options.engine === "local") return localEngine;
  const { bullmqEngine } = await import("../runner/sweep/bullmq.ts");
  return bullmqEngine(options.redis);
}

/** Points that are done already are not given to the engine at all. */
async function runPoints(
  engine: Engine,
  tasks: readonly PointTask[],
  options: SweepOptions,
  signal: AbortSignal,
): Promise<PointResult[]> {
  const found = options.force ? [] : await Promise.all(tasks.map(readPoint));
  const done = found.filter((result) => result?.status === "ok") as PointResult[];
  const isDone = new Set(done.map(({ id }) => id));
  const toDo = tasks.filter(({ id }) => !isDone.has(id));
  if (done.length > 0) console.error(`${done.length} of ${tasks.length} points are done already`);
  const start = performance.now();
  let [finished, executed] = [0, 0];
  const onResult = (result: PointResult, attempt: number) => {
    if (result.status === "interrupted") return;
    finished++;
    if (!result.isRestored) executed++;
    const gone = (performance.now() - start) / 1000;
    const left = executed > 0 ? `, about ${clock((gone / finished) * (toDo.length - finished))} left` : "";
    const given = Object.entries(result.parameters).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" "); // prettier-ignore
    const values = Object.entries(result.values).map(([name, value]) => `${name} = ${String(value)}`).join(", "); // prettier-ignore
    const mark = result.status === "ok" ? pc.green("✓") : pc.red("✗");
    const tries = attempt > 1 ? ` (attempt ${attempt})` : "";
    const said = result.status === "ok" ? values : (result.failure ?? "failed").split("\n")[0];
    console.error(`${mark} ${finished}/${toDo.length} ${given}${tries}: ${said}${pc.dim(`${result.isRestored ? " (from the cache)" : ""}${left}`)}`); // prettier-ignore
  };
  const { jobs, retries, failFast } = options;
  const results = toDo.length > 0 ? await engine.run(toDo, { jobs, retries, failFast, signal, onResult }) : [];
  const all = new Map(
    [...done, ...results.filter(({ status }) => status !== "interrupted")].map((each) => [each.id, each]),
  );
  return tasks.map(({ id }) => all.get(id)).filter((result) => result !== undefined);
}

function objectiveOf({ minimise, maximise }: SweepOptions): { name: string; wanted: "least" | "greatest" } | undefined {
  if (minimise !== undefined) return { name: minimise, wanted: "least" };
  return maximise === undefined ? undefined : { name: maximise, wanted: "greatest" };
}

interface Written {
  readonly file: string;
  readonly name: string;
  readonly folder: string;
  readonly root: string;
  readonly points: readonly SweepPoint[];
  readonly results: readonly PointResult[];
  readonly best: Best | undefined;
  readonly options: SweepOptions;
  readonly version: string;
}

async function writeResults(sweep: Written): Promise<void> {
  const { file, name, folder, root, points, results, best, options, version } = sweep;
  await mkdir(folder, { recursive: true });
  const write = (each: string, content: string | Uint8Array) =>
    writeFileAtomic(path.join(folder, each), typeof content === "string" ? content : Buffer.from(content));
  const columns = columnsOf(points, results);
  await write("results.csv", csvOf(columns));
  await write("results.arrow", await columnTable(columns));
  const title = `Sweep of ${name}`;
  const figures = sweepFigures(title, columns, objectiveOf(options)?.name);
  for (const [each, figure] of Object.entries(figures)) {
    await write(`${each}.svg`, figure.svg());
    await write(`${each}.png`, figure.png().bytes);
    await write(`${each}.json`, `${JSON.stringify(figure)}\n`);
  }
  const parameters = Object.fromEntries(
    columns.filter(({ role }) => role === "parameter").map(({ name: each, values }) => [each, [...new Set(values)]]),
  );
  const provenance = {
    ...sourceState(projectOfNotebook(file), root),
    parameters,
    points: points.length,
    finished: results.filter(({ status }) => status === "ok").length,
    ...(best ? { best } : {}),
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    marginalia: marginaliaVersion(),
  };
  const record = { experiment: `${name}-sweep`, title, profile: options.profile ?? null, figures: Object.keys(figures), tables: ["results"], rows: [], provenance }; // prettier-ignore
  await write("result.json", `${JSON.stringify(record, undefined, 2)}\n`);
  await write("sweep.json", `${JSON.stringify({ notebook: name, version, best: best ?? null, points, results }, undefined, 1)}\n`); // prettier-ignore
}

function report(
  points: readonly SweepPoint[],
  results: readonly PointResult[],
  best: Best | undefined,
  options: SweepOptions,
  folder: string,
): void {
  const count = (status: PointResult["status"]) => results.filter((result) => result.status === status).length;
  const parts = [`${count("ok")} of ${points.length} points done`];
  if (count("failed") > 0) parts.push(`${count("failed")} failed`);
  if (results.length < points.length)
    parts.push(`${points.length - results.length} without a result; the same command goes on`);
  console.error(parts.join(", "));
  const objective = objectiveOf(options);
  if (best)
    console.error(`${objective!.wanted} ${objective!.name}: ${best.value} at ${JSON.stringify(best.parameters)} (point ${best.id})`); // prettier-ignore
  else if (objective) console.error(`no finished point has recorded a number "${objective.name}"`);
  const failed = results.find(({ status }) => status === "failed");
  if (failed)
    console.error(
      `first failure, point ${failed.id}: ${failed.failure}\n  ${shownPath(path.join(folder, ".points", failed.id))}`,
    );
}
