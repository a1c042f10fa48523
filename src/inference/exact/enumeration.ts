/**
 * Exact inference by enumerating all 2^n states: ln Z, single and pair marginals, and the MAP state.
 *
 *   ln p~(S) = c + sum_i h_i S_i + sum_{i<j} J_ij S_i S_j,   S in {0,1}^n;   Z = sum_S p~(S)
 *
 * enumerator.ts visits the states in blocks.
 */
import { z } from "zod";
import { logPotential, toBoltzmann, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { defineMethod, formatMethod, parseOptions, type Method } from "../method.ts";
import { Marginals, secondsSince, type InferenceResult } from "../result.ts";
import { Enumerator } from "./enumerator.ts";
import { enumerateFactorGraph } from "./factor-graph-enumeration.ts";
import { ANY_MODEL_IN_WORDS, canBeFactorGraph, isFactorGraph, type AnyModel } from "./model.ts";

/** More variables are refused: 2^25 states take about half a second, and each further variable doubles that. */
export const MAX_ENUMERATION_VARIABLES = 25;

/** Why `numVariables` are too many to enumerate, or undefined. */
function whyNotEnumerable(numVariables: number): string | undefined {
  if (numVariables <= MAX_ENUMERATION_VARIABLES) return undefined;
  const seconds = 2 ** (numVariables - MAX_ENUMERATION_VARIABLES) / 2;
  const time = seconds < 3600 ? `${seconds} s` : seconds < 3.2e8 ? `${Math.round(seconds / 3600)} h` : "years";
  return (
    `enumeration visits 2^n states, and 2^${numVariables} (about ${time}) is more than the limit of 2^${MAX_ENUMERATION_VARIABLES}. ` +
    "Use the bounds factorised-lower and refined-upper, a junction tree if the model is sparse, or an approximation"
  );
}

const optionSchema = z.object({
  pairs: z.enum(["edges", "all"]).default("edges").describe("which pair marginals to return"),
});

export type EnumerationOptions = z.input<typeof optionSchema>;

export interface EnumerationResult extends InferenceResult {
  /** With pairs=all: p(S_i, S_j), 2 x 2 row-major, for all i < j in lexicographic order. */
  readonly pairMarginals?: Marginals;
}

/**
 * Exact ln Z, marginals of variables and of edges (2 x 2 each, the larger variable changing fastest), and the MAP
 * state.
 * @throws RangeError for more than 25 variables, saying why and what to use instead.
 */
export function enumerate(model: PairwiseBinaryModel, options: EnumerationOptions = {}): EnumerationResult {
  const { pairs } = parseOptions(enumeration.name, optionSchema, options);
  const started = performance.now();
  const refusal = whyNotEnumerable(model.numVariables);
  if (refusal) throw new RangeError(refusal);
  const n = model.numVariables;
  const { biases, weights, edgeSources, edgeTargets, logConstant } = toBoltzmann(model);
  const parameters = new Float64Array(n + n * n);
  parameters.set(biases);
  weights.forEach((value, edge) => (parameters[n + edgeSources[edge] * n + edgeTargets[edge]] = value));
  const { logZ, joint, mapStates } = new Enumerator(n).run(parameters, 0, n, n);

  const states = Int32Array.from(mapStates);
  const score = logPotential(model, states);
  const marginals = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    marginals[2 * i] = joint[4 * (i * n + i)];
    marginals[2 * i + 1] = joint[4 * (i * n + i) + 3];
  }
  const pairTables = (count: number, first: ArrayLike<number>, second: ArrayLike<number>): Marginals => {
    const values = new Float64Array(4 * count);
    for (let pair = 0; pair < count; pair++)
      for (let state = 0; state < 4; state++)
        values[4 * pair + state] = joint[4 * (first[pair] * n + second[pair]) + state];
    return new Marginals(values, offsets(count, 4));
  };
  const allPairs = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (_, k) => [i, i + k + 1]),
  ).flat();
  return {
    method: formatMethod(enumeration.name, optionSchema, { pairs }),
    logZ: logZ + logConstant,
    bound: "exact",
    marginals: new Marginals(marginals, offsets(n, 2)),
    factorMarginals: pairTables(model.numEdges, edgeSources, edgeTargets),
    ...(pairs === "all" && {
      pairMarginals: pairTables(
        allPairs.length,
        allPairs.map(([i]) => i),
        allPairs.map(([, j]) => j),
      ),
    }),
    map: { states, score, upperBound: score },
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: secondsSince(started),
  };
}

function offsets(count: number, size: number): Int32Array {
  return Int32Array.from({ length: count + 1 }, (_, item) => size * item);
}

/** One name for both: a general factor graph is enumerated state by state, a pairwise binary model in blocks. */
function enumerateAny(model: AnyModel, options: z.output<typeof optionSchema>): InferenceResult {
  if (!isFactorGraph(model)) return enumerate(model, options);
  if (options.pairs === "all")
    throw new RangeError(
      "pairs=all is for Boltzmann machines and Ising models; a factor graph gets its factor marginals",
    );
  return { method: enumeration.name, ...enumerateFactorGraph(model) };
}

export const enumeration: Method = defineMethod({
  name: "enumeration",
  summary: `exact, all joint states: at most 2^${MAX_ENUMERATION_VARIABLES} of them`,
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: enumerateAny,
});
