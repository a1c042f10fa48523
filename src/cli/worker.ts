/** `marginalia worker`: executes points of sweeps from a queue on Redis, until it is told to stop. And a chunk of them for Slurm. */
import { EXIT } from "./exit-codes.ts";
import { interruptible } from "./interrupts.ts";

export async function worker(options: {
  readonly redis: string;
  readonly jobs: number;
  readonly lock: number;
}): Promise<number> {
  const { runWorker } = await import("../runner/sweep/bullmq.ts");
  return interruptible(async (signal) => {
    await runWorker(options.redis, {
      jobs: options.jobs,
      lock: options.lock,
      signal,
      say: (text) => console.error(text),
    });
    return EXIT.ok;
  });
}

/** What a task of the slurm engine's job array does. */
export async function sweepChunk(batch: string, submission: string, index: number): Promise<number> {
  const { runChunk } = await import("../runner/sweep/slurm-chunk.ts");
  return interruptible(async (signal) => {
    const isWhole = await runChunk(batch, submission, index, { signal, say: (text) => console.error(text) });
    return isWhole ? EXIT.ok : EXIT.failed;
  });
}
