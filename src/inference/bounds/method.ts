/**
 * bounds[lower=factorised,upper=refined,exactWidth=12,seconds=5]: guaranteed intervals on ln Z and on every marginal,
 * as a method.
 *
 * Pairwise binary models go to the recursions. Of other factor graphs, what zeros rule out is removed first
 * (simplify.ts), which leaves a pairwise binary model more often than one thinks; else a graph of treewidth <=
 * exactWidth is answered by a junction tree. What is neither is refused.
 */
import { z } from "zod";
import { pairwiseBinaryObstacle, toFactorGraph, toPairwiseBinary } from "../../graph/convert.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { eliminationOrder, TreewidthError } from "../exact/elimination-order.ts";
import { junctionTree } from "../exact/junction-tree.ts";
import { ANY_MODEL_IN_WORDS, canBeFactorGraph, isFactorGraph, type AnyModel } from "../exact/model.ts";
import { originalVariableMarginals, simplify, type SimplifiedGraph } from "../exact/simplify.ts";
import { defineMethod, parseOptions } from "../method.ts";
import { Marginals, secondsSince, type InferenceResult } from "../result.ts";
import { bracket, bracketOptions } from "./bracket.ts";
import { marginalIntervals } from "./intervals.ts";

const optionSchema = z.object({
  ...bracketOptions,
  marginals: z.boolean().default(true).describe("also intervals on every marginal, not on ln Z alone"),
});
export type BoundsOptions = z.input<typeof optionSchema>;

/**
 * Intervals on ln Z and, unless marginals=false, on all marginals. `bound` is "interval", or "exact" with point answers
 * beside the intervals when a junction tree could do everything.
 * @throws RangeError for unknown options, or a factor graph that has no exact reduction to a pairwise binary model.
 */
export function inferBounds(
  model: AnyModel,
  raw: BoundsOptions = {},
  { random = Random.fromSeed(0) }: { random?: Random } = {},
): InferenceResult {
  const started = performance.now();
  const { marginals, ...settings } = parseOptions("bounds", optionSchema, raw);
  const answer = answerOf(model, { ...settings, random }, marginals);
  const seconds = secondsSince(started);
  return { method: "bounds", ...answer, converged: true, iterations: 1, maxDelta: [], seconds };
}

type Answer = Pick<InferenceResult, "bound" | "logZ" | "logZInterval" | "marginals" | "marginalIntervals">;
type Settings = Omit<z.output<typeof optionSchema>, "marginals"> & { readonly random: Random };

/** Chooses the way: nothing is possible, recursions, or a junction tree. */
function answerOf(model: AnyModel, settings: Settings, withMarginals: boolean): Answer {
  const simplified = simplify(isFactorGraph(model) ? model : toFactorGraph(model));
  if (!simplified.possible) return { bound: "exact", logZ: -Infinity, logZInterval: [-Infinity, -Infinity] };
  const pairwise = toPairwiseBinary(simplified.graph);
  if (!pairwise) {
    refuseIfTooWide(simplified.graph, settings.exactWidth);
    return exactAnswer(model, withMarginals);
  }
  return withMarginals
    ? marginalAnswer(pairwise, simplified, settings)
    : bracketAnswer(pairwise, simplified.logConstant, settings);
}

/** @throws RangeError when a junction tree of `graph`, which is not pairwise and binary, is wider than `exactWidth`. */
function refuseIfTooWide(graph: FactorGraph, exactWidth: number): void {
  const width = widthOf(graph);
  if (width > exactWidth)
    throw new RangeError(
      `bounds takes pairwise binary models, and here ${pairwiseBinaryObstacle(graph)} (after removing what zeros rule out). ` +
        `Its treewidth, ${width} by the best order found, is beyond exactWidth=${exactWidth}, so it cannot be done ` +
        "exactly either. Use junction-tree, trbp (an upper bound) or bp",
    );
}

/** Points instead of intervals, by a junction tree. */
function exactAnswer(model: AnyModel, withMarginals: boolean): Answer {
  const exact = junctionTree(model, { map: false });
  const logZ = exact.logZ!;
  const answer = { bound: "exact", logZ, logZInterval: [logZ, logZ] } as const;
  if (logZ === -Infinity || !withMarginals) return answer;
  const marginals = exact.marginals!;
  return { ...answer, marginals, marginalIntervals: { lower: marginals, upper: marginals } };
}

/** The interval on ln Z alone. */
function bracketAnswer(pairwise: PairwiseBinaryModel, shift: number, settings: Settings): Answer {
  const { lower, upper, isExact } = bracket(pairwise, settings);
  return {
    bound: isExact ? "exact" : "interval",
    ...(isExact && { logZ: (lower + upper) / 2 + shift }),
    logZInterval: [lower + shift, upper + shift],
  };
}

/** Intervals on ln Z and on the marginals of all variables, those that zeros fix included. */
function marginalAnswer(pairwise: PairwiseBinaryModel, simplified: SimplifiedGraph, settings: Settings): Answer {
  const shift = simplified.logConstant;
  const { lower, upper, logZ, isExact } = marginalIntervals(pairwise, settings);
  const ofOriginal = (marginals: Marginals) => originalVariableMarginals(simplified, marginals);
  const middle = () => Marginals.binary(lower.map((value, i) => (value + upper[i]) / 2));
  return {
    bound: isExact ? "exact" : "interval",
    ...(isExact && { logZ: (logZ[0] + logZ[1]) / 2 + shift, marginals: ofOriginal(middle()) }),
    logZInterval: [logZ[0] + shift, logZ[1] + shift],
    marginalIntervals: {
      lower: ofOriginal(intervalEnds(upper, lower)),
      upper: ofOriginal(intervalEnds(lower, upper)),
    },
  };
}

/** One end of the intervals on p(S_i = 0) and p(S_i = 1), from the ends on p(S_i = 1) that they come from. */
function intervalEnds(ofZero: Float64Array, ofOne: Float64Array): Marginals {
  const ends = Marginals.binary(ofOne);
  ofZero.forEach((value, i) => (ends.values[2 * i] = 1 - value));
  return ends;
}

/** Treewidth by the best order found, or a lower bound where the search gives up. */
function widthOf(graph: FactorGraph): number {
  try {
    return Math.ceil(eliminationOrder(graph).log2LargestSize) - 1;
  } catch (error) {
    if (error instanceof TreewidthError) return Math.floor(error.log2Entries);
    throw error;
  }
}

export const boundsMethod = defineMethod({
  name: "bounds",
  summary: "guaranteed intervals on ln Z and all marginals: recursive bounds with a junction tree at the end, anytime",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: `${ANY_MODEL_IN_WORDS}, if binary and pairwise or of small treewidth`,
  infer: inferBounds,
});
