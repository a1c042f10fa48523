/** `marginalia worker`: executes points of sweeps from a queue on Redis, until it is told to stop. */
import { runWorker } from "../runner/sweep/bullmq.ts";
import { EXIT } from "./exit-codes.ts";
import { interruptible } from "./interrupts.ts";

export async function worker(options: {
  readonly redis: string;
  readonly jobs: number;
  readonly lock: number;
}): Promise<number> {
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
