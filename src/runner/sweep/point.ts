/**
 * One point of a sweep: the notebook executed with the point's parameters in a folder of its own, and what it recorded.
 * The folder is named by the point's id and point.json is written last and whole, so a point that is delivered twice,
 * or whose worker was killed, is done once: who finds it done takes the result, and who finds it being done waits for
 * that.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { writeWhole } from "../../base/whole-file.ts";
import { z } from "zod";
import { dictionary, dictionarySchema } from "../../base/dictionary.ts";
import { RunCache } from "../cache/cache.ts";
import { executeCached, LOCK_FILE } from "../cache/cached-run.ts";
import { sha256 } from "../cache/dependencies.ts";
import { InputError } from "../../base/input-error.ts";
import { findKernel } from "../client/kernelspecs.ts";
import { withLock } from "../lock.ts";
import { readNotebook, type JsonObject, type Notebook } from "../notebook/notebook.ts";
import { decoded, recordable, type Parameters } from "../notebook/parameter-value.ts";
import { prepareRun } from "../notebook/prepare.ts";
import { curveSchema, FinishedCurves, isHopeless, type Curve } from "./early-stop.ts";

/** Everything that a worker, perhaps on another machine with the same files, has to know. JSON. */
export const taskSchema = z.object({
  id: z.string(),
  /** Absolute path. */
  notebook: z.string(),
  /** Of the notebook's cells: a result of other cells does not count. */
  version: z.string(),
  /** Values of the notebook's types, as `encoded` writes them (parameter-value.ts). */
  parameters: dictionarySchema(z.unknown()),
  /** Absolute; holds point.json and what the notebook writes. */
  folder: z.string(),
  kernel: z.string().optional(),
  /** Seconds for a cell, and for the whole point. */
  timeout: z.number().optional(),
  notebookTimeout: z.number().optional(),
  /** Mebibytes of a kernel's heap. */
  memory: z.number().optional(),
  /** Execute even what is done or cached, once for this name of a sweep's run. */
  force: z.string().optional(),
  useCache: z.boolean().default(true),
  /**
   * Stop the point when it is hopeless (early-stop.ts). `peers` is a file with the ids of the sweep's points, a JSON
   * array.
   */
  earlyStop: z.object({ objective: z.string(), wanted: z.enum(["least", "greatest"]), peers: z.string() }).optional(),
});
export type PointTask = z.infer<typeof taskSchema>;

const valueSchema = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type RecordedValue = z.infer<typeof valueSchema>;

export const pointResultSchema = z.object({
  id: z.string(),
  version: z.string(),
  /** For readers, as `recordable` writes them. */
  parameters: dictionarySchema(z.unknown()),
  /** Stopped: ended early as hopeless. Interrupted: no result, to be executed again. */
  status: z.enum(["ok", "stopped", "failed", "interrupted"]),
  /** What the notebook recorded, by name; of a failed or stopped point what it recorded until then. */
  values: dictionarySchema(valueSchema),
  /** Of numbers that were recorded with a step: all of them. */
  curves: dictionarySchema(curveSchema).optional(),
  failure: z.string().optional(),
  seconds: z.number(),
  /** How often it has been executed until it had this result. */
  attempts: z.number().optional(),
  isRestored: z.boolean().optional(),
  /** The forced run that it is of. */
  force: z.string().optional(),
});
export type PointResult = z.infer<typeof pointResultSchema>;

const RECORD_MIME = "application/vnd.marginalia.record+json";
const recordSchema = z.object({ name: z.string(), value: valueSchema, step: z.number().optional() });

/** The result of an earlier execution of the same point, if it is there. */
export async function readPoint(task: Pick<PointTask, "folder" | "version">): Promise<PointResult | undefined> {
  try {
    const read: unknown = JSON.parse(await readFile(path.join(task.folder, "point.json"), "utf8"));
    const result = pointResultSchema.safeParse(read).data;
    return result?.version === task.version ? result : undefined;
  } catch {
    return undefined;
  }
}

/** The result that makes another execution needless: finished, or stopped where stopping is still wanted. */
export async function donePoint(task: PointTask): Promise<PointResult | undefined> {
  const found = await readPoint(task);
  if (!found || (task.force !== undefined && found.force !== task.force)) return undefined;
  return found.status === "ok" || (found.status === "stopped" && task.earlyStop) ? found : undefined;
}

/** A task's parameters for readers of its result. */
export function recordedParameters({ parameters }: Pick<PointTask, "parameters">): Record<string, unknown> {
  return recordable(decoded(parameters)) as Record<string, unknown>;
}

/**
 * Executes the point, or takes the result that is there. A failing notebook is a result; only a broken set-up throws.
 */
export async function executePoint(task: PointTask, signal?: AbortSignal): Promise<PointResult> {
  const done = await donePoint(task);
  if (done) return done;
  const lock = path.join(task.folder, LOCK_FILE);
  try {
    return await withLock(lock, { wait: true, signal }, async () => (await donePoint(task)) ?? execute(task, signal));
  } catch (error) {
    if (!signal?.aborted) throw error;
    return { id: task.id, version: task.version, parameters: recordedParameters(task), status: "interrupted", values: {}, seconds: 0 }; // prettier-ignore
  }
}

