/**
 * Evidence by conditioning: observed variables leave the graph, and every factor keeps the slice of its table that
 * agrees with them.
 *
 *     psi'_f(x_free) = psi_f(x_free, x_observed = e),   so   Z' = sum over states that agree with e of p~(x).
 *
 * Factors keep their numbers; one whose variables are all observed becomes a constant. Impossible evidence gives Z' =
 * 0, not an error.
 */
import { fromArrays, scopeOf, type FactorGraph } from "./factor-graph.ts";

/** Observed states: variable -> state index. */
export type Evidence = ReadonlyMap<number, number>;

/** The same as a user may write it: a Map, pairs [variable, state], or an object { variable: state }. */
export type EvidenceInput = Iterable<readonly [number, number]> | Readonly<Record<number, number>>;

/** One distribution an item, laid end to end: item i's stands at offsets[i] ... offsets[i + 1] - 1 of `values`. */
export interface Distributions {
  readonly values: Float64Array;
  readonly offsets: Int32Array;
}

/** Distributions of which one can be asked for. */
export interface LiftedDistributions extends Distributions {
  /** Item i's distribution: a view. @throws RangeError for an item that is not there. */
  of(item: number): Float64Array;
}

function lifted(values: Float64Array, offsets: Int32Array): LiftedDistributions {
  const of = (item: number): Float64Array => {
    if (!(Number.isInteger(item) && item >= 0 && item < offsets.length - 1))
      throw new RangeError(`no item ${item}, expected 0 to ${offsets.length - 2}`);
    return values.subarray(offsets[item], offsets[item + 1]);
  };
  return { values, offsets, of };
}

export interface Conditioned {
  /** The graph over the variables that are not observed; factor f is the whole graph's factor f. */
  readonly graph: FactorGraph;
  /** The whole graph. */
  readonly whole: FactorGraph;
  readonly evidence: Evidence;
  /** Int32Array[graph.numVariables], increasing: the whole graph's number of each variable that is left. */
  readonly freeVariables: Int32Array;
  /** Int32Array[whole.numVariables]: the observed state, -1 where not observed. */
  readonly observedStates: Int32Array;
}

const EVIDENCE_IN_WORDS = "expected a Map, pairs [variable, state], or an object { variable: state }";

/**
 * Evidence as a Map, however it was written.
 * @throws RangeError for what is no evidence, and for a variable observed in two states.
 */
function evidenceOf(input: EvidenceInput): Evidence {
  const refused = (got: string) => new RangeError(`evidence is ${got}, ${EVIDENCE_IN_WORDS}`);
  if (typeof input !== "object" || input === null) throw refused(input === null ? "null" : `a ${typeof input}`);
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(input) as object | null);
  if (!(Symbol.iterator in input) && !isPlain) throw refused("an object of another kind");
  const pairs: Iterable<unknown> =
    Symbol.iterator in input
      ? input
      : Object.entries(input).map(([key, state]) => [/^\d+$/.test(key) ? Number(key) : key, state]);
  const evidence = new Map<number, number>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) throw refused(`a list with ${JSON.stringify(pair)} in it`);
    const [variable, state] = pair as [number, number];
    const before = evidence.get(variable);
    if (before !== undefined && before !== state)
      throw new RangeError(`evidence observes variable ${variable} in state ${before} and in state ${state}`);
    evidence.set(variable, state);
  }
  return evidence;
}

/**
 * Takes evidence into a graph.
 * @throws RangeError naming the variable, or its state, that the graph does not have, or saying what evidence looks
 *   like.
 */
export function condition(whole: FactorGraph, observed: EvidenceInput): Conditioned {
  const evidence = evidenceOf(observed);
  const { numVariables, numFactors, cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials } = whole;
  const observedStates = new Int32Array(numVariables).fill(-1);
  for (const [variable, state] of evidence) {
    if (!(Number.isInteger(variable) && variable >= 0 && variable < numVariables))
      throw new RangeError(`evidence names variable ${variable}, expected 0 to ${numVariables - 1}`);
    if (!(Number.isInteger(state) && state >= 0 && state < cardinalities[variable]))
      throw new RangeError(
        `evidence sets variable ${variable} to state ${state}, expected 0 to ${cardinalities[variable] - 1}`,
      );
    observedStates[variable] = state;
  }
  const freeVariables = new Int32Array(numVariables - evidence.size);
  const newNumbers = new Int32Array(numVariables).fill(-1);
  for (let variable = 0, free = 0; variable < numVariables; variable++)
    if (observedStates[variable] < 0) {
      newNumbers[variable] = free;
      freeVariables[free++] = variable;
    }

  const freeScopeOffsets = new Int32Array(numFactors + 1);
  const freeTableOffsets = new Float64Array(numFactors + 1);
  const freeScopes = new Int32Array(scopes.length);
  for (let factor = 0, edges = 0; factor < numFactors; factor++) {
    let numEntries = 1;
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
      const variable = scopes[edge];
      if (observedStates[variable] >= 0) continue;
      freeScopes[edges++] = newNumbers[variable];
      numEntries *= cardinalities[variable];
    }
    freeScopeOffsets[factor + 1] = edges;
    freeTableOffsets[factor + 1] = freeTableOffsets[factor] + numEntries;
  }
  const freeLogPotentials = new Float64Array(freeTableOffsets[numFactors]);
  for (let factor = 0; factor < numFactors; factor++) {
    const into = freeTableOffsets[factor];
    if (freeScopeOffsets[factor + 1] - freeScopeOffsets[factor] === scopeOffsets[factor + 1] - scopeOffsets[factor])
      freeLogPotentials.set(logPotentials.subarray(tableOffsets[factor], tableOffsets[factor + 1]), into);
    else
      forEachAgreeing(whole, observedStates, factor, (index, entry) => {
        freeLogPotentials[into + index] = logPotentials[tableOffsets[factor] + entry];
      });
  }
  return {
    graph: fromArrays(
      freeVariables.map((variable) => cardinalities[variable]),
      freeScopeOffsets,
      freeScopes.slice(0, freeScopeOffsets[numFactors]),
      freeTableOffsets,
      freeLogPotentials,
    ),
    whole,
    evidence,
    freeVariables,
    observedStates,
  };
}

