/**
 * The program of a job's process (jobs.ts): waits for the job, runs it, sends what came of it, ends. It ends with its
 * parent too.
 */
import type { FromJob, Job } from "./jobs.ts";

const send = (message: FromJob) =>
  new Promise<void>((resolve) => process.send!(message, undefined, {}, () => resolve()));

process.once("disconnect", () => process.exit(1));
process.once("message", (job: Job) => {
  void run(job)
    .then((result) => send({ type: "result", result }))
    .catch((error: unknown) => send({ type: "error", message: error instanceof Error ? error.message : String(error) }))
    .then(() => process.exit(0));
});

async function run({ module, function: name, arguments: given }: Job): Promise<unknown> {
  const exported = ((await import(module)) as Record<string, unknown>)[name];
  if (typeof exported !== "function") throw new TypeError(`${module} has no function ${name}`);
  const report = (message: unknown) => void send({ type: "report", message });
  return (exported as (...all: unknown[]) => unknown)(...given, report);
}
