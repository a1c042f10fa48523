/**
 * The same distribution over fewer states: what zeros in the factors rule out is gone before any table is made.
 *
 * State a of variable i is kept while every factor on i has an allowed entry (ln psi > -Infinity) with x_i = a whose
 * other states are kept too: generalised arc consistency, to the fixed point. A variable with one state left drops out
 * of its scopes, a factor without variables joins the constant. Z, and every probability of a kept state, are
 * untouched; a state ruled out has probability 0.
 */
import { fromArrays, scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { CompensatedSum } from "../compensated-sum.ts";
import { Marginals } from "../result.ts";

export interface SimplifiedGraph {
  readonly original: FactorGraph;
  /** Variables with two or more kept states, and the factors that still have variables. */
  readonly graph: FactorGraph;
  /** ln of the product of all factors that became constant. */
  readonly logConstant: number;
  /** False when some variable lost all states, or a constant factor is 0: then Z = 0, and `graph` is not to be used. */
  readonly possible: boolean;
  /** Int32Array[graph.numVariables]: the original variable. */
  readonly variables: Int32Array;
  /** Int32Array[graph.numFactors]: the original factor. */
  readonly factors: Int32Array;
  /** One list an original variable: the states that are kept, in increasing order. */
  readonly keptStates: readonly (readonly number[])[];
}

export function simplify(original: FactorGraph): SimplifiedGraph {
  const { numVariables, numFactors, cardinalities } = original;
  const stateOffsets = offsetsOf(cardinalities);
  const kept = new Uint8Array(stateOffsets[numVariables]).fill(1);
  const possible = makeArcConsistent(original, stateOffsets, kept);

  const keptStates = Array.from({ length: numVariables }, (_, i) => {
    const states: number[] = [];
    for (let at = stateOffsets[i]; at < stateOffsets[i + 1]; at++) if (kept[at]) states.push(at - stateOffsets[i]);
    return states;
  });
  const newVariable = new Int32Array(numVariables).fill(-1);
  const variables: number[] = [];
  for (let i = 0; i < numVariables; i++) if (keptStates[i].length > 1) newVariable[i] = variables.push(i) - 1;

  const constant = new CompensatedSum();
  const factors: number[] = [];
  const tables: Float64Array[] = [];
  const scopes: number[] = [];
  const scopeOffsets = [0];
  for (let factor = 0; possible && factor < numFactors; factor++) {
    const scope = scopeOf(original, factor);
    const table = slice(tableOf(original, factor), scope, cardinalities, keptStates);
    const remaining = Array.from(scope, (variable) => newVariable[variable]).filter((variable) => variable >= 0);
    if (remaining.length === 0) {
      constant.add(table[0]);
      continue;
    }
    factors.push(factor);
    tables.push(table);
    scopes.push(...remaining);
    scopeOffsets.push(scopes.length);
  }
  const logConstant = constant.value;
  const tableOffsets = new Float64Array(tables.length + 1);
  tables.forEach((table, factor) => (tableOffsets[factor + 1] = tableOffsets[factor] + table.length));
  const logPotentials = new Float64Array(tableOffsets[tables.length]);
  tables.forEach((table, factor) => logPotentials.set(table, tableOffsets[factor]));
  return {
    original,
    graph: fromArrays(
      Int32Array.from(variables, (variable) => keptStates[variable].length),
      Int32Array.from(scopeOffsets),
      Int32Array.from(scopes),
      tableOffsets,
      logPotentials,
    ),
    logConstant,
    possible: possible && logConstant > -Infinity,
    variables: Int32Array.from(variables),
    factors: Int32Array.from(factors),
    keptStates,
  };
}

/**
 * False when the zeros of the factors alone prove Z = 0: some variable has no state that every factor on it supports.
 */
export function hasConsistentStates(graph: FactorGraph): boolean {
  const stateOffsets = offsetsOf(graph.cardinalities);
  return makeArcConsistent(graph, stateOffsets, new Uint8Array(stateOffsets[graph.numVariables]).fill(1));
}

/**
 * Clears `kept` until every kept state has support in every factor; false as soon as a variable or a factor has none
 * left.
 */
function makeArcConsistent(graph: FactorGraph, stateOffsets: Int32Array, kept: Uint8Array): boolean {
  const { numFactors, cardinalities, variableEdgeOffsets, variableEdges, edgeFactors } = graph;
  const isQueued = new Uint8Array(numFactors);
  const queue: number[] = [];
  for (let factor = 0; factor < numFactors; factor++) {
    if (!tableOf(graph, factor).includes(-Infinity)) continue;
    isQueued[factor] = 1;
    queue.push(factor);
  }
  for (let head = 0; head < queue.length; head++) {
    const factor = queue[head];
    isQueued[factor] = 0;
    const scope = scopeOf(graph, factor);
    const supported = supportedStates(tableOf(graph, factor), scope, cardinalities, stateOffsets, kept);
    if (!supported) return false;
    for (let position = 0; position < scope.length; position++) {
      const variable = scope[position];
      let changed = false;
      for (let state = 0; state < cardinalities[variable]; state++) {
        if (!kept[stateOffsets[variable] + state] || supported[position][state]) continue;
        kept[stateOffsets[variable] + state] = 0;
        changed = true;
      }
      if (!changed) continue;
      for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
        const other = edgeFactors[variableEdges[at]];
        if (isQueued[other] || other === factor) continue;
        isQueued[other] = 1;
        queue.push(other);
      }
    }
  }
  return true;
}

