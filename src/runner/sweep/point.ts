/**
 * One point of a sweep: the notebook executed with the point's parameters in a folder of its own, and what it recorded. The folder
 * is named by the point's id and point.json is written last and whole, so a point that is delivered twice, or whose worker was
 * killed, is done once: who finds it done takes the result.
 */
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { RunCache } from "../cache/cache.ts";
import { executeCached } from "../cache/cached-run.ts";
import { sha256 } from "../cache/dependencies.ts";
import { findKernel } from "../kernelspecs.ts";
import { memoryLimit } from "../memory-limit.ts";
import { readNotebook, type Notebook } from "../notebook.ts";
import { prepareRun } from "../prepare.ts";

/** Everything that a worker, perhaps on another machine with the same files, has to know. JSON. */
export const taskSchema = z.object({
  id: z.string(),
  /** Absolute path. */
  notebook: z.string(),
  /** Of the notebook's cells: a result of other cells does not count. */
  version: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  /** Absolute; holds point.json and what the notebook writes. */
  folder: z.string(),
  kernel: z.string().optional(),
  /** Seconds for a cell. */
  timeout: z.number().optional(),
  /** Mebibytes of a kernel's heap. */
  memory: z.number().optional(),
  /** Execute even what is done or cached. */
  force: z.boolean().optional(),
  useCache: z.boolean().default(true),
});
export type PointTask = z.infer<typeof taskSchema>;

const valueSchema = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type RecordedValue = z.infer<typeof valueSchema>;

export const pointResultSchema = z.object({
  id: z.string(),
  version: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  status: z.enum(["ok", "failed", "interrupted"]),
  /** What the notebook recorded, by name; of a failed point what it recorded until then. */
  values: z.record(z.string(), valueSchema),
  failure: z.string().optional(),
  seconds: z.number(),
  isRestored: z.boolean().optional(),
});
export type PointResult = z.infer<typeof pointResultSchema>;

const RECORD_MIME = "application/vnd.marginalia.record+json";
const recordSchema = z.object({ name: z.string(), value: valueSchema });

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

/** Executes the point, or takes the result that is there. A failing notebook is a result; only a broken set-up throws. */
export async function executePoint(task: PointTask, signal?: AbortSignal): Promise<PointResult> {
  const done = task.force ? undefined : await readPoint(task);
  if (done?.status === "ok") return done;
  const run = await prepareRun(task.notebook, {
    outputRoot: task.folder,
    parameters: task.parameters as Record<string, never>,
    areTypesChecked: true,
  });
  const result = await executeCached(run, {
    kernel: findKernel(task.kernel),
    cache: task.useCache ? RunCache.of(task.notebook) : undefined,
    force: task.force,
    cellTimeout: task.timeout,
    environment: task.memory === undefined ? {} : memoryLimit(task.memory),
    signal,
  });
  const executed = result.isSaved ? await readNotebook(run.output) : undefined;
  const point: PointResult = {
    id: task.id,
    version: task.version,
    parameters: task.parameters,
    status: result.status,
    values: executed ? recordedValues(executed) : {},
    ...(result.failure ? { failure: `${result.failure.cell === undefined ? "" : `cell ${result.failure.cell}: `}${result.failure.message}` } : {}), // prettier-ignore
    seconds: result.seconds,
    ...(result.isRestored ? { isRestored: true } : {}),
  };
  if (result.status === "interrupted") return point;
  await mkdir(task.folder, { recursive: true });
  await writeFileAtomic(path.join(task.folder, "point.json"), `${JSON.stringify(point, undefined, 2)}\n`);
  return point;
}

/** What the cells of an executed notebook have recorded; the last value under a name counts. */
export function recordedValues(executed: Notebook): Record<string, RecordedValue> {
  const values: Record<string, RecordedValue> = {};
  for (const cell of executed.cells)
    for (const output of cell.cell_type === "code" ? cell.outputs : []) {
      if (output.output_type !== "display_data") continue;
      const found = recordSchema.safeParse(output.data[RECORD_MIME]).data;
      if (found) values[found.name] = found.value;
    }
  return values;
}

/** Of the cells alone: outputs and metadata of the source do not make another notebook. */
export function versionOf(notebook: Notebook): string {
  return sha256(JSON.stringify(notebook.cells.map(({ cell_type, source }) => [cell_type, source]))).slice(0, 16);
}
