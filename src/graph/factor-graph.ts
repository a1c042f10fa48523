/**
 * Factor graphs over discrete variables: p~(x) = prod_f psi_f(x_f), kept as ln psi on flat arrays.
 *
 * Any cardinality >= 1, any arity >= 0. A factor without variables is a constant. ln psi = -Infinity forbids a state;
 * evidence is taken in by conditioning (condition.ts), never by huge negative numbers. Tables follow the .uai order:
 * the LAST variable of a scope changes fastest.
 */

export interface FactorGraph {
  readonly kind: "factor-graph";
  readonly numVariables: number;
  readonly numFactors: number;
  /** Int32Array[numVariables]: number of states. */
  readonly cardinalities: Int32Array;
  /**
   * Int32Array[numFactors + 1]: factor f's variables stand at scopeOffsets[f] ... scopeOffsets[f + 1] - 1 of `scopes`.
   */
  readonly scopeOffsets: Int32Array;
  /**
   * Int32Array[numEdges]: variables, distinct within a factor. An index here is an edge (factor, position) of the
   * graph.
   */
  readonly scopes: Int32Array;
  /**
   * Float64Array[numFactors + 1] of integers (a sum of tables may pass 2^31): factor f's table is
   * logPotentials[tableOffsets[f]] ...
   */
  readonly tableOffsets: Float64Array;
  /** Float64Array[tableOffsets[numFactors]], natural log, -Infinity allowed; last variable of the scope fastest. */
  readonly logPotentials: Float64Array;
  /** Int32Array[numVariables + 1]: variable i's edges stand at variableEdgeOffsets[i] ... of `variableEdges`. */
  readonly variableEdgeOffsets: Int32Array;
  /** Int32Array[numEdges]: indices into `scopes`, in increasing order, so grouped by factor. */
  readonly variableEdges: Int32Array;
  /** Int32Array[numEdges]: the factor of each edge. */
  readonly edgeFactors: Int32Array;
}

/**
 * A factor as a user writes it: its variables, and its table either in natural log or as plain non-negative numbers.
 */
export type FactorInput =
  | { readonly variables: ArrayLike<number>; readonly logPotentials: ArrayLike<number> }
  | { readonly variables: ArrayLike<number>; readonly potentials: ArrayLike<number> };

/** "factor 3 over variables (0, 5)": how every message names a factor. */
export function describeFactor(factor: number, variables: ArrayLike<number>): string {
  return `factor ${factor} over variables (${Array.from(variables).join(", ")})`;
}

/**
 * The largest finite ln psi, up or down: sums over any number of factors stay finite, so that -Infinity always means
 * forbidden.
 */
export const LARGEST_LOG = 1e300;

/**
 * Compiles a factor graph.
 * @param cardinalities number of states of each variable, each an integer >= 1.
 * @param factors in order; each table has one entry a joint state of its variables, last variable fastest.
 * @throws RangeError naming factor and variable: an unknown or repeated variable, a table of the wrong length, NaN,
 *   +Infinity, a
 * negative potential, or a finite ln psi beyond 1e300.
 */
export function factorGraph(cardinalities: ArrayLike<number>, factors: Iterable<FactorInput>): FactorGraph {
  const numVariables = cardinalities.length;
  for (let i = 0; i < numVariables; i++)
    if (!Number.isInteger(cardinalities[i]) || cardinalities[i] < 1 || cardinalities[i] > 0x7fffffff)
      throw new RangeError(`variable ${i} has cardinality ${cardinalities[i]}, expected an integer >= 1`);

  const inputs = Array.from(factors);
  const scopeOffsets = new Int32Array(inputs.length + 1);
  const tableOffsets = new Float64Array(inputs.length + 1);
  inputs.forEach((input, factor) => {
    scopeOffsets[factor + 1] = scopeOffsets[factor] + input.variables.length;
    tableOffsets[factor + 1] = tableOffsets[factor] + tableLength(input, factor, cardinalities);
  });
  const scopes = new Int32Array(scopeOffsets[inputs.length]);
  const logPotentials = new Float64Array(tableOffsets[inputs.length]);
  inputs.forEach((input, factor) => {
    scopes.set(input.variables, scopeOffsets[factor]);
    copyTable(input, factor, logPotentials, tableOffsets[factor]);
  });
  return fromArrays(Int32Array.from(cardinalities), scopeOffsets, scopes, tableOffsets, logPotentials);
}

/**
 * A factor graph from arrays already in their final form (readers, generators and conditioning use it). Takes the
 * arrays over, checks nothing; adds the index from variables to edges.
 */
