import { describe, expect, test } from "vitest";
import { judge, type Comparison, type Verdict } from "../../src/base/verdict.ts";

const cases: [title: string, comparison: Omit<Comparison, "quantity">, verdict: Verdict][] = [
  ["no value in the paper", { ours: 1 }, "no reference"],
  ["null in the paper", { paper: null, ours: 1 }, "no reference"],
  ["the same number", { paper: 1, ours: 1 }, "match"],
  ["another number", { paper: 1, ours: 1.01 }, "differs"],
  ["within the tolerance", { paper: 1, ours: 1.01, tolerance: 0.02 }, "match"],
  ["at the tolerance's end", { paper: 1, ours: 1.5, tolerance: 0.5 }, "match"],
  ["within two standard errors", { paper: 1, ours: 1.19, standardError: 0.1 }, "match"],
  ["beyond two standard errors", { paper: 1, ours: 1.21, standardError: 0.1 }, "differs"],
  ["tolerance and standard errors add up", { paper: 1, ours: 1.29, standardError: 0.1, tolerance: 0.1 }, "match"],
  ["inside an interval", { paper: [0, 2], ours: 1.5 }, "match"],
  ["outside an interval", { paper: [0, 2], ours: 3 }, "differs"],
  ["a match comes before better", { paper: 1, ours: 0.99, tolerance: 0.02, better: "lower" }, "match"],
  ["lower is better, ours lower", { paper: 1, ours: 0.5, better: "lower" }, "better"],
  ["lower is better, ours higher", { paper: 1, ours: 2, better: "lower" }, "worse"],
  ["higher is better, ours higher", { paper: 1, ours: 2, better: "higher" }, "better"],
  ["higher is better, ours lower", { paper: 1, ours: 0.5, better: "higher" }, "worse"],
  ["closer to zero, from below", { paper: -0.02, ours: -0.01, better: "closer to zero" }, "better"],
  ["closer to zero, ours further", { paper: -0.02, ours: -0.029, better: "closer to zero" }, "worse"],
  ["closer to zero, on the other side", { paper: -0.02, ours: 0.001, better: "closer to zero" }, "better"],
  ["closer to zero, further on the other side", { paper: -0.02, ours: 0.03, better: "closer to zero" }, "worse"],
  ["closer to zero, interval around zero", { paper: [-1, 1], ours: 2, better: "closer to zero" }, "worse"],
  ["closer to zero, interval below", { paper: [-3, -2], ours: -1, better: "closer to zero" }, "better"],
  ["infinite where higher is better", { paper: 1, ours: Infinity, better: "higher" }, "better"],
  ["minus infinity in both", { paper: -Infinity, ours: -Infinity }, "match"],
  ["NaN", { paper: 1, ours: Number.NaN, better: "lower" }, "differs"],
  ["words against a number", { paper: 1, ours: "about one" }, "differs"],
  ["a claim that holds", { paper: "bounds tighten", ours: "0.3 to 0.1", holds: true }, "match"],
  ["a claim that fails", { paper: "bounds tighten", ours: "0.1 to 0.3", holds: false }, "differs"],
  ["a claim not put to the test", { paper: "bounds tighten", ours: 1 }, "no reference"],
];

describe("judge", () => {
  test.each(cases)("%s", (_title, comparison, verdict) => {
    const judged = judge({ quantity: "q", ...comparison });
    expect(judged.verdict).toBe(verdict);
    expect(judged.why.length).toBeGreaterThan(8);
  });

  test("says by which rule, unless told what to say", () => {
    const comparison = {
      quantity: "q",
      paper: 1,
      ours: 2,
      tolerance: 0.1,
      standardError: 0.2,
      better: "lower",
    } as const;
    expect(judge(comparison).why).toBe(
      "above the paper's value by more than tolerance 0.1 and two standard errors; lower is better",
    );
    expect(judge({ ...comparison, why: "their plot is coarse" })).toEqual({
      verdict: "worse",
      why: "their plot is coarse",
    });
  });

  test("refuses what is no interval, no tolerance or no standard error", () => {
    expect(() => judge({ quantity: "gap", paper: [2, 1], ours: 1 })).toThrow(/"gap".*\[2, 1\]/);
    expect(() => judge({ quantity: "gap", paper: 1, ours: 1, tolerance: -1 })).toThrow(/"gap".*-1/);
    expect(() => judge({ quantity: "gap", paper: 1, ours: 1, standardError: Number.NaN })).toThrow(/"gap".*NaN/);
  });
});
