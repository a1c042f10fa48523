/**
 * Sweeps over several machines: points are jobs of a BullMQ queue on Redis, executed by `marginalia worker` processes
 * that see the same files (a shared file system, or one machine).
 *
 * Delivery is at least once: a worker that is killed leaves its job's lock to run out, and another takes the job. It is
 * made exactly once by the point's id. The job's id is the point's, so a point is never in the queue twice; and a point
 * that is delivered again after it was done has its point.json, which is taken for the result, or waits for it at the
 * point's lock (point.ts).
 *
 * The notebook's code never runs in the worker itself: each point has a kernel process of its own. So the worker renews
 * its locks whatever the code does, and survives it; BullMQ's sandboxed processors would put one more process between
 * them.
 */
import { hostname } from "node:os";
import { DelayedError, Queue, QueueEvents, UnrecoverableError, Worker, type ConnectionOptions, type Job } from "bullmq";
import type { Engine, EngineOptions } from "./engine.ts";
import { failedPoint } from "./engine.ts";
import { donePoint, executePoint, readPoint, type PointResult, type PointTask } from "./point.ts";
import { opened, sealed, type RedisAccess } from "./queue-access.ts";

const QUEUE_NAME = "marginalia-sweep";
const POLL_MS = 2000;

/** BullMQ wants commands to wait for Redis to come back. */
function connectionTo({ url }: RedisAccess): ConnectionOptions {
  return { url, maxRetriesPerRequest: null };
}

export function bullmqEngine(redis: RedisAccess, queueName = QUEUE_NAME): Engine {
  return { name: "bullmq", run: (tasks, options) => runOnQueue(redis, queueName, tasks, options) };
}

async function runOnQueue(
  redis: RedisAccess,
  queueName: string,
  tasks: readonly PointTask[],
  { retries = 0, failFast = false, signal, onResult }: EngineOptions,
): Promise<PointResult[]> {
  const queue = new Queue(queueName, { connection: connectionTo(redis) });
  const events = new QueueEvents(queueName, { connection: connectionTo(redis) });
  const quiet = () => undefined; // Redis may go and come back: what was asked is asked again
  queue.on("error", quiet);
  events.on("error", quiet);
  const open = new Map(tasks.map((task) => [jobIdOf(task), task]));
  const results: PointResult[] = [];
  let wake: () => void = quiet;
  const awake = () => wake();
  events.on("completed", awake);
  events.on("failed", awake);
  signal?.addEventListener("abort", awake);
  try {
    await addJobs(queue, tasks, redis.secret, retries);
    while (open.size > 0 && !signal?.aborted) {
      // Events are a hint, the jobs' own states the truth: nothing is lost with an event.
      const finished = await Promise.all([...open].map(async ([id, task]) => [id, await outcome(queue, redis.secret, id, task)] as const)); // prettier-ignore
      for (const [id, found] of finished) {
        if (!found) continue;
        open.delete(id);
        results.push(found.result);
        onResult?.(found.result, found.attempt);
        if (failFast && found.result.status === "failed") return results;
      }
      if (open.size === 0) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return results;
  } finally {
    signal?.removeEventListener("abort", awake);
    // What waits is of no use without us, and would be executed for nobody.
    if (open.size > 0) await Promise.allSettled([...open.keys()].map((id) => queue.remove(id)));
    await Promise.allSettled([events.close(), queue.close()]);
  }
}

/** A point forced to run again, or of an edited notebook, is another job. */
function jobIdOf({ id, version, force }: PointTask): string {
  return [id, version, ...(force === undefined ? [] : [force])].join("-");
}

async function addJobs(
  queue: Queue,
  tasks: readonly PointTask[],
  secret: string | undefined,
  retries: number,
): Promise<void> {
  for (const task of tasks) {
    const jobId = jobIdOf(task);
    const old = await queue.getJob(jobId);
    // A job of an earlier sweep that failed, or whose folder is gone, stands in the way of its own repetition.
    if (old && ((await old.isFailed()) || (await old.isCompleted()))) await old.remove();
    await queue.add("point", sealed(task, secret), { jobId, attempts: retries + 1, removeOnComplete: { age: 86_400 }, removeOnFail: { age: 86_400 } }); // prettier-ignore
  }
}

async function outcome(
  queue: Queue,
  secret: string | undefined,
  id: string,
  task: PointTask,
): Promise<{ result: PointResult; attempt: number } | undefined> {
  const job = (await queue.getJob(id)) as Job | undefined;
  if (!job) {
    // Taken away by hand, or forgotten by a Redis that keeps nothing: what is written still counts.
    const done = await donePoint(task);
    if (done) return { result: done, attempt: 1 };
    await addJobs(queue, [task], secret, 0);
    return undefined;
  }
  const attempt = Math.max(1, job.attemptsMade);
  if (await job.isCompleted()) return { result: (await readPoint(task)) ?? failedPoint(task, "its result is not where this machine looks: do the workers see the same files?"), attempt }; // prettier-ignore
  if (await job.isFailed()) return { result: (await readPoint(task)) ?? failedPoint(task, job.failedReason), attempt };
  return undefined;
}

export interface WorkerOptions {
  /** Points at a time. */
  readonly jobs: number;
  /** The folder below which notebooks are executed and results are written. */
  readonly root: string;
  /**
   * Seconds that a lock lasts, renewed at half of that: after so long a dead worker's point goes to another. 15 unless
   * told.
   */
  readonly lock?: number;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  readonly queueName?: string;
}

/** Executes points from the queue until the signal aborts; the running ones are then given back. */
export async function runWorker(
  redis: RedisAccess,
  { jobs, root, lock = 15, signal, say, queueName = QUEUE_NAME }: WorkerOptions,
): Promise<void> {
  const name = `${hostname()} ${process.pid}`;
  const execute = async (job: Job, token?: string) => {
    let task: PointTask;
    try {
      task = opened(job.data, redis.secret, root);
    } catch (error) {
      say(`✗ ${job.id ?? ""} refused: ${(error as Error).message}`);
      throw new UnrecoverableError((error as Error).message);
    }
    const result = await executePoint(task, signal);
    if (result.status === "interrupted") {
      await job.moveToDelayed(Date.now(), token); // for another worker, and no attempt of the point's own
      throw new DelayedError();
    }
    say(`${{ ok: "✓", stopped: "⊘", failed: "✗" }[result.status]} ${result.id} ${JSON.stringify(result.parameters)}`);
    if (result.status === "failed") throw new Error(result.failure ?? "failed");
    return { id: result.id, worker: name };
  };
  const worker = new Worker(queueName, execute, {
    connection: connectionTo(redis),
    concurrency: jobs,
    lockDuration: lock * 1000,
    stalledInterval: lock * 1000,
    // A point that kills its worker again and again is no one's; one that loses it to a power cut is another's.
    maxStalledCount: 3,
  });
  let isLost = false;
  worker.on("error", (error) => {
    if (!isLost) say(`waiting for Redis: ${error.message}`);
    isLost = true;
  });
  worker.on("ready", () => (isLost = false));
  say(
    `worker ${name} takes ${jobs === 1 ? "a point" : `${jobs} points`} at a time from ${redis.shown}, below ${root}${redis.secret === undefined ? "; tasks have no seal ($MARGINALIA_SWEEP_SECRET)" : ""}`,
  );
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  await worker.close();
}
