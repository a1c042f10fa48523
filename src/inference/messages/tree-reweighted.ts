/**
 * Tree-reweighted belief propagation (Wainwright, Jaakkola & Willsky 2005): an upper bound on ln Z from a distribution
 * over spanning trees.
 *
 *   ln Z <= max over locally consistent tau of sum_i [ <theta_i> + H(tau_i) ] + sum_ij [ <theta_ij> - rho_ij I(tau_ij)
 *   ],   rho_ij = P(ij in T)
 *
 * is solved by messages to the power rho (log-messages.ts, pairwise-log-messages.ts). At temperature 0 the same bounds
 * the best score (tree-reweighted max-product, Wainwright, Jaakkola & Willsky 2005b). rho = 1 is plain belief
 * propagation.
 *
 * One difference: the objective is below its maximum until convergence, so its value there is no bound. Instead the
 * dual is evaluated: for any messages,
 *
 *   ln p~(x) = C + sum_i ln tau_i + sum_ij rho_ij ln (tau_ij / tau_i tau_j),      C = sum_i ln Z_i + sum_ij rho_ij (ln
 *   Z_ij - ln Z_i - ln Z_j)
 *   ln Z <= C + sum_ij rho_ij delta_ij,      delta_ij = ln max over both ends and their states of (sum_{x_j} tau_ij) /
 *   tau_i  >= 0
 *
 * by Hoelder's inequality over the trees, and as a tree rooted anywhere sums out to at most prod exp(delta). So ln Z is
 * an upper bound at every iteration, as long as rho lies in the spanning-tree polytope; at a fixed point delta = 0 and
 * it equals the objective.
 */
import { z } from "zod";
import { isForest } from "../../graph/components.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import type { Topology } from "../../graph/topology.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import type { InferenceResult } from "../result.ts";
import { DISCRETE_MODELS, isDiscreteModel, isFactorGraph, withoutBeliefs } from "./belief-propagation.ts";
import { MAX_INVERSE_NODES, maximumSpanningForest, uniformEdgeProbabilities } from "./edge-appearance.ts";
import { messageOptions } from "./schedule.ts";
import { treeReweightedProblem, type Problem, type Solution } from "./tree-reweighted-problem.ts";

const schema = z.object({
  edgeProbabilities: z
    .union([z.enum(["uniform", "optimised"]), z.number().gt(0).max(1), z.array(z.number().gt(0).max(1))])
    .default("uniform")
    .describe("rho: of uniform spanning trees, optimised, one number, or one an edge"),
  steps: z.int().min(1).default(20).describe("conditional gradient steps at most, for optimised"),
  temperature: z.number().min(0).default(1).describe("1: ln Z, 0: max-product"),
  ...messageOptions,
});

export type TreeReweightedOptions = z.input<typeof schema>;

export interface TreeReweightedResult extends InferenceResult {
  /** Float64Array[numEdges]: rho of each edge of the model, for a factor graph of each pair in lexicographic order. */
  readonly edgeProbabilities?: Float64Array;
}

/**
 * Tree-reweighted belief propagation on a model whose factors have at most two variables, of any cardinality.
 * `logZ` is an upper bound (see above) for edgeProbabilities uniform and optimised, and for given numbers where they
 * are seen to lie in the polytope: none above the uniform ones. At temperature 0 the answer is `map`, its upperBound
 * under the same condition.
 * @throws RangeError naming a factor of more than two variables; for a wrong number of edge probabilities.
 */
export function treeReweighted(
  model: FactorGraph | PairwiseBinaryModel,
  options: TreeReweightedOptions = {},
  { random = Random.fromSeed(0) }: InferenceContext = {},
): TreeReweightedResult {
  const settings = parseOptions("trbp", schema, options);
  const started = performance.now();
  const problem = treeReweightedProblem(model, settings, random.split("schedule"));
  const { topology } = problem;
  const numEdges = topology.edges.length / 2;
  const { edgeProbabilities: wanted, temperature } = settings;

  let solution: Solution;
  let isBound = true;
  if (wanted === "uniform") solution = problem.run(uniformEdgeProbabilities(topology, random));
  else if (wanted === "optimised") solution = optimise(problem, settings.steps, random);
  else {
    const given = typeof wanted === "number" ? new Float64Array(numEdges).fill(wanted) : Float64Array.from(wanted);
    if (given.length !== numEdges)
      throw new RangeError(`trbp: got ${given.length} edge probabilities, expected one for each of ${numEdges} edges`);
    isBound = withinTreePolytope(topology, given, random);
    solution = problem.run(given);
  }

  const { convergence, beliefs, edgeProbabilities, value } = solution;
  const common = { method: formatMethod("trbp", schema, settings), edgeProbabilities, ...convergence };
  const seconds = (performance.now() - started) / 1000;
  if (!beliefs) return { ...common, ...withoutBeliefs(isFactorGraph(model) ? model : undefined, convergence), seconds };
  const { marginals, factorMarginals } = beliefs;
  if (temperature === 0) {
    const map = { ...solution.decode(), ...(isBound && { upperBound: value }) };
    return { ...common, bound: "none", marginals, factorMarginals, map, seconds };
  }
  const isExact = convergence.converged && isForest(topology) && edgeProbabilities.every((entry) => entry === 1);
  const bound = temperature !== 1 ? "none" : isExact ? "exact" : isBound && value < Infinity ? "upper" : "none";
  return { ...common, logZ: temperature * value, bound, marginals, factorMarginals, seconds };
}

/**
 * Everything at or below the uniform probabilities is in the polytope of forests, which is what the bound needs. Never
 * says yes wrongly.
 */
function withinTreePolytope(topology: Topology, given: Float64Array, random: Random): boolean {
  if (isForest(topology)) return true;
  if (topology.numNodes > MAX_INVERSE_NODES) return false;
  return uniformEdgeProbabilities(topology, random).every((uniform, edge) => given[edge] <= uniform);
}

/**
 * min over rho of the bound, which is convex in rho with derivative -I(tau_ij): conditional gradient steps towards the
 * spanning tree of largest mutual information (Wainwright, Jaakkola & Willsky 2005, Section V-B). A step is halved
 * until the bound falls.
 */
function optimise(problem: Problem, steps: number, random: Random): Solution {
  const { topology } = problem;
  let best = problem.run(uniformEdgeProbabilities(topology, random));
  let { iterations } = best.convergence;
  const maxDelta = best.convergence.maxDelta.slice();
  for (let step = 0, length = 0.5; step < steps && best.beliefs; step++) {
    const { edgeProbabilities, value } = best;
    const information = best.beliefs.mutualInformation();
    const tree = maximumSpanningForest(topology, information);
    const gap = information.reduce((sum, entry, edge) => sum + entry * (tree[edge] - edgeProbabilities[edge]), 0);
    if (gap <= 1e-6 * (1 + Math.abs(value))) break;
    let found = false;
    for (let halvings = 0; halvings < 6 && !found; halvings++, length /= 2) {
      const trial = problem.run(
        edgeProbabilities.map((probability, edge) => probability + length * (tree[edge] - probability)),
      );
      iterations += trial.convergence.iterations;
      for (const delta of trial.convergence.maxDelta) maxDelta.push(delta);
      found = trial.value < best.value;
      if (found) best = trial;
    }
    if (!found) break;
    length = Math.min(0.5, 4 * length);
  }
  return { ...best, convergence: { ...best.convergence, iterations, maxDelta } };
}

export const trbp = defineMethod({
  name: "trbp",
  summary: "tree-reweighted belief propagation: an upper bound on ln Z for factors of at most two variables",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options, context) => treeReweighted(model, options, context),
});
