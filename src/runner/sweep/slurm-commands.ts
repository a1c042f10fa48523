/**
 * Slurm's own commands. Each is bounded in time, since they wait long for a controller that is away; that it is away is
 * told apart from a refusal, because who is refused stops and who is not answered goes on.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { InputError } from "../../base/input-error.ts";

/** The controller does not answer; the message has its words. What was asked for may have been done all the same. */
export class ControllerAway extends Error {
  override readonly name = "ControllerAway";
}

export interface ArrayTask {
  /** The array's number. */
  readonly job: string;
  readonly index: number;
  /** "PENDING", "RUNNING", "NODE_FAIL". */
  readonly state: string;
  /** Why it waits, or how it failed: "Priority", "launch failed requeued held". */
  readonly reason: string;
}

const COMMAND_TIMEOUT_MS = 60_000;
const AWAY = /unable to contact|timed out|connection refused|connect failure|zero bytes|communication|temporarily/i;

const execute = promisify(execFile);

/** The new job's number. */
export async function sbatch(args: readonly string[]): Promise<string> {
  try {
    return (await call("sbatch", ["--parsable", ...args])).trim().split(";")[0];
  } catch (error) {
    if (error instanceof CommandFailed) throw new InputError(`sbatch refused the sweep: ${error.message}`, { cause: error }); // prettier-ignore
    throw error;
  }
}

/** The tasks of all arrays of this name, those that have ended too for a while; Slurm may have forgotten some. */
export async function squeue(name: string): Promise<ArrayTask[]> {
  const args = ["--noheader", "--array", "--states=all", "--name", name, "--format=%F|%K|%T|%r"];
  const text = await call("squeue", args).catch((error: unknown) => {
    // whatever ails it, the jobs go on
    if (error instanceof CommandFailed) throw new ControllerAway(error.message, { cause: error });
    throw error;
  });
  const lines = text.split("\n").filter((line) => line.includes("|"));
  return lines.map((line) => {
    const [job, index, state, reason] = line.trim().split("|");
    return { job, index: Number(index), state, reason };
  });
}

/**
 * Cancels jobs by their name, or an array's task by its number ("12_3"), its script included; what is not there is
 * cancelled.
 */
export async function scancel(which: { readonly name: string } | { readonly task: string }): Promise<void> {
  const args = ["--full", ...("name" in which ? ["--name", which.name] : [which.task])];
  await call("scancel", args).catch((error: unknown) => {
    if (!(error instanceof CommandFailed)) throw error;
  });
}

/** The command was answered, and failed; the message is what it said. */
class CommandFailed extends Error {}

async function call(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, args, {
      timeout: COMMAND_TIMEOUT_MS,
      killSignal: "SIGKILL",
      maxBuffer: 2 ** 26,
    });
    return stdout;
  } catch (error) {
    const { code, killed, stderr, message } = error as Error & { code?: unknown; killed?: boolean; stderr?: string };
    if (code === "ENOENT")
      throw new InputError(`--engine slurm needs Slurm's ${program} on PATH: run it on a machine of the cluster`);
    if (killed)
      throw new ControllerAway(`${program} had no answer in ${COMMAND_TIMEOUT_MS / 1000} s`, { cause: error });
    const said = stderr?.trim() || message;
    throw AWAY.test(said) ? new ControllerAway(said, { cause: error }) : new CommandFailed(said, { cause: error });
  }
}
