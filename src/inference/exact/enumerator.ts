/**
 * The engine of enumeration: all 2^n states of n binary variables in blocks.
 *
 *   ln p~(S) = sum_i h_i S_i + sum_{i<j} J_ij S_i S_j,   S in {0,1}^n;   Z = sum_S p~(S)
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
import {
  addDoubled,
  addHalves,
  addAndFindLargest,
  exponentiateAndSum,
  fold,
  multiplyAndFindLargest,
  multiplyDoubled,
  scaleAndSum,
} from "./enumeration-loops.ts";

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

/**
 * An enumerator of n binary variables with its own work space: `run` allocates nothing, so that an optimiser can call
 * it often.
 */
export class Enumerator {
  readonly #n: number;
  readonly #numLow: number;
  readonly #numBlocks: number;
  /** E_low of the low block's states, Float64Array[2^numLow]. */
  readonly #lowEnergies: Float64Array;
  /** exp(lowEnergies - their largest). */
  readonly #lowWeights: Float64Array;
  readonly #block: Float64Array;
  readonly #blockSum: Float64Array;
  readonly #folded: Float64Array;
  /** Sums of a table's entries with S_i = a, at 2 i + a. */
  readonly #singles: Float64Array;
  /** g_i = h_i + sum_{j high} J_ij S_j. */
  readonly #fields: Float64Array;
  readonly #highStates: Uint8Array;
  readonly #result: Enumerated;
  #parameters: Float64Array = new Float64Array(0);
  #biasOffset = 0;
  #weightOffset = 0;
  #stride = 0;

  constructor(n: number) {
    const numLow = Math.min(n, MAX_LOW_VARIABLES);
    const table = () => new Float64Array(1 << numLow);
    this.#n = n;
    this.#numLow = numLow;
    this.#numBlocks = 2 ** (n - numLow);
    [this.#lowEnergies, this.#lowWeights, this.#block, this.#blockSum, this.#folded] = [
      table(),
      table(),
      table(),
      table(),
      table(),
    ];
    this.#singles = new Float64Array(2 * numLow);
    this.#fields = new Float64Array(n);
    this.#highStates = new Uint8Array(n);
    this.#result = { logZ: 0, joint: new Float64Array(4 * n * n), mapStates: new Uint8Array(n) };
  }

  /**
   * Enumerates one model. Parameters must be finite; they are not checked here.
   * @param parameters biases and weights in one array: h_i at biasOffset + i, J_ij for i < j at weightOffset + i *
   *   stride + j.
   */
  run(parameters: Float64Array, biasOffset: number, weightOffset: number, stride: number): Enumerated {
    this.#parameters = parameters;
    this.#biasOffset = biasOffset;
    this.#weightOffset = weightOffset;
    this.#stride = stride;
    const { joint } = this.#result;
    joint.fill(0);
    this.#blockSum.fill(0);
    this.#highStates.fill(0);
    this.#fillLowEnergies();
    const largest = this.#productsFit() ? this.#sumByProducts() : this.#sumByLogs();
    const total = this.#addLow();
    for (let at = 0; at < joint.length; at++) joint[at] /= total;
    this.#result.logZ = largest + Math.log(total);
    return this.#result;
  }

