/**
 * `marginalia worker`: executes points of sweeps from a queue on Redis, until it is told to stop. And a chunk of them
 * for Slurm.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { InputError } from "../../base/input-error.ts";
import { workingProject } from "../../runner/locations.ts";
import { EXIT } from "../exit-codes.ts";
import { interruptible } from "../interrupts.ts";

export async function worker(options: {
  readonly redis?: string;
  readonly root?: string;
  readonly jobs: number;
  readonly lock: number;
}): Promise<number> {
  const { redisAccess } = await import("../../runner/sweep/queue-access.ts");
  const redis = redisAccess(options.redis);
  const root = path.resolve(options.root ?? workingProject());
  if (!existsSync(root)) throw new InputError(`--root ${root}: no such folder`);
  const { runWorker } = await import("../../runner/sweep/bullmq.ts");
  return interruptible(async (signal) => {
    await runWorker(redis, {
      jobs: options.jobs,
      root,
      lock: options.lock,
      signal,
      say: (text) => console.error(text),
    });
    return EXIT.ok;
  });
}

/** What a task of the slurm engine's job array does. */
export async function sweepChunk(batch: string, submission: string, index: number): Promise<number> {
  const { runChunk } = await import("../../runner/sweep/slurm-chunk.ts");
  return interruptible(async (signal) => {
    const isWhole = await runChunk(batch, submission, index, { signal, say: (text) => console.error(text) });
    return isWhole ? EXIT.ok : EXIT.failed;
  });
}
