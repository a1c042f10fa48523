/**
 * Sweeps on a cluster: points in chunks, a chunk a task of a Slurm job array. The nodes see the same files; what passes between them
 * and this process lies in a folder beside the points:
 *
 *     <points>/.slurm/<batch>/batch.json       tasks and retries; what `marginalia sweep-chunk` on a node reads
 *                             begun/<id>       a point that a node has begun
 *                             ended/<id>.json  its result: { result, attempt }
 *                             stop             nothing further is to be begun (fail-fast)
 *                             <job>_<task>.log what the node said
 *
 * Files are the truth, `squeue` only tells which chunks still have somebody at work. A chunk that ends without all its results (a
 * node lost, a time limit, memory, kill -9) is submitted again with what is left of it; a point that has lost its job MOST_LOSSES
 * times is failed. Slurm itself requeues on a node's failure (--requeue): the chunk then passes over what is done. That a point is
 * done once although it may be delivered twice is point.ts's business: by its lock, and its point.json that is written last.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { writeWhole } from "../../files/whole-file.ts";
import { z } from "zod";
import { InputError } from "../input-error.ts";
import { failedPoint, withRetries, type Engine, type EngineOptions } from "./engine.ts";
import { executePoint, pointResultSchema, taskSchema, type PointResult, type PointTask } from "./point.ts";

export interface SlurmOptions {
  /** Points a chunk; unless told, so many that there are four chunks for each of `jobs`. */
  readonly chunk?: number;
  /** More options of sbatch, "--partition=long", "--time=2:00:00". */
  readonly sbatch?: readonly string[];
  /** The program and first arguments that execute a chunk; gets the batch's folder, the submission's name and the chunk's index. */
  readonly command: readonly string[];
  /** What is worth saying: jobs submitted, jobs lost. */
  readonly say?: (text: string) => void;
}

/** Slurm's own default of MaxArraySize is 1001. */
const MOST_CHUNKS = 1000;
const MOST_LOSSES = 3;
const LOOK_AGAIN = 1000;
const ENDED = ["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"]; // prettier-ignore

const submissionSchema = z.object({ chunks: z.array(z.array(z.string())) });
const batchSchema = z.object({ retries: z.number(), tasks: z.array(taskSchema) });
const endedSchema = z.object({ result: pointResultSchema, attempt: z.number() });

const call = promisify(execFile);

export function slurmEngine(slurm: SlurmOptions): Engine {
  return { name: "slurm", run: (tasks, options) => new Batch(tasks, options, slurm).run() };
}

interface Submission {
  readonly job: string;
  /** Ids of points by the array's index. */
  readonly chunks: readonly (readonly string[])[];
}

class Batch {
  readonly #open: Map<string, PointTask>;
  readonly #options: EngineOptions;
  readonly #slurm: SlurmOptions;
  readonly #points: string;
  readonly #folder: string;
  readonly #jobName: string;
  readonly #losses = new Map<string, number>();
  readonly #results: PointResult[] = [];
  #submissions: Submission[] = [];

  constructor(tasks: readonly PointTask[], options: EngineOptions, slurm: SlurmOptions) {
    this.#open = new Map(tasks.map((task) => [task.id, task]));
    this.#options = options;
    this.#slurm = slurm;
    this.#points = path.dirname(tasks[0].folder);
    this.#folder = path.join(this.#points, ".slurm", randomUUID());
    this.#jobName = `marginalia-${createHash("sha256").update(this.#points).digest("hex").slice(0, 12)}`;
  }

