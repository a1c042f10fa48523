/**
 * What a node does of a Slurm sweep: a chunk of points, one after the other; and the files by which it and the sweep
 * speak (slurm.ts).
 */
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { writeWhole } from "../../base/whole-file.ts";
import { withRetries } from "./engine.ts";
import { executePoint, pointResultSchema, taskSchema } from "./point.ts";

const batchSchema = z.object({ retries: z.number(), tasks: z.array(taskSchema) });
/** Ids of points by the array's index. */
const submissionSchema = z.object({ chunks: z.array(z.array(z.string())) });
/** What a batch's folder has beside its files. */
export const FOLDERS = ["begun", "ended", "alive"] as const;
export const chunkName = (submission: string, index: number) => `${submission}-${index}`;
/** So often a chunk shows that it is at work. */
const HEARTBEAT_MS = 2000; // milliseconds
export const endedSchema = z.object({ result: pointResultSchema, attempt: z.number() });

/** False when it was interrupted before all had a result. */
export async function runChunk(
  folder: string,
  submission: string,
  index: number,
  { signal, say }: { signal: AbortSignal; say: (text: string) => void },
): Promise<boolean> {
  const read = async <T>(schema: z.ZodType<T>, file: string) => schema.parse(JSON.parse(await readFile(path.join(folder, file), "utf8"))); // prettier-ignore
  const { retries, tasks } = await read(batchSchema, "batch.json");
  const ids = (await read(submissionSchema, `${submission}.json`)).chunks[index];
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const isThere = (file: string) => readFile(path.join(folder, file)).then(() => true, () => false); // prettier-ignore
  // What is written differs each time, after the task was queued again, too. A sweep that has ended has taken the
  // folder away.
  const signOfLife = () => void writeFile(path.join(folder, "alive", chunkName(submission, index)), randomUUID()).catch(() => undefined); // prettier-ignore
  const signs = setInterval(signOfLife, HEARTBEAT_MS);
  try {
    signOfLife();
    for (const id of ids) {
      if (signal.aborted || (await isThere("stop"))) return false;
      if (await isThere(path.join("ended", `${id}.json`))) continue; // queued again
      await writeFile(path.join(folder, "begun", id), "");
      const { result, attempt } = await withRetries(byId.get(id)!, retries, (task) => executePoint(task, signal));
      if (result.status === "interrupted") return false;
      await writeWhole(path.join(folder, "ended", `${id}.json`), JSON.stringify({ result, attempt }));
      say(`${{ ok: "✓", stopped: "⊘", failed: "✗" }[result.status]} ${id} ${JSON.stringify(result.parameters)}${result.failure ? ` ${result.failure}` : ""}`); // prettier-ignore
    }
    return true;
  } finally {
    clearInterval(signs);
  }
}