/**
 * For each position of the scope, 1 for each state that an allowed entry over kept states has; undefined when there is
 * no such entry.
 */
function supportedStates(
  table: Float64Array,
  scope: Int32Array,
  cardinalities: Int32Array,
  stateOffsets: Int32Array,
  kept: Uint8Array,
): Uint8Array[] | undefined {
  const supported = Array.from(scope, (variable) => new Uint8Array(cardinalities[variable]));
  const states = new Int32Array(scope.length);
  let any = false;
  for (let index = 0; index < table.length; index++) {
    let allowed = table[index] > -Infinity;
    for (let position = 0; allowed && position < scope.length; position++)
      allowed = kept[stateOffsets[scope[position]] + states[position]] === 1;
    if (allowed) {
      any = true;
      for (let position = 0; position < scope.length; position++) supported[position][states[position]] = 1;
    }
    for (let position = scope.length - 1; position >= 0; position--) {
      if (++states[position] < cardinalities[scope[position]]) break;
      states[position] = 0;
    }
  }
  return any ? supported : undefined;
}

/** The part of a table over kept states; the table itself when all are. */
function slice(
  table: Float64Array,
  scope: Int32Array,
  cardinalities: Int32Array,
  keptStates: readonly (readonly number[])[],
): Float64Array {
  let isWhole = true;
  for (const variable of scope) isWhole &&= keptStates[variable].length === cardinalities[variable];
  return isWhole ? table : Float64Array.from(sliceIndices(scope, cardinalities, keptStates), (index) => table[index]);
}

/** Indices into a table over `scope` of the entries whose states are all kept, in order. */
function sliceIndices(
  scope: Int32Array,
  cardinalities: Int32Array,
  keptStates: readonly (readonly number[])[],
): number[] {
  let indices = [0];
  for (const variable of scope) {
    const states = keptStates[variable];
    indices = indices.flatMap((index) => states.map((state) => index * cardinalities[variable] + state));
  }
  return indices;
}

/** Original states from those of `graph`: the kept state of that rank, the only one where no choice was left. */
export function originalStates({ variables, keptStates }: SimplifiedGraph, states: ArrayLike<number>): Int32Array {
  const ranks = new Int32Array(keptStates.length);
  variables.forEach((variable, i) => (ranks[variable] = states[i]));
  return ranks.map((rank, variable) => keptStates[variable][rank]);
}

/** Marginals of the original variables from those of the variables of `graph`. */
export function originalVariableMarginals(simplified: SimplifiedGraph, marginals: Marginals): Marginals {
  const { original, keptStates, variables } = simplified;
  const offsets = offsetsOf(original.cardinalities);
  const values = new Float64Array(offsets[original.numVariables]);
  keptStates.forEach((states, variable) => (values[offsets[variable] + states[0]] = states.length === 1 ? 1 : 0));
  variables.forEach((variable, i) => {
    const distribution = marginals.of(i);
    keptStates[variable].forEach((state, rank) => (values[offsets[variable] + state] = distribution[rank]));
  });
  return new Marginals(values, offsets);
}

/** Marginals of the original factors from those of the factors of `graph`. */
export function originalFactorMarginals(simplified: SimplifiedGraph, marginals: Marginals): Marginals {
  const { original, keptStates, factors } = simplified;
  const newFactor = new Int32Array(original.numFactors).fill(-1);
  factors.forEach((factor, f) => (newFactor[factor] = f));
  const values = new Float64Array(original.logPotentials.length);
  for (let factor = 0; factor < original.numFactors; factor++) {
    const distribution = newFactor[factor] < 0 ? [1] : marginals.of(newFactor[factor]);
    const start = original.tableOffsets[factor];
    sliceIndices(scopeOf(original, factor), original.cardinalities, keptStates).forEach(
      (index, rank) => (values[start + index] = distribution[rank]),
    );
  }
  return new Marginals(values, Int32Array.from(original.tableOffsets));
}

function offsetsOf(cardinalities: Int32Array): Int32Array {
  const offsets = new Int32Array(cardinalities.length + 1);
  for (let i = 0; i < cardinalities.length; i++) offsets[i + 1] = offsets[i] + cardinalities[i];
  return offsets;
}
