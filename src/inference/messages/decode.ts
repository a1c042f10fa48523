/**
 * A joint state from max-product messages: variable after variable, breadth first, each takes the state that is best
 * given those before it, the messages standing in for those after it. Exact on a forest, also where several states are
 * equally good (taking every variable's best state by itself could mix them up). On graphs with cycles single variables
 * are then improved until none can be.
 */
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import { logPotential, type IsingModel } from "../../graph/pairwise.ts";
import type { MapAnswer } from "../result.ts";
import { messageOffsetsOf } from "./contraction.ts";
import { breadthFirstFactors, breadthFirstVariables } from "./tree-order.ts";

const MAX_IMPROVEMENT_ROUNDS = 100;

/**
 * @param logMessages natural logs, factor to variable, as the kernels hold them.
 * @param converged whether they are a fixed point; on a forest the answer is then certain and carries its own score as
 *   upper bound.
 */
export function decodeStates(graph: FactorGraph, logMessages: Float64Array, converged: boolean): MapAnswer {
  const { numVariables, cardinalities, scopes, scopeOffsets, tableOffsets, logPotentials } = graph;
  const { variableEdgeOffsets, variableEdges, edgeFactors } = graph;
  const { factors, cycleAt } = breadthFirstFactors(graph);
  const offsets = messageOffsetsOf(graph);
  const states = new Int32Array(numVariables).fill(-1);
  const scores = new Float64Array(cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));

  /** ln of the product of the messages to `variable` from all factors but one. */
  function messagesExcept(variable: number, factor: number, state: number): number {
    let sum = 0;
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++)
      if (edgeFactors[variableEdges[at]] !== factor) sum += logMessages[offsets[variableEdges[at]] + state];
    return sum;
  }

  /**
   * Adds to `scores` what a factor says about a variable: its table, fixed variables in place, the best of the others.
   */
  function addFactor(variable: number, factor: number): void {
    const first = scopeOffsets[factor];
    const end = scopeOffsets[factor + 1];
    const open: number[] = []; // edges whose variables are not fixed yet
    let base = tableOffsets[factor];
    let ownStride = 0;
    const strides: number[] = [];
    for (let edge = end - 1, stride = 1; edge >= first; stride *= cardinalities[scopes[edge]], edge--) {
      const other = scopes[edge];
      if (other === variable) ownStride = stride;
      else if (states[other] >= 0) base += states[other] * stride;
      else {
        open.push(edge);
        strides.push(stride);
      }
    }
    const openMessages = open.map((edge) =>
      Float64Array.from({ length: cardinalities[scopes[edge]] }, (_, state) =>
        messagesExcept(scopes[edge], factor, state),
      ),
    );
    for (let state = 0; state < cardinalities[variable]; state++) {
      const search = (at: number, index: number, sum: number): number => {
        if (at === open.length) return sum + logPotentials[index];
        let best = -Infinity;
        for (let other = 0; other < openMessages[at].length; other++) {
          const withOther = sum + openMessages[at][other];
          if (withOther > -Infinity) best = Math.max(best, search(at + 1, index + other * strides[at], withOther));
        }
        return best;
      };
      scores[state] += search(0, base + state * ownStride, 0);
    }
  }

  function fixBest(variable: number): boolean {
    const before = states[variable];
    const width = cardinalities[variable];
    scores.fill(0, 0, width);
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++)
      addFactor(variable, edgeFactors[variableEdges[at]]);
    let best = Math.max(before, 0);
    for (let state = 0; state < width; state++) if (scores[state] > scores[best]) best = state;
    states[variable] = best;
    return best !== before;
  }

  for (const factor of factors)
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
      if (states[scopes[edge]] < 0) fixBest(scopes[edge]);
  for (let variable = 0; variable < numVariables; variable++) if (states[variable] < 0) states[variable] = 0;
  for (let round = 0, improved = cycleAt >= 0; improved && round < MAX_IMPROVEMENT_ROUNDS; round++) {
    improved = false;
    for (let variable = 0; variable < numVariables; variable++) improved = fixBest(variable) || improved;
  }
  const score = logScore(graph, states);
  return { states, score, ...(cycleAt < 0 && converged && { upperBound: score }) };
}

/**
 * @param messages Float64Array[2 numEdges]: max-product log ratios, source to target at 2 edge, back at 2 edge + 1.
 * @param converged as for `decodeStates`.
 */
export function decodePairwiseStates(model: IsingModel, messages: Float64Array, converged: boolean): MapAnswer {
  const { numVariables, biases, weights, neighbourOffsets, neighbours, neighbourEdges } = model;
  const { variables, cycleAt } = breadthFirstVariables(model);
  const states = new Int32Array(numVariables).fill(-1);
  function fixBest(variable: number): boolean {
    let field = 2 * biases[variable];
    for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++) {
      const edge = neighbourEdges[at];
      const neighbour = neighbours[at];
      if (states[neighbour] >= 0) field += 2 * weights[edge] * (2 * states[neighbour] - 1);
      else field += messages[2 * edge + (neighbour > variable ? 1 : 0)];
    }
    const before = states[variable];
    states[variable] = field > 0 ? 1 : field < 0 ? 0 : Math.max(before, 0);
    return states[variable] !== before;
  }
  for (const variable of variables) fixBest(variable);
  for (let round = 0, improved = cycleAt >= 0; improved && round < MAX_IMPROVEMENT_ROUNDS; round++) {
    improved = false;
    for (let variable = 0; variable < numVariables; variable++) improved = fixBest(variable) || improved;
  }
  const score = logPotential(model, states);
  return { states, score, ...(cycleAt < 0 && converged && { upperBound: score }) };
}
