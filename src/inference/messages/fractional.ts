/**
 * Fractional belief propagation (Wiegerinck & Heskes 2003): Bethe's free energy with a counting number c_f for each
 * factor's entropy,
 *
 *   ln Z ~ sum_f [ <theta_f> + c_f H(b_f) ] + sum_i (1 - sum_{f in N(i)} c_f) H(b_i),
 *
 * whose fixed points the messages of log-messages.ts reach. c = 1 is belief propagation, c_ij = rho_ij tree-reweighted
 * belief propagation. Smaller c count a factor's correlations less; "convex" takes the largest equal-split numbers that
 * make the free energy provably convex, so that its fixed point is unique:  c_f = min(1, min_{i in f} 1 / sum_{g in
 * N(i)} (1 - 1 / |g|)),  for then each negative variable entropy can be paired with shares c_f / |f| of its factors'
 * entropies (Heskes 2006, Theorem 3.1). Factors of one variable always have c = 1.
 */
import { z } from "zod";
import { isForest } from "../../graph/components.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { toIsing, type IsingModel, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { isAttractive, isLogSupermodular } from "./attractive.ts";
import {
  atTemperature,
  DISCRETE_MODELS,
  isDiscreteModel,
  isFactorGraph,
  withoutBeliefs,
  type Answer,
} from "./belief-propagation.ts";
import { decodePairwiseStates, decodeStates } from "./decode.ts";
import { beliefsOf, betheLogZ, evenOffsets, variableOffsetsOf } from "./free-energy.ts";
import { LogMessages } from "./log-messages.ts";
import { pairwiseBeliefs } from "./pairwise-free-energy.ts";
import { PairwiseLogMessages } from "./pairwise-log-messages.ts";
import { atFixedPoint, messageOptions, onForest, runSchedule } from "./schedule.ts";

const schema = z.object({
  countingNumbers: z
    .union([z.literal("convex"), z.number().gt(0), z.array(z.number().gt(0))])
    .default(1)
    .describe("c of every factor with two or more variables: one number, one a factor, or convex"),
  temperature: z.number().min(0).default(1).describe("1: sum-product, 0: max-product"),
  ...messageOptions,
});

export type FractionalOptions = z.input<typeof schema>;
type Settings = z.output<typeof schema>;

/**
 * Fractional belief propagation on factors of any size. Its ln Z is an estimate; with c = 1 it is Bethe's, and a bound
 * where that is one.
 * @throws RangeError for a wrong option or number of counting numbers, and for schedule=tree on a graph with cycles.
 */
export function fractionalBeliefPropagation(
  model: FactorGraph | PairwiseBinaryModel,
  options: FractionalOptions = {},
  { random = Random.fromSeed(0) }: InferenceContext = {},
): InferenceResult {
  const settings = parseOptions("fractional-bp", schema, options);
  const started = performance.now();
  const answer = isFactorGraph(model)
    ? onFactorGraph(model, settings, random.split("schedule"))
    : onPairwise(toIsing(model), settings, random.split("schedule"));
  const method = formatMethod("fractional-bp", schema, settings);
  return { method, ...answer, seconds: (performance.now() - started) / 1000 };
}

function onFactorGraph(graph: FactorGraph, settings: Settings, random: Random): Answer {
  const { numFactors, scopeOffsets, scopes } = graph;
  const isMax = settings.temperature === 0;
  const arities = Int32Array.from(
    { length: numFactors },
    (_, factor) => scopeOffsets[factor + 1] - scopeOffsets[factor],
  );
  const countingNumbers = numbersFor(settings.countingNumbers, arities, (visit) => {
    for (let edge = 0; edge < scopes.length; edge++) visit(graph.edgeFactors[edge], scopes[edge]);
  }, graph.numVariables); // prettier-ignore
  const scaled = atTemperature(graph, settings.temperature);
  const semiring = isMax ? "max" : "sum";
  const isExact = countingNumbers.every((number) => number === 1) && isForest(graph);
  const schedule = onForest(settings, isExact);
  let kernel = new LogMessages(scaled, { ...settings, semiring, countingNumbers });
  const convergence = runSchedule(kernel, schedule, random);
  if (isExact && convergence.converged)
    kernel = atFixedPoint(
      kernel,
      schedule,
      () => new LogMessages(scaled, { ...settings, semiring, countingNumbers, damping: 0 }),
    );
  const beliefs = kernel.stopped ? undefined : beliefsOf(scaled, kernel.factorToVariable, countingNumbers);
  const estimate = beliefs ? settings.temperature * betheLogZ(scaled, beliefs, countingNumbers) : NaN;
  if (!beliefs || !Number.isFinite(estimate)) return withoutBeliefs(graph, convergence);
  const marginals = new Marginals(beliefs.variables, variableOffsetsOf(graph.cardinalities));
  const factorMarginals = new Marginals(beliefs.factors, Int32Array.from(graph.tableOffsets));
  if (isMax) {
    const map = decodeStates(graph, kernel.poweredMessages(), false);
    return { bound: "none", marginals, factorMarginals, map, ...convergence };
  }
  const isBethe =
    convergence.converged && settings.temperature === 1 && countingNumbers.every((number) => number === 1);
  const bound = !isBethe ? "none" : isExact ? "exact" : isLogSupermodular(graph) ? "lower" : "none";
  return { logZ: estimate, bound, marginals, factorMarginals, ...convergence };
}

