import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnFormatter, formatNumber } from "../../src/report/number-format.ts";
import { mean, median, quantiles, standardDeviation, standardError, summarise } from "../../src/report/statistics.ts";

describe("statistics", () => {
  test("mean, standard deviation (divisor count - 1) and standard error of known samples", () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5);
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 14);
    expect(standardError(Float64Array.of(1, 2, 3, 4))).toBeCloseTo(Math.sqrt(5 / 3) / 2, 14);
  });

  test("quantiles interpolate as NumPy's default does", () => {
    expect(quantiles([4, 1, 3, 2], [0, 0.25, 0.5, 1])).toEqual([1, 1.75, 2.5, 4]);
    expect(median([3, 1, 2])).toBe(2);
  });

  test("the mean is summed without rounding error", () => {
    expect(mean([1e100, 1, -1e100, 1])).toBe(0.5);
    expect(mean(Array.from({ length: 10 }, () => 0.1))).toBe(0.1);
  });

  test("the mean and spread move and scale with the sample", () => {
    const samples = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(samples, fc.double({ min: -100, max: 100, noNaN: true }), (values, shift) => {
        const moved = values.map((value) => 2 * value + shift);
        expect(mean(moved)).toBeCloseTo(2 * mean(values) + shift, 8);
        expect(standardError(moved)).toBeCloseTo(2 * standardError(values), 8);
      }),
    );
  });

  test("a NaN is named, never skipped", () => {
    expect(() => mean([1, Number.NaN, 3])).toThrow("mean: value 1 of 3 is not a number");
    expect(() => standardError([1, Number.NaN])).toThrow(RangeError);
    expect(() => quantiles([Number.NaN], [0.5])).toThrow(RangeError);
  });

  test("infinities are values of a mean, but have no spread and no mean of both signs", () => {
    expect(mean([1, -Infinity])).toBe(-Infinity);
    expect(() => mean([Infinity, -Infinity])).toThrow(/both/);
    expect(() => standardError([1, -Infinity])).toThrow(/finite.*-Infinity/);
  });

  test("too few values are refused with their number", () => {
    expect(() => mean([])).toThrow(/at least 1 values, got 0/);
    expect(() => standardError([1])).toThrow(/at least 2 values, got 1/);
    expect(() => quantiles([1], [1.5])).toThrow(/1\.5/);
  });

  test("a summary has a standard error from two values on", () => {
    expect(summarise([3])).toEqual({ count: 1, mean: 3, minimum: 3, median: 3, maximum: 3 });
    expect(summarise([1, 3])).toEqual({ count: 2, mean: 2, standardError: 1, minimum: 1, median: 2, maximum: 3 });
  });
});

describe("formatNumber", () => {
  test.each([
    [0, "0"],
    [-0, "0"],
    [42, "42"],
    [1234567, "1234567"],
    [0.5, "0.5"],
    [-0.02913, "-0.02913"],
    [0.0123456, "0.01235"],
    [12.3456, "12.35"],
    [123456.78, "123457"],
    [99999.6, "100000"],
    [1e-7, "1e-7"],
    [1.23456e-9, "1.235e-9"],
    [1.5e20, "1.5e20"],
    [1.5e-300, "1.5e-300"],
    [Infinity, "∞"],
    [-Infinity, "-∞"],
    [Number.NaN, "NaN"],
  ])("%d is %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test("is within half a unit of the fourth digit of any number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e308, max: 1e308 }), (value) => {
        expect(Math.abs(Number(formatNumber(value)) - value)).toBeLessThanOrEqual(Math.abs(value) * 5.001e-4 + 5e-324);
      }),
    );
  });
});

describe("columnFormatter", () => {
  const column = (values: number[]) => values.map(columnFormatter(values));

  test("gives a column one number of decimals and no shared zeros at the end", () => {
    expect(column([0.1, 0.25, 1])).toEqual(["0.10", "0.25", "1.00"]);
    expect(column([-0.0012345, 0.0456789])).toEqual(["-0.001234", "0.045679"]);
    expect(column([1, 2, 30])).toEqual(["1", "2", "30"]);
  });

  test("formats each number by itself when they span many powers of ten", () => {
    expect(column([1e-8, 0.5, 2000.5])).toEqual(["1e-8", "0.5", "2001"]);
  });

  test("takes columns with nothing finite in them", () => {
    expect(column([])).toEqual([]);
    expect(column([Number.NaN, Infinity, 0])).toEqual(["NaN", "∞", "0"]);
  });
});
