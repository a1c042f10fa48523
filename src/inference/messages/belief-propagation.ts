/**
 * Belief propagation: sum-product, max-product and the temperatures between, on factor graphs and on pairwise binary
 * models.
 *
 *   m_{f->i}(x_i) = ( sum over x_f \ x_i of [ psi_f(x_f) prod_{j in f \ i} n_{j->f}(x_j) ]^{1/T} )^T,      n_{i->f} =
 *   prod_{g in N(i) \ f} m_{g->i}
 *
 * T = 1 is sum-product (Kschischang, Frey & Loeliger 2001; Pearl 1988), T -> 0 max-product. For T > 0 that is
 * sum-product on psi^{1/T}, and is run so. On a forest ln Z, marginals and the MAP state are exact; elsewhere ln Z is
 * Bethe's estimate (Yedidia, Freeman & Weiss 2005), which at a fixed point is a lower bound for attractive binary
 * models (attractive.ts).
 *
 * Messages are numbers where their range allows it (pairwise-ratio-, binary-ratio-, product-messages.ts), logs
 * elsewhere. A message without a possible state proves Z = 0: then ln Z is -Infinity, bound "exact", and there are no
 * marginals.
 */
import { z } from "zod";
import { isForest } from "../../graph/components.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { toIsing, type IsingModel, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { hasConsistentStates } from "../exact/simplify.ts";
import { defineMethod, formatMethod, isPairwiseBinaryModel, parseOptions, type InferenceContext } from "../method.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { BinaryRatioMessages, binaryRatiosFit } from "./binary-ratio-messages.ts";
import { isAttractive, isLogSupermodular } from "./attractive.ts";
import { decodePairwiseStates, decodeStates } from "./decode.ts";
import { beliefsOf, betheLogZ, evenOffsets, variableOffsetsOf } from "./free-energy.ts";
import { LogMessages } from "./log-messages.ts";
import { pairwiseBeliefs } from "./pairwise-free-energy.ts";
import { PairwiseLogMessages } from "./pairwise-log-messages.ts";
import { PairwiseRatioMessages, ratiosFit } from "./pairwise-ratio-messages.ts";
import { ProductMessages } from "./product-messages.ts";
import {
  atFixedPoint,
  messageOptions,
  onForest,
  runSchedule,
  type Convergence,
  type DampingOptions,
} from "./schedule.ts";

const maxProductSchema = z.object(messageOptions);
const schema = maxProductSchema.extend({
  temperature: z.number().min(0).default(1).describe("1: sum-product, 0: max-product"),
});

export type BeliefPropagationOptions = z.input<typeof schema>;
export type MaxProductOptions = z.input<typeof maxProductSchema>;
type Settings = z.output<typeof schema>;
/** A result before its name and time are put on. */
export type Answer = Omit<InferenceResult, "method" | "seconds">;

export function isFactorGraph(model: unknown): model is FactorGraph {
  return (model as { kind?: unknown } | null | undefined)?.kind === "factor-graph";
}

export function isDiscreteModel(model: unknown): model is FactorGraph | PairwiseBinaryModel {
  return isFactorGraph(model) || isPairwiseBinaryModel(model);
}

/** What the methods of this folder take, in words. */
export const DISCRETE_MODELS = "a factor graph, a Boltzmann machine or an Ising model";

/**
 * Belief propagation. Variable and factor marginals (of edges for a pairwise model); at temperature 0 max-marginals and
 * a MAP answer instead of ln Z. At another temperature T than 1, logZ estimates T ln sum p~^{1/T}.
 * @throws RangeError for a wrong option, and for schedule=tree on a graph with cycles.
 */
export function beliefPropagation(
  model: FactorGraph | PairwiseBinaryModel,
  options: BeliefPropagationOptions = {},
  context: InferenceContext = {},
): InferenceResult {
  const settings = parseOptions("bp", schema, options);
  return run(model, settings, formatMethod("bp", schema, settings), context);
}

/** Max-product: `beliefPropagation` at temperature 0. */
export function maxProduct(
  model: FactorGraph | PairwiseBinaryModel,
  options: MaxProductOptions = {},
  context: InferenceContext = {},
): InferenceResult {
  const settings = parseOptions("max-product", maxProductSchema, options);
  return run(model, { ...settings, temperature: 0 }, formatMethod("max-product", maxProductSchema, settings), context);
}

function run(
  model: FactorGraph | PairwiseBinaryModel,
  settings: Settings,
  method: string,
  { random = Random.fromSeed(0) }: InferenceContext,
): InferenceResult {
  const started = performance.now();
  const answer = isFactorGraph(model)
    ? onFactorGraph(model, settings, random)
    : onPairwise(toIsing(model), settings, random);
  return { method, ...answer, seconds: (performance.now() - started) / 1000 };
}

/**
 * What is left to say when messages lead to no beliefs: that Z = 0 if the zeros of the potentials prove it, and
 * otherwise that numbers left float64's range, which proves nothing. What zeros prove through messages is arc
 * consistency, no less and no more.
 * @param graph the model as it was given; without one it has no zeros.
 */
export function withoutBeliefs(graph: FactorGraph | undefined, { iterations, maxDelta }: Convergence): Answer {
  return graph && !hasConsistentStates(graph)
    ? impossible(iterations, maxDelta)
    : { bound: "none", converged: false, iterations, maxDelta };
}

