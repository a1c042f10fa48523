/**
 * Which messages come out of a branch: those behind which the factor graph is a tree. They do not depend on themselves,
 * so belief propagation gets them right after as many iterations as the branch is high. In a forest that is all of
 * them.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";

export interface Branches {
  /** Uint8Array[numEdges]: 1 where the message from the edge's factor to its variable comes out of a branch. */
  readonly toVariable: Uint8Array;
  /** Uint8Array[numEdges]: the same from the variable to the factor. */
  readonly toFactor: Uint8Array;
}

/**
 * A message comes out of a branch when all that it is made of do; found from the leaves inwards in time linear in the
 * graph.
 */
export function branches(graph: FactorGraph): Branches {
  const { numVariables, numFactors, scopes, scopeOffsets, variableEdges, variableEdgeOffsets, edgeFactors } = graph;
  const numEdges = scopes.length;
  const toVariable = new Uint8Array(numEdges);
  const toFactor = new Uint8Array(numEdges);
  // How many messages into a node are not known to come out of a branch; when one is left, the answer to it does.
  const openAtFactor = Int32Array.from({ length: numFactors }, (_, f) => scopeOffsets[f + 1] - scopeOffsets[f]);
  const openAtVariable = Int32Array.from(
    { length: numVariables },
    (_, i) => variableEdgeOffsets[i + 1] - variableEdgeOffsets[i],
  );
  const factors = Array.from(openAtFactor.keys()).filter((factor) => openAtFactor[factor] === 1);
  const variables = Array.from(openAtVariable.keys()).filter((variable) => openAtVariable[variable] === 1);
  const arriveAtVariable = (edge: number) => {
    if (toVariable[edge]) return;
    toVariable[edge] = 1;
    if (--openAtVariable[scopes[edge]] <= 1) variables.push(scopes[edge]);
  };
  const arriveAtFactor = (edge: number) => {
    if (toFactor[edge]) return;
    toFactor[edge] = 1;
    if (--openAtFactor[edgeFactors[edge]] <= 1) factors.push(edgeFactors[edge]);
  };
  while (factors.length || variables.length) {
    const factor = factors.pop();
    if (factor !== undefined)
      for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
        if (openAtFactor[factor] === 0 || !toFactor[edge]) arriveAtVariable(edge);
    const variable = variables.pop();
    if (variable !== undefined)
      for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++)
        if (openAtVariable[variable] === 0 || !toVariable[variableEdges[at]]) arriveAtFactor(variableEdges[at]);
  }
  return { toVariable, toFactor };
}
