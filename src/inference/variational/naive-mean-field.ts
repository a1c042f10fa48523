/**
 * Naive mean field: the best fully factorised q(x) = prod_i q_i(x_i), a lower bound on ln Z.
 *
 *   ln Z >= L(q) = sum_f <ln psi_f>_q + sum_i H(q_i),      q_i(x_i) ~ exp sum_{f in N(i)} <ln psi_f | x_i>_q
 *
 * Each update maximises L over one q_i, so L never falls (Jordan, Ghahramani, Jaakkola & Saul 1999); updating all at
 * once would lose that and is not offered. L has many local maxima, and from the uniform q the order of the updates
 * drags whole regions into a wrong one where variables are strongly coupled. So several runs are made and the best one
 * is kept:
 *
 *   uniform    q_i uniform
 *   fields     q_i as factors of one variable alone have it (an update of all q_i at once from the uniform q)
 *   annealing  uniform, then sweeps with exponents that grow to 1, so that what is certain settles first
 *   greedy     uniform, then each q_i in turn on its likeliest state, which breaks the symmetry where there are no
 *   fields
 *
 * and `restarts` further ones from random q. A later run replaces an earlier one only if its bound is better by more
 * than rounding.
 *
 * Forbidden states: L is finite only while the product of the supports of q lies inside the model's. The uniform q over
 * arc consistent states is tried first; if it does not, q begins at a single possible state (branch and bound finds
 * one, or proves Z = 0), from where updates widen the support. If none is found in time the bound is -Infinity: true,
 * and useless.
 */
