import { describe, expect, test } from "vitest";
import { isHopeless, MIN_FINISHED_POINTS, type Curve } from "../../../src/runner/sweep/early-stop.ts";

const flat = (value: number): Curve => [1, 2, 3].map((step) => [step, value]);
const finished = [1, 2, 3, 4, 5].map(flat);

describe("isHopeless, the median stopping rule", () => {
  test("is true for what is strictly worse than the median, whichever way is wanted", () => {
    expect(isHopeless([[1, 3.1]], finished, "least")).toBe(true);
    expect(isHopeless([[1, 3]], finished, "least")).toBe(false);
    expect(isHopeless([[1, 2.9]], finished, "greatest")).toBe(true);
    expect(isHopeless([[1, 3]], finished, "greatest")).toBe(false);
  });

  test("takes the best of the point's own values, and the means of the others' up to the same step", () => {
    expect(isHopeless([[1, 9], [2, 2.9], [3, 9]], finished, "least")).toBe(false); // prettier-ignore
    const falling = Array.from({ length: 5 }, (): Curve => [[1, 10], [2, 0], [3, -10]]); // prettier-ignore
    expect(isHopeless([[1, 9]], falling, "least")).toBe(false);
    expect(isHopeless([[2, 5]], falling, "least")).toBe(false); // mean 5
    expect(isHopeless([[2, 5.1]], falling, "least")).toBe(true);
    expect(isHopeless([[3, 0.1]], falling, "least")).toBe(true);
  });

  test("is never true before enough points have finished, or before the point has told anything", () => {
    expect(isHopeless([[1, 99]], finished.slice(0, MIN_FINISHED_POINTS - 1), "least")).toBe(false);
    expect(isHopeless([], finished, "least")).toBe(false);
    const later = finished.map((curve): Curve => curve.map(([step, value]) => [step + 10, value]));
    expect(isHopeless([[1, 99]], later, "least")).toBe(false);
  });

  test("a point that gives NaN alone is worse than any", () => {
    expect(isHopeless([[1, NaN]], finished, "least")).toBe(true);
    expect(isHopeless([[1, NaN]], finished, "greatest")).toBe(true);
    expect(isHopeless([[1, 1], [2, NaN]], finished, "least")).toBe(false); // prettier-ignore
  });
});
