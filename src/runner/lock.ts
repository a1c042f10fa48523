/**
 * One writer at a place: a lock file that says who holds it, put there whole by a link. Its holder touches it every few
 * seconds.
 *
 * A lock is dead when its process has ended (on this machine: at once), or when nobody has touched it for a while as we
 * watched (on another machine; no clocks are compared). A dead one is taken over: what a killed run held is free again
 * without help.
 */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, lstat, mkdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { writeError } from "../base/whole-file.ts";

const holderSchema = z.object({
  token: z.string(),
  host: z.string(),
  pid: z.number(),
  /** When the process began, in its system's words: a number may be given to another process. */
  began: z.string(),
  since: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

export interface LockOptions {
  /** Whether to wait until the lock is free, instead of throwing LockHeld. */
  readonly wait?: boolean;
  readonly signal?: AbortSignal;
  /** Seconds without a touch after which another machine's lock is dead; 30 unless told. */
  readonly deadAfter?: number;
}

/** Somebody else is at work there; the message says who. */
export class LockHeld extends Error {
  override readonly name = "LockHeld";
}

const POLL_MS = 250;
/** So often in one wait our file may have been taken for a killed one's; more often, no file can be made there. */
const MISSING_ATTEMPTS = 100;
const began = beginningOf(process.pid) ?? "";

/**
 * Does `work` while holding the lock. Makes the folder. Throws what the file system says of a place that cannot be
 * written to, LockHeld, or the signal's reason when aborted while waiting.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const token = randomUUID();
  await acquire(file, token, options);
  const touching = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => undefined), ((options.deadAfter ?? 30) * 1000) / 6); // prettier-ignore
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if ((await holderOf(file))?.token === token) await rm(file, { force: true });
  }
}

async function acquire(file: string, token: string, { wait = false, signal, deadAfter = 30 }: LockOptions) {
  const own: Holder = { token, host: hostname(), pid: process.pid, began, since: new Date().toISOString() };
  let [touched, watched, missing] = [-1, performance.now(), 0];
  for (;;) {
    signal?.throwIfAborted();
    await makeFolder(path.dirname(file));
    try {
      return await create(file, JSON.stringify(own));
    } catch (error) {
      // ENOENT: who holds the lock has taken our file for a killed one's.
      const { code } = error as NodeJS.ErrnoException;
      const isMissing = code === "ENOENT" && ++missing <= MISSING_ATTEMPTS;
      if (code !== "EEXIST" && !isMissing) throw writeError(error, file);
    }
    const [holder, time] = [await holderOf(file), (await lstat(file).catch(() => undefined))?.mtimeMs];
    // Released meanwhile. Nothing keeps two from finding that again and again, so others get a turn.
    if (time === undefined) {
      await sleep(1);
      continue;
    }
    if (time !== touched) [touched, watched] = [time, performance.now()];
    const isDead = holder?.host === own.host ? beginningOf(holder.pid) !== holder.began : performance.now() - watched > deadAfter * 1000; // prettier-ignore
    if (isDead) await takeAway(file, holder?.token);
    else if (!wait && holder?.host === own.host)
      throw new LockHeld(`${path.dirname(file)} is being written by process ${holder.pid} since ${holder.since}; wait for its end, or choose another --out`); // prettier-ignore
    else if (!wait && performance.now() - watched > (deadAfter * 1000) / 2)
      throw new LockHeld(`${path.dirname(file)} is being written by another process${holder ? ` (${holder.host}, process ${holder.pid}, since ${holder.since})` : ""}; wait for its end, or choose another --out`); // prettier-ignore
    else await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Where a parent of it is on a read-only disk, Node goes on to say that the folder is not there. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw writeError(error, folder);
    throw new Error(`${folder} cannot be made: its disk is read-only, or no place for folders`, { cause: error });
  }
}

/**
 * Throws EEXIST when the file is there. Nobody sees it half, so a process killed meanwhile leaves no lock without a
 * holder.
 */
async function create(file: string, content: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await writeFile(aside, content, { flag: "wx" });
    await link(aside, file);
  } catch (error) {
    // Some file systems know no links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw error;
    await writeFile(file, content, { flag: "wx" });
  } finally {
    await rm(aside, { force: true });
  }
}

/** By a rename: of two who find it dead, one has it. Who has moved a new holder's lock by that puts it back. */
async function takeAway(file: string, token: string | undefined): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return; // another one was quicker
  }
  const moved = await readFile(aside, "utf8").catch(() => "");
  if (parse(moved)?.token !== token) await writeFile(file, moved, { flag: "wx" }).catch(() => undefined);
  await rm(aside, { force: true });
}

async function holderOf(file: string): Promise<Holder | undefined> {
  return parse(await readFile(file, "utf8").catch(() => ""));
}

function parse(text: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // just being written, or taken away
  }
}

/** When a process of this machine began; undefined when it is not running. */
function beginningOf(pid: number): string | undefined {
  if (process.platform === "linux")
    try {
      // Field 22 of proc(5)'s stat; the command's name before it may hold anything. Z and X have ended.
      const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ");
      return /[ZX]/.test(fields[0]) ? undefined : fields[19];
    } catch {
      return undefined;
    }
  if (process.platform !== "win32")
    try {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    } catch {
      return undefined;
    }
  try {
    process.kill(pid, 0);
    return "";
  } catch {
    return undefined;
  }
}
