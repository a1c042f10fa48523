import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import "../../src/tensor/index.ts";
import { ArrayPool, sizeClass } from "../../src/tensor/pool.ts";

describe("ArrayPool", () => {
  test("size classes hold what they are for, and at most an eighth more", () => {
    for (let length = 0; length < 70_000; length++) {
      const size = sizeClass(length);
      expect(size >= length && size <= Math.max(256, length * 1.125)).toBe(true);
      expect(sizeClass(size)).toBe(size);
    }
  });

  test("gives memory out again, to arrays of other lengths of the same class too, and to no others", () => {
    const pool = new ArrayPool();
    const first = pool.floats(1601);
    expect(first).toHaveLength(1601);
    pool.give(first);
    expect(pool.bytes).toBe(4 * sizeClass(1601));
    expect(pool.floats(1793).buffer).not.toBe(first.buffer);
    const second = pool.floats(1660);
    expect(second.buffer).toBe(first.buffer);
    expect(second).toHaveLength(1660);
    expect(pool.bytes).toBe(0);
    pool.give(second);
    expect(pool.floats(1660)).toBe(second);
    pool.give(pool.ints(1660));
    expect(pool.ints(1601)).toBeInstanceOf(Int32Array);
  });

  test("gives up what waits rather than hold more than its limit", () => {
    const pool = new ArrayPool();
    for (let i = 0; i < 5; i++) pool.give(new Float32Array(2 ** 25));
    expect(pool.bytes).toBeLessThanOrEqual(512 * 2 ** 20);
  });
});

test("batches of varying sizes live in the same memory", () => {
  const bytes = () => (tf.memory() as unknown as { pooledBytes: number }).pooledBytes;
  const run = (rows: number) => tf.tidy(() => tf.exp(tf.fill([rows, 64], 1))).dispose();
  run(1600);
  const before = bytes();
  for (let rows = 1540; rows < 1660; rows++) run(rows);
  expect(bytes()).toBe(before);
});

test("what is read is as long as its buffer, and is never written again", () => {
  for (const length of [3, 257, 1601, 5000]) {
    const x = tf.fill([length], 7);
    const values = x.dataSync();
    expect(values.buffer.byteLength).toBe(4 * length);
    x.dispose();
    tf.fill([length], 8).dispose();
    expect(values.every((value) => value === 7)).toBe(true);
  }
});
