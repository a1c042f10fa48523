/**
 * One BPNN-D layer applied until its messages come to rest, in float64 (Kuck et al. 2020, section 4.1):
 *
 *   m = messages of belief propagation from the last ones, all at once;   n = m + H(n' - m),   normalised to
 *   log-sum-exp 0,
 *
 * until max |n - n'| is below the tolerance (natural log; the paper's 1e-5). By Theorem 2 that is a fixed point of BP
 * where zero is H's only fixed point. Impossible states stay impossible: where m is -Infinity, n is too; nothing is
 * clamped.
 *
 * One difference: a message out of a branch (what lies behind it is a tree) is sent undamped. H may treat messages
 * jointly, so this is a BPNN-D too, and only with it Proposition 2 holds, that a tree of height l takes l iterations: a
 * damped message only comes ever nearer to its limit. `dampBranches` takes Eq. 4 literally.
 */
import { isForest } from "../../graph/components.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { isLogSupermodular } from "../../inference/messages/attractive.ts";
import { Contraction, messageOffsetsOf } from "../../inference/messages/contraction.ts";
import { beliefsOf, betheLogZ, variableOffsetsOf } from "../../inference/messages/free-energy.ts";
import { Marginals, type InferenceResult } from "../../inference/result.ts";
import { branches, type Branches } from "./branches.ts";
import { scalarDamping, type DampingFunction } from "./damping-operator.ts";

export interface DampingOperators {
  readonly toVariable: DampingFunction;
  /** H of messages from variables to factors too, as in the authors' code; absent: they are belief propagation's. */
  readonly toFactor?: DampingFunction;
}

export interface FixedPointOptions {
  /** Largest change of a log message at which to stop; default 1e-5, the paper's. */
  readonly tolerance?: number;
  /** Default 200, the paper's. */
  readonly maxIterations?: number;
  /** Whether messages out of branches are damped as all others; default false. */
  readonly dampBranches?: boolean;
  /** Messages to start from, as `FixedPoint.messages`; by default uniform ones. */
  readonly start?: Float64Array;
}

export interface FixedPoint extends Omit<InferenceResult, "method" | "seconds"> {
  /**
   * Float64Array: messages from factors to variables, natural log, as `messageOffsetsOf(graph)` lays them out; empty if
   * Z = 0.
   */
  readonly messages: Float64Array;
}

/** H = 0: plain parallel belief propagation. */
export const undamped: DampingOperators = { toVariable: scalarDamping(0) };

/**
 * Natural log: a fixed point of which something is said, for messages within the paper's tolerance of one promise
 * nothing.
 */
const AT_REST_TOLERANCE = 1e-10;

/**
 * Runs to convergence. ln Z is Bethe's; `bound` is what Theorem 3 grants at a fixed point: exact on forests, a lower
 * bound for binary log-supermodular models, if zero is the only fixed point of H; otherwise "none". Messages are within
 * `tolerance` of such a point only, where Bethe's value was 1e-6 above the exact one: before a bound is given they are
 * brought to rest, in as many iterations again at most, which are not counted.
 */
