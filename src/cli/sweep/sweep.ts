/**
 * `marginalia sweep`: a notebook at every point of a parameter space. Results go to <out>/<paper>/<experiment>-sweep/:
 * results.csv and results.arrow (one row a point), sweep.json (the space, every result, the best point), figures, and
 * result.json, by which the gallery shows it; each point's executed notebook and outputs lie below .points/<id>/.
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { writeWhole } from "../../base/whole-file.ts";
import { LOCK_FILE } from "../../runner/cache/cached-run.ts";
import { writeGallery } from "../../runner/gallery/gallery.ts";
import { InputError } from "../../base/input-error.ts";
import { isKernelFile } from "../../runner/client/kernelspecs.ts";
import { shownPath } from "../../runner/locations.ts";
import { LockHeld, withLock } from "../../runner/lock.ts";
import { encoded, literalText } from "../../runner/notebook/parameter-value.ts";
import { clock } from "../../runner/progress.ts";
import { bestPoint, type Best } from "../../runner/sweep/dataframe.ts";
import { localEngine, type Engine } from "../../runner/sweep/engine.ts";
import { donePoint, type PointResult, type PointTask } from "../../runner/sweep/point.ts";
import type { SweepPoint } from "../../runner/sweep/space.ts";
import { EXIT } from "../exit-codes.ts";
import { interruptible } from "../interrupts.ts";
import { planSweep, type PlanOptions, type SweepPlan } from "./plan.ts";
import { writeSweep } from "./results.ts";

export interface SweepOptions extends PlanOptions {
  readonly kernel?: string;
  readonly engine: "local" | "bullmq" | "slurm";
  readonly redis?: string;
  readonly chunk?: number;
  readonly sbatch?: readonly string[];
  readonly jobs: number;
  readonly timeout?: number;
  readonly notebookTimeout?: number;
  readonly memory?: number;
  readonly retries: number;
  readonly failFast?: boolean;
  readonly minimise?: string;
  readonly maximise?: string;
  readonly stopHopeless?: boolean;
  readonly force?: boolean;
  readonly cache?: boolean;
  /** Say what would be executed. */
  readonly dryRun?: boolean;
}

export async function sweep(file: string, options: SweepOptions): Promise<number> {
  if (options.minimise !== undefined && options.maximise !== undefined)
    throw new InputError("--minimise and --maximise exclude one another");
  const objective = objectiveOf(options);
  if (options.stopHopeless && !objective)
    throw new InputError("--stop-hopeless needs to know what is wanted: give --minimise or --maximise a recorded name");
  const plan = await planSweep(file, options);
  const { folder, points, version } = plan;
  const peers = path.join(folder, ".points", ".peers.json");
  const force = options.force ? randomUUID() : undefined;
  const tasks = points.map(({ id, parameters }): PointTask => ({
    id,
    notebook: path.resolve(file),
    version,
    parameters: encoded(parameters) as Record<string, unknown>,
    folder: path.join(folder, ".points", id),
    kernel: options.kernel,
    timeout: options.timeout,
    notebookTimeout: options.notebookTimeout,
    memory: options.memory,
    force,
    useCache: options.cache !== false,
    ...(options.stopHopeless && objective ? { earlyStop: { objective: objective.name, wanted: objective.wanted, peers } } : {}), // prettier-ignore
  }));
  if (options.dryRun) return tell(plan, tasks);
  const engine = await engineOf(options);
  const work = async (signal: AbortSignal) => {
    if (options.stopHopeless) {
      await mkdir(path.dirname(peers), { recursive: true });
      await writeWhole(peers, JSON.stringify(points.map(({ id }) => id)));
    }
    const results = await runPoints(engine, tasks, options, signal);
    const best = objective && bestPoint(results, objective.name, objective.wanted);
    await writeSweep({ ...plan, results, best, objective: objective?.name });
    report(points, results, best, options, folder);
    await writeGallery(plan.root);
    console.log(path.join(folder, "results.csv"));
    const isGood = ({ status }: PointResult) => status === "ok" || status === "stopped";
    return results.length === points.length && results.every(isGood) ? EXIT.ok : EXIT.failed;
  };
  return interruptible((signal) =>
    withLock(path.join(folder, LOCK_FILE), { signal }, () => work(signal)).catch((error: unknown) => {
      if (!(error instanceof LockHeld)) throw error;
      console.error(`${pc.red("✗")} ${error.message}`);
      return EXIT.failed;
    }),
  );
}

/** One line a point, and which are done. */
async function tell({ points, folder }: SweepPlan, tasks: readonly PointTask[]): Promise<number> {
  const done = await Promise.all(tasks.map(donePoint));
  for (const [i, { id, parameters }] of points.entries()) {
    const given = Object.entries(parameters).map(([name, value]) => `${name}=${literalText(value)}`).join(" "); // prettier-ignore
    console.log(`${id} ${given}${done[i] ? " (done)" : ""}`);
  }
  const left = done.filter((result) => !result).length;
  console.error(`${points.length} points, ${left} of them to be executed, into ${shownPath(folder)}; nothing was run`);
  return EXIT.ok;
}

async function engineOf(options: SweepOptions): Promise<Engine> {
  if (options.engine === "local") return localEngine;
  if (options.engine === "slurm") {
    const { slurmEngine } = await import("../../runner/sweep/slurm.ts");
    const command = [process.execPath, fileURLToPath(new URL("../main.js", import.meta.url)), "sweep-chunk"];
    const say = (text: string) => console.error(pc.dim(text));
    return slurmEngine({ chunk: options.chunk, sbatch: options.sbatch, command, say });
  }
  if (options.kernel !== undefined && isKernelFile(options.kernel))
    throw new InputError("workers take installed kernelspecs by name, not a kernel.json; install it on their machines");
  const { redisAccess } = await import("../../runner/sweep/queue-access.ts");
  const redis = redisAccess(options.redis);
  const { bullmqEngine } = await import("../../runner/sweep/bullmq.ts");
  return bullmqEngine(redis);
}

/** Points that are done already are not given to the engine at all. */
async function runPoints(
  engine: Engine,
  tasks: readonly PointTask[],
  options: SweepOptions,
  signal: AbortSignal,
): Promise<PointResult[]> {
  const done = (await Promise.all(tasks.map(donePoint))).filter((result) => result !== undefined);
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
    const mark = { ok: pc.green("✓"), stopped: pc.yellow("⊘"), failed: pc.red("✗") }[result.status];
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

function report(
  points: readonly SweepPoint[],
  results: readonly PointResult[],
  best: Best | undefined,
  options: SweepOptions,
  folder: string,
): void {
  const count = (status: PointResult["status"]) => results.filter((result) => result.status === status).length;
  const parts = [`${count("ok")} of ${points.length} points done`];
  if (count("stopped") > 0) parts.push(`${count("stopped")} stopped as hopeless`);
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