import { z } from "zod";
import { toIsing, type IsingModel, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { originalVariableMarginals, simplify } from "../exact/simplify.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import { DISCRETE_MODELS, isDiscreteModel, isFactorGraph } from "../messages/belief-propagation.ts";
import { Marginals, secondsSince, type InferenceResult } from "../result.ts";
import { FactorisedDistribution } from "./factorised-distribution.ts";
import { PairwiseMeanField } from "./pairwise-mean-field.ts";
import { possibleState } from "./possible-state.ts";

const STARTS = ["uniform", "fields", "annealing", "greedy"] as const;
type Start = (typeof STARTS)[number];
/** Sweeps until an annealing run's exponent is 1. */
const ANNEALING_SWEEPS = 20;
/** Bounds closer than this fraction of their size are equally good. */
const SAME_BOUND = 1e-9;

export const meanFieldOptions = {
  starts: z
    .enum(["all", ...STARTS])
    .default("all")
    .describe(
      "where runs begin: all of uniform, fields, annealing and greedy, the best bound being kept, or one of them",
    ),
  restarts: z.int().min(0).default(0).describe("further runs from random starts; the best bound is kept"),
  schedule: z.enum(["sequential", "random"]).default("sequential").describe("order of the updates"),
  tolerance: z.number().min(0).default(1e-9).describe("converged when no probability changes by more"),
  maxIterations: z.int().min(0).default(10_000).describe("sweeps at most, in each run"),
  seconds: z.number().positive().optional().describe("time limit"),
};
const schema = z.object(meanFieldOptions);

export type MeanFieldOptions = z.input<typeof schema>;
type Settings = z.output<typeof schema>;

export interface MeanFieldResult extends InferenceResult {
  /** L after each sweep of the best run, natural log: never falls. */
  readonly lowerBounds: readonly number[];
}

/** What can be swept: the general form and the pairwise one. */
interface Sweepable {
  /** Updates every q_i once, in this order; returns the largest change of a probability. */
  sweep(order: Int32Array, inverseTemperature?: number): number;
  updateAtOnce(): void;
  lowerBound(): number;
}

interface Run<Distribution> {
  readonly distribution: Distribution;
  readonly bound: number;
  readonly lowerBounds: number[];
  readonly maxDelta: number[];
  readonly converged: boolean;
}

/**
 * Mean field. `logZ` is a lower bound, `marginals` those of q.
 * @throws RangeError for a wrong option.
 */
export function meanField(
  model: FactorGraph | PairwiseBinaryModel,
  options: MeanFieldOptions = {},
  { random = Random.fromSeed(0) }: InferenceContext = {},
): MeanFieldResult {
  const settings = parseOptions("mean-field", schema, options);
  const started = performance.now();
  const answer = isFactorGraph(model)
    ? onFactorGraph(model, settings, random)
    : onIsing(toIsing(model), settings, random);
  return {
    method: formatMethod("mean-field", schema, settings),
    ...answer,
    seconds: secondsSince(started),
  };
}

type Answer = Omit<MeanFieldResult, "method" | "seconds">;

function onIsing(model: IsingModel, settings: Settings, random: Random): Answer {
  const best = bestRun(
    (restart) => new PairwiseMeanField(model, restart > 0 ? random.split("start", restart) : undefined),
    startsOf(settings),
    model.numVariables,
    settings,
    random,
  );
  return answerOf(best!, Marginals.binary(best!.distribution.probabilities));
}

function onFactorGraph(original: FactorGraph, settings: Settings, random: Random): Answer {
  const simplified = simplify(original);
  if (!simplified.possible) return zeroAnswer("exact");
  const { graph, logConstant } = simplified;
  const fit = fitFactorised(graph, settings, random);
  if (fit === "impossible") return zeroAnswer("exact");
  if (!fit) return zeroAnswer("lower");
  const answer = answerOf(fit, originalVariableMarginals(simplified, fit.distribution.marginals()));
  return {
    ...answer,
    logZ: fit.bound + logConstant,
    lowerBounds: answer.lowerBounds.map((bound) => bound + logConstant),
  };
}

function zeroAnswer(bound: "exact" | "lower"): Answer {
  return { logZ: -Infinity, bound, converged: bound === "exact", iterations: 0, maxDelta: [], lowerBounds: [] };
}

/**
 * The best run on an arc consistent factor graph; "impossible" if Z = 0, undefined if no possible state was found in
 * time. Structured mean field begins where this ends.
 */
export function fitFactorised(
  graph: FactorGraph,
  settings: Settings,
  random: Random,
): Run<FactorisedDistribution> | "impossible" | undefined {
  const uniform = new FactorisedDistribution(graph);
  const isInside = uniform.lowerBound() > -Infinity;
  const first = isInside ? undefined : possibleState(graph, random.split("possible", 0), settings.seconds);
  if (!isInside && (first === "impossible" || first === undefined)) return first;
  const start = (restart: number): FactorisedDistribution | undefined => {
    const distribution = new FactorisedDistribution(graph);
    if (isInside) {
      if (restart > 0) distribution.randomise(random.split("start", restart));
    } else {
      const stream = random.split("possible", restart);
      const states = restart === 0 ? first : possibleState(graph, stream, settings.seconds, true);
      if (states === undefined || states === "impossible") return undefined;
      distribution.concentrate(states);
    }
    return distribution;
  };
  // From a single possible state updates must not leave the support, which the other starts might.
  return bestRun(start, isInside ? startsOf(settings) : ["uniform"], graph.numVariables, settings, random);
}

function bestRun<Distribution extends Sweepable>(
  begin: (restart: number) => Distribution | undefined,
  starts: readonly Start[],
  numVariables: number,
  settings: Settings,
  random: Random,
): Run<Distribution> | undefined {
  const deadline = performance.now() + 1000 * (settings.seconds ?? Infinity);
  const order = Int32Array.from({ length: numVariables }, (_, variable) => variable);
  let best: Run<Distribution> | undefined;
  for (let run = 0; run < starts.length + settings.restarts && (run === 0 || performance.now() < deadline); run++) {
    const restart = Math.max(0, run - starts.length + 1);
    const distribution = begin(restart);
    if (!distribution) continue;
    if (restart === 0) prepare(distribution, starts[run], order);
    const shuffle = settings.schedule === "random" ? random.split("schedule", restart) : undefined;
    const found = climb(distribution, order, shuffle, settings, deadline);
    if (!best || found.bound > best.bound + SAME_BOUND * (1 + Math.abs(best.bound))) best = found;
  }
  return best;
}

function startsOf({ starts }: Settings): readonly Start[] {
  return starts === "all" ? STARTS : [starts];
}

/** Takes a uniform distribution to where a run begins. */
function prepare(distribution: Sweepable, start: Start, order: Int32Array): void {
  if (start === "fields") distribution.updateAtOnce();
  if (start === "greedy") distribution.sweep(order, Infinity);
  if (start === "annealing")
    for (let sweep = 1; sweep < ANNEALING_SWEEPS; sweep++) distribution.sweep(order, sweep / ANNEALING_SWEEPS);
}

/** Sweeps until nothing changes. */
function climb<Distribution extends Sweepable>(
  distribution: Distribution,
  order: Int32Array,
  shuffle: Random | undefined,
  { tolerance, maxIterations }: Settings,
  deadline: number,
): Run<Distribution> {
  const maxDelta: number[] = [];
  const lowerBounds: number[] = [];
  let converged = false;
  while (!converged && maxDelta.length < maxIterations && performance.now() < deadline) {
    shuffle?.shuffle(order);
    maxDelta.push(distribution.sweep(order));
    lowerBounds.push(distribution.lowerBound());
    converged = maxDelta[maxDelta.length - 1] <= tolerance;
  }
  const bound = lowerBounds[lowerBounds.length - 1] ?? distribution.lowerBound();
  return { distribution, bound, lowerBounds, maxDelta, converged };
}

function answerOf({ bound, lowerBounds, maxDelta, converged }: Run<unknown>, marginals: Marginals): Answer {
  return { logZ: bound, bound: "lower", marginals, converged, iterations: maxDelta.length, maxDelta, lowerBounds };
}

export const meanFieldMethod = defineMethod({
  name: "mean-field",
  summary: "naive mean field: a lower bound on ln Z and marginals of the best product distribution",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options, context) => meanField(model, options, context),
});
