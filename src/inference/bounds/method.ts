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
import { Random } from "../../graph/random.ts";
import { eliminationOrder, TreewidthError } from "../exact/elimination-order.ts";
import { junctionTree } from "../exact/junction-tree.ts";
import { ANY_MODEL_IN_WORDS, canBeFactorGraph, isFactorGraph, type AnyModel } from "../exact/model.ts";
import { originalVariableMarginals, simplify } from "../exact/simplify.ts";
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
  const done = (
    answer: Pick<InferenceResult, "bound" | "logZ" | "logZInterval" | "marginals" | "marginalIntervals">,
  ): InferenceResult => ({
    method: "bounds",
    ...answer,
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: secondsSince(started),
  });
  const simplified = simplify(isFactorGraph(model) ? model : toFactorGraph(model));
  if (!simplified.possible) return done({ bound: "exact", logZ: -Infinity, logZInterval: [-Infinity, -Infinity] });
  const pairwise = toPairwiseBinary(simplified.graph);
  if (!pairwise) {
    const obstacle = pairwiseBinaryObstacle(simplified.graph);
    const width = widthOf(simplified.graph);
    if (width > settings.exactWidth)
      throw new RangeError(
        `bounds takes pairwise binary models, and here ${obstacle} (after removing what zeros rule out). Its treewidth, ` +
          `${width} by the best order found, is beyond exactWidth=${settings.exactWidth}, so it cannot be done exactly either. ` +
          "Use junction-tree, trbp (an upper bound) or bp",
      );
    const exact = junctionTree(model, { map: false });
    const logZ = exact.logZ!;
    if (logZ === -Infinity) return done({ bound: "exact", logZ, logZInterval: [logZ, logZ] });
    return done({
      bound: "exact",
      logZ,
      logZInterval: [logZ, logZ],
      ...(marginals && {
        marginals: exact.marginals!,
        marginalIntervals: { lower: exact.marginals!, upper: exact.marginals! },
      }),
    });
  }
  const shift = simplified.logConstant;
  if (!marginals) {
    const { lower, upper, isExact } = bracket(pairwise, { ...settings, random });
    return done({
      bound: isExact ? "exact" : "interval",
      ...(isExact && { logZ: (lower + upper) / 2 + shift }),
      logZInterval: [lower + shift, upper + shift],
    });
  }
  const { lower, upper, logZ, isExact } = marginalIntervals(pairwise, { ...settings, random });
  const [low, high] = [
    [upper, lower],
    [lower, upper],
  ].map(([ofZero, ofOne]) => originalVariableMarginals(simplified, intervalEnds(ofZero, ofOne)));
  return done({
    bound: isExact ? "exact" : "interval",
    ...(isExact && {
      logZ: (logZ[0] + logZ[1]) / 2 + shift,
      marginals: originalVariableMarginals(
        simplified,
        Marginals.binary(lower.map((value, i) => (value + upper[i]) / 2)),
      ),
    }),
    logZInterval: [logZ[0] + shift, logZ[1] + shift],
    marginalIntervals: { lower: low, upper: high },
  });
}

/** One end of the intervals on p(S_i = 0) and p(S_i = 1), from the ends on p(S_i = 1) that they come from. */
function intervalEnds(ofZero: Float64Array, ofOne: Float64Array): Marginals {
  const ends = Marginals.binary(ofOne);
  ofZero.forEach((value, i) => (ends.values[2 * i] = 1 - value));
  return ends;
}

function widthOf(graph: Parameters<typeof eliminationOrder>[0]): number {
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
