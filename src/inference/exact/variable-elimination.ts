/**
 * Variable elimination: ln Z by summing, or a most probable state by maximising, one variable after the other (Dechter 1999, "bucket elimination").
 *
 * Messages are dropped once used, so it needs far less memory than a junction tree; marginals are what it cannot give.
 */
import { z } from "zod";
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import type { InferenceResult } from "../result.ts";
import { maxElimination } from "./max-elimination.ts";
import { planElimination, planOptions } from "./plan.ts";
import { originalStates } from "./simplify.ts";
import { SumElimination } from "./sum-elimination.ts";
import { anyModelInWords, asFactorGraph, canBeFactorGraph, type AnyModel } from "./model.ts";

const optionSchema = z.object({
  task: z.enum(["sum", "max", "both"]).default("sum").describe("ln Z, a most probable state, or both"),
  ...planOptions,
});

export type VariableEliminationOptions = z.input<typeof optionSchema>;

/**
 * ln Z (task=sum), a most probable state with its certificate (task=max), or both.
 * @throws TreewidthError when the tables would not fit into options.memory.
 */
export function eliminateVariables(
  model: AnyModel,
  options: VariableEliminationOptions = {},
  { random = Random.fromSeed(0) }: { random?: Random } = {},
): InferenceResult {
  const parsed = parseOptions("variable-elimination", optionSchema, options);
  const started = performance.now();
  const graph = asFactorGraph(model);
  const answer = eliminate(graph, parsed, random);
  return {
    method: formatMethod("variable-elimination", optionSchema, parsed),
    bound: "exact",
    ...answer,
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: (performance.now() - started) / 1000,
  };
}

function eliminate(
  graph: FactorGraph,
  options: z.output<typeof optionSchema>,
  random: Random,
): Pick<InferenceResult, "logZ" | "map"> {
  const plan = planElimination(graph, options.task === "sum" ? "nothing" : "argmaxes", options, random);
  if (!plan) return { logZ: -Infinity };
  const { simplified, tree } = plan;
  const logZ = options.task === "max" ? undefined : new SumElimination(tree, false).logZ + simplified.logConstant;
  if (options.task === "sum" || logZ === -Infinity) return { logZ };
  const { states } = maxElimination(tree);
  if (!states) return { logZ: -Infinity };
  const best = originalStates(simplified, states);
  const score = logScore(graph, best);
  return { ...(logZ !== undefined && { logZ }), map: { states: best, score, upperBound: score } };
}

export const variableElimination = defineMethod({
  name: "variable-elimination",
  summary: "exact ln Z or MAP, variable by variable; needs less memory than a junction tree, gives no marginals",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: anyModelInWords,
  infer: eliminateVariables,
});
