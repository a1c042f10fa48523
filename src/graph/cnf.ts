/**
 * Propositional formulas in conjunctive normal form, and their passage to factor graphs, where Z is the (weighted)
 * number of models:
 *
 *     Z = sum_x prod_clauses [x satisfies the clause] prod_v w_v(x_v)
 *
 * A clause of k literals becomes a table of 2^k entries with one zero (Kuck et al. 2020, section 4.3). One difference:
 * a clause wider than maxArity is split exactly instead of dropped. An auxiliary variable y <-> (l_1 or ... or l_m)
 * stands for its first literals; y is a function of the formula's variables, so Z and their marginals do not change.
 */
import { fromArrays, type FactorGraph } from "./factor-graph.ts";

export interface CnfFormula {
  readonly numVariables: number;
  readonly numClauses: number;
  /**
   * Int32Array[numClauses + 1]: clause c's literals stand at clauseOffsets[c] ... clauseOffsets[c + 1] - 1 of
   * `literals`.
   */
  readonly clauseOffsets: Int32Array;
  /** Int32Array: v + 1 for variable v, -(v + 1) for its negation, as in DIMACS. */
  readonly literals: Int32Array;
  /** Float64Array[2 numVariables]: weights[2 v] of v = 0, weights[2 v + 1] of v = 1; any sign. Absent: all are 1. */
  readonly weights?: Float64Array;
  /** Int32Array of variables, increasing: a projected count counts their assignments that can be completed. */
  readonly projection?: Int32Array;
  /** Int32Array of variables, increasing: an independent support, or sampling set. */
  readonly independentSupport?: Int32Array;
}

export interface CnfGraphOptions {
  /** Clauses with more literals are split; at least 3. */
  readonly maxArity: number;
  /** Most table entries of all factors together. */
  readonly maxEntries: number;
}

/**
 * 2^16 entries are half a megabyte: one such clause is cheap, and the graphs of the literature (k <= 5) stay as they
 * are.
 */
export const defaultCnfGraphOptions: CnfGraphOptions = { maxArity: 16, maxEntries: 2 ** 27 };

/**
 * A formula from clauses.
 * @param clauses lists of non-zero literals, v + 1 or -(v + 1).
 * @throws RangeError naming clause and literal.
 */
export function cnfFormula(numVariables: number, clauses: Iterable<ArrayLike<number>>): CnfFormula {
  const offsets = [0];
  const literals: number[] = [];
  for (const clause of clauses) {
    for (let position = 0; position < clause.length; position++) {
      const literal = clause[position];
      if (!Number.isInteger(literal) || literal === 0 || Math.abs(literal) > numVariables)
        throw new RangeError(
          `clause ${offsets.length - 1}: ${literal} is not a literal, expected 1 to ${numVariables} or its negative`,
        );
      literals.push(literal);
    }
    offsets.push(literals.length);
  }
  return {
    numVariables,
    numClauses: offsets.length - 1,
    clauseOffsets: Int32Array.from(offsets),
    literals: Int32Array.from(literals),
  };
}

/**
 * The factor graph whose Z is the formula's weighted model count. Variables 0 ... numVariables - 1 are the formula's;
 * auxiliary ones follow. Factors: one a variable whose weights are not both 1, then the clauses in order, each after
 * the definitions that its split needs. A clause with a literal and its negation is always satisfied and gets none; an
 * empty clause is a constant factor of value 0. A projection is not taken in: Z counts over all variables.
 * @throws RangeError for a negative weight (unless a clause of one literal forbids its state anyway: a product of
 *   potentials has no
 * sign), and for tables of more than maxEntries entries.
 */
