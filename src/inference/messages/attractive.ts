/**
 * Which models Bethe's free energy bounds from below: binary models whose factors are log-supermodular,
 *
 *   theta(x and y) + theta(x or y) >= theta(x) + theta(y),
 *
 * possibly after some variables are flipped (a flip changes neither ln Z nor Bethe's estimate). For those, the largest
 * Bethe value over all locally consistent beliefs is at most ln Z (Ruozzi 2012, Theorem 3.1), so the value at any fixed
 * point is, too. On finite tables it is enough to look at two variables at a time.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";

/** Rounding of a sum of four logs, relative to their size. */
const RELATIVE_ROUNDING = 1e-13;

/** Whether flipping some variables makes every pair agree with its sign: union-find with parities. */
class SignedForest {
  readonly #parents: Int32Array;
  readonly #signs: Int8Array;

  constructor(numVariables: number) {
    this.#parents = Int32Array.from({ length: numVariables }, (_, i) => i);
    this.#signs = new Int8Array(numVariables).fill(1);
  }

  /** Makes i and j flip together (sign 1) or one of them (sign -1); false when that contradicts earlier calls. */
  join(i: number, j: number, sign: number): boolean {
    const [rootOfI, signOfI] = this.#find(i);
    const [rootOfJ, signOfJ] = this.#find(j);
    if (rootOfI === rootOfJ) return signOfI * signOfJ === sign;
    this.#parents[rootOfI] = rootOfJ;
    this.#signs[rootOfI] = signOfI * signOfJ * sign;
    return true;
  }

  #find(variable: number): [root: number, sign: number] {
    const parents = this.#parents;
    const signs = this.#signs;
    let sign = 1;
    while (parents[variable] !== variable) {
      const parent = parents[variable];
      // Path halving; a root has sign 1 and is its own parent.
      signs[variable] *= signs[parent];
      parents[variable] = parents[parent];
      sign *= signs[variable];
      variable = parents[variable];
    }
    return [variable, sign];
  }
}

/** Whether a pairwise binary model is attractive, possibly after flips. */
export function isAttractive(model: PairwiseBinaryModel): boolean {
  const forest = new SignedForest(model.numVariables);
  return model.weights.every(
    (weight, edge) => weight === 0 || forest.join(model.edgeSources[edge], model.edgeTargets[edge], Math.sign(weight)),
  );
}

/** Whether all variables are binary and all tables finite and log-supermodular, possibly after flips. */
export function isLogSupermodular(graph: FactorGraph): boolean {
  const { cardinalities, numFactors, scopes, scopeOffsets, tableOffsets } = graph;
  if (cardinalities.some((cardinality) => cardinality > 2)) return false;
  const forest = new SignedForest(graph.numVariables);
  for (let factor = 0; factor < numFactors; factor++) {
    const binary = Array.from(scopes.subarray(scopeOffsets[factor], scopeOffsets[factor + 1])).filter(
      (variable) => cardinalities[variable] === 2,
    );
    const table = graph.logPotentials.subarray(tableOffsets[factor], tableOffsets[factor + 1]);
    if (!table.every(Number.isFinite)) return false;
    for (let a = 0; a < binary.length; a++)
      for (let b = a + 1; b < binary.length; b++) {
        const sign = interactionSign(table, 1 << (binary.length - 1 - a), 1 << (binary.length - 1 - b));
        if (Number.isNaN(sign) || (sign !== 0 && !forest.join(binary[a], binary[b], sign))) return false;
      }
  }
  return true;
}

/**
 * 1 if theta_11 + theta_00 >= theta_10 + theta_01 whatever the other variables are, -1 if <=, 0 if both, NaN if
 * neither.
 */
function interactionSign(table: Float64Array, strideA: number, strideB: number): number {
  let sign = 0;
  for (let index = 0; index < table.length; index++) {
    if (index & (strideA | strideB)) continue;
    const [none, both] = [table[index], table[index + strideA + strideB]];
    const [first, second] = [table[index + strideA], table[index + strideB]];
    const interaction = none + both - first - second;
    const size = Math.abs(none) + Math.abs(both) + Math.abs(first) + Math.abs(second);
    if (Math.abs(interaction) <= RELATIVE_ROUNDING * size) continue;
    if (sign === -Math.sign(interaction)) return NaN;
    sign = Math.sign(interaction);
  }
  return sign;
}