function onPairwise(model: IsingModel, settings: Settings, random: Random): Answer {
  const { numVariables, numEdges, edgeSources, edgeTargets } = model;
  const isMax = settings.temperature === 0;
  const countingNumbers = numbersFor(settings.countingNumbers, new Int32Array(numEdges).fill(2), (visit) => {
    for (let edge = 0; edge < numEdges; edge++) {
      visit(edge, edgeSources[edge]);
      visit(edge, edgeTargets[edge]);
    }
  }, numVariables); // prettier-ignore
  const scaled = atTemperature(model, settings.temperature);
  const semiring = isMax ? "max" : "sum";
  const isExact = countingNumbers.every((number) => number === 1) && isForest(model);
  const schedule = onForest(settings, isExact);
  let kernel = new PairwiseLogMessages(scaled, { ...settings, semiring, countingNumbers });
  const convergence = runSchedule(kernel, schedule, random);
  if (isExact && convergence.converged)
    kernel = atFixedPoint(
      kernel,
      schedule,
      () => new PairwiseLogMessages(scaled, { ...settings, semiring, countingNumbers, damping: 0 }),
    );
  const beliefs = pairwiseBeliefs(scaled, kernel.logRatios(), countingNumbers);
  if (!Number.isFinite(beliefs.logZ)) return withoutBeliefs(undefined, convergence);
  const marginals = new Marginals(beliefs.variables, evenOffsets(numVariables, 2));
  const factorMarginals = new Marginals(beliefs.edges, evenOffsets(numEdges, 4));
  if (isMax) {
    const map = decodePairwiseStates(model, kernel.poweredMessages(), false);
    return { bound: "none", marginals, factorMarginals, map, ...convergence };
  }
  const logZ = settings.temperature * beliefs.logZ;
  const isBethe =
    convergence.converged && settings.temperature === 1 && countingNumbers.every((number) => number === 1);
  const bound = !isBethe ? "none" : isExact ? "exact" : isAttractive(model) ? "lower" : "none";
  return { logZ, bound, marginals, factorMarginals, ...convergence };
}

/**
 * Float64Array[numFactors]: c_f.
 * @param visitEdges calls its argument with (factor, variable) for every variable of every factor.
 */
function numbersFor(
  wanted: Settings["countingNumbers"],
  arities: Int32Array,
  visitEdges: (visit: (factor: number, variable: number) => void) => void,
  numVariables: number,
): Float64Array {
  const numFactors = arities.length;
  if (Array.isArray(wanted)) {
    if (wanted.length !== numFactors)
      throw new RangeError(
        `fractional-bp: got ${wanted.length} counting numbers, expected one for each of ${numFactors} factors`,
      );
    return Float64Array.from(wanted, (number, factor) => (arities[factor] < 2 ? 1 : number));
  }
  if (wanted !== "convex") return Float64Array.from(arities, (arity) => (arity < 2 ? 1 : wanted));
  const load = new Float64Array(numVariables);
  visitEdges((factor, variable) => (load[variable] += 1 - 1 / arities[factor]));
  const numbers = new Float64Array(numFactors).fill(1);
  visitEdges((factor, variable) => {
    if (arities[factor] > 1) numbers[factor] = Math.min(numbers[factor], 1 / load[variable]);
  });
  return numbers;
}

export const fractionalBp = defineMethod({
  name: "fractional-bp",
  summary: "belief propagation with counting numbers for factor entropies; convex numbers have one fixed point",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options, context) => fractionalBeliefPropagation(model, options, context),
});
