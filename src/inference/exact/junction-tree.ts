/**
 * Junction tree: ln Z, all marginals of variables and factors, and MAP, exactly (Lauritzen & Spiegelhalter 1988).
 *
 * The cliques are those of the best elimination order found; messages go to the roots (sum-elimination.ts), marginals come back.
 * When Z = 0 there are no marginals and no MAP, and ln Z = -Infinity.
 */
import { z } from "zod";
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { restrictionIndices, type BucketTree } from "./bucket-tree.ts";
import { maxElimination } from "./max-elimination.ts";
import { anyModelInWords, asFactorGraph, canBeFactorGraph, isFactorGraph, type AnyModel } from "./model.ts";
import { planElimination, planOptions } from "./plan.ts";
import { originalFactorMarginals, originalStates, originalVariableMarginals } from "./simplify.ts";
import { SumElimination } from "./sum-elimination.ts";

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
  const { factorMarginals, ...answer } = inferOnTree(asFactorGraph(model), parsed, random);
  return {
    method: formatMethod("junction-tree", optionSchema, parsed),
    bound: "exact",
    ...answer,
    ...(factorMarginals && {
      factorMarginals: isFactorGraph(model) ? factorMarginals : edgesOf(model, factorMarginals),
    }),
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: (performance.now() - started) / 1000,
  };
}

/** A pairwise model's factors are its edges: those stand first. */
function edgesOf({ numEdges }: PairwiseBinaryModel, { values, offsets }: Marginals): Marginals {
  return new Marginals(values.slice(0, 4 * numEdges), offsets.slice(0, numEdges + 1));
}

function inferOnTree(
  graph: FactorGraph,
  options: z.output<typeof optionSchema>,
  random: Random,
): Pick<InferenceResult, "logZ" | "marginals" | "factorMarginals" | "map"> {
  const plan = planElimination(graph, "messages", options, random);
  if (!plan) return { logZ: -Infinity };
  const { simplified, tree } = plan;
  const sum = new SumElimination(tree, true);
  if (sum.logZ === -Infinity) return { logZ: -Infinity };
  const { variables, factors } = marginalsOf(simplified.graph, tree, sum);
  const answer = {
    logZ: sum.logZ + simplified.logConstant,
    marginals: originalVariableMarginals(simplified, variables),
    factorMarginals: originalFactorMarginals(simplified, factors),
  };
  const states = options.map ? maxElimination(tree).states : undefined;
  if (!states) return answer;
  const best = originalStates(simplified, states);
  const score = logScore(graph, best);
  return { ...answer, map: { states: best, score, upperBound: score } };
}

function marginalsOf(
  graph: FactorGraph,
  tree: BucketTree,
  sum: SumElimination,
): { variables: Marginals; factors: Marginals } {
  const offsets = new Int32Array(graph.numVariables + 1);
  for (let i = 0; i < graph.numVariables; i++) offsets[i + 1] = offsets[i] + graph.cardinalities[i];
  const variables = new Marginals(new Float64Array(offsets[graph.numVariables]), offsets);
  const factors = new Marginals(new Float64Array(graph.logPotentials.length), Int32Array.from(graph.tableOffsets));
  sum.distribute((variable, marginal, localMarginals) => {
    variables.of(variable).set(marginal);
    tree.buckets[variable].locals.forEach((local, k) => {
      const joint = localMarginals[k];
      for (const factor of local.factors) {
        const scope = graph.scopes.subarray(graph.scopeOffsets[factor], graph.scopeOffsets[factor + 1]);
        const indices = restrictionIndices(local.scope, scope, graph.cardinalities);
        const into = factors.of(factor);
        for (let index = 0; index < joint.length; index++) into[indices[index]] += joint[index];
      }
    });
  });
  return { variables, factors };
}

export const junctionTreeMethod = defineMethod({
  name: "junction-tree",
  summary: "exact ln Z, all marginals and MAP when the graph is sparse enough",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: anyModelInWords,
  infer: junctionTree,
});
