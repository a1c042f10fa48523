/**
 * ln Z and marginals where exact answers are out of reach: belief propagation's, unless a bound disproves it.
 *
 * What is proven is collected first to last, each step with its share of the time: the best state that local search
 * finds (p~ of one state is at most Z), the largest entry of every table, mean field, tree-reweighted belief
 * propagation, the recursive bounds. An estimate outside of them is replaced by damped belief propagation's, and if
 * that is outside, too, by the middle of the interval: then no other number has a smaller largest error.
 */
import { z } from "zod";
import { toPairwiseBinary } from "../graph/convert.ts";
import type { FactorGraph } from "../graph/factor-graph.ts";
import { Random } from "../graph/random.ts";
import { inferBounds } from "./bounds/method.ts";
import { firstIncumbent } from "./exact/incumbent.ts";
import { ANY_MODEL_IN_WORDS, asFactorGraph, canBeFactorGraph, type AnyModel } from "./exact/model.ts";
import { beliefPropagation } from "./messages/belief-propagation.ts";
import { treeReweighted } from "./messages/tree-reweighted.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "./method.ts";
import type { InferenceResult } from "./result.ts";
import { meanField } from "./variational/naive-mean-field.ts";

const schema = z.object({
  seconds: z.number().positive().default(60).describe("time limit, shared by the estimate and what is proven about it"),
});
export type EstimateOptions = z.input<typeof schema>;

/** Of the time left when a step begins. */
const SHARES = { messages: 0.3, meanField: 0.2, treeReweighted: 0.4, bounds: 0.6, damped: 0.8 };
const DAMPING = 0.5;
/** Refined bounds take cubic time for a first value, which no time limit breaks off. */
const MOST_VARIABLES_REFINED = 500;
/** Ends of an interval, and estimates beside them, are the same within this share of 1 + |ln Z|. */
const ROUNDING = 1e-9;

type Found = Pick<InferenceResult, "logZ" | "marginals" | "factorMarginals" | "converged" | "iterations" | "maxDelta">;

/** What is known so far. */
class Knowledge {
  lower = -Infinity;
  upper = Infinity;
  readonly estimates: Found[] = [];
  /** Stands in for marginals of an estimate that no bound disproves. */
  meanField: Found | undefined;

  take({ logZ, bound, logZInterval }: InferenceResult): void {
    if (logZInterval) this.#within(...logZInterval);
    if (logZ === undefined) return;
    if (bound === "lower" || bound === "exact") this.#within(logZ, Infinity);
    if (bound === "upper" || bound === "exact") this.#within(-Infinity, logZ);
  }

  #within(lower: number, upper: number): void {
    if (lower > this.lower) this.lower = lower;
    if (upper < this.upper) this.upper = upper;
  }

  allows(logZ: number): boolean {
    if (!Number.isFinite(logZ)) return false; // a proof of Z = 0 is no estimate: it lowers the upper end
    const slack = ROUNDING * (1 + Math.abs(logZ));
    return logZ >= this.lower - slack && logZ <= this.upper + slack;
  }

  get isDisproved(): boolean {
    return !this.estimates.some(({ logZ }) => this.allows(logZ!));
  }

  /** The first estimate that stands, else the middle of the interval. */
  answer(): Found & Pick<InferenceResult, "bound" | "logZInterval"> {
    const logZInterval = [this.lower, this.upper] as const;
    if (this.upper === -Infinity)
      return { logZ: -Infinity, bound: "exact", converged: true, iterations: 0, maxDelta: [] };
    const standing = this.estimates.find(({ logZ }) => this.allows(logZ!));
    if (standing) return { ...standing, bound: "none", logZInterval };
    const logZ = Number.isFinite(this.lower) ? this.lower + (this.upper - this.lower) / 2 : this.upper;
    const { marginals, factorMarginals } = this.meanField ?? this.estimates[0] ?? {};
    const distributions = { ...(marginals && { marginals }), ...(factorMarginals && { factorMarginals }) };
    return { logZ, ...distributions, converged: false, iterations: 0, maxDelta: [], bound: "none", logZInterval };
  }
}

/**
 * An estimate that agrees with `logZInterval`, what is proven about ln Z; its `bound` is "none", or "exact" where
 * belief propagation is. `report` is told of every step.
 */
export function estimate(
  model: AnyModel,
  options: EstimateOptions = {},
  { random = Random.fromSeed(0), report }: InferenceContext = {},
): InferenceResult {
  const { seconds } = parseOptions("estimate", schema, options);
  const started = performance.now();
  const method = formatMethod("estimate", schema, { seconds });
  const known = new Knowledge();
  const timed = <Answer>(answer: Answer) => ({ method, ...answer, seconds: (performance.now() - started) / 1000 });
  const share = (of: number): number => Math.max(1e-3, of * (seconds - (performance.now() - started) / 1000));

  const graph = asFactorGraph(model);
  const deadline = started + 1000 * share(SHARES.messages);
  const lower = firstIncumbent(graph, { random: random.split("state"), deadline }).score;
  known.take(interval(lower, largestSum(graph)));
  const messages = { schedule: "residual", timeLimit: share(SHARES.messages) } as const;
  const plain = beliefPropagation(model, messages, { random });
  if (plain.bound === "exact") return timed(plain);
  const steps: (() => void)[] = [
    () => {
      known.take(plain);
      known.estimates.push(plain);
    },
    () => {
      const answer = meanField(model, { seconds: share(SHARES.meanField) }, { random });
      known.take(answer);
      if (answer.marginals) known.meanField = answer;
    },
    () => {
      if (!hasPairsAlone(graph)) return;
      known.take(treeReweighted(model, { timeLimit: share(SHARES.treeReweighted) }, { random }));
    },
    () => {
      const pairwise = toPairwiseBinary(graph);
      if (!pairwise) return;
      const upper = pairwise.numVariables > MOST_VARIABLES_REFINED ? "factorised" : "best";
      const options = { marginals: false, upper, seconds: share(SHARES.bounds) } as const;
      known.take(inferBounds(pairwise, options, { random }));
    },
    () => {
      if (!known.isDisproved) return;
      const damped = { damping: DAMPING, timeLimit: share(SHARES.damped) };
      known.estimates.push(beliefPropagation(model, damped, { random }));
    },
  ];
  for (const step of steps) {
    step();
    report?.(timed(known.answer()));
  }
  return timed(known.answer());
}

function interval(lower: number, upper: number): InferenceResult {
  const none = { converged: true, iterations: 0, maxDelta: [], seconds: 0 };
  return { method: "", bound: "interval", logZInterval: [lower, upper], ...none };
}

/** ln of (number of states) x (product of the tables' largest entries). */
function largestSum({ cardinalities, numFactors, tableOffsets, logPotentials }: FactorGraph): number {
  let sum = 0;
  for (const cardinality of cardinalities) sum += Math.log(cardinality);
  for (let factor = 0; factor < numFactors; factor++) {
    let largest = -Infinity;
    for (let at = tableOffsets[factor]; at < tableOffsets[factor + 1]; at++)
      if (logPotentials[at] > largest) largest = logPotentials[at];
    sum += largest;
  }
  return sum;
}

function hasPairsAlone({ numFactors, scopeOffsets }: FactorGraph): boolean {
  for (let factor = 0; factor < numFactors; factor++)
    if (scopeOffsets[factor + 1] - scopeOffsets[factor] > 2) return false;
  return true;
}

export const estimateMethod = defineMethod({
  name: "estimate",
  summary: "belief propagation, checked against every bound in reach, which stand beside it; never outside of them",
  options: schema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: estimate,
});
