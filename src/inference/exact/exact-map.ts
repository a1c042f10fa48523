/**
 * MAP with certificate by whatever is cheaper: variable elimination where its tables are small, branch and bound
 * elsewhere.
 *
 * Between the two lie graphs that elimination solves in minutes and branch and bound in an instant or never. There
 * branch and bound gets as long as elimination would take, which is then tried: never more than about twice the time of
 * the better one.
 */
import { z } from "zod";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import { secondsSince, type InferenceResult } from "../result.ts";
import { branchAndBound } from "./branch-and-bound.ts";
import { exactAnswer } from "./conditioning.ts";
import { isLargeForest } from "./forest-answer.ts";
import { TreewidthError } from "./elimination-order.ts";
import { firstIncumbent } from "./incumbent.ts";
import { ANY_MODEL_IN_WORDS, asFactorGraph, canBeFactorGraph, type AnyModel } from "./model.ts";
import { planElimination, planOptions, planOptionsSchema, type PlanOptions } from "./plan.ts";
import { simplify } from "./simplify.ts";

const optionSchema = z.object({
  seconds: z.number().positive().optional().describe("time limit; then the best state and bound so far"),
  memory: planOptions.memory,
});

export type ExactMapOptions = z.input<typeof optionSchema>;

/** Table entries that elimination computes in a second, roughly. */
const ENTRIES_PER_SECOND = 2 ** 28;
/** log2 of the table entries that elimination with conditioning may compute in all. */
const LOG2_MAX_WORK_ENTRIES = 36;

/**
 * A most probable state; `map.upperBound` equals `map.score` when it is proven optimal, which `converged` says too,
 * unless the time limit has come first. When no state is possible, logZ is -Infinity and there is no map.
 */
export function exactMap(
  model: AnyModel,
  options: ExactMapOptions = {},
  { random = Random.fromSeed(0), report }: InferenceContext = {},
): InferenceResult {
  const parsed = parseOptions("exact-map", optionSchema, options);
  const started = performance.now();
  const secondsGone = (): number => secondsSince(started);
  const method = formatMethod("exact-map", optionSchema, parsed);
  const graph = asFactorGraph(model);
  if (report) {
    // Planning alone can outlast a time limit on large graphs.
    const deadline = started + 1000 * (parsed.seconds ?? Infinity);
    const map = firstIncumbent(graph, { random: random.split("first"), deadline });
    report({ method, bound: "none", map, converged: false, iterations: 0, maxDelta: [], seconds: secondsGone() });
  }
  const settings = { ...planOptionsSchema.parse({}), memory: parsed.memory, orderings: 50 };
  const secondsOfElimination = estimatedSeconds(graph, settings, random);
  const left = (): number => Math.max(1e-3, (parsed.seconds ?? Infinity) - secondsGone());
  const isEliminationLast = secondsOfElimination > 1 && 2 * secondsOfElimination < left();
  let searched: InferenceResult | undefined;
  if (secondsOfElimination > 1) {
    const seconds = isEliminationLast ? secondsOfElimination : left();
    const limit = Number.isFinite(seconds) ? { seconds } : {};
    const answer = branchAndBound(graph, { ...limit, elimination: ENTRIES_PER_SECOND }, { random, report });
    searched = { ...answer, method, seconds: secondsGone() };
    if (answer.converged || !isEliminationLast) return searched;
  }
  try {
    const answer = exactAnswer(graph, { logZ: false, marginals: false, map: true }, settings, random);
    return { method, bound: "exact", ...answer, converged: true, iterations: 1, maxDelta: [], seconds: secondsGone() };
  } catch (error) {
    if (error instanceof TreewidthError && searched) return searched;
    throw error;
  }
}

/** How long elimination will take, Infinity where it is out of reach. */
function estimatedSeconds(graph: FactorGraph, settings: PlanOptions, random: Random): number {
  if (isLargeForest(graph)) return 0;
  const simplified = simplify(graph);
  if (!simplified.possible) return 0;
  try {
    const { fits, order } = planElimination(simplified.graph, "argmaxes", settings, random);
    if (!fits && order.log2TotalSize > LOG2_MAX_WORK_ENTRIES) return Infinity;
    return 2 ** order.log2TotalSize / ENTRIES_PER_SECOND;
  } catch (error) {
    if (error instanceof TreewidthError) return Infinity;
    throw error;
  }
}

export const exactMapMethod = defineMethod({
  name: "exact-map",
  summary: "MAP with certificate: variable elimination where that is cheap, else branch and bound",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: exactMap,
});