export function fromArrays(
  cardinalities: Int32Array,
  scopeOffsets: Int32Array,
  scopes: Int32Array,
  tableOffsets: Float64Array,
  logPotentials: Float64Array,
): FactorGraph {
  const numVariables = cardinalities.length;
  const numFactors = scopeOffsets.length - 1;
  const variableEdgeOffsets = new Int32Array(numVariables + 1);
  for (const variable of scopes) variableEdgeOffsets[variable + 1]++;
  for (let i = 0; i < numVariables; i++) variableEdgeOffsets[i + 1] += variableEdgeOffsets[i];
  const next = variableEdgeOffsets.slice(0, numVariables);
  const variableEdges = new Int32Array(scopes.length);
  const edgeFactors = new Int32Array(scopes.length);
  for (let factor = 0; factor < numFactors; factor++) {
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
      variableEdges[next[scopes[edge]]++] = edge;
      edgeFactors[edge] = factor;
    }
  }
  return {
    kind: "factor-graph",
    numVariables,
    numFactors,
    cardinalities,
    scopeOffsets,
    scopes,
    tableOffsets,
    logPotentials,
    variableEdgeOffsets,
    variableEdges,
    edgeFactors,
  };
}

/** Factor f's variables: a view. */
export function scopeOf(graph: FactorGraph, factor: number): Int32Array {
  return graph.scopes.subarray(graph.scopeOffsets[factor], graph.scopeOffsets[factor + 1]);
}

/** Factor f's table, natural log, last variable fastest: a view. */
export function tableOf(graph: FactorGraph, factor: number): Float64Array {
  return graph.logPotentials.subarray(graph.tableOffsets[factor], graph.tableOffsets[factor + 1]);
}

/**
 * ln p~ of one joint state, natural log; -Infinity if some factor forbids it.
 * @param states one state index a variable.
 * @throws RangeError naming the variable whose state is out of range.
 */
export function logScore(graph: FactorGraph, states: ArrayLike<number>): number {
  const { numVariables, cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials } = graph;
  if (states.length !== numVariables) throw new RangeError(`expected ${numVariables} states, got ${states.length}`);
  for (let i = 0; i < numVariables; i++)
    if (!(Number.isInteger(states[i]) && states[i] >= 0 && states[i] < cardinalities[i]))
      throw new RangeError(`variable ${i} has no state ${states[i]}, expected 0 to ${cardinalities[i] - 1}`);
  let total = 0;
  for (let factor = 0; factor < graph.numFactors; factor++) {
    let index = 0;
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++)
      index = index * cardinalities[scopes[edge]] + states[scopes[edge]];
    total += logPotentials[tableOffsets[factor] + index];
  }
  return total;
}

function tableLength(input: FactorInput, factor: number, cardinalities: ArrayLike<number>): number {
  const named = (): string => describeFactor(factor, input.variables);
  const seen = new Set<number>();
  let expected = 1;
  for (let position = 0; position < input.variables.length; position++) {
    const variable = input.variables[position];
    if (!(Number.isInteger(variable) && variable >= 0 && variable < cardinalities.length))
      throw new RangeError(`${named()}: ${variable} is not a variable, expected 0 to ${cardinalities.length - 1}`);
    if (seen.has(variable)) throw new RangeError(`${named()}: variable ${variable} is named twice`);
    seen.add(variable);
    expected *= cardinalities[variable];
  }
  const { length } = "logPotentials" in input ? input.logPotentials : input.potentials;
  if (length !== expected)
    throw new RangeError(
      `${named()}: the table has ${length} entries, expected ${expected} (the product of the cardinalities)`,
    );
  return expected;
}

function copyTable(input: FactorInput, factor: number, into: Float64Array, offset: number): void {
  const isLog = "logPotentials" in input;
  const table = isLog ? input.logPotentials : input.potentials;
  for (let index = 0; index < table.length; index++) {
    const entry = table[index];
    const isTooLarge = isLog && entry !== -Infinity && !(Math.abs(entry) <= LARGEST_LOG);
    if (Number.isNaN(entry) || entry === Infinity || isTooLarge || (!isLog && entry < 0))
      throw new RangeError(
        `${describeFactor(factor, input.variables)}: entry ${index} is ${entry}, expected ` +
          (isLog
            ? `a number between -${LARGEST_LOG} and ${LARGEST_LOG}, or -Infinity, which forbids a state`
            : "a finite number >= 0"),
      );
    into[offset + index] = isLog ? entry : Math.log(entry);
  }
}
