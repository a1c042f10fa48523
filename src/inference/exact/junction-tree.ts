/**
 * Junction tree: ln Z, all marginals of variables and factors, and MAP, exactly (Lauritzen & Spiegelhalter 1988).
 *
 * The cliques are those of the best elimination order found; messages go to the roots (sum-elimination.ts), marginals
 * come back. When Z = 0 there are no marginals and no MAP, and ln Z = -Infinity.
 */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import { secondsSince, type InferenceResult } from "../result.ts";
import { exactAnswer } from "./conditioning.ts";
import {
  ANY_MODEL_IN_WORDS,
  asFactorGraph,
  canBeFactorGraph,
  edgeMarginals,
  isFactorGraph,
  type AnyModel,
} from "./model.ts";
import { planOptions } from "./plan.ts";

const optionSchema = z.object({
  map: z.boolean().default(true).describe("also find a most probable state"),
  ...planOptions,
});

export type JunctionTreeOptions = z.input<typeof optionSchema>;

/**
 * ln Z, all marginals, and a most probable state with its certificate.
 * @throws TreewidthError when the tables would not fit into options.memory.
 */
export function junctionTree(
  model: AnyModel,
  options: JunctionTreeOptions = {},
  { random = Random.fromSeed(0) }: { random?: Random } = {},
): InferenceResult {
  const parsed = parseOptions("junction-tree", optionSchema, options);
  const started = performance.now();
  const wanted = { logZ: true, marginals: true, map: parsed.map };
  const { factorMarginals, ...answer } = exactAnswer(asFactorGraph(model), wanted, parsed, random);
  return {
    method: formatMethod("junction-tree", optionSchema, parsed),
    bound: "exact",
    ...answer,
    ...(factorMarginals && {
      factorMarginals: isFactorGraph(model) ? factorMarginals : edgeMarginals(model, factorMarginals),
    }),
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: secondsSince(started),
  };
}

export const junctionTreeMethod = defineMethod({
  name: "junction-tree",
  summary: "exact ln Z, all marginals and MAP when the graph is sparse enough",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: junctionTree,
});
