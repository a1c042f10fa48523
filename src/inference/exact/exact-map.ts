/** MAP with certificate by whatever is cheaper: variable elimination where its tables are small, branch and bound elsewhere. */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import type { InferenceResult } from "../result.ts";
import { branchAndBound } from "./branch-and-bound.ts";
import { exactAnswer } from "./conditioning.ts";
import { TreewidthError } from "./elimination-order.ts";
import { anyModelInWords, asFactorGraph, canBeFactorGraph, type AnyModel } from "./model.ts";
import { planElimination, planOptions, planOptionsSchema } from "./plan.ts";
import { simplify } from "./simplify.ts";

const optionSchema = z.object({
  seconds: z.number().positive().optional().describe("time limit; then the best state and bound so far"),
  memory: planOptions.memory,
});

export type ExactMapOptions = z.input<typeof optionSchema>;

/** log2 of the table entries that take elimination about a second. */
const log2Quick = 28;

/** A most probable state: see `branchAndBound`. */
export function exactMap(
  model: AnyModel,
  options: ExactMapOptions = {},
  { random = Random.fromSeed(0) }: { random?: Random } = {},
): InferenceResult {
  const parsed = parseOptions("exact-map", optionSchema, options);
  const started = performance.now();
  const method = formatMethod("exact-map", optionSchema, parsed);
  const graph = asFactorGraph(model);
  const settings = { ...planOptionsSchema.parse({}), memory: parsed.memory, orderings: 50 };
  if (isQuick()) {
    const answer = exactAnswer(graph, { logZ: false, marginals: false, map: true }, settings, random);
    const seconds = (performance.now() - started) / 1000;
    return { method, bound: "exact", ...answer, converged: true, iterations: 1, maxDelta: [], seconds };
  }
  const left = parsed.seconds && Math.max(1e-3, parsed.seconds - (performance.now() - started) / 1000);
  const answer = branchAndBound(graph, { seconds: left, elimination: 2 ** log2Quick }, { random });
  return { ...answer, method, seconds: (performance.now() - started) / 1000 };

  function isQuick(): boolean {
    const simplified = simplify(graph);
    if (!simplified.possible) return true;
    try {
      const { fits, order } = planElimination(simplified.graph, "argmaxes", settings, random);
      return fits && order.log2TotalSize <= log2Quick;
    } catch (error) {
      if (error instanceof TreewidthError) return false;
      throw error;
    }
  }
}

export const exactMapMethod = defineMethod({
  name: "exact-map",
  summary: "MAP with certificate: variable elimination where that is cheap, else branch and bound",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: anyModelInWords,
  infer: exactMap,
});
