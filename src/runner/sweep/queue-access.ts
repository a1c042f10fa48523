/**
 * Whom a worker believes. Who can write to its Redis can put tasks there, so a task says little that could do harm, and
 * says it under a seal:
 *
 *     seal      HMAC-SHA256 of the task's text by a secret that sweep and workers share ($MARGINALIA_SWEEP_SECRET);
 *     without a secret
 *               only a Redis on this machine is used
 *     root      notebook and folders lie below it, symbolic links followed
 *     kernel    the name of an installed kernelspec, never a file that says which command to run
 *
 * The secret and the password ($MARGINALIA_REDIS_PASSWORD) are taken out of the environment, so that no notebook and no
 * cache key has them.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { realpathSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../base/input-error.ts";
import { isKernelFile } from "../client/kernelspecs.ts";
import { taskSchema, type PointTask } from "./point.ts";

const DEFAULT_REDIS = "redis://127.0.0.1:6379";

export interface RedisAccess {
  /** With its password; never printed. */
  readonly url: string;
  /** The same without password. */
  readonly shown: string;
  readonly secret: string | undefined;
}

/**
 * @param given `redis://[user@]host:port[/db]` or rediss://; $MARGINALIA_REDIS, else this machine's, unless told.
 * @throws InputError for another URL, without repeating its password, and for another machine's Redis without a secret.
 */
export function redisAccess(given?: string, environment: NodeJS.ProcessEnv = process.env): RedisAccess {
  const [text, password, secret] = [given ?? environment.MARGINALIA_REDIS ?? DEFAULT_REDIS, environment.MARGINALIA_REDIS_PASSWORD, environment.MARGINALIA_SWEEP_SECRET]; // prettier-ignore
  for (const name of ["MARGINALIA_REDIS", "MARGINALIA_REDIS_PASSWORD", "MARGINALIA_SWEEP_SECRET"]) delete environment[name]; // prettier-ignore
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === "")
    throw new InputError("--redis (or $MARGINALIA_REDIS) is no redis://host:port or rediss://host:port");
  if (password !== undefined) url.password = encodeURIComponent(password);
  const shown = new URL(url);
  shown.password = "";
  shown.search = ""; // ioredis takes options from there, the password among them
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (!isHere && !secret)
    throw new InputError(`${shown.href} is another machine, whose tasks are believed only under a seal: set $MARGINALIA_SWEEP_SECRET to the same text for the sweep and its workers`); // prettier-ignore
  return { url: url.href, shown: shown.href, secret };
}

const sealedSchema = z.object({ task: z.string(), seal: z.string().optional() });
export type SealedTask = z.infer<typeof sealedSchema>;

export function sealed(task: PointTask, secret: string | undefined): SealedTask {
  const text = JSON.stringify(task);
  return { task: text, ...(secret === undefined ? {} : { seal: sealOf(text, secret) }) };
}

function sealOf(text: string, secret: string): string {
  return createHmac("sha256", secret).update(text).digest("hex");
}

/** @throws InputError for what is no task, has no good seal, or wants what a worker does not do. */
export function opened(data: unknown, secret: string | undefined, root: string): PointTask {
  const found = sealedSchema.safeParse(data).data;
  if (!found) throw new InputError("no task of a sweep by this version of marginalia");
  if (secret !== undefined && !isSealOf(found, secret))
    throw new InputError(
      "the task is not sealed by this worker's secret: set the same $MARGINALIA_SWEEP_SECRET for both",
    );
  const task = taskSchema.safeParse(parsed(found.task)).data;
  if (!task) throw new InputError("no task of a sweep by this version of marginalia");
  if (task.kernel !== undefined && isKernelFile(task.kernel))
    throw new InputError(`the kernel ${task.kernel} is a file; workers take the names of installed kernelspecs`);
  for (const place of [task.notebook, task.folder, ...(task.earlyStop ? [task.earlyStop.peers] : [])])
    if (!isInside(place, root))
      throw new InputError(`${place} is outside of ${root}, where this worker works (--root)`);
  return task;
}

function isSealOf({ task, seal = "" }: SealedTask, secret: string): boolean {
  const [is, wanted] = [Buffer.from(seal), Buffer.from(sealOf(task, secret))];
  return is.length === wanted.length && timingSafeEqual(is, wanted);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Symbolic links followed, as far as the place exists. */
function isInside(place: string, root: string): boolean {
  const relative = path.relative(realpathSync(root), realOf(path.resolve(place)));
  return relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

function realOf(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    const above = path.dirname(place);
    return above === place ? place : path.join(realOf(above), path.basename(place));
  }
}
