/**
 * Exact inference by visiting every joint state of a factor graph: ln Z, all marginals, and a most probable state.
 *
 *   Z = sum_x prod_f psi_f(x_f)
 *
 * The states are visited in reflected mixed-radix Gray code (Knuth, TAOCP 7.2.1.1, algorithm H): one variable moves by
 * one state a step, so only its factors' entries change. Forbidden entries (-Infinity) are counted, not added, so the
 * running ln p~ stays a finite number; it is computed afresh every 1024 steps, so rounding does not add up. A
 * marginal's entry collects weights only when its variable moves on: what one running total has grown by since the
 * variable moved last. That total restarts with each refresh.
 *
 * Two passes: the first finds the best state, the second adds weights relative to it.
 */
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import { Marginals, secondsSince, type InferenceResult } from "../result.ts";

/** More joint states are refused: 2^25 take several seconds. */
export const MAX_ENUMERATION_STATES = 2 ** 25;
const STEPS_BETWEEN_REFRESHES = 1024;

/** Why the joint states of `graph` are too many to enumerate, or undefined. */
function whyNotEnumerableGraph({ cardinalities }: FactorGraph): string | undefined {
  let log2States = 0;
  for (const cardinality of cardinalities) log2States += Math.log2(cardinality);
  if (log2States <= Math.log2(MAX_ENUMERATION_STATES)) return undefined;
  return (
    `enumeration visits every joint state, and 2^${log2States.toFixed(1)} are more than the limit of 2^25. ` +
    "Use a junction tree if the graph is sparse, or an approximation"
  );
}

/**
 * Exact ln Z, marginals of variables and factors, and a most probable state. When Z = 0, ln Z is -Infinity and the rest
 * is absent.
 * @throws RangeError for more than 2^25 joint states, saying what to use instead.
 */
export function enumerateFactorGraph(graph: FactorGraph): Omit<InferenceResult, "method"> {
  const started = performance.now();
  const refusal = whyNotEnumerableGraph(graph);
  if (refusal) throw new RangeError(refusal);
  const common = (): Omit<InferenceResult, "method"> => ({
    bound: "exact",
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: secondsSince(started),
  });

  const states = bestState(graph);
  if (!states) return { logZ: -Infinity, ...common() };
  const score = logScore(graph, states);
  return { ...weighStates(graph, score), map: { states, score, upperBound: score }, ...common() };
}

/** The first pass: a most probable state, or undefined when Z = 0. */
function bestState(graph: FactorGraph): Int32Array | undefined {
  let largest = -Infinity;
  let best: Int32Array | undefined;
  visitStates(graph, (score, states) => {
    if (!(score > largest)) return;
    largest = score;
    best = states.slice();
  });
  return best;
}

/** The second pass: ln Z and all marginals, from weights relative to the best state's. */
function weighStates(graph: FactorGraph, bestScore: number) {
  const { numVariables, numFactors, cardinalities, variableEdgeOffsets, variableEdges, edgeFactors } = graph;
  const offsets = new Int32Array(numVariables + 1);
  for (let i = 0; i < numVariables; i++) offsets[i + 1] = offsets[i] + cardinalities[i];
  const marginals = new Float64Array(offsets[numVariables]);
  const factorMarginals = new Float64Array(graph.logPotentials.length);
  let total = 0;
  /** Weights since the last refresh, and what that was when each variable and factor last changed. */
  let running = 0;
  const variableStarts = new Float64Array(numVariables);
  const factorStarts = new Float64Array(numFactors);
  const watcher: StateWatcher = {
    leave(variable, states, entries) {
      marginals[offsets[variable] + states[variable]] += running - variableStarts[variable];
      variableStarts[variable] = running;
      for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
        const factor = edgeFactors[variableEdges[at]];
        factorMarginals[entries[factor]] += running - factorStarts[factor];
        factorStarts[factor] = running;
      }
    },
    refresh(states, entries) {
      for (let i = 0; i < numVariables; i++) marginals[offsets[i] + states[i]] += running - variableStarts[i];
      for (let f = 0; f < numFactors; f++) factorMarginals[entries[f]] += running - factorStarts[f];
      total += running;
      running = 0;
      variableStarts.fill(0);
      factorStarts.fill(0);
    },
  };
  visitStates(graph, (score) => void (running += Math.exp(score - bestScore)), watcher);
  const share = (weight: number) => weight / total;
  return {
    logZ: bestScore + Math.log(total),
    marginals: new Marginals(marginals.map(share), offsets),
    factorMarginals: new Marginals(factorMarginals.map(share), Int32Array.from(graph.tableOffsets)),
  };
}

interface StateWatcher {
  /** Before `variable` moves; `entries[f]` is where factor f's present entry stands in graph.logPotentials. */
  leave(variable: number, states: Int32Array, entries: Float64Array): void;
  /** Now and then between two states, and after the last one. */
  refresh(states: Int32Array, entries: Float64Array): void;
}

/** Calls `visit(ln p~, states)` for every joint state; `states` is one array, overwritten. */
function visitStates(
  graph: FactorGraph,
  visit: (score: number, states: Int32Array) => void,
  watcher?: StateWatcher,
): void {
  const { numFactors, cardinalities, scopes, scopeOffsets, tableOffsets, logPotentials } = graph;
  const { variableEdgeOffsets, variableEdges, edgeFactors } = graph;
  const strides = new Int32Array(scopes.length);
  const entries = new Float64Array(numFactors);
  for (let factor = 0; factor < numFactors; factor++) {
    entries[factor] = tableOffsets[factor];
    let stride = 1;
    for (let edge = scopeOffsets[factor + 1] - 1; edge >= scopeOffsets[factor]; edge--) {
      strides[edge] = stride;
      stride *= cardinalities[scopes[edge]];
    }
  }
  const moving = Array.from(cardinalities.keys()).filter((variable) => cardinalities[variable] > 1);
  const states = new Int32Array(graph.numVariables);
  const directions = new Int8Array(moving.length).fill(1);
  const focus = Int32Array.from({ length: moving.length + 1 }, (_, digit) => digit);
  let finite = 0;
  let forbidden = 0;
  const add = (factor: number, sign: 1 | -1): void => {
    const value = logPotentials[entries[factor]];
    if (value === -Infinity) forbidden += sign;
    else finite += sign * value;
  };
  for (let step = 0; ; step++) {
    if (step % STEPS_BETWEEN_REFRESHES === 0) {
      if (step > 0) watcher?.refresh(states, entries);
      finite = forbidden = 0;
      for (let factor = 0; factor < numFactors; factor++) add(factor, 1);
    }
    visit(forbidden > 0 ? -Infinity : finite, states);
    const digit = focus[0];
    focus[0] = 0;
    if (digit === moving.length) break;
    const variable = moving[digit];
    watcher?.leave(variable, states, entries);
    const direction = directions[digit];
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const factor = edgeFactors[variableEdges[at]];
      add(factor, -1);
      entries[factor] += direction * strides[variableEdges[at]];
      add(factor, 1);
    }
    states[variable] += direction;
    if (states[variable] === 0 || states[variable] === cardinalities[variable] - 1) {
      directions[digit] = -direction;
      focus[digit] = focus[digit + 1];
      focus[digit + 1] = digit + 1;
    }
  }
  watcher?.refresh(states, entries);
}
