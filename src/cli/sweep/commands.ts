/** Commands of sweeps: the sweep itself, and who executes points for it. */
import { Option, type Command } from "commander";
import { EXIT_HELP } from "../exit-codes.ts";
import {
  collectText,
  lazily,
  MEMORY_HELP,
  MAX_SECONDS,
  positive,
  profileName,
  sweepName,
  wholeNumber,
} from "../option-values.ts";
import type { SweepOptions } from "./sweep.ts";

const REDIS_HELP =
  "where the bullmq engine's queue is (default: $MARGINALIA_REDIS, else redis://127.0.0.1:6379); its password belongs into $MARGINALIA_REDIS_PASSWORD";

export function addSweepCommands(root: Command): void {
  addSweep(root);
  addWorkers(root);
}

/** `marginalia sweep`. */
function addSweep(root: Command): void {
  root
    .command("sweep <notebook>")
    .description("execute a notebook at every point of a parameter space, and collect what it records")
    .option(
      "-p, --parameter <name=values>",
      "5,10,20 | 1..5 | 0..1:0.25 | uniform(0,1) | loguniform(1e-4,1) | integer(1,9) | choice(a,b)",
      collectText,
    ) // prettier-ignore
    .option("--parameters <file>", "the same from a JSON or YAML file: lists, or text as above; -p has the last word")
    .option("--zip <names>", "parameters that run side by side: a,b (repeatable)", collectText)
    .option("--samples <n>", "how often what is drawn is drawn", positive(100_000, true), 10)
    .option("--seed <n>", "of the draws", wholeNumber, 0)
    .option("--independent-draws", "draw anew at each point of the grid, not the same values at all of them")
    .option("--profile <name>", "the parameter `profile`: quick or paper, say", profileName)
    .option("--name <name>", "of this sweep, where a notebook has several: <experiment>-sweep-<name>/", sweepName)
    .option("--replace", "write over the results of another sweep of the notebook")
    .option("--dry-run", "say which points there are and which are done; run nothing")
    .option("--out <dir>", "where <paper>/<experiment>-sweep/ goes (default: figures in the notebook's project)")
    .option("--kernel <kernel>", "marginalia, an installed kernelspec's name, or the path of a kernel.json")
    .addOption(
      new Option("--engine <engine>", "where points are executed").choices(["local", "bullmq", "slurm"]).default("local"), // prettier-ignore
    )
    .option("--redis <url>", REDIS_HELP)
    .option(
      "--chunk <n>",
      "points of a task of the slurm engine's job array (default: a fourth of a job's share)",
      positive(100_000, true),
    ) // prettier-ignore
    .option(
      "--sbatch <option>",
      "for the slurm engine, repeatable: --sbatch=--partition=long --sbatch=--time=2:00:00",
      collectText,
    ) // prettier-ignore
    .option("--jobs <n>", "points at a time", positive(256, true), 1)
    .option("--timeout <seconds>", "longest time for a cell", positive(MAX_SECONDS, false))
    .option("--notebook-timeout <seconds>", "longest time for a point", positive(MAX_SECONDS, false))
    .option("--memory <MiB>", MEMORY_HELP, positive(1e7, true))
    .option("--retries <n>", "how often a failed point is tried again", wholeNumber, 0)
    .option("--fail-fast", "begin no other point after one has failed")
    .option("--minimise <name>", "report the point whose recorded number is least")
    .option("--maximise <name>", "report the point whose recorded number is greatest")
    .option(
      "--stop-hopeless",
      "end a point early when what it records by record(name, value, step) is worse than the median of the finished points' means (of the number that is minimised or maximised)",
    )
    .option(
      "--resume",
      "go on with a sweep that was ended; points that are done are never executed again, so this is the default",
    ) // prettier-ignore
    .option("--force", "execute every point, done or not")
    .option("--no-cache", "neither take results from the cache nor keep them there")
    .addHelpText("after", EXIT_HELP)
    .action(
      lazily(async (notebook: string, options: SweepOptions) => (await import("./sweep.ts")).sweep(notebook, options)),
    );
}

/** Who executes points for a sweep: on a queue, or in a job of Slurm. */
function addWorkers(root: Command): void {
  root
    .command("worker")
    .description("execute points of sweeps from a queue on Redis (sweep --engine bullmq), until told to stop")
    .option("--redis <url>", REDIS_HELP)
    .option("--root <dir>", "the folder below which notebooks are executed (default: this project)")
    .option("--jobs <n>", "points at a time", positive(256, true), 1)
    .option("--lock <seconds>", "after so long the points of a dead worker go to others", positive(3600, false), 15)
    .action(
      lazily(async (options: { redis?: string; root?: string; jobs: number; lock: number }) =>
        (await import("./worker.ts")).worker(options),
      ),
    );

  root
    .command("sweep-chunk <batch> <submission> <index>", { hidden: true })
    .description("execute a chunk of a sweep's points: what the slurm engine starts on a node")
    .action(
      lazily(async (batch: string, submission: string, index: string) =>
        (await import("./worker.ts")).sweepChunk(batch, submission, wholeNumber(index)),
      ),
    );
}