export function runToFixedPoint(
  graph: FactorGraph,
  operators: DampingOperators,
  options: FixedPointOptions = {},
): FixedPoint {
  const { tolerance = 1e-5, maxIterations = 200, dampBranches = false } = options;
  const iteration = new Iteration(graph, operators, dampBranches ? undefined : branches(graph));
  if (options.start) iteration.startFrom(options.start);
  const maxDelta: number[] = [];
  let converged = false;
  while (maxDelta.length < maxIterations && !converged && !iteration.impossible && !iteration.diverged) {
    maxDelta.push(iteration.step());
    converged = !iteration.diverged && maxDelta[maxDelta.length - 1] < tolerance;
  }
  const iterations = maxDelta.length;
  const isNearFixedPoint =
    converged && operators.toVariable.zeroIsOnlyFixedPoint && (operators.toFactor?.zeroIsOnlyFixedPoint ?? true);
  const granted = !isNearFixedPoint ? "none" : isForest(graph) ? "exact" : isLogSupermodular(graph) ? "lower" : "none";
  const bound = granted !== "none" && comesToRest(iteration, maxIterations) ? granted : "none";
  const { messages } = iteration;
  const beliefs = iteration.impossible ? undefined : beliefsOf(graph, messages);
  if (!beliefs)
    return { logZ: -Infinity, bound: "exact", converged: true, iterations, maxDelta, messages: new Float64Array(0) };
  return {
    logZ: betheLogZ(graph, beliefs),
    bound,
    marginals: new Marginals(beliefs.variables, variableOffsetsOf(graph.cardinalities)),
    factorMarginals: new Marginals(beliefs.factors, Int32Array.from(graph.tableOffsets)),
    converged,
    iterations,
    maxDelta,
    messages,
  };
}

/** False, with the messages as they were, if they do not. */
function comesToRest(iteration: Iteration, maxIterations: number): boolean {
  const before = iteration.messages.slice();
  for (let count = 0; count < maxIterations; count++) {
    const change = iteration.step();
    if (iteration.diverged) break;
    if (change < AT_REST_TOLERANCE) return true;
  }
  iteration.messages.set(before);
  return false;
}

/** Natural log: far beyond every message that means something. */
const MAX_LOG_MOVE = 1e6;

class Iteration {
  /** Some message has no possible state: Z = 0. */
  impossible = false;
  /** H made so much of a difference that no message can hold it. */
  diverged = false;
  readonly messages: Float64Array;
  readonly #graph: FactorGraph;
  readonly #operators: DampingOperators;
  readonly #branches: Branches | undefined;
  readonly #offsets: Int32Array;
  readonly #contraction: Contraction;
  /** From variables to factors, laid out as `messages`. */
  readonly #incoming: Float64Array;
  readonly #fresh: Float64Array;
  /** One difference a size of message. */
  readonly #differences = new Map<number, Float64Array>();