async function execute(task: PointTask, signal?: AbortSignal): Promise<PointResult> {
  const run = await prepareRun(task.notebook, {
    outputRoot: task.folder,
    parameters: decoded(task.parameters) as Parameters,
    areTypesChecked: true,
  });
  const earlier = await readPoint(task);
  const judge = task.earlyStop && new Judge(task, task.earlyStop);
  const result = await executeCached(run, {
    kernel: findKernel(task.kernel),
    cache: task.useCache ? RunCache.of(task.notebook) : undefined,
    force: task.force !== undefined,
    cellTimeout: task.timeout,
    notebookTimeout: task.notebookTimeout,
    memory: task.memory,
    onDisplay: judge?.onDisplay,
    signal: judge ? AbortSignal.any([judge.signal, ...(signal ? [signal] : [])]) : signal,
  });
  const executed = result.isSaved ? await readNotebook(run.output) : undefined;
  const { values, curves } = executed ? recorded(executed) : { values: {}, curves: {} };
  const isStopped = result.status === "interrupted" && judge?.signal.aborted && !signal?.aborted;
  const place = result.failure?.cell === undefined ? "" : `cell ${result.failure.cell}: `;
  const point: PointResult = {
    id: task.id,
    version: task.version,
    parameters: recordedParameters(task),
    status: isStopped ? "stopped" : result.status,
    values,
    ...(Object.keys(curves).length > 0 ? { curves } : {}),
    ...(isStopped ? { failure: judge.why } : result.failure ? { failure: `${place}${result.failure.message}` } : {}),
    seconds: result.seconds,
    attempts: earlier?.status === "failed" && earlier.force === task.force ? (earlier.attempts ?? 1) + 1 : 1,
    ...(result.isRestored ? { isRestored: true } : {}),
    ...(task.force === undefined ? {} : { force: task.force }),
  };
  if (point.status !== "interrupted")
    await writeWhole(path.join(task.folder, "point.json"), `${JSON.stringify(point, undefined, 2)}\n`);
  return point;
}

/** Listens to what a point records, and aborts when that is hopeless. */
class Judge {
  readonly #objective: string;
  readonly #wanted: "least" | "greatest";
  readonly #own: Curve = [];
  readonly #finished: FinishedCurves;
  readonly #stop = new AbortController();
  why = "";

  constructor({ id, folder, version }: PointTask, { objective, wanted, peers }: NonNullable<PointTask["earlyStop"]>) {
    this.#objective = objective;
    this.#wanted = wanted;
    const ids = new Set(idsIn(peers));
    this.#finished = new FinishedCurves(path.dirname(folder), version, objective, (other) => other !== id && ids.has(other)); // prettier-ignore
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  readonly onDisplay = (data: JsonObject): void => {
    const { name, value, step } = recordSchema.safeParse(data[RECORD_MIME]).data ?? {};
    const number = numberOf(value);
    if (name !== this.#objective || step === undefined || number === undefined) return;
    this.#own.push([step, number]);
    void this.#judge(step);
  };

  async #judge(step: number): Promise<void> {
    const own = this.#own.filter(([at]) => at <= step);
    if (!isHopeless(own, await this.#finished.all(), this.#wanted) || this.#stop.signal.aborted) return;
    this.why = `hopeless at step ${step}: its best ${this.#objective} is worse than the finished points' median`;
    this.#stop.abort();
  }
}

function idsIn(file: string): readonly string[] {
  const found = z.array(z.string()).safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (found.success) return found.data;
  throw new InputError(`${file}: expected a list of the ids of points\n  ${z.prettifyError(found.error)}`);
}

/** JSON has names for the numbers that it lacks. */
function numberOf(value: RecordedValue | undefined): number | undefined {
  if (typeof value === "number") return value;
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? Number(value) : undefined;
}

/**
 * What the cells of an executed notebook have recorded: the last value under each name, and the curves of those with
 * steps.
 */
export function recorded(executed: Notebook): {
  readonly values: Record<string, RecordedValue>;
  readonly curves: Record<string, Curve>;
} {
  const values = dictionary<RecordedValue>();
  const curves = dictionary<Curve>();
  for (const cell of executed.cells)
    for (const output of cell.cell_type === "code" ? cell.outputs : []) {
      if (output.output_type !== "display_data") continue;
      const found = recordSchema.safeParse(output.data[RECORD_MIME]).data;
      if (!found) continue;
      values[found.name] = found.value;
      const number = numberOf(found.value);
      // What is not finite would not come back from JSON; the curve goes on without it.
      if (found.step !== undefined && Number.isFinite(number)) (curves[found.name] ??= []).push([found.step, number!]);
    }
  return { values, curves };
}

/** Of the cells alone: outputs and metadata of the source do not make another notebook. */
export function versionOf(notebook: Notebook): string {
  return sha256(JSON.stringify(notebook.cells.map(({ cell_type, source }) => [cell_type, source]))).slice(0, 16);
}