  /** Blocks of p~ itself, one multiplication a state; returns the running maximum that all sums are scaled by. */
  #sumByProducts(): number {
    const [block, lowWeights] = [this.#block, this.#lowWeights];
    let lowLargest = 0;
    for (const energy of this.#lowEnergies) if (energy > lowLargest) lowLargest = energy;
    for (let s = 0; s < block.length; s++) lowWeights[s] = Math.exp(this.#lowEnergies[s] - lowLargest);
    let largest = -Infinity;
    let highEnergy = 0;
    for (let step = 0; step < this.#numBlocks; step++) {
      highEnergy = this.#advance(step, highEnergy);
      block[0] = 1;
      for (let i = 0; i < this.#numLow; i++) multiplyDoubled(block, 1 << i, Math.exp(this.#fields[i]));
      const peak = multiplyAndFindLargest(block, lowWeights);
      const blockLargest = highEnergy + lowLargest + Math.log(peak);
      if (blockLargest - largest < NEGLIGIBLE_LOG) continue;
      if (blockLargest > largest) largest = this.#raiseMaximum(largest, blockLargest, peak);
      scaleAndSum(block, Math.exp(highEnergy + lowLargest - largest), this.#blockSum);
      this.#addHigh();
    }
    return largest;
  }

  /** Blocks of ln p~, an exponential a state; returns the running maximum that all sums are scaled by. */
  #sumByLogs(): number {
    const block = this.#block;
    let largest = -Infinity;
    let highEnergy = 0;
    for (let step = 0; step < this.#numBlocks; step++) {
      highEnergy = this.#advance(step, highEnergy);
      block[0] = highEnergy;
      for (let i = 0; i < this.#numLow; i++) addDoubled(block, 1 << i, this.#fields[i]);
      const peak = addAndFindLargest(block, this.#lowEnergies);
      if (peak - largest < NEGLIGIBLE_LOG) continue;
      if (peak > largest) largest = this.#raiseMaximum(largest, peak, peak);
      exponentiateAndSum(block, largest, this.#blockSum);
      if (this.#n > this.#numLow) this.#addHigh();
    }
    return largest;
  }

  #weight(i: number, j: number): number {
    return this.#parameters[this.#weightOffset + (i < j ? i * this.#stride + j : j * this.#stride + i)];
  }

  /** E_low(S) = sum_{i<j low} J_ij S_i S_j; the pair terms of variable i are themselves filled by doubling. */
  #fillLowEnergies(): void {
    const [lowEnergies, block] = [this.#lowEnergies, this.#block];
    lowEnergies[0] = 0;
    for (let i = 0; i < this.#numLow; i++) {
      const size = 1 << i;
      block[0] = 0;
      for (let j = 0; j < i; j++) addDoubled(block, 1 << j, this.#weight(j, i));
      for (let s = 0; s < size; s++) lowEnergies[size + s] = lowEnergies[s] + block[s];
    }
  }

  /** Goes on to the next high state in Gray code order; returns its block's energy. */
  #advance(step: number, highEnergy: number): number {
    if (step > 0) highEnergy += this.#flip(this.#numLow + 31 - Math.clz32(step & -step));
    return step % STEPS_BETWEEN_REFRESHES === 0 ? this.#refresh() : highEnergy;
  }

  /** The high block's energy at `highStates`, and all fields, from scratch. */
  #refresh(): number {
    const [n, numLow, highStates] = [this.#n, this.#numLow, this.#highStates];
    let energy = 0;
    for (let i = 0; i < n; i++) {
      let high = 0;
      for (let j = numLow; j < n; j++) if (highStates[j] && j !== i) high += this.#weight(i, j);
      const bias = this.#parameters[this.#biasOffset + i];
      this.#fields[i] = bias + high;
      if (i >= numLow && highStates[i]) energy += bias + high / 2;
    }
    return energy;
  }

  /** Flips high variable `j`; returns the change of the high block's energy. */
  #flip(j: number): number {
    const sign = this.#highStates[j] ? -1 : 1;
    this.#highStates[j] ^= 1;
    for (let i = 0; i < this.#n; i++) if (i !== j) this.#fields[i] += sign * this.#weight(i, j);
    return sign * this.#fields[j];
  }

  /**
   * Whether every product of p~'s terms that a block is made of stays within float64; with one block there is nothing
   * to gain.
   */
  #productsFit(): boolean {
    if (this.#n === this.#numLow) return false;
    let logProduct = 0;
    for (let i = 0; i < this.#numLow; i++) {
      logProduct += Math.abs(this.#parameters[this.#biasOffset + i]);
      for (let j = i + 1; j < this.#n; j++) logProduct += Math.abs(this.#weight(i, j));
    }
    return logProduct <= MAX_LOG_PRODUCT;
  }

  /** Scales all sums to the new maximum and notes the state where the block has its `peak`. */
  #raiseMaximum(largest: number, blockLargest: number, peak: number): number {
    const [blockSum, { joint, mapStates }] = [this.#blockSum, this.#result];
    const scale = Math.exp(largest - blockLargest);
    for (let s = 0; s < blockSum.length; s++) blockSum[s] *= scale;
    for (let at = 0; at < joint.length; at++) joint[at] *= scale;
    const best = this.#block.indexOf(peak);
    for (let i = 0; i < this.#n; i++) mapStates[i] = i < this.#numLow ? (best >> i) & 1 : this.#highStates[i];
    return blockLargest;
  }

  /**
   * singles[2 i + a] = sum of the table's entries with S_i = a, for the lowest `numBits` variables; returns the sum of
   * all.
   */
  #foldSingles(table: Float64Array, start: number, numBits: number): number {
    const [folded, singles] = [this.#folded, this.#singles];
    if (numBits === 0) return table[start];
    fold(table, start, folded, 1 << (numBits - 1), singles, 2 * numBits - 2);
    for (let i = numBits - 2; i >= 0; i--) fold(folded, 0, folded, 1 << i, singles, 2 * i);
    return folded[0];
  }

  /** Adds a block's weights to everything that a high variable takes part in. */
  #addHigh(): void {
    const [n, numLow, highStates, singles] = [this.#n, this.#numLow, this.#highStates, this.#singles];
    const { joint } = this.#result;
    const total = this.#foldSingles(this.#block, 0, numLow);
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
  #addLow(): number {
    const [n, blockSum, singles] = [this.#n, this.#blockSum, this.#singles];
    const { joint } = this.#result;
    for (let j = this.#numLow - 1; j >= 0; j--) {
      const half = 1 << j;
      for (let state = 0; state < 2; state++) {
        joint[4 * (j * n + j) + 3 * state] = this.#foldSingles(blockSum, state * half, j);
        for (let i = 0; i < j; i++) {
          joint[4 * (i * n + j) + state] = singles[2 * i];
          joint[4 * (i * n + j) + 2 + state] = singles[2 * i + 1];
        }
      }
      addHalves(blockSum, half);
    }
    return blockSum[0];
  }
}