export function cnfFactorGraph(formula: CnfFormula, options: Partial<CnfGraphOptions> = {}): FactorGraph {
  const { maxArity, maxEntries } = { ...defaultCnfGraphOptions, ...options };
  if (!(Number.isInteger(maxArity) && maxArity >= 3 && maxArity <= 30))
    throw new RangeError(`maxArity must be an integer from 3 to 30, got ${maxArity}`);
  const factors = weightFactors(formula);
  const { numVariables, numClauses, clauseOffsets, literals } = formula;
  let numNodes = numVariables;
  for (let clause = 0; clause < numClauses; clause++) {
    let rest = distinctLiterals(literals.subarray(clauseOffsets[clause], clauseOffsets[clause + 1]));
    if (rest === undefined) continue;
    while (rest.length > maxArity) {
      const auxiliary = ++numNodes;
      factors.push({ literals: [...rest.slice(0, maxArity - 1), auxiliary], kind: "definition" });
      rest = [auxiliary, ...rest.slice(maxArity - 1)];
    }
    factors.push({ literals: rest, kind: "clause" });
  }
  return buildTables(factors, numNodes, maxEntries);
}

/** `weights`: ln of the two weights; "definition": the last literal, positive, equals the disjunction of the others. */
interface CnfFactor {
  readonly literals: readonly number[];
  readonly kind: "clause" | "definition" | readonly [number, number];
}

function weightFactors({ numVariables, numClauses, clauseOffsets, literals, weights }: CnfFormula): CnfFactor[] {
  if (weights === undefined) return [];
  const forbidden = new Set<number>();
  for (let clause = 0; clause < numClauses; clause++)
    if (clauseOffsets[clause + 1] - clauseOffsets[clause] === 1) forbidden.add(-literals[clauseOffsets[clause]]);
  const logWeight = (literal: number, weight: number): number => {
    if (weight < 0 && forbidden.has(literal)) return -Infinity;
    if (!(weight >= 0 && weight < Infinity))
      throw new RangeError(`literal ${literal} has weight ${weight}; a factor graph needs finite weights >= 0`);
    return Math.log(weight);
  };
  const factors: CnfFactor[] = [];
  for (let variable = 0; variable < numVariables; variable++) {
    const [negative, positive] = [weights[2 * variable], weights[2 * variable + 1]];
    if (negative === 1 && positive === 1) continue;
    factors.push({
      literals: [variable + 1],
      kind: [logWeight(-(variable + 1), negative), logWeight(variable + 1, positive)],
    });
  }
  return factors;
}

/** The literals without repetitions; undefined if one stands beside its negation. */
function distinctLiterals(literals: Int32Array): readonly number[] | undefined {
  const distinct = new Set(literals);
  for (const literal of distinct) if (distinct.has(-literal)) return undefined;
  return [...distinct];
}

function buildTables(factors: readonly CnfFactor[], numNodes: number, maxEntries: number): FactorGraph {
  const scopeOffsets = new Int32Array(factors.length + 1);
  const tableOffsets = new Float64Array(factors.length + 1);
  factors.forEach(({ literals }, factor) => {
    scopeOffsets[factor + 1] = scopeOffsets[factor] + literals.length;
    tableOffsets[factor + 1] = tableOffsets[factor] + 2 ** literals.length;
  });
  const numEntries = tableOffsets[factors.length];
  if (numEntries > maxEntries)
    throw new RangeError(`the tables have ${numEntries} entries, more than maxEntries = ${maxEntries}; lower maxArity`);
  const scopes = new Int32Array(scopeOffsets[factors.length]);
  const logPotentials = new Float64Array(numEntries);
  factors.forEach(({ literals, kind }, factor) => {
    const table = logPotentials.subarray(tableOffsets[factor], tableOffsets[factor + 1]);
    let falsifying = 0; // the one joint state in which no literal is true
    literals.forEach((literal, position) => {
      scopes[scopeOffsets[factor] + position] = Math.abs(literal) - 1;
      falsifying = 2 * falsifying + (literal < 0 ? 1 : 0);
    });
    if (kind === "clause") table[falsifying] = -Infinity;
    else if (kind === "definition")
      // y = 0 (even entries) only where no other literal is true; y = 1 everywhere else.
      for (let index = 0; index < table.length; index++)
        table[index] = (index & 1) === ((index & -2) === falsifying ? 0 : 1) ? 0 : -Infinity;
    else table.set(kind);
  });
  return fromArrays(new Int32Array(numNodes).fill(2), scopeOffsets, scopes, tableOffsets, logPotentials);
}
