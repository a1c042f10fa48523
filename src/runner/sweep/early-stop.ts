/**
 * The median stopping rule of Golovin et al. 2017 (Google Vizier), section 3.2.2: a point is hopeless at step s when
 * the best value that it has reported by then is strictly worse than the median, over the finished points, of the mean
 * of what they had reported by s.
 *
 *     hopeless  <=>  best of own(1..s)  worse than  median over finished j of  mean of reports_j(1..s)
 *
 * One difference: nothing is stopped before LEAST_FINISHED points have finished, since the median of two says little.
 * Which points are stopped hangs on the order in which points finish, so with several at a time two sweeps may stop
 * different ones; a point that is better than the median is never stopped, and a finished point is what it would be
 * without the rule.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { median } from "d3-array";
import { z } from "zod";
import { dictionarySchema } from "../../base/dictionary.ts";

/** What a notebook told by record(name, value, step): steps with values, in the order in which they came. */
export const curveSchema = z.array(z.tuple([z.number(), z.number()]));
export type Curve = z.infer<typeof curveSchema>;

export type Wanted = "least" | "greatest";

export const MIN_FINISHED_POINTS = 5;

/** Whether a point with the curve `own` (up to now) is hopeless beside finished points' curves. */
export function isHopeless(own: Curve, finished: readonly Curve[], wanted: Wanted): boolean {
  if (own.length === 0) return false;
  const step = Math.max(...own.map(([at]) => at));
  const means = finished
    .map((curve) => curve.filter(([at]) => at <= step).map(([, value]) => value))
    .filter((values) => values.length > 0)
    .map((values) => values.reduce((sum, value) => sum + value, 0) / values.length)
    .filter((mean) => Number.isFinite(mean));
  if (means.length < MIN_FINISHED_POINTS) return false;
  const sign = wanted === "least" ? 1 : -1;
  // A value that is no number (a diverged training) is worse than any.
  const best = Math.min(...own.map(([, value]) => (Number.isNaN(value) ? Infinity : sign * value)));
  return best > sign * median(means)!;
}

const finishedSchema = z.object({
  id: z.string(),
  version: z.string(),
  status: z.literal("ok"),
  curves: dictionarySchema(curveSchema).optional(),
});

/** Looking into a folder of many points costs, so it is done no more often. */
const POLL_MS = 1000;

/**
 * The curves of the finished points of a sweep, whichever process or machine has executed them: they lie in the folders
 * beside a point's own. A point.json is written once, so each is read once.
 */
export class FinishedCurves {
  readonly #folder: string;
  readonly #version: string;
  readonly #objective: string;
  readonly #isPeer: (id: string) => boolean;
  readonly #curves = new Map<string, Curve>();
  readonly #others = new Set<string>();
  #looked = -Infinity;

  constructor(folder: string, version: string, objective: string, isPeer: (id: string) => boolean) {
    this.#folder = folder;
    this.#version = version;
    this.#objective = objective;
    this.#isPeer = isPeer;
  }

  async all(): Promise<readonly Curve[]> {
    if (performance.now() - this.#looked > POLL_MS) {
      this.#looked = performance.now();
      const names = await readdir(this.#folder).catch(() => []);
      await Promise.all(names.filter((id) => this.#isPeer(id) && !this.#curves.has(id) && !this.#others.has(id)).map((id) => this.#read(id))); // prettier-ignore
    }
    return [...this.#curves.values()];
  }

  async #read(id: string): Promise<void> {
    try {
      const text = await readFile(path.join(this.#folder, id, "point.json"), "utf8");
      const found = finishedSchema.safeParse(JSON.parse(text)).data;
      const curve = found?.version === this.#version ? found.curves?.[this.#objective] : undefined;
      if (curve && curve.length > 0) this.#curves.set(id, curve);
      else if (found) this.#others.add(id); // finished, but it tells no such curve
    } catch {
      // not finished yet
    }
  }
}
