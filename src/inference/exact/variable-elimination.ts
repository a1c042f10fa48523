/**
 * Variable elimination: ln Z by summing, or a most probable state by maximising, one variable after the other (Dechter
 * 1999, "bucket elimination").
 *
 * Messages are dropped once used, so it needs far less memory than a junction tree; marginals are what it cannot give.
 */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import { secondsSince, type InferenceResult } from "../result.ts";
import { exactAnswer } from "./conditioning.ts";
import { planOptions } from "./plan.ts";
import { ANY_MODEL_IN_WORDS, asFactorGraph, canBeFactorGraph, type AnyModel } from "./model.ts";

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
  const wanted = { logZ: parsed.task !== "max", marginals: false, map: parsed.task !== "sum" };
  const answer = exactAnswer(asFactorGraph(model), wanted, parsed, random);
  return {
    method: formatMethod("variable-elimination", optionSchema, parsed),
    bound: "exact",
    ...answer,
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: secondsSince(started),
  };
}

export const variableElimination = defineMethod({
  name: "variable-elimination",
  summary: "exact ln Z or MAP, variable by variable; needs less memory than a junction tree, gives no marginals",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: eliminateVariables,
});