/** What a proof of Z = 0 leaves to say. */
export function impossible(iterations: number, maxDelta: readonly number[]): Answer {
  return { logZ: -Infinity, bound: "exact", converged: true, iterations, maxDelta };
}

/** ln psi / T, for T > 0 other than 1; at T = 0 the semiring changes, not the model. */
export function atTemperature<Model extends FactorGraph | IsingModel>(model: Model, temperature: number): Model {
  if (temperature === 0 || temperature === 1) return model;
  const scale = (values: Float64Array): Float64Array => values.map((value) => value / temperature);
  if (isFactorGraph(model)) return { ...model, logPotentials: scale(model.logPotentials) };
  const { biases, weights, logConstant } = model;
  return { ...model, biases: scale(biases), weights: scale(weights), logConstant: logConstant / temperature };
}

/** The fastest messages that a factor graph allows; products may have to be given up on the way (`outOfRange`). */
export function sumProductKernel(
  graph: FactorGraph,
  options: DampingOptions,
): BinaryRatioMessages | ProductMessages | LogMessages {
  return binaryRatiosFit(graph) ? new BinaryRatioMessages(graph, options) : new ProductMessages(graph, options);
}

function onFactorGraph(graph: FactorGraph, settings: Settings, random: Random): Answer {
  const { temperature } = settings;
  const isMax = temperature === 0;
  const scaled = atTemperature(graph, temperature);
  const semiring = isMax ? "max" : "sum";
  const isExact = isForest(graph);
  const schedule = onForest(settings, isExact);
  let kernel = isMax ? new LogMessages(scaled, { semiring, ...settings }) : sumProductKernel(scaled, settings);
  let convergence = runSchedule(kernel, schedule, random.split("schedule"));
  if (kernel instanceof ProductMessages && kernel.outOfRange) {
    kernel = new LogMessages(scaled, { semiring, ...settings });
    convergence = runSchedule(kernel, schedule, random.split("schedule"));
  }
  if (isExact && convergence.converged)
    kernel = atFixedPoint(kernel, schedule, () => new LogMessages(scaled, { ...settings, semiring, damping: 0 }));
  const logMessages = kernel.logMessages();
  const beliefs = kernel.contradiction >= 0 ? undefined : beliefsOf(scaled, logMessages);
  const bethe = beliefs ? temperature * betheLogZ(scaled, beliefs) : NaN;
  if (!beliefs || !Number.isFinite(bethe)) return withoutBeliefs(graph, convergence);
  const marginals = new Marginals(beliefs.variables, variableOffsetsOf(graph.cardinalities));
  const factorMarginals = new Marginals(beliefs.factors, Int32Array.from(graph.tableOffsets));
  if (isMax) {
    const map = decodeStates(graph, logMessages, convergence.converged);
    return { bound: "none", marginals, factorMarginals, map, ...convergence };
  }
  let bound: InferenceResult["bound"] = "none";
  if (convergence.converged && temperature === 1)
    bound = isExact ? "exact" : isLogSupermodular(graph) ? "lower" : "none";
  return { logZ: bethe, bound, marginals, factorMarginals, ...convergence };
}

function onPairwise(model: IsingModel, settings: Settings, random: Random): Answer {
  const { temperature } = settings;
  const isMax = temperature === 0;
  const scaled = atTemperature(model, temperature);
  const semiring = isMax ? "max" : "sum";
  const isExact = isForest(model);
  const schedule = onForest(settings, isExact);
  let kernel =
    !isMax && ratiosFit(scaled)
      ? new PairwiseRatioMessages(scaled, settings)
      : new PairwiseLogMessages(scaled, { semiring, ...settings });
  const convergence = runSchedule(kernel, schedule, random.split("schedule"));
  if (isExact && convergence.converged)
    kernel = atFixedPoint(
      kernel,
      schedule,
      () => new PairwiseLogMessages(scaled, { ...settings, semiring, damping: 0 }),
    );
  const messages = kernel.logRatios();
  const beliefs = pairwiseBeliefs(scaled, messages);
  if (!Number.isFinite(beliefs.logZ)) return withoutBeliefs(undefined, convergence);
  const marginals = new Marginals(beliefs.variables, evenOffsets(model.numVariables, 2));
  const factorMarginals = new Marginals(beliefs.edges, evenOffsets(model.numEdges, 4));
  if (isMax) {
    const map = decodePairwiseStates(model, messages, convergence.converged);
    return { bound: "none", marginals, factorMarginals, map, ...convergence };
  }
  let bound: InferenceResult["bound"] = "none";
  if (convergence.converged && temperature === 1) bound = isExact ? "exact" : isAttractive(model) ? "lower" : "none";
  return { logZ: temperature * beliefs.logZ, bound, marginals, factorMarginals, ...convergence };
}

export const bp = defineMethod({
  name: "bp",
  summary: "belief propagation: Bethe's ln Z and marginals; exact on trees, a lower bound for attractive binary models",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options, context) => beliefPropagation(model, options, context),
});

export const maxProductMethod = defineMethod({
  name: "max-product",
  summary: "belief propagation for the most probable state; exact on trees",
  options: maxProductSchema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options, context) => maxProduct(model, options, context),
});
