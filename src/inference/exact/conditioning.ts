/**
 * Exact answers for graphs whose tables do not fit: condition on one variable, answer each case, put the cases
 * together.
 *
 *   Z = sum_a Z(x_v = a),   p(x) = sum_a Z(x_v = a) / Z * p(x | x_v = a),   max = max_a max(x_v = a)
 *
 * (cutset conditioning, Pearl 1988; Dechter's "w-cutset"). Each case is simplified again: with zeros in the factors one
 * state often decides many others, and parts that fall apart are answered apart. So conditioning buys memory with time
 * for ordinary graphs; strongly constrained ones are conditioned further, as long as the cases' tables together are
 * smaller than their own (2^5 and 2^4 times less work on the competition's two circuits). The variable conditioned on
 * is the one with the largest share in the tables.
 */
import { condition, liftFactorMarginals, liftMarginals, liftStates, type Conditioned } from "../../graph/condition.ts";
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";
import { Marginals } from "../result.ts";
import { fillBuckets, type TreeShape } from "./bucket-tree.ts";
import { components, type Component } from "./components.ts";
import { forestAnswer, isLargeForest } from "./forest-answer.ts";
import { planElimination, refusal, type ExactPlan, type PlanOptions } from "./plan.ts";
import {
  originalFactorMarginals,
  originalStates,
  originalVariableMarginals,
  simplify,
  type SimplifiedGraph,
} from "./simplify.ts";
import { answerOnTree, impossible, keepsFor, type ExactAnswer, type Wanted } from "./tree-answer.ts";

/** log2 of the table entries that may be computed in all: some minutes. */
const LOG2_MAX_WORK_ENTRIES = 36;
/** Simplifying and ordering one case costs about as much as this many entries for each variable. */
const ENTRIES_PER_VARIABLE = 2 ** 11;
/** Zeros make later cases cheaper than the first one's tables promise; nobody knows how much. */
const LOG2_ZEROS_ALLOWANCE = 8;
/** Tables below this size are done before any shrinking by further cases pays. */
const MIN_SHRINKABLE_ENTRIES = 2 ** 18;
/** Orders to try for a case: its parent's search has shown how hard the graph is. */
const ORDERS_PER_CASE = 12;

/**
 * What is wanted of `graph`, by elimination if its tables fit into options.memory, by conditioning as far as needed if
 * not.
 * @throws TreewidthError when that would take more than about 2^36 table entries.
 */
export function exactAnswer(graph: FactorGraph, wanted: Wanted, options: PlanOptions, random: Random): ExactAnswer {
  const onForest = isLargeForest(graph) ? forestAnswer(graph, wanted) : undefined;
  return onForest ?? new Conditioning(wanted, options, random).answer(graph);
}

/** A graph simplified and planned; without a plan when its zeros alone show that Z = 0. */
interface Case {
  readonly simplified: SimplifiedGraph;
  readonly plan?: ExactPlan;
}

class Conditioning {
  readonly #wanted: Wanted;
  readonly #options: PlanOptions;
  readonly #random: Random;
  /** The first plan, of the whole graph: what a refusal tells about. */
  #first: ExactPlan | undefined;
  #work = 0;

  constructor(wanted: Wanted, options: PlanOptions, random: Random) {
    this.#wanted = wanted;
    this.#options = options;
    this.#random = random;
  }

  answer(original: FactorGraph): ExactAnswer {
    return this.#answerCase(this.#prepare(original, this.#options), 0);
  }

  #prepare(original: FactorGraph, options: PlanOptions): Case {
    const simplified = simplify(original);
    if (!simplified.possible) return { simplified };
    this.#work += original.numVariables * ENTRIES_PER_VARIABLE;
    const plan = planElimination(simplified.graph, keepsFor(this.#wanted), options, this.#random);
    this.#first ??= plan;
    return { simplified, plan };
  }

  /** @param log2Cases log2 of the number of cases like this one. */
  #answerCase({ simplified, plan }: Case, log2Cases: number): ExactAnswer {
    const answer = plan ? this.#answerPlanned(simplified.graph, plan, log2Cases) : impossible;
    if (answer.logZ === -Infinity) return impossible;
    const { original } = simplified;
    return {
      ...(answer.logZ !== undefined && { logZ: answer.logZ + simplified.logConstant }),
      ...(answer.marginals && { marginals: originalVariableMarginals(simplified, answer.marginals) }),
      ...(answer.factorMarginals && { factorMarginals: originalFactorMarginals(simplified, answer.factorMarginals) }),
      ...(answer.map && { map: certified(original, originalStates(simplified, answer.map.states)) }),
    };
  }

