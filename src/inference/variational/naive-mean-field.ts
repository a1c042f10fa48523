/**
 * Naive mean field: the best fully factorised q(x) = prod_i q_i(x_i), a lower bound on ln Z.
 *
 *   ln Z >= L(q) = sum_f <ln psi_f>_q + sum_i H(q_i),      q_i(x_i) ~ exp sum_{f in N(i)} <ln psi_f | x_i>_q
 *
 * Each update maximises L over one q_i, so L never falls (Jordan, Ghahramani, Jaakkola & Saul 1999); updating all at once would lose
 * that and is not offered. L has many local maxima: restarts begin at random q and the best one is kept.
 *
 * Forbidden states: L is finite only while the product of the supports of q lies inside the model's. The uniform q over arc consistent
 * states is tried first; if it does not, q begins at a single possible state (branch and bound finds one, or proves Z = 0), from where
 * updates widen the support. If none is found in time the bound is -Infinity: true, and useless.
 */
import { z } from "zod";
import { toIsing, type IsingModel, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { originalVariableMarginals, simplify } from "../exact/simplify.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import { discreteModels, isDiscreteModel, isFactorGraph } from "../messages/belief-propagation.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { FactorisedDistribution } from "./factorised-distribution.ts";
import { PairwiseMeanField } from "./pairwise-mean-field.ts";
import { possibleState } from "./possible-state.ts";

export const meanFieldOptions = {
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
  sweep(order: Int32Array): number;
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
    seconds: (performance.now() - started) / 1000,
  };
}

type Answer = Omit<MeanFieldResult, "method" | "seconds">;

function onIsing(model: IsingModel, settings: Settings, random: Random): Answer {
  const best = bestRun(
    (restart) => new PairwiseMeanField(model, restart > 0 ? random.split("start", restart) : undefined),
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
 * The best run on an arc consistent factor graph; "impossible" if Z = 0, undefined if no possible state was found in time.
 * Structured mean field begins where this ends.
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
    if (restart === 0 && isInside) return uniform;
    const distribution = new FactorisedDistribution(graph);
    if (isInside) distribution.randomise(random.split("start", restart));
    else {
      const stream = random.split("possible", restart);
      const states = restart === 0 ? first : possibleState(graph, stream, settings.seconds, true);
      if (states === undefined || states === "impossible") return undefined;
      distribution.concentrate(states);
    }
    return distribution;
  };
  return bestRun(start, graph.numVariables, settings, random);
}

function bestRun<Distribution extends Sweepable>(
  start: (restart: number) => Distribution | undefined,
  numVariables: number,
  { restarts, schedule, tolerance, maxIterations, seconds = Infinity }: Settings,
  random: Random,
): Run<Distribution> | undefined {
  const deadline = performance.now() + 1000 * seconds;
  const order = Int32Array.from({ length: numVariables }, (_, variable) => variable);
  let best: Run<Distribution> | undefined;
  for (let restart = 0; restart <= restarts && (restart === 0 || performance.now() < deadline); restart++) {
    const distribution = start(restart);
    if (!distribution) continue;
    const stream = random.split("schedule", restart);
    const maxDelta: number[] = [];
    const lowerBounds: number[] = [];
    let converged = false;
    while (!converged && maxDelta.length < maxIterations && performance.now() < deadline) {
      if (schedule === "random") stream.shuffle(order);
      maxDelta.push(distribution.sweep(order));
      lowerBounds.push(distribution.lowerBound());
      converged = maxDelta[maxDelta.length - 1] <= tolerance;
    }
    const bound = lowerBounds[lowerBounds.length - 1] ?? distribution.lowerBound();
    if (!best || bound > best.bound) best = { distribution, bound, lowerBounds, maxDelta, converged };
  }
  return best;
}

function answerOf({ bound, lowerBounds, maxDelta, converged }: Run<unknown>, marginals: Marginals): Answer {
  return { logZ: bound, bound: "lower", marginals, converged, iterations: maxDelta.length, maxDelta, lowerBounds };
}

export const meanFieldMethod = defineMethod({
  name: "mean-field",
  summary: "naive mean field: a lower bound on ln Z and marginals of the best product distribution",
  options: schema,
  accepts: isDiscreteModel,
  accepted: discreteModels,
  infer: (model, options, context) => meanField(model, options, context),
});
