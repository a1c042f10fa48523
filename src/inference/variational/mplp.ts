/**
 * MPLP: an upper bound on the best score, and a state that comes near it.
 *
 *   max_x ln p~(x) <= min over lambda of D(lambda)
 *
 * D, the dual of the linear programming relaxation of MAP, is lowered block by block (map-dual.ts). It never rises, and
 * where it meets the score of a decoded state that state is optimal. One difference from Globerson & Jaakkola 2007: the
 * blocks are stars around variables with Kolmogorov's (2015) sequential weights, which get to the same bound in fewer
 * sweeps. With `cycles`, frustrated cycles are added once the bound stalls (cycle-clusters.ts).
 */
import { z } from "zod";
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { asFactorGraph } from "../exact/model.ts";
import { originalStates, simplify } from "../exact/simplify.ts";
import { DISCRETE_MODELS, isDiscreteModel } from "../messages/belief-propagation.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import { secondsSince, type InferenceResult } from "../result.ts";
import { CycleClusters } from "./cycle-clusters.ts";
import { MapDual } from "./map-dual.ts";

const schema = z.object({
  tolerance: z.number().min(0).default(1e-7).describe("converged when a sweep lowers the bound by a smaller fraction"),
  maxIterations: z.int().min(1).default(1000).describe("sweeps at most"),
  cycles: z.int().min(0).default(0).describe("frustrated cycles to tighten the relaxation with, at most"),
  seconds: z.number().positive().optional().describe("time limit"),
});

export type MplpOptions = z.input<typeof schema>;

export interface MplpResult extends InferenceResult {
  /** D after each sweep, natural log: never rises. */
  readonly upperBounds: readonly number[];
}

const SWEEPS_BETWEEN_DECODINGS = 10;
const MAX_ADDED_CYCLES = 1000;

/**
 * A bracket of the best score: `map.score` <= best <= `map.upperBound`. When the bound shows that no state is possible,
 * logZ is -Infinity and there is no map; a decoded state can be impossible (score -Infinity) where others are not.
 * @throws RangeError for a wrong option.
 */
export function mplp(model: FactorGraph | PairwiseBinaryModel, options: MplpOptions = {}): MplpResult {
  const settings = parseOptions("mplp", schema, options);
  const started = performance.now();
  const deadline = started + 1000 * (settings.seconds ?? Infinity);
  const original = asFactorGraph(model);
  const simplified = simplify(original);
  const method = formatMethod("mplp", schema, settings);
  const upperBounds: number[] = [];
  const maxDelta: number[] = [];
  const secondsSoFar = (): number => secondsSince(started);
  const impossible = (): MplpResult => ({
    ...{ method, logZ: -Infinity, bound: "exact", converged: true, iterations: maxDelta.length },
    ...{ maxDelta, upperBounds, seconds: secondsSoFar() },
  });
  if (!simplified.possible) return impossible();

  const dual = new MapDual(simplified.graph);
  dual.deadline = deadline;
  const clusters = new CycleClusters(dual);
  let best: Int32Array | undefined;
  let bestScore = -Infinity;
  const decode = (): void => {
    const states = originalStates(simplified, dual.decode());
    const score = logScore(original, states);
    if (!best || score > bestScore) [best, bestScore] = [states, score];
  };
  let isTight = false;
  let converged = false;
  while (!isTight && !converged && maxDelta.length < settings.maxIterations && performance.now() < deadline) {
    const before = dual.bound;
    if (!clusters.sweep() || !dual.sweep()) return impossible();
    upperBounds.push(dual.bound + simplified.logConstant);
    maxDelta.push(before - dual.bound);
    const allowed = settings.tolerance * (1 + Math.abs(dual.bound));
    const stalls = maxDelta.length > 1 && before - dual.bound <= allowed;
    if (stalls || maxDelta.length % SWEEPS_BETWEEN_DECODINGS === 0) decode();
    isTight =
      bestScore > -Infinity && dual.bound + simplified.logConstant - bestScore <= 1e-9 * (1 + Math.abs(bestScore));
    if (stalls && !isTight)
      converged =
        clusters.addFrustrated(Math.min(MAX_ADDED_CYCLES, settings.cycles - clusters.length)) === 0 && !dual.isLate;
  }
  decode();
  const upperBound = Math.max(bestScore, dual.bound + simplified.logConstant);
  return {
    ...{
      method,
      bound: "none",
      map: { states: best!, score: bestScore, upperBound: isTight ? bestScore : upperBound },
    },
    ...{ converged: converged || isTight, iterations: maxDelta.length, maxDelta, upperBounds },
    seconds: secondsSoFar(),
  };
}

export const mplpMethod = defineMethod({
  name: "mplp",
  summary: "upper bound on the best score by dual decomposition, and a decoded state",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options) => mplp(model, options),
});