/** A joint state of the variables that are left, as one of all variables, observed states filled in. */
export function liftStates(conditioned: Conditioned, states: ArrayLike<number>): Int32Array {
  const { freeVariables, observedStates } = conditioned;
  if (states.length !== freeVariables.length)
    throw new RangeError(`expected ${freeVariables.length} states, got ${states.length}`);
  const lifted = observedStates.slice();
  freeVariables.forEach((variable, free) => {
    lifted[variable] = states[free];
  });
  return lifted;
}

/**
 * Marginals of the variables that are left, as those of all variables; an observed one has probability 1 at its state.
 */
export function liftMarginals(conditioned: Conditioned, marginals: Distributions): LiftedDistributions {
  const { whole, freeVariables, observedStates } = conditioned;
  if (marginals.offsets.length !== freeVariables.length + 1)
    throw new RangeError(
      `expected ${freeVariables.length} distributions (one a variable left), got ${marginals.offsets.length - 1}`,
    );
  const offsets = new Int32Array(whole.numVariables + 1);
  for (let i = 0; i < whole.numVariables; i++) offsets[i + 1] = offsets[i] + whole.cardinalities[i];
  const values = new Float64Array(offsets[whole.numVariables]);
  observedStates.forEach((state, variable) => {
    if (state >= 0) values[offsets[variable] + state] = 1;
  });
  freeVariables.forEach((variable, free) => {
    values.set(marginals.values.subarray(marginals.offsets[free], marginals.offsets[free + 1]), offsets[variable]);
  });
  return lifted(values, offsets);
}

/**
 * Factor marginals of the conditioned graph, as those over the factors' whole scopes; states against the evidence have
 * probability 0.
 */
export function liftFactorMarginals(conditioned: Conditioned, marginals: Distributions): LiftedDistributions {
  const { whole, observedStates } = conditioned;
  if (marginals.offsets.length !== whole.numFactors + 1)
    throw new RangeError(
      `expected ${whole.numFactors} distributions (one a factor), got ${marginals.offsets.length - 1}`,
    );
  const offsets = Int32Array.from(whole.tableOffsets);
  const values = new Float64Array(offsets[whole.numFactors]);
  for (let factor = 0; factor < whole.numFactors; factor++)
    forEachAgreeing(whole, observedStates, factor, (index, entry) => {
      values[offsets[factor] + entry] = marginals.values[marginals.offsets[factor] + index];
    });
  return lifted(values, offsets);
}

/** Walks the entries of a factor's table that agree with the evidence, in the order of the sliced table. */
function forEachAgreeing(
  graph: FactorGraph,
  observedStates: Int32Array,
  factor: number,
  visit: (index: number, entry: number) => void,
): void {
  const scope = scopeOf(graph, factor);
  const freeCardinalities: number[] = [];
  const freeStrides: number[] = [];
  let entry = 0;
  let numEntries = 1;
  for (let position = scope.length - 1, stride = 1; position >= 0; position--) {
    const cardinality = graph.cardinalities[scope[position]];
    const state = observedStates[scope[position]];
    if (state >= 0) entry += state * stride;
    else {
      freeCardinalities.push(cardinality); // the last variable, which changes fastest, comes first
      freeStrides.push(stride);
      numEntries *= cardinality;
    }
    stride *= cardinality;
  }
  const states = new Int32Array(freeCardinalities.length);
  for (let index = 0; index < numEntries; index++) {
    visit(index, entry);
    for (let digit = 0; digit < states.length; digit++) {
      entry += freeStrides[digit];
      if (++states[digit] < freeCardinalities[digit]) break;
      entry -= freeStrides[digit] * freeCardinalities[digit];
      states[digit] = 0;
    }
  }
}
