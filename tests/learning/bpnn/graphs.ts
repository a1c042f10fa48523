/** Random factor graphs for the tests of this folder, relabelled ones among them. */
import { factorGraph, Random, type FactorGraph } from "marginalia";
import { scopeOf, tableOf } from "marginalia/graph";

export interface Drawn {
  readonly variables: number[];
  readonly logPotentials: Float64Array;
}

/** Mixed cardinalities and arities 1 to `mostArity`, every variable with a factor of its own. */
export function drawGraph(
  random: Random,
  options: {
    numVariables?: number;
    mostArity?: number;
    cardinalities?: number[];
    numFactors?: number;
    strength?: number;
  } = {},
): FactorGraph {
  // prettier-ignore
  const { numVariables = 6, mostArity = 5, numFactors = 6, strength = 1 } = options;
  const choices = options.cardinalities ?? [2, 3];
  const cardinalities = Array.from({ length: numVariables }, () => choices[random.integer(choices.length)]);
  const table = (variables: number[]): Drawn => {
    const size = variables.reduce((product, variable) => product * cardinalities[variable], 1);
    return { variables, logPotentials: Float64Array.from({ length: size }, () => random.normal(0, strength)) };
  };
  const own = cardinalities.map((_, variable) => table([variable]));
  const joint = Array.from({ length: numFactors }, () => {
    const arity = 2 + random.integer(mostArity - 1);
    return table(Array.from(random.permutation(numVariables).subarray(0, arity)));
  });
  return factorGraph(cardinalities, [...own, ...joint]);
}

/** A random tree of factors of arity 2 and 3. */
export function drawTree(random: Random, numFactors = 6): FactorGraph {
  const cardinalities = [2 + random.integer(2)];
  const factors: Drawn[] = [];
  for (let f = 0; f < numFactors; f++) {
    const variables = [random.integer(cardinalities.length)];
    for (let more = random.integer(2); more >= 0; more--) variables.push(cardinalities.push(2 + random.integer(2)) - 1);
    const size = variables.reduce((product, variable) => product * cardinalities[variable], 1);
    factors.push({ variables: random.shuffle(variables), logPotentials: Float64Array.from({ length: size }, () => random.normal(0, 1)) }); // prettier-ignore
  }
  return factorGraph(cardinalities, factors);
}

export interface Relabelled {
  readonly graph: FactorGraph;
  /** New number of each old variable, and of each old factor. */
  readonly variables: Int32Array;
  readonly factors: Int32Array;
}

/** An isomorphic factor graph: variables and factors renumbered, the axes of every table permuted. */
export function relabel(graph: FactorGraph, random: Random): Relabelled {
  const variables = random.permutation(graph.numVariables);
  const factors = random.permutation(graph.numFactors);
  const cardinalities = new Int32Array(graph.numVariables);
  variables.forEach((to, from) => (cardinalities[to] = graph.cardinalities[from]));
  const inputs = new Array<Drawn>(graph.numFactors);
  for (let factor = 0; factor < graph.numFactors; factor++) {
    const scope = scopeOf(graph, factor);
    const order = random.permutation(scope.length);
    const sizes = Array.from(scope, (variable) => graph.cardinalities[variable]);
    const table = tableOf(graph, factor);
    const logPotentials = new Float64Array(table.length);
    table.forEach((entry, index) => {
      const states = new Array<number>(scope.length);
      for (let axis = scope.length - 1, rest = index; axis >= 0; axis--) {
        states[axis] = rest % sizes[axis];
        rest = Math.floor(rest / sizes[axis]);
      }
      let to = 0;
      order.forEach((axis) => (to = to * sizes[axis] + states[axis]));
      logPotentials[to] = entry;
    });
    inputs[factors[factor]] = { variables: Array.from(order, (axis) => variables[scope[axis]]), logPotentials };
  }
  return { graph: factorGraph(cardinalities, inputs), variables, factors };
}