  async run(): Promise<PointResult[]> {
    const { retries = 0, failFast, signal } = this.#options;
    await this.#endEarlierBatches();
    for (const name of ["begun", "ended"]) await mkdir(path.join(this.#folder, name), { recursive: true });
    await writeWhole(path.join(this.#folder, "batch.json"), JSON.stringify({ retries, tasks: [...this.#open.values()] })); // prettier-ignore
    try {
      await this.#submit(this.#chunked([...this.#open.keys()]));
      while (this.#open.size > 0 && !signal?.aborted) {
        // Asked before the results are read: a chunk that has ended has written whatever it was going to.
        const lost = await this.#endedChunks();
        await this.#collect();
        if (failFast && this.#results.some(({ status }) => status === "failed")) {
          await writeFile(path.join(this.#folder, "stop"), "");
          break;
        }
        if (lost.length > 0) await this.#submitAgain(lost);
        if (this.#open.size > 0) await pause(LOOK_AGAIN, signal);
      }
      return this.#results;
    } finally {
      if (this.#open.size > 0) await this.#cancel();
      // With failures, the nodes' logs are worth keeping.
      if (this.#results.every(({ status }) => status !== "failed")) await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 }); // prettier-ignore
    }
  }

  /** The jobs of a sweep that was killed would work for nobody. */
  async #endEarlierBatches(): Promise<void> {
    await this.#cancel();
    await rm(path.dirname(this.#folder), { recursive: true, force: true, maxRetries: 5 });
  }

  async #cancel(): Promise<void> {
    await call("scancel", ["--name", this.#jobName, "--full"]).catch((error: Error) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw notThere("scancel");
    });
  }

  #chunked(ids: readonly string[]): string[][] {
    const { jobs } = this.#options;
    const size = Math.max(this.#slurm.chunk ?? Math.ceil(ids.length / (4 * jobs)), Math.ceil(ids.length / MOST_CHUNKS));
    return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size));
  }

  async #submit(chunks: readonly (readonly string[])[]): Promise<void> {
    const submission = randomUUID();
    await writeWhole(path.join(this.#folder, `${submission}.json`), JSON.stringify({ chunks }));
    const words = [...this.#slurm.command, this.#folder, submission].map(
      (word) => `'${word.replaceAll("'", `'\\''`)}'`,
    );
    const script = path.join(this.#folder, `${submission}.sh`);
    await writeWhole(script, `#!/bin/sh\nexec ${words.join(" ")} "$SLURM_ARRAY_TASK_ID"\n`);
    const options = [
      "--parsable",
      `--job-name=${this.#jobName}`,
      `--array=0-${chunks.length - 1}%${this.#options.jobs}`,
      "--requeue",
      "--open-mode=append",
      `--output=${this.#folder}/%A_%a.log`,
      ...(this.#slurm.sbatch ?? []),
    ];
    try {
      const { stdout } = await call("sbatch", [...options, script]);
      const job = stdout.trim().split(";")[0];
      this.#submissions.push({ job, chunks });
      this.#slurm.say?.(`Slurm job ${job}: ${chunks.length} ${chunks.length === 1 ? "chunk" : "chunks"} of points`);
    } catch (error) {
      const { code, stderr } = error as { code?: unknown; stderr?: string };
      if (code === "ENOENT") throw notThere("sbatch");
      throw new InputError(`sbatch refused the sweep: ${stderr?.trim() || (error as Error).message}`, { cause: error });
    }
  }

  /** Chunks that nobody is at work on any more, taken off the list; none while Slurm's controller does not answer. */
  async #endedChunks(): Promise<{ ids: readonly string[]; state: string }[]> {
    const found: { ids: readonly string[]; state: string }[] = [];
    for (const submission of this.#submissions) {
      const states = await statesOf(submission.job);
      if (!states) continue;
      const rest = submission.chunks.map((ids, i): readonly string[] => {
        const state = states.get(i) ?? "forgotten by Slurm";
        if (ids.length === 0 || (states.has(i) && !ENDED.includes(state))) return ids;
        found.push({ ids, state });
        return [];
      });
      this.#submissions = this.#submissions.map((each) =>
        each === submission ? { ...submission, chunks: rest } : each,
      );
    }
    this.#submissions = this.#submissions.filter(({ chunks }) => chunks.some((ids) => ids.length > 0));
    return found;
  }

  async #collect(): Promise<void> {
    for (const name of await readdir(path.join(this.#folder, "ended"))) {
      const id = /^(\w+)\.json$/.exec(name)?.[1];
      if (id === undefined || !this.#open.has(id)) continue;
      const text = await readFile(path.join(this.#folder, "ended", name), "utf8");
      const { result, attempt } = endedSchema.parse(JSON.parse(text));
      this.#finish(result, attempt);
    }
  }

  #finish(result: PointResult, attempt: number): void {
    this.#open.delete(result.id);
    this.#results.push(result);
    this.#options.onResult?.(result, attempt);
  }

  /** What is left of chunks that have ended: a point that was being executed goes alone, since it may be what ends its job. */
  async #submitAgain(lost: readonly { ids: readonly string[]; state: string }[]): Promise<void> {
    const begun = new Set(await readdir(path.join(this.#folder, "begun")));
    const [alone, together]: [string[], string[]] = [[], []];
    for (const { ids, state } of lost) {
      const left = ids.filter((id) => this.#open.has(id));
      const suspects = left.filter((id) => begun.has(id));
      // A job that ends before its first point (no Node there, no such file) would be submitted for ever.
      for (const id of suspects.length > 0 ? suspects : left) {
        const losses = (this.#losses.get(id) ?? 0) + 1;
        this.#losses.set(id, losses);
        await rm(path.join(this.#folder, "begun", id), { force: true });
        if (losses < MOST_LOSSES) alone.push(id);
        else this.#finish(failedPoint(this.#open.get(id)!, `its Slurm job ended ${losses} times without a result (the last time ${state}); see the logs in ${this.#folder}`), losses); // prettier-ignore
      }
      if (suspects.length > 0) together.push(...left.filter((id) => !suspects.includes(id)));
    }
    const chunks = [...alone.map((id) => [id]), ...(together.length > 0 ? this.#chunked(together) : [])];
    for (let i = 0; i < chunks.length; i += MOST_CHUNKS) await this.#submit(chunks.slice(i, i + MOST_CHUNKS));
  }
}

/** The states of an array's tasks by index; undefined while Slurm cannot be asked. */
async function statesOf(job: string): Promise<ReadonlyMap<number, string> | undefined> {
  try {
    const { stdout } = await call("squeue", ["--noheader", "--array", "--states=all", "--jobs", job, "--format=%K %T"]);
    const lines = stdout.split("\n").filter((line) => line.trim() !== "");
    return new Map(lines.map((line) => line.trim().split(/\s+/)).map(([index, state]) => [Number(index), state]));
  } catch (error) {
    // Slurm forgets jobs a while after their end.
    return /Invalid job id/i.test((error as { stderr?: string }).stderr ?? "") ? new Map<number, string>() : undefined;
  }
}

function notThere(program: string): InputError {
  return new InputError(`--engine slurm needs Slurm's ${program} on PATH: run it on a machine of the cluster`);
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
  });
}

/** On a node: executes the points of a chunk one after the other. False when it was interrupted before all had a result. */
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
  for (const id of ids) {
    if (signal.aborted || (await isThere("stop"))) return false;
    if (await isThere(path.join("ended", `${id}.json`))) continue; // requeued
    await writeFile(path.join(folder, "begun", id), "");
    const { result, attempt } = await withRetries(byId.get(id)!, retries, (task) => executePoint(task, signal));
    if (result.status === "interrupted") return false;
    await writeWhole(path.join(folder, "ended", `${id}.json`), JSON.stringify({ result, attempt }));
    say(`${{ ok: "✓", stopped: "⊘", failed: "✗" }[result.status]} ${id} ${JSON.stringify(result.parameters)}${result.failure ? ` ${result.failure}` : ""}`); // prettier-ignore
  }
  return true;
}
