import { describe, expect, it } from "vitest";
import {
  entropyOfLogit,
  lambda,
  lambdaDerivative,
  minusF,
  sigmoid,
  softplus,
} from "../../../src/inference/bounds/logistic.ts";

const xs = [-800, -40, -3, -0.5, -1e-3, -1e-9, 0, 1e-9, 1e-3, 0.04, 0.0999, 0.1001, 0.5, 3, 40, 800];

describe("scalar functions of the bounds", () => {
  it("softplus is ln(1 + e^x), without overflow", () => {
    expect(softplus(0)).toBe(Math.LN2);
    expect(softplus(800)).toBe(800);
    expect(softplus(-40) / Math.exp(-40)).toBeCloseTo(1, 14);
    expect([softplus(Infinity), softplus(-Infinity)]).toEqual([Infinity, 0]);
    for (const x of xs) expect(softplus(x) - softplus(-x)).toBeCloseTo(x, 12);
  });

  it("sigmoid is the derivative of softplus", () => {
    for (const x of xs.filter((value) => Math.abs(value) < 50))
      expect(sigmoid(x)).toBeCloseTo((softplus(x + 1e-5) - softplus(x - 1e-5)) / 2e-5, 9);
    expect([sigmoid(Infinity), sigmoid(-Infinity)]).toEqual([1, 0]);
  });

  it("entropyOfLogit is the binary entropy", () => {
    for (const mu of [0.001, 0.2, 0.5, 0.7, 0.999])
      expect(entropyOfLogit(Math.log(mu / (1 - mu)))).toBeCloseTo(-mu * Math.log(mu) - (1 - mu) * Math.log(1 - mu), 14);
    expect([entropyOfLogit(Infinity), entropyOfLogit(-Infinity), entropyOfLogit(1e4)]).toEqual([0, 0, 0]);
  });

  it("lambda is tanh(xi/2) / (4 xi): even, at most 1/8, continuous at 0", () => {
    expect(lambda(0)).toBe(0.125);
    for (const x of xs) {
      expect(lambda(x)).toBe(lambda(-x));
      expect(lambda(x)).toBeLessThanOrEqual(0.125);
      if (Math.abs(x) > 1e-6) expect(lambda(x)).toBeCloseTo(Math.tanh(x / 2) / (4 * x), 15);
    }
    expect(lambda(Infinity)).toBe(0);
  });

  it("lambdaDerivative matches finite differences, at the switch to its series too", () => {
    for (const x of [...xs.filter((value) => Math.abs(value) < 50), 0.0999999, 0.1000001])
      expect(lambdaDerivative(x)).toBeCloseTo((lambda(x + 1e-4) - lambda(x - 1e-4)) / 2e-4, 9);
    // Relative accuracy where the plain formula cancels: lambda'(xi) -> -xi / 48.
    expect(lambdaDerivative(1e-6) / (-1e-6 / 48)).toBeCloseTo(1, 10);
    expect(lambdaDerivative(0.1 - 1e-12) / lambdaDerivative(0.1 + 1e-12)).toBeCloseTo(1, 10);
  });

  it("minusF makes the tangent touch at x = +-xi and lie above everywhere else (Eq. 11)", () => {
    for (const xi of xs)
      for (const x of xs) {
        const tangent = x / 2 + lambda(xi) * x * x + minusF(xi);
        const tolerance = 1e-13 * (1 + Math.abs(x) + lambda(xi) * x * x + minusF(xi));
        if (Math.abs(x) === Math.abs(xi)) expect(Math.abs(tangent - softplus(x))).toBeLessThan(tolerance);
        else expect(tangent - softplus(x)).toBeGreaterThan(-tolerance);
      }
  });
});
