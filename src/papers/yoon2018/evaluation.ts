/**
 * How good estimates are, in the measures of Yoon et al. 2018: the mean over variables of KL[p_i || p^_i] (section 5.3,
 * natural log) and the fraction of variables whose MAP state is right (section 5.5).
 *
 * Estimates are kept 1e-12 away from 0 and 1, for a divergence must not be infinite because a number was rounded. A
 * method that does not converge is judged by where it stood when its iterations ended, as one would who had to answer.
 */
import { group } from "d3-array";
import { infer } from "../../inference/registry.ts";
import type { GnnExample } from "../../learning/gnn/data.ts";
import { gnnBatch } from "../../learning/gnn/infer.ts";
import type { TrainedGnn } from "../../learning/gnn/weights.ts";

const TIE_MARGIN = 1e-12;

/** One method on one model. */
export interface Evaluation {
  readonly method: string;
  /** The example's graph family or edge probability. */
  readonly graph: string;
  readonly numVariables: number;
  /** Of a trained network's training. */
  readonly seed?: number;
  /** Mean KL divergence of a variable, natural log; absent for MAP. */
  readonly divergence?: number;
  /** Fraction of variables in their MAP state; absent for marginals. */
  readonly accuracy?: number;
  /** p^(x_i = +1), or 0 and 1 for MAP. */
  readonly estimates: ArrayLike<number>;
  readonly exact: ArrayLike<number>;
  readonly converged: boolean;
  readonly seconds: number;
}

/** Mean over variables of KL[p || q] of binary distributions given by p(+1), natural log. */
export function meanDivergence(exact: ArrayLike<number>, estimates: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < exact.length; i++) {
    const q = Math.min(1 - TIE_MARGIN, Math.max(TIE_MARGIN, estimates[i]));
    const p = exact[i];
    if (p > 0) sum += p * Math.log(p / q);
    if (p < 1) sum += (1 - p) * Math.log((1 - p) / (1 - q));
  }
  return Math.max(0, sum / exact.length); // never below 0 but for rounding
}

/** Marginals by a method string, model by model. @param method the name to report, by default `spec`. */
export function evaluateMarginals(examples: readonly GnnExample[], spec: string, method = spec): Evaluation[] {
  return examples.map(({ graph, model, probabilities: exact }) => {
    const { marginals, converged, seconds } = infer(model, spec);
    const estimates = Float64Array.from({ length: model.numVariables }, (_, i) => marginals!.values[2 * i + 1]);
    const divergence = meanDivergence(exact, estimates);
    return { method, graph, numVariables: model.numVariables, divergence, estimates, exact, converged, seconds };
  });
}

/**
 * MAP states by a method string, model by model.
 * @param from the method's own MAP answer, or each variable's larger (max-)marginal, as in Pearl's belief revision.
 */
export function evaluateMap(
  examples: readonly GnnExample[],
  spec: string,
  method = spec,
  from: "map" | "marginals" = "map",
): Evaluation[] {
  return examples.map(({ graph, model, mapStates: exact }) => {
    const { map, marginals, converged, seconds } = infer(model, spec);
    const larger = () =>
      Int32Array.from(exact, (_, i) => (marginals!.values[2 * i + 1] > marginals!.values[2 * i] ? 1 : 0));
    const estimates = from === "map" ? map!.states : larger();
    const accuracy = agreement(exact, estimates);
    return { method, graph, numVariables: model.numVariables, accuracy, estimates, exact, converged, seconds };
  });
}

/** A trained network on all examples in one batch; its target decides whether marginals or MAP states are judged. */
export function evaluateGnn(
  examples: readonly GnnExample[],
  trained: TrainedGnn & { readonly seed?: number },
  method: string,
): Evaluation[] {
  const results = gnnBatch(
    examples.map(({ model }) => model),
    trained,
  );
  return examples.map(({ graph, model, probabilities, mapStates }, index) => {
    const { marginals, map, converged, seconds } = results[index];
    const common = { method, seed: trained.seed, graph, numVariables: model.numVariables, converged, seconds };
    if (map) {
      const accuracy = agreement(mapStates, map.states);
      return { ...common, accuracy, estimates: map.states, exact: mapStates };
    }
    const estimates = Float64Array.from({ length: model.numVariables }, (_, i) => marginals!.values[2 * i + 1]);
    return { ...common, divergence: meanDivergence(probabilities, estimates), estimates, exact: probabilities };
  });
}

function agreement(exact: ArrayLike<number>, states: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < exact.length; i++) if (exact[i] === states[i]) right++;
  return right / exact.length;
}

/** What evaluations of one method on one kind of graph come to. */
export interface EvaluationSummary {
  readonly method: string;
  readonly graph: string;
  readonly numVariables: number;
  /** Of divergence (natural log) or accuracy, whichever the evaluations hold. */
  readonly mean: number;
  /** Over models, each model's mean over seeds being one number. */
  readonly errorOverModels: number;
  /** Over the means of seeds; absent for methods without seeds. */
  readonly errorOverSeeds: number | null;
  readonly models: number;
  readonly unconverged: number;
}

/**
 * Mean and standard errors for each method and graph, in the order in which they first appear. Evaluations of one
 * method, graph and seed must come in the same order of models.
 */
export function summariseEvaluations(evaluations: readonly Evaluation[]): EvaluationSummary[] {
  const groups = group(evaluations, ({ method, graph, numVariables }) => `${method}\n${graph}\n${numVariables}`);
  return Array.from(groups.values(), (one) => {
    const { method, graph, numVariables } = one[0];
    const bySeed = [...group(one, ({ seed }) => seed).values()].map((own) =>
      own.map(({ divergence, accuracy }) => divergence ?? accuracy!),
    );
    const models = bySeed[0].length;
    const ofModels = Array.from({ length: models }, (_, k) => average(bySeed.map((values) => values[k])));
    return {
      method,
      graph,
      numVariables,
      mean: average(ofModels),
      errorOverModels: errorOfMean(ofModels),
      errorOverSeeds: bySeed.length > 1 ? errorOfMean(bySeed.map(average)) : null,
      models,
      unconverged: one.filter(({ converged }) => !converged).length,
    };
  });
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard deviation / sqrt(count); 0 for one value. */
function errorOfMean(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = average(values);
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
  return Math.sqrt(variance / values.length);
}
