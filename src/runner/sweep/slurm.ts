/**
 * Sweeps on a cluster: points in chunks, a chunk a task of a Slurm job array. The nodes see the same files; what passes
 * between them and this process lies in a folder beside the points:
 *
 *     <points>/.slurm/<batch>/batch.json       tasks and retries; what `marginalia sweep-chunk` on a node reads
 *                             begun/<id>       a point that a node has begun
 *                             ended/<id>.json  its result: { result, attempt }
 *                             alive/<chunk>    changes as long as somebody is at work on that chunk
 *                             stop             nothing further is to be begun (fail-fast)
 *                             <job>_<task>.log what the node said
 *
 * Files are the truth, `squeue` only tells which chunks still have somebody at work. A chunk that ends without all its
 * results (a node lost, a time limit, memory, kill -9) is submitted again with what is left of it; a point that has
 * lost its job MOST_LOSSES times is failed. Slurm itself requeues on a node's failure (--requeue): the chunk then
 * passes over what is done. That a point is done once although it may be delivered twice is point.ts's business: by its
 * lock, and its point.json that is written last.
 *
 * A controller that is away is asked again, while results are collected. One that was killed comes back with the state
 * that it saved last, some seconds old: it may have forgotten a job, or start a second time what runs already. The node
 * refuses that, and Slurm then holds the task for ever ("launch failed requeued held") and drains the node, until an
 * administrator has had a look. Or it has not heard of a task's end, and takes it for running for minutes. Such tasks
 * are cancelled, and what is left of them is submitted again.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeWhole } from "../../base/whole-file.ts";
import { failedPoint, type Engine, type EngineOptions } from "./engine.ts";
import type { PointResult, PointTask } from "./point.ts";
import { chunkName, endedSchema, FOLDERS } from "./slurm-chunk.ts";
import { ControllerAway, sbatch, scancel, squeue, type ArrayTask } from "./slurm-commands.ts";

export interface SlurmOptions {
  /** Points a chunk; unless told, so many that there are four chunks for each of `jobs`. */
  readonly chunk?: number;
  /** More options of sbatch, "--partition=long", "--time=2:00:00". */
  readonly sbatch?: readonly string[];
  /**
   * The program and first arguments that execute a chunk; gets the batch's folder, the submission's name and the
   * chunk's index.
   */
  readonly command: readonly string[];
  /**
   * Seconds without a sign of life after which a task is given up though Slurm takes it for running; 120 unless told.
   */
  readonly silence?: number;
  /** What is worth saying: jobs submitted, what they wait for, a controller that is away. */
  readonly say?: (text: string) => void;
}

/** Slurm's own default of MaxArraySize is 1001. */
const MAX_CHUNKS = 1000;
const MAX_LOSSES = 3;
const POLL_MS = 1000;
/** How often the queue is looked at for tasks that end after their last result. */
const MAX_FINAL_POLLS = 10;
const ENDED = ["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"]; // prettier-ignore
/** Slurm's own holds, which it never ends by itself; one by a person (JobHeldUser, JobHeldAdmin) is respected. */
const HELD = /^launch failed requeued held$|^JobHoldMaxRequeue$/;
/** What tasks wait for in a cluster that is well. */
const USUAL = ["None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime", "Cleaning"];
const STATE_OF_ABSENT_TASK = "away";

export function slurmEngine(slurm: SlurmOptions): Engine {
  return { name: "slurm", run: (tasks, options) => new Batch(tasks, options, slurm).run() };
}

type Chunk = readonly string[];

interface Submission {
  readonly name: string;
  readonly job: string;
  /** Ids of points by the array's index; empty where nobody is at work any more. */
  readonly chunks: Chunk[];
}

interface LostChunk {
  readonly ids: Chunk;
  readonly how: string;
}

class Batch {
  readonly #open: Map<string, PointTask>;
  readonly #options: EngineOptions;
  readonly #slurm: SlurmOptions;
  readonly #folder: string;
  readonly #jobName: string;
  readonly #losses = new Map<string, number>();
  readonly #results: PointResult[] = [];
  readonly #said = new Set<string>();
  #toSubmit: Chunk[];
  readonly #submissions: Submission[] = [];
  readonly #lost: LostChunk[] = [];
  /** The last sign of life of each chunk that runs, and since when it has been that. */
  readonly #signs = new Map<string, { sign: string; since: number }>();
  /** A submission was not answered: it may have a job that nobody knows of. */
  #isUnsure = false;