  constructor(graph: FactorGraph, operators: DampingOperators, branches: Branches | undefined) {
    const { cardinalities, scopes, numFactors, scopeOffsets, tableOffsets, logPotentials } = graph;
    this.#graph = graph;
    this.#operators = operators;
    this.#branches = branches;
    this.#offsets = messageOffsetsOf(graph);
    this.#contraction = new Contraction(graph, this.#offsets);
    this.messages = new Float64Array(this.#offsets[scopes.length]);
    for (const size of new Set(cardinalities)) this.#differences.set(size, new Float64Array(size));
    this.#incoming = new Float64Array(this.messages.length);
    this.#fresh = new Float64Array(this.messages.length);
    for (let edge = 0; edge < scopes.length; edge++)
      this.messages.fill(-Math.log(cardinalities[scopes[edge]]), this.#offsets[edge], this.#offsets[edge + 1]);
    // A factor over one variable always sends its table.
    for (let factor = 0; factor < numFactors; factor++)
      if (scopeOffsets[factor + 1] - scopeOffsets[factor] === 1) {
        const [start, end] = [this.#offsets[scopeOffsets[factor]], this.#offsets[scopeOffsets[factor] + 1]];
        this.messages.set(logPotentials.subarray(tableOffsets[factor], tableOffsets[factor + 1]), start);
        this.#normalise(this.messages, start, end);
      }
    this.#initialiseIncoming();
  }

  /** @throws RangeError for another number of messages than the graph's. */
  startFrom(messages: Float64Array): void {
    if (messages.length !== this.messages.length)
      throw new RangeError(`this graph has ${this.messages.length} message entries, got ${messages.length}`);
    this.messages.set(messages);
    this.#initialiseIncoming();
  }

  #initialiseIncoming(): void {
    this.#sumOfOthers();
    for (let edge = 0; edge < this.#graph.scopes.length; edge++)
      this.#move(this.#incoming, this.#offsets[edge], this.#offsets[edge + 1], undefined);
  }

  /** One iteration; returns the largest change of a message from factor to variable. */
  step(): number {
    const { numFactors, scopeOffsets, logPotentials, scopes } = this.#graph;
    const [offsets, fresh] = [this.#offsets, this.#fresh];
    for (let factor = 0; factor < numFactors; factor++) {
      if (scopeOffsets[factor] === scopeOffsets[factor + 1]) continue;
      const [start, end] = [offsets[scopeOffsets[factor]], offsets[scopeOffsets[factor + 1]]];
      this.#contraction.logSum(logPotentials, factor, this.#incoming.subarray(start, end), fresh.subarray(start, end));
    }
    const { toVariable, toFactor } = this.#operators;
    let largest = 0;
    for (let edge = 0; edge < scopes.length; edge++) {
      const operator = this.#branches?.toVariable[edge] ? undefined : toVariable;
      largest = Math.max(largest, this.#move(this.messages, offsets[edge], offsets[edge + 1], operator));
    }
    this.#sumOfOthers();
    for (let edge = 0; edge < scopes.length; edge++) {
      const operator = this.#branches?.toFactor[edge] ? undefined : toFactor;
      this.#move(this.#incoming, offsets[edge], offsets[edge + 1], operator);
    }
    return this.impossible ? 0 : largest;
  }

  /** Replaces a message of `old` by the fresh one plus H of the difference; returns the largest change. */
  #move(old: Float64Array, start: number, end: number, operator: DampingFunction | undefined): number {
    const fresh = this.#fresh;
    if (!this.#normalise(fresh, start, end)) return 0;
    if (operator) {
      const difference = this.#differences.get(end - start)!;
      // The difference of two impossible states is none; a state that has become impossible stays so below.
      for (let at = start; at < end; at++)
        difference[at - start] = fresh[at] === -Infinity || old[at] === -Infinity ? 0 : old[at] - fresh[at];
      operator.apply(difference, difference);
      if (!difference.every((entry) => Math.abs(entry) < MAX_LOG_MOVE)) this.diverged = true;
      else for (let at = start; at < end; at++) fresh[at] += difference[at - start];
      this.#normalise(fresh, start, end);
    }
    let largest = 0;
    for (let at = start; at < end; at++) {
      if (fresh[at] !== old[at]) largest = Math.max(largest, Math.abs(fresh[at] - old[at]));
      old[at] = fresh[at];
    }
    return largest;
  }

  /** Fresh messages from variables to factors: the sum of those from the other factors. */
  #sumOfOthers(): void {
    const { numVariables, cardinalities, variableEdges, variableEdgeOffsets } = this.#graph;
    const [offsets, fresh, messages] = [this.#offsets, this.#fresh, this.messages];
    for (let variable = 0; variable < numVariables; variable++)
      for (let state = 0; state < cardinalities[variable]; state++) {
        let total = 0;
        let forbidden = 0;
        for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
          const entry = messages[offsets[variableEdges[at]] + state];
          if (entry === -Infinity) forbidden++;
          else total += entry;
        }
        for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
          const index = offsets[variableEdges[at]] + state;
          const own = messages[index];
          const isForbidden = forbidden > (own === -Infinity ? 1 : 0);
          fresh[index] = isForbidden ? -Infinity : own === -Infinity ? total : total - own;
        }
      }
  }

  /** To log-sum-exp 0; false, and Z = 0, if there is no possible state. */
  #normalise(values: Float64Array, start: number, end: number): boolean {
    let largest = -Infinity;
    for (let at = start; at < end; at++) if (values[at] > largest) largest = values[at];
    if (largest === -Infinity) {
      this.impossible = true;
      return false;
    }
    let sum = 0;
    for (let at = start; at < end; at++) sum += Math.exp(values[at] - largest);
    const scale = largest + Math.log(sum);
    for (let at = start; at < end; at++) values[at] -= scale;
    return true;
  }
}
