/**
 * From an inference result to what `marginalia infer` prints: variables as in the model's file, so evidence comes back
 * in, and variables that were only added to split wide clauses go out.
 *
 * JSON: natural logs unless a name says log10; what a method does not give is absent; intervals are [lower,
 * upper], on ln Z and on each state's probability; a number that JSON lacks is a string, "-Infinity".
 */
import { log10Of } from "../../formats/numbers.ts";
import { resultsText } from "../../formats/results.ts";
import type { Model } from "../../formats/model.ts";
import { liftMarginals, liftStates, type Conditioned, type Distributions } from "../../graph/condition.ts";
import { logScore } from "../../graph/factor-graph.ts";
import { Marginals, type InferenceResult } from "../../inference/result.ts";
import type { Task } from "./methods.ts";

export type AnswerFormat = "uai" | "json";

/** A result in the terms of the model's file. */
export interface FileAnswer {
  readonly task: Task;
  readonly result: InferenceResult;
  readonly marginals?: Distributions;
  /** Ends of the intervals on `marginals`' entries. */
  readonly intervals?: { readonly lower: Distributions; readonly upper: Distributions };
  readonly states?: Int32Array;
  /** ln p~ of `states`. */
  readonly score?: number;
  /** The file's own names of the variables, where they are not 0, 1, 2, ... */
  readonly variables?: Int32Array;
}

export function fileAnswer(task: Task, model: Model, conditioned: Conditioned, result: InferenceResult): FileAnswer {
  const numVariables = model.firstAuxiliaryVariable ?? model.graph.numVariables;
  const variables = model.variableLabels?.slice(0, numVariables);
  const common = { task, result, ...(variables && { variables }) };
  if (task === "MAR" && (result.marginals ?? result.marginalIntervals)) {
    const lifted = (marginals: Marginals): Distributions => {
      const { values, offsets } = liftMarginals(conditioned, marginals);
      const ends = offsets.subarray(0, numVariables + 1);
      return { values: values.subarray(0, ends[numVariables]), offsets: ends };
    };
    const { marginals, marginalIntervals: ends } = result;
    return {
      ...common,
      ...(marginals && { marginals: lifted(marginals) }),
      ...(ends && { intervals: { lower: lifted(ends.lower), upper: lifted(ends.upper) } }),
    };
  }
  if (task === "MAP" && result.map) {
    const states = liftStates(conditioned, result.map.states);
    return { ...common, states: states.slice(0, numVariables), score: logScore(model.graph, states) };
  }
  return common;
}

/** Why there is no answer to print, or undefined. Z = 0 is an answer to PR. */
export function whyNoAnswer(
  { task, result, marginals, intervals, states, score }: FileAnswer,
  format: AnswerFormat,
): string | undefined {
  if (result.logZ === -Infinity && result.bound === "exact")
    return task === "PR"
      ? undefined
      : `no state is possible with this evidence (Z = 0), so there ${task === "MAR" ? "are no marginals" : "is no most probable state"}`;
  if (task === "MAP" && score === -Infinity)
    return `${result.method} found no state of positive probability, which does not prove that there is none; an exact method would know`;
  const isInterval = { PR: result.logZInterval !== undefined, MAR: intervals !== undefined, MAP: false }[task];
  if (result.bound === "interval" && isInterval)
    return format === "json" ? undefined : `${result.method} answers with intervals, which take --format json`;
  const isThere = { PR: result.logZ !== undefined, MAR: marginals !== undefined, MAP: states !== undefined }[task];
  return isThere ? undefined : `${result.method} gave no answer to ${task} for this model`;
}

export function answerText(answer: FileAnswer, format: AnswerFormat): string {
  return format === "uai" ? uaiText(answer) : jsonText(answer);
}

function uaiText({ task, result, marginals, states }: FileAnswer): string {
  switch (task) {
    case "PR":
      return resultsText({ task, logZ: result.logZ! });
    case "MAR":
      return resultsText({ task, marginals: marginals! });
    case "MAP":
      return resultsText({ task, states: states! });
  }
}

function jsonText({ task, result, marginals, intervals, states, score, variables }: FileAnswer): string {
  const { method, logZ, logZInterval, map, converged, iterations, seconds } = result;
  const number = (value: number | undefined) => (Number.isFinite(value) ? value : value?.toString());
  // An estimate within proven ends stays a number; the ends stand beside it.
  const isEstimate = logZ !== undefined && result.bound === "none";
  const ends = isEstimate ? undefined : logZInterval;
  const record = {
    task,
    method,
    logZ: ends ? ends.map(number) : number(logZ),
    log10Z: ends ? ends.map((end) => number(log10Of(end))) : number(logZ === undefined ? undefined : log10Of(logZ)),
    ...(isEstimate && logZInterval && { logZInterval: logZInterval.map(number) }),
    bound: boundOf(task, result),
    ...(variables && { variables: Array.from(variables) }),
    ...(marginals &&
      !intervals && {
        marginals: new Marginals(marginals.values, marginals.offsets).toArrays(),
      }),
    ...(intervals && { marginals: intervalArrays(intervals.lower, intervals.upper) }),
    ...(states && { map: Array.from(states), score: number(score) }),
    ...(states && map?.upperBound !== undefined && { bestScore: [number(score), number(map.upperBound)] }),
    converged,
    iterations,
    seconds,
  };
  return `${JSON.stringify(record)}\n`;
}

/** [lower, upper] for every state of every variable. */
function intervalArrays(lower: Distributions, upper: Distributions): [number, number][][] {
  return Array.from({ length: lower.offsets.length - 1 }, (_, i) =>
    Array.from(lower.values.subarray(lower.offsets[i], lower.offsets[i + 1]), (low, state): [number, number] => [
      low,
      upper.values[lower.offsets[i] + state],
    ]),
  );
}

/** What is known about the answer. For MAP about the score: exact where proven, else a lower bound on the best one. */
export function boundOf(task: Task, { bound, map }: Pick<InferenceResult, "bound" | "map">): InferenceResult["bound"] {
  if (task !== "MAP" || map === undefined) return bound;
  return map.upperBound !== undefined && map.upperBound <= map.score + 1e-9 * Math.max(1, Math.abs(map.score))
    ? "exact"
    : "lower";
}