  constructor(tasks: readonly PointTask[], options: EngineOptions, slurm: SlurmOptions) {
    this.#open = new Map(tasks.map((task) => [task.id, task]));
    this.#options = options;
    this.#slurm = slurm;
    const points = path.dirname(tasks[0].folder);
    this.#folder = path.join(points, ".slurm", randomUUID());
    this.#jobName = `marginalia-${createHash("sha256").update(points).digest("hex").slice(0, 12)}`;
    this.#toSubmit = this.#chunked([...this.#open.keys()]);
  }

  async run(): Promise<PointResult[]> {
    const { retries = 0, failFast, signal } = this.#options;
    await this.#endEarlierBatches();
    for (const name of FOLDERS) await mkdir(path.join(this.#folder, name), { recursive: true });
    await writeWhole(path.join(this.#folder, "batch.json"), JSON.stringify({ retries, tasks: [...this.#open.values()] })); // prettier-ignore
    try {
      while (this.#open.size > 0 && !signal?.aborted) {
        // Asked before the results are read: a chunk that has ended has written whatever it was going to.
        await this.#unlessAway(async () => {
          await this.#submit();
          await this.#findLostChunks();
        });
        await this.#collect();
        if (failFast && this.#results.some(({ status }) => status === "failed")) {
          await writeFile(path.join(this.#folder, "stop"), "");
          break;
        }
        await this.#plan(this.#lost.splice(0));
        if (this.#open.size > 0) await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      }
      if (this.#open.size === 0) await this.#unlessAway(() => this.#letTasksEnd());
      return this.#results;
    } finally {
      if (this.#open.size > 0 || this.#isUnsure) await this.#unlessAway(() => scancel({ name: this.#jobName }));
      // With failures, the nodes' logs are worth keeping.
      if (this.#results.every(({ status }) => status !== "failed")) await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 }); // prettier-ignore
    }
  }

  /** The jobs of a sweep that was killed would work for nobody. */
  async #endEarlierBatches(): Promise<void> {
    await this.#unlessAway(() => scancel({ name: this.#jobName }));
    await rm(path.dirname(this.#folder), { recursive: true, force: true, maxRetries: 5 });
  }

  async #unlessAway(ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
      this.#said.delete(STATE_OF_ABSENT_TASK);
    } catch (error) {
      if (!(error instanceof ControllerAway)) throw error;
      this.#sayOnce(STATE_OF_ABSENT_TASK, `Slurm does not answer, and is asked again: ${error.message}`);
    }
  }

  #sayOnce(key: string, text: string): void {
    if (!this.#said.has(key)) this.#slurm.say?.(text);
    this.#said.add(key);
  }

  #chunked(ids: readonly string[]): Chunk[] {
    const { jobs } = this.#options;
    const size = Math.max(this.#slurm.chunk ?? Math.ceil(ids.length / (4 * jobs)), Math.ceil(ids.length / MAX_CHUNKS));
    return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size));
  }

  /** What is to be submitted, a job array at a time; what has not been answered stays. */
  async #submit(): Promise<void> {
    while (this.#toSubmit.length > 0) {
      const chunks = this.#toSubmit.slice(0, MAX_CHUNKS);
      const name = randomUUID();
      await writeWhole(path.join(this.#folder, `${name}.json`), JSON.stringify({ chunks }));
      const words = [...this.#slurm.command, this.#folder, name].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
      const script = path.join(this.#folder, `${name}.sh`);
      await writeWhole(script, `#!/bin/sh\nexec ${words.join(" ")} "$SLURM_ARRAY_TASK_ID"\n`);
      const options = [
        `--job-name=${this.#jobName}`,
        `--array=0-${chunks.length - 1}%${this.#options.jobs}`,
        "--requeue",
        "--open-mode=append",
        // In a pattern, "%%" is the character itself.
        `--output=${this.#folder.replaceAll("%", "%%")}/%A_%a.log`,
        ...(this.#slurm.sbatch ?? []),
      ];
      const job = await sbatch([...options, script]).catch((error: unknown) => {
        this.#isUnsure ||= error instanceof ControllerAway;
        throw error;
      });
      this.#toSubmit = this.#toSubmit.slice(MAX_CHUNKS);
      this.#submissions.push({ name, job, chunks });
      this.#slurm.say?.(`Slurm job ${job}: ${chunks.length} ${chunks.length === 1 ? "chunk" : "chunks"} of points`);
    }
  }

  /** Forgets chunks that nobody is at work on any more. */
  async #findLostChunks(): Promise<void> {
    const all = await squeue(this.#jobName);
    for (const { name, job, chunks } of this.#submissions) {
      const tasks = all.filter((task) => task.job === job);
      this.#sayWhatIsWaitedFor(job, tasks);
      const byIndex = new Map(tasks.map((task) => [task.index, task]));
      for (const [index, ids] of chunks.entries()) {
        const task = byIndex.get(index);
        // seen ended already, by a controller that has forgotten it since
        const isBack = ids.length === 0 && task?.state === "RUNNING";
        const isStuck = ids.length > 0 && (await this.#isStuck(chunkName(name, index), task));
        if (isBack || isStuck) await scancel({ task: `${job}_${index}` });
        if (ids.length === 0 || (task && !isStuck && !ENDED.includes(task.state))) continue;
        this.#lost.push({ ids, how: task ? `${task.state}, ${task.reason}` : "forgotten by Slurm" });
        chunks[index] = [];
      }
    }
  }

  /** Held for ever, or taken for running though it is not. */
  async #isStuck(chunk: string, task: ArrayTask | undefined): Promise<boolean> {
    if (task?.state !== "RUNNING") {
      this.#signs.delete(chunk);
      return task?.state === "PENDING" && HELD.test(task.reason);
    }
    const sign = await readFile(path.join(this.#folder, "alive", chunk), "utf8").catch(() => "");
    const last = this.#signs.get(chunk);
    if (last?.sign !== sign) this.#signs.set(chunk, { sign, since: performance.now() });
    return last?.sign === sign && performance.now() - last.since > 1000 * (this.#slurm.silence ?? 120);
  }

  /**
   * A task's last result is there before the task has ended. What is left after a while (requeued, say) has nothing to
   * do: cancelled.
   */
  async #letTasksEnd(): Promise<void> {
    for (let look = 0; look < MAX_FINAL_POLLS; look++) {
      const tasks = await squeue(this.#jobName);
      if (tasks.every(({ state }) => ENDED.includes(state))) return;
      await sleep(POLL_MS, undefined, { signal: this.#options.signal }).catch(() => undefined);
    }
    await scancel({ name: this.#jobName });
  }

  #sayWhatIsWaitedFor(job: string, tasks: readonly ArrayTask[]): void {
    const waiting = tasks.filter(({ state, reason }) => state === "PENDING" && !USUAL.includes(reason));
    for (const { reason } of waiting) this.#sayOnce(reason, `Slurm job ${job} waits: ${reason}`);
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

  /**
   * What is left of lost chunks goes again: a point that was being executed alone, since it may be what ends its job.
   */
  async #plan(lost: readonly LostChunk[]): Promise<void> {
    if (lost.length === 0) return;
    const begun = new Set(await readdir(path.join(this.#folder, "begun")));
    const [alone, together]: [string[], string[]] = [[], []];
    for (const { ids, how } of lost) {
      const left = ids.filter((id) => this.#open.has(id));
      const suspects = left.filter((id) => begun.has(id));
      // A job that ends before its first point (no Node there, no such file) would be submitted for ever.
      for (const id of suspects.length > 0 ? suspects : left) {
        const losses = (this.#losses.get(id) ?? 0) + 1;
        this.#losses.set(id, losses);
        await rm(path.join(this.#folder, "begun", id), { force: true });
        if (losses < MAX_LOSSES) alone.push(id);
        else this.#finish(failedPoint(this.#open.get(id)!, `its Slurm job ended ${losses} times without a result (the last time ${how}); see the logs in ${this.#folder}`, losses), losses); // prettier-ignore
      }
      if (suspects.length > 0) together.push(...left.filter((id) => !suspects.includes(id)));
    }
    this.#toSubmit.push(...alone.map((id) => [id]), ...(together.length > 0 ? this.#chunked(together) : []));
  }
}
