/**
 * Exact inference by enumerating all 2^n states: ln Z, single and pair marginals, and the MAP state.
 *
 *   ln p~(S) = c + sum_i h_i S_i + sum_{i<j} J_ij S_i S_j,   S in {0,1}^n;   Z = sum_S p~(S)
 *
 * The variables are split into a low block (the first 10 at most) and a high block. The high states are visited in Gray
 * code order, one flip a step, and the energy of the high block and the fields g_i = h_i + sum_{j high} J_ij S_j follow
 * by increments. Inside a block, ln p~ = E_high + E_low(S) + sum_i g_i S_i is filled by doubling, one addition a state;
 * where exp(E_low) and prod e^{g_i S_i} are sure to stay in range, p~ itself is, one multiplication a state, without a
 * thousand exponentials a block. Marginals then cost O(1) a state instead of O(n^2): pairs within the low block are
 * read off the sum of all blocks, pairs within the high block need only each block's total, mixed pairs each block's
 * single marginals, which folding the block in halves gives.
 *
 * All sums are scaled by a running maximum, so weights in the hundreds are safe; the increments are computed afresh
 * every 64 steps, so rounding does not add up. Every entry of a marginal is a sum of positive numbers, never a
 * difference.
 */
import { z } from "zod";
import { logPotential, toBoltzmann, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { defineMethod, formatMethod, parseOptions, type Method } from "../method.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { enumerateFactorGraph } from "./factor-graph-enumeration.ts";
import { ANY_MODEL_IN_WORDS, canBeFactorGraph, isFactorGraph, type AnyModel } from "./model.ts";

/** More variables are refused: 2^25 states take about half a second, and each further variable doubles that. */
export const MAX_ENUMERATION_VARIABLES = 25;
const MAX_LOW_VARIABLES = 10;
const STEPS_BETWEEN_REFRESHES = 64;
/**
 * Below exp(-745) a number is 0 in float64: a block whose best state is that much worse than the best seen adds
 * nothing.
 */
const NEGLIGIBLE_LOG = -745.2;

/** Blocks are multiplied up only if no product of their terms can leave exp(+-this), half of what float64 holds. */
const MAX_LOG_PRODUCT = 300;

/** What enumeration finds about n binary variables. Overwritten by the enumerator's next run. */
export interface Enumerated {
  /** Natural log. */
  logZ: number;
  /**
   * Float64Array[4 n^2]: p(S_i = a, S_j = b) at 4 (i n + j) + 2 a + b for i < j, p(S_i = a) at 4 (i n + i) + 3 a; the
   * rest is unused.
   */
  readonly joint: Float64Array;
  /** Uint8Array[n]: a most probable state. */
  readonly mapStates: Uint8Array;
}

export interface Enumerator {
  /**
   * Enumerates one model. Parameters must be finite; they are not checked here.
   * @param parameters biases and weights in one array: h_i at biasOffset + i, J_ij for i < j at weightOffset + i *
   *   stride + j.
   */
  run(parameters: Float64Array, biasOffset: number, weightOffset: number, stride: number): Enumerated;
}

/**
 * An enumerator of n binary variables with its own work space: `run` allocates nothing, so that an optimiser can call
 * it often.
 */
export function createEnumerator(n: number): Enumerator {
  const numLow = Math.min(n, MAX_LOW_VARIABLES);
  const blockSize = 1 << numLow;
  const numBlocks = 2 ** (n - numLow);
  const lowEnergies = new Float64Array(blockSize);
  /** exp(lowEnergies - their largest). */
  const lowWeights = new Float64Array(blockSize);
  const block = new Float64Array(blockSize);
  const blockSum = new Float64Array(blockSize);
  const folded = new Float64Array(blockSize);
  const singles = new Float64Array(2 * numLow);
  const fields = new Float64Array(n);
  const highStates = new Uint8Array(n);
  const joint = new Float64Array(4 * n * n);
  const mapStates = new Uint8Array(n);
  const result: Enumerated = { logZ: 0, joint, mapStates };
  let parameters: Float64Array = new Float64Array(0);
  let biasOffset = 0;
  let weightOffset = 0;
  let stride = 0;

  const weight = (i: number, j: number): number => parameters[weightOffset + (i < j ? i * stride + j : j * stride + i)];

  /** E_low(S) = sum_{i<j low} J_ij S_i S_j; the pair terms of variable i are themselves filled by doubling. */
  function fillLowEnergies(): void {
    lowEnergies[0] = 0;
    for (let i = 0; i < numLow; i++) {
      const size = 1 << i;
      block[0] = 0;
      for (let j = 0; j < i; j++) addDoubled(block, 1 << j, weight(j, i));
      for (let s = 0; s < size; s++) lowEnergies[size + s] = lowEnergies[s] + block[s];
    }
  }

  /** The high block's energy at `highStates`, and all fields, from scratch. */
  function refresh(): number {
    let energy = 0;
    for (let i = 0; i < n; i++) {
      let high = 0;
      for (let j = numLow; j < n; j++) if (highStates[j] && j !== i) high += weight(i, j);
      const bias = parameters[biasOffset + i];
      fields[i] = bias + high;
      if (i >= numLow && highStates[i]) energy += bias + high / 2;
    }
    return energy;
  }

  /** Flips high variable `j`; returns the change of the high block's energy. */
  function flip(j: number): number {
    const sign = highStates[j] ? -1 : 1;
    highStates[j] ^= 1;
    for (let i = 0; i < n; i++) if (i !== j) fields[i] += sign * weight(i, j);
    return sign * fields[j];
  }

  /**
   * Whether every product of p~'s terms that a block is made of stays within float64; with one block there is nothing
   * to gain.
   */
  function productsFit(): boolean {
    if (n === numLow) return false;
    let logProduct = 0;
    for (let i = 0; i < numLow; i++) {
      logProduct += Math.abs(parameters[biasOffset + i]);
      for (let j = i + 1; j < n; j++) logProduct += Math.abs(weight(i, j));
    }
    return logProduct <= MAX_LOG_PRODUCT;
  }

  /**
   * singles[2 i + a] = sum of the table's entries with S_i = a, for the lowest `numBits` variables; returns the sum of
   * all.
   */
  function foldSingles(table: Float64Array, start: number, numBits: number): number {
    if (numBits === 0) return table[start];
    fold(table, start, folded, 1 << (numBits - 1), singles, 2 * numBits - 2);
    for (let i = numBits - 2; i >= 0; i--) fold(folded, 0, folded, 1 << i, singles, 2 * i);
    return folded[0];
  }

  /** Adds a block's weights to everything that a high variable takes part in. */
  function addHigh(): void {
    const total = foldSingles(block, 0, numLow);
    for (let j = numLow; j < n; j++) {
      const state = highStates[j];
      for (let i = 0; i < numLow; i++) {
        const at = 4 * (i * n + j) + state;
        joint[at] += singles[2 * i];
        joint[at + 2] += singles[2 * i + 1];
      }
      for (let i = numLow; i < j; i++) joint[4 * (i * n + j) + 2 * highStates[i] + state] += total;
      joint[4 * (j * n + j) + 3 * state] += total;
    }
  }

  /** Low singles and pairs from the sum of all blocks, which is folded away; returns the sum of all weights. */
  function addLow(): number {
    for (let j = numLow - 1; j >= 0; j--) {
      const half = 1 << j;
      for (let state = 0; state < 2; state++) {
        joint[4 * (j * n + j) + 3 * state] = foldSingles(blockSum, state * half, j);
        for (let i = 0; i < j; i++) {
          joint[4 * (i * n + j) + state] = singles[2 * i];
          joint[4 * (i * n + j) + 2 + state] = singles[2 * i + 1];
        }
      }
      addHalves(blockSum, half);
    }
    return blockSum[0];
  }

  function run(given: Float64Array, biases: number, weights: number, rowLength: number): Enumerated {
    parameters = given;
    biasOffset = biases;
    weightOffset = weights;
    stride = rowLength;
    joint.fill(0);
    blockSum.fill(0);
    highStates.fill(0);
    fillLowEnergies();
    const areProducts = productsFit();
    let lowLargest = 0;
    if (areProducts) {
      for (const energy of lowEnergies) if (energy > lowLargest) lowLargest = energy;
      for (let s = 0; s < blockSize; s++) lowWeights[s] = Math.exp(lowEnergies[s] - lowLargest);
    }
    let largest = -Infinity;
    let highEnergy = 0;
    for (let step = 0; step < numBlocks; step++) {
      if (step > 0) highEnergy += flip(numLow + 31 - Math.clz32(step & -step));
      if (step % STEPS_BETWEEN_REFRESHES === 0) highEnergy = refresh();
      let blockLargest;
      let blockPeak;
      if (areProducts) {
        block[0] = 1;
        for (let i = 0; i < numLow; i++) multiplyDoubled(block, 1 << i, Math.exp(fields[i]));
        blockPeak = multiplyAndFindLargest(block, lowWeights);
        blockLargest = highEnergy + lowLargest + Math.log(blockPeak);
      } else {
        block[0] = highEnergy;
        for (let i = 0; i < numLow; i++) addDoubled(block, 1 << i, fields[i]);
        blockLargest = blockPeak = addAndFindLargest(block, lowEnergies);
      }
      if (blockLargest - largest < NEGLIGIBLE_LOG) continue;
      if (blockLargest > largest) {
        const scale = Math.exp(largest - blockLargest);
        largest = blockLargest;
        for (let s = 0; s < blockSize; s++) blockSum[s] *= scale;
        for (let at = 0; at < joint.length; at++) joint[at] *= scale;
        const best = block.indexOf(blockPeak);
        for (let i = 0; i < n; i++) mapStates[i] = i < numLow ? (best >> i) & 1 : highStates[i];
      }
      if (areProducts) scaleAndSum(block, Math.exp(highEnergy + lowLargest - largest), blockSum);
      else exponentiateAndSum(block, largest, blockSum);
      if (n > numLow) addHigh();
    }
    const total = addLow();
    for (let at = 0; at < joint.length; at++) joint[at] /= total;
    result.logZ = largest + Math.log(total);
    return result;
  }

  return { run };
}

// The inner loops, functions of their own so that V8 compiles each after a few blocks.

/** table[size + s] = table[s] + term for s < size. */
function addDoubled(table: Float64Array, size: number, term: number): void {
  for (let s = 0; s < size; s++) table[size + s] = table[s] + term;
}

/** table[s] += table[half + s] for s < half. */
function addHalves(table: Float64Array, half: number): void {
  for (let s = 0; s < half; s++) table[s] += table[half + s];
}

/**
 * The two halves of a table added: into[s] = table[start + s] + table[start + half + s] for s < half. singles[at] and
 * singles[at + 1] become the sums of the first and of the second half.
 */
function fold(table: Float64Array, start: number, into: Float64Array, half: number, singles: Float64Array, at: number) {
  let first = 0;
  let second = 0;
  for (let s = 0; s < half; s++) {
    const low = table[start + s];
    const high = table[start + half + s];
    first += low;
    second += high;
    into[s] = low + high;
  }
  singles[at] = first;
  singles[at + 1] = second;
}

/** table[size + s] = table[s] * factor for s < size. */
function multiplyDoubled(table: Float64Array, size: number, factor: number): void {
  for (let s = 0; s < size; s++) table[size + s] = table[s] * factor;
}

/** table *= factors; returns the largest entry. */
function multiplyAndFindLargest(table: Float64Array, factors: Float64Array): number {
  let largest = 0;
  for (let s = 0; s < table.length; s++) {
    const entry = table[s] * factors[s];
    table[s] = entry;
    if (entry > largest) largest = entry;
  }
  return largest;
}

/** table *= scale, and sums += table. */
function scaleAndSum(table: Float64Array, scale: number, sums: Float64Array): void {
  for (let s = 0; s < table.length; s++) {
    const entry = table[s] * scale;
    table[s] = entry;
    sums[s] += entry;
  }
}

/** table += terms; returns the largest entry. */
function addAndFindLargest(table: Float64Array, terms: Float64Array): number {
  let largest = -Infinity;
  for (let s = 0; s < table.length; s++) {
    const entry = table[s] + terms[s];
    table[s] = entry;
    if (entry > largest) largest = entry;
  }
  return largest;
}

/** table = exp(table - shift), and sums += table. */
function exponentiateAndSum(table: Float64Array, shift: number, sums: Float64Array): void {
  for (let s = 0; s < table.length; s++) {
    const entry = Math.exp(table[s] - shift);
    table[s] = entry;
    sums[s] += entry;
  }
}

/** Why `numVariables` are too many to enumerate, or undefined. */
export function whyNotEnumerable(numVariables: number): string | undefined {
  if (numVariables <= MAX_ENUMERATION_VARIABLES) return undefined;
  const seconds = 2 ** (numVariables - MAX_ENUMERATION_VARIABLES) / 2;
  const time = seconds < 3600 ? `${seconds} s` : seconds < 3.2e8 ? `${Math.round(seconds / 3600)} h` : "years";
  return (
    `enumeration visits 2^n states, and 2^${numVariables} (about ${time}) is more than the limit of 2^${MAX_ENUMERATION_VARIABLES}. ` +
    "Use the bounds factorised-lower and refined-upper, a junction tree if the model is sparse, or an approximation"
  );
}

const optionSchema = z.object({
  pairs: z.enum(["edges", "all"]).default("edges").describe("which pair marginals to return"),
});

export type EnumerationOptions = z.input<typeof optionSchema>;

export interface EnumerationResult extends InferenceResult {
  /** With pairs=all: p(S_i, S_j), 2 x 2 row-major, for all i < j in lexicographic order. */
  readonly pairMarginals?: Marginals;
}

/**
 * Exact ln Z, marginals of variables and of edges (2 x 2 each, the larger variable changing fastest), and the MAP
 * state.
 * @throws RangeError for more than 25 variables, saying why and what to use instead.
 */
export function enumerate(model: PairwiseBinaryModel, options: EnumerationOptions = {}): EnumerationResult {
  const { pairs } = parseOptions(enumeration.name, optionSchema, options);
  const started = performance.now();
  const refusal = whyNotEnumerable(model.numVariables);
  if (refusal) throw new RangeError(refusal);
  const n = model.numVariables;
  const { biases, weights, edgeSources, edgeTargets, logConstant } = toBoltzmann(model);
  const parameters = new Float64Array(n + n * n);
  parameters.set(biases);
  weights.forEach((value, edge) => (parameters[n + edgeSources[edge] * n + edgeTargets[edge]] = value));
  const { logZ, joint, mapStates } = createEnumerator(n).run(parameters, 0, n, n);

  const states = Int32Array.from(mapStates);
  const score = logPotential(model, states);
  const marginals = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    marginals[2 * i] = joint[4 * (i * n + i)];
    marginals[2 * i + 1] = joint[4 * (i * n + i) + 3];
  }
  const pairTables = (count: number, first: ArrayLike<number>, second: ArrayLike<number>): Marginals => {
    const values = new Float64Array(4 * count);
    for (let pair = 0; pair < count; pair++)
      for (let state = 0; state < 4; state++)
        values[4 * pair + state] = joint[4 * (first[pair] * n + second[pair]) + state];
    return new Marginals(values, offsets(count, 4));
  };
  const allPairs = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (_, k) => [i, i + k + 1]),
  ).flat();
  return {
    method: formatMethod(enumeration.name, optionSchema, { pairs }),
    logZ: logZ + logConstant,
    bound: "exact",
    marginals: new Marginals(marginals, offsets(n, 2)),
    factorMarginals: pairTables(model.numEdges, edgeSources, edgeTargets),
    ...(pairs === "all" && {
      pairMarginals: pairTables(
        allPairs.length,
        allPairs.map(([i]) => i),
        allPairs.map(([, j]) => j),
      ),
    }),
    map: { states, score, upperBound: score },
    converged: true,
    iterations: 1,
    maxDelta: [],
    seconds: (performance.now() - started) / 1000,
  };
}

function offsets(count: number, size: number): Int32Array {
  return Int32Array.from({ length: count + 1 }, (_, item) => size * item);
}

/** One name for both: a general factor graph is enumerated state by state, a pairwise binary model in blocks. */
function enumerateAny(model: AnyModel, options: z.output<typeof optionSchema>): InferenceResult {
  if (!isFactorGraph(model)) return enumerate(model, options);
  if (options.pairs === "all")
    throw new RangeError(
      "pairs=all is for Boltzmann machines and Ising models; a factor graph gets its factor marginals",
    );
  return { method: enumeration.name, ...enumerateFactorGraph(model) };
}

export const enumeration: Method = defineMethod({
  name: "enumeration",
  summary: `exact, all joint states: at most 2^${MAX_ENUMERATION_VARIABLES} of them`,
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: enumerateAny,
});
