/**
 * Neighbours, forests and their orders: what residual schedules, the tree schedule, exactness on trees and the decoding
 * of MAP states need.
 */
import { describeFactor, scopeOf, type FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";

export interface FactorOrder {
  /**
   * Int32Array[numFactors]: breadth first from the lowest variable of each component; a factor comes after the one
   * between it and the root.
   */
  readonly factors: Int32Array;
  /** The first factor that closes a cycle, -1 when the factor graph is a forest. */
  readonly cycleAt: number;
}

/** Visits the whole factor graph breadth first. Factors without variables come last. */
export function breadthFirstFactors(graph: FactorGraph): FactorOrder {
  const { numVariables, numFactors, scopes, scopeOffsets, variableEdges, variableEdgeOffsets, edgeFactors } = graph;
  const factors = new Int32Array(numFactors);
  const variables = new Int32Array(numVariables);
  const seenVariable = new Uint8Array(numVariables);
  const seenFactor = new Uint8Array(numFactors);
  let numSeen = 0;
  let cycleAt = -1;
  for (let root = 0; root < numVariables; root++) {
    if (seenVariable[root]) continue;
    seenVariable[root] = 1;
    variables[0] = root;
    for (let next = 0, end = 1; next < end; next++) {
      const variable = variables[next];
      for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
        const factor = edgeFactors[variableEdges[at]];
        if (seenFactor[factor]) continue;
        seenFactor[factor] = 1;
        factors[numSeen++] = factor;
        let known = 0;
        for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
          const other = scopes[edge];
          if (seenVariable[other]) known++;
          else {
            seenVariable[other] = 1;
            variables[end++] = other;
          }
        }
        if (known > 1 && cycleAt < 0) cycleAt = factor;
      }
    }
  }
  for (let factor = 0; factor < numFactors; factor++) if (!seenFactor[factor]) factors[numSeen++] = factor;
  return { factors, cycleAt };
}

/** Factors from the roots outwards. @throws RangeError naming a factor that closes a cycle. */
export function factorTreeOrder(graph: FactorGraph): Int32Array {
  const { factors, cycleAt } = breadthFirstFactors(graph);
  if (cycleAt >= 0)
    throw new RangeError(
      `schedule=tree needs a factor graph without cycles, but ${describeFactor(cycleAt, scopeOf(graph, cycleAt))} closes one. ` +
        "Use another schedule",
    );
  return factors;
}

/**
 * Calls `visit` with every factor of two or more variables that shares a variable with `factor`, once for each variable
 * shared.
 */
export function visitNeighbourFactors(graph: FactorGraph, factor: number, visit: (neighbour: number) => void): void {
  const { scopeOffsets, scopes, variableEdgeOffsets, variableEdges, edgeFactors } = graph;
  for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
    const variable = scopes[edge];
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const other = edgeFactors[variableEdges[at]];
      if (other !== factor && scopeOffsets[other + 1] - scopeOffsets[other] > 1) visit(other);
    }
  }
}

/** Variables from the roots outwards, and an edge that closes a cycle or -1. */
export function breadthFirstVariables(model: PairwiseBinaryModel): { variables: Int32Array; cycleAt: number } {
  const { numVariables, neighbourOffsets, neighbours, neighbourEdges } = model;
  const variables = new Int32Array(numVariables);
  const parentEdge = new Int32Array(numVariables).fill(-2);
  let end = 0;
  let next = 0;
  let cycleAt = -1;
  for (let root = 0; root < numVariables; root++) {
    if (parentEdge[root] !== -2) continue;
    parentEdge[root] = -1;
    variables[end++] = root;
    for (; next < end; next++) {
      const variable = variables[next];
      for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++) {
        if (neighbourEdges[at] === parentEdge[variable]) continue;
        if (parentEdge[neighbours[at]] !== -2) cycleAt = neighbourEdges[at];
        else {
          parentEdge[neighbours[at]] = neighbourEdges[at];
          variables[end++] = neighbours[at];
        }
      }
    }
  }
  return { variables, cycleAt };
}

/** Variables from the roots outwards. @throws RangeError naming an edge that closes a cycle. */
export function variableTreeOrder(model: PairwiseBinaryModel): Int32Array {
  const { variables, cycleAt } = breadthFirstVariables(model);
  if (cycleAt >= 0)
    throw new RangeError(
      `schedule=tree needs a graph without cycles, but edge ${model.edgeSources[cycleAt]}-${model.edgeTargets[cycleAt]} closes one. ` +
        "Use another schedule",
    );
  return variables;
}
