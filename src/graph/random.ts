/**
 * Explicit, seeded, splittable randomness. The only source of random numbers in Marginalia.
 *
 * A generator is named by a path of labels under a seed. Its stream is xoroshiro128+ (pure-rand), started from the
 * first 128 bits of the SHA-256 of that path, so `random.split("weights", 3)` is the same stream however many numbers
 * were drawn before, on every machine, and streams of different paths are independent for every practical purpose.
 */
import { createHash } from "node:crypto";
import { randomNormal } from "d3-random";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** A label of a split: the name or number of the thing that the new stream is for. */
export type RandomLabel = string | number;

export class Random {
  readonly #path: string;
  readonly #generator: RandomGenerator;
  readonly #standardNormal: () => number;

  private constructor(path: string) {
    this.#path = path;
    const digest = createHash("sha256").update(path).digest();
    // All-zero is the one state xoroshiro cannot leave; SHA-256 reaches it with probability 2^-128.
    this.#generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
    this.#standardNormal = randomNormal.source(() => this.uniform())(0, 1);
  }

  /**
   * The root stream of a seed.
   * @throws RangeError unless `seed` is a safe integer.
   */
  static fromSeed(seed: number): Random {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be a safe integer, got ${seed}`);
    return new Random(`marginalia:${seed}`);
  }

  /** An independent stream named by `labels`; does not depend on, or change, what this stream has drawn. */
  split(...labels: readonly [RandomLabel, ...RandomLabel[]]): Random {
    return new Random(`${this.#path}/${labels.map((label) => JSON.stringify(label)).join("/")}`);
  }

  /** Uniform in [low, high), 53 random bits. */
  uniform(low = 0, high = 1): number {
    const upper = this.#generator.next() >>> 5; // 27 bits
    const lower = this.#generator.next() >>> 6; // 26 bits
    return low + (high - low) * ((upper * 0x4000000 + lower) / 0x20000000000000);
  }

  /** Normal with the given mean and standard deviation. */
  normal(mean = 0, standardDeviation = 1): number {
    return mean + standardDeviation * this.#standardNormal();
  }

  /**
   * Uniform integer in {0, ..., count - 1}.
   * @throws RangeError unless 1 <= count <= 2^53.
   */
  integer(count: number): number {
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer, got ${count}`);
    return Math.min(count - 1, Math.floor(this.uniform() * count));
  }

  /** True with the given probability. */
  bernoulli(probability = 0.5): boolean {
    return this.uniform() < probability;
  }

  /** Shuffles `items` in place (Fisher-Yates) and returns them. */
  shuffle<Items extends { length: number; [index: number]: unknown }>(items: Items): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const held = items[last];
      items[last] = items[other];
      items[other] = held;
    }
    return items;
  }

  /** A uniformly random order of 0, ..., count - 1. */
  permutation(count: number): Int32Array {
    return this.shuffle(Int32Array.from({ length: count }, (_, index) => index));
  }
}
