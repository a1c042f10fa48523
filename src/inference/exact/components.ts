/** The connected components of a factor graph, each as a graph of its own. */
import { connectedComponents } from "../../graph/components.ts";
import { fromArrays, scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";

export interface Component {
  readonly graph: FactorGraph;
  /** Int32Array[graph.numVariables]: the whole graph's variable. */
  readonly variables: Int32Array;
  /** Int32Array[graph.numFactors]: the whole graph's factor. */
  readonly factors: Int32Array;
}

/**
 * In the order of their first variables; an isolated variable is a component. Factors without variables belong to none.
 */
export function components(graph: FactorGraph): Component[] {
  const { numVariables, numFactors, scopeOffsets, scopes } = graph;
  const { count, componentOf } = connectedComponents(graph);
  const variableLists = Array.from({ length: count }, (): number[] => []);
  for (let variable = 0; variable < numVariables; variable++) variableLists[componentOf[variable]].push(variable);
  const factorLists = variableLists.map((): number[] => []);
  for (let factor = 0; factor < numFactors; factor++)
    if (scopeOffsets[factor + 1] > scopeOffsets[factor])
      factorLists[componentOf[scopes[scopeOffsets[factor]]]].push(factor);
  if (variableLists.length === 1 && factorLists[0].length === numFactors)
    return [{ graph, variables: Int32Array.from(variableLists[0]), factors: Int32Array.from(factorLists[0]) }];
  return variableLists.map((variables, component) => part(graph, variables, factorLists[component]));
}

function part(graph: FactorGraph, variables: readonly number[], factors: readonly number[]): Component {
  const newNumbers = new Map(variables.map((variable, i) => [variable, i]));
  const scopeOffsets = new Int32Array(factors.length + 1);
  const tableOffsets = new Float64Array(factors.length + 1);
  factors.forEach((factor, f) => {
    scopeOffsets[f + 1] = scopeOffsets[f] + scopeOf(graph, factor).length;
    tableOffsets[f + 1] = tableOffsets[f] + tableOf(graph, factor).length;
  });
  const scopes = new Int32Array(scopeOffsets[factors.length]);
  const logPotentials = new Float64Array(tableOffsets[factors.length]);
  factors.forEach((factor, f) => {
    scopes.set(
      scopeOf(graph, factor).map((variable) => newNumbers.get(variable)!),
      scopeOffsets[f],
    );
    logPotentials.set(tableOf(graph, factor), tableOffsets[f]);
  });
  return {
    graph: fromArrays(
      Int32Array.from(variables, (variable) => graph.cardinalities[variable]),
      scopeOffsets,
      scopes,
      tableOffsets,
      logPotentials,
    ),
    variables: Int32Array.from(variables),
    factors: Int32Array.from(factors),
  };
}