  #answerPlanned(graph: FactorGraph, plan: ExactPlan, log2Cases: number): ExactAnswer {
    const onTree = (): ExactAnswer => {
      this.#charge(graph, plan, log2Cases);
      return answerOnTree(graph, fillBuckets(graph, plan.shape), this.#wanted);
    };
    const mayShrink = plan.shape.totalSize > MIN_SHRINKABLE_ENTRIES && graph.logPotentials.includes(-Infinity);
    if (plan.fits && !mayShrink) return onTree();
    const options = { ...this.#options, orderings: Math.min(this.#options.orderings, ORDERS_PER_CASE) };
    const parts = components(graph);
    if (parts.length > 1) {
      const answers = parts.map((part) => this.#answerCase(this.#prepare(part.graph, options), log2Cases));
      return joined(graph, parts, answers);
    }
    const variable = largestShare(plan.shape);
    const cases = Array.from({ length: graph.cardinalities[variable] }, (_, state) => {
      const conditioned = condition(graph, new Map([[variable, state]]));
      return { conditioned, prepared: this.#prepare(conditioned.graph, options) };
    });
    const sizeOfCases = cases.reduce((sum, { prepared }) => sum + (prepared.plan?.shape.totalSize ?? 0), 0);
    if (plan.fits && sizeOfCases >= plan.shape.totalSize) return onTree();
    const log2CasesBelow = log2Cases + Math.log2(cases.length);
    const answers = cases
      .map(({ conditioned, prepared }) => ({ conditioned, answer: this.#answerCase(prepared, log2CasesBelow) }))
      .filter(({ answer }) => answer.logZ !== -Infinity);
    return mixed(graph, answers, this.#wanted);
  }

  /** Accounts for a tree; refuses as soon as the first case shows that all of them take too long. */
  #charge(graph: FactorGraph, plan: ExactPlan, log2Cases: number): void {
    const isFirst = this.#work < 2 ** (LOG2_MAX_WORK_ENTRIES - 8);
    const hope = graph.logPotentials.includes(-Infinity) ? LOG2_ZEROS_ALLOWANCE : 0;
    this.#work += plan.shape.totalSize;
    const projected = plan.order.log2TotalSize + log2Cases;
    if ((isFirst && projected > LOG2_MAX_WORK_ENTRIES + hope) || this.#work > 2 ** LOG2_MAX_WORK_ENTRIES)
      throw refusal(
        this.#first!,
        this.#options,
        `, and about 2^${projected.toFixed(0)} entries in all by conditioning`,
      );
  }
}

interface ConditionedAnswer {
  readonly conditioned: Conditioned;
  readonly answer: ExactAnswer;
}

function certified(graph: FactorGraph, states: Int32Array): ExactAnswer["map"] {
  const score = logScore(graph, states);
  return { states, score, upperBound: score };
}

/** The variable whose cliques are largest in sum: conditioning on it takes most away. */
function largestShare({ buckets }: TreeShape): number {
  const shares = new Float64Array(buckets.length);
  for (const { variable, cardinality, messageSize, separator } of buckets) {
    const size = cardinality * messageSize;
    shares[variable] += size;
    for (const other of separator) shares[other] += size;
  }
  return shares.indexOf(shares.reduce((a, b) => Math.max(a, b)));
}

/** The cases of one variable, weighted by their Z. */
function mixed(graph: FactorGraph, cases: readonly ConditionedAnswer[], wanted: Wanted): ExactAnswer {
  if (cases.length === 0) return impossible;
  const answer: { -readonly [Key in keyof ExactAnswer]: ExactAnswer[Key] } = {};
  if (wanted.logZ) {
    const largest = Math.max(...cases.map((one) => one.answer.logZ!));
    const weights = cases.map((one) => Math.exp(one.answer.logZ! - largest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    answer.logZ = largest + Math.log(total);
    if (wanted.marginals) {
      const sum = (lift: (one: ConditionedAnswer) => { values: Float64Array; offsets: Int32Array }): Marginals => {
        const lifted = cases.map(lift);
        const values = new Float64Array(lifted[0].values.length);
        lifted.forEach((part, at) => part.values.forEach((p, index) => (values[index] += (weights[at] / total) * p)));
        return new Marginals(values, lifted[0].offsets);
      };
      answer.marginals = sum(({ conditioned, answer: { marginals } }) => liftMarginals(conditioned, marginals!));
      answer.factorMarginals = sum(({ conditioned, answer: { factorMarginals } }) =>
        liftFactorMarginals(conditioned, factorMarginals!),
      );
    }
  }
  if (wanted.map)
    answer.map = cases
      .map(({ conditioned, answer: { map } }) => certified(graph, liftStates(conditioned, map!.states))!)
      .reduce((a, b) => (b.score > a.score ? b : a));
  return answer;
}

/** Answers about parts that share nothing. */
function joined(graph: FactorGraph, parts: readonly Component[], answers: readonly ExactAnswer[]): ExactAnswer {
  if (answers.some(({ logZ }) => logZ === -Infinity)) return impossible;
  const answer: { -readonly [Key in keyof ExactAnswer]: ExactAnswer[Key] } = {};
  if (answers[0].logZ !== undefined) answer.logZ = answers.reduce((sum, { logZ }) => sum + logZ!, 0);
  if (answers[0].marginals) {
    const offsets = new Int32Array(graph.numVariables + 1);
    for (let i = 0; i < graph.numVariables; i++) offsets[i + 1] = offsets[i] + graph.cardinalities[i];
    const marginals = new Marginals(new Float64Array(offsets[graph.numVariables]), offsets);
    const factorMarginals = new Marginals(
      new Float64Array(graph.logPotentials.length),
      Int32Array.from(graph.tableOffsets),
    );
    parts.forEach(({ variables, factors }, at) => {
      variables.forEach((variable, i) => marginals.of(variable).set(answers[at].marginals!.of(i)));
      factors.forEach((factor, f) => factorMarginals.of(factor).set(answers[at].factorMarginals!.of(f)));
    });
    answer.marginals = marginals;
    answer.factorMarginals = factorMarginals;
  }
  if (answers[0].map) {
    const states = new Int32Array(graph.numVariables);
    parts.forEach(({ variables }, at) => {
      variables.forEach((variable, i) => (states[variable] = answers[at].map!.states[i]));
    });
    answer.map = certified(graph, states);
  }
  return answer;
}
