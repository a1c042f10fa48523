/**
 * Joint optimisation of an elimination's parameters by nonlinear conjugate gradients (Polak-Ribiere with restarts,
 * strong Wolfe line search) from the library fmin.
 *
 * Measured beside it for 8, 64 and 128 variables: nlopt-js (L-BFGS, the fewest evaluations, but its wasm heap grows
 * under its own arrays and it then dies with an exception that cannot be caught), numeric's uncmin (as many
 * evaluations, but a dense n^2 Hessian of nested arrays: 8,128 parameters of the factorised upper bound do not fit),
 * optimization-js (no line search, no limit on iterations, pulls npm itself into node_modules), bfgs-algorithm (dense,
 * one-dimensional search without gradients), nd4js (GPL).
 *
 * Every parameter value gives a valid bound, so the answer is the best value ever evaluated, whatever the optimiser
 * does.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { compileFunction } from "node:vm";
import type { Elimination } from "./elimination.ts";

/** Minimises; `objective` writes the gradient into its second argument. */
type ConjugateGradient = (
  objective: (point: Float64Array, gradient: Float64Array) => number,
  initial: Float64Array,
  options: { maxIterations: number },
) => { x: Float64Array; fx: number; fxprime: Float64Array };

/**
 * fmin 0.0.4 calls itself an ES module but ships UMD, so importing it yields nothing, and a global or not depending on
 * what other globals there are. Giving it the `exports` it looks for is the one way that works in every host.
 */
function loadFmin(): { conjugateGradient: ConjugateGradient } {
  const file = createRequire(import.meta.url).resolve("fmin");
  const module = { exports: {} };
  const define = compileFunction(readFileSync(file, "utf8"), ["exports", "module"], { filename: file });
  (define as (exports: object, module: object) => void)(module.exports, module);
  return module.exports as { conjugateGradient: ConjugateGradient };
}
const { conjugateGradient } = loadFmin();

/**
 * Iterations between two looks at the progress; also the optimiser's restart, since n-step conjugacy is long lost by
 * then.
 */
const ROUND_ITERATIONS = 20;

export interface Optimum {
  /** The best bound seen, natural log. */
  readonly value: number;
  readonly parameters: Float64Array;
  /** Whether a whole round gained less than the tolerance, or the gradient vanished. */
  readonly converged: boolean;
  readonly iterations: number;
  readonly evaluations: number;
  /** What each round gained, natural log. */
  readonly gains: readonly number[];
}

/** Thrown through the optimiser, which has no other way to be stopped. */
const outOfTime = Symbol("out of time");

/**
 * @param sign +1 to minimise an upper bound, -1 to maximise a lower bound.
 * @param deadline when to stop in the middle, in milliseconds of performance.now().
 * @param tolerance stop when a round of 20 iterations gains less than this, relative to max(1, |bound|).
 */
export function optimise(
  elimination: Elimination,
  sign: 1 | -1,
  start: Float64Array,
  tolerance: number,
  maxIterations: number,
  deadline = Infinity,
): Optimum {
  const best = start.slice();
  let bestValue = Infinity;
  let evaluations = 0;
  const objective = (point: Float64Array, gradient: Float64Array): number => {
    // At least one evaluation: there is always a bound.
    if (evaluations > 0 && performance.now() > deadline) throw outOfTime; // eslint-disable-line @typescript-eslint/only-throw-error
    const value = sign * elimination.evaluate(point, gradient);
    evaluations++;
    let finite = Number.isFinite(value);
    for (let k = 0; k < gradient.length; k++) {
      gradient[k] *= sign;
      finite &&= Number.isFinite(gradient[k]);
    }
    if (value < bestValue) {
      bestValue = value;
      best.set(point);
    }
    if (finite) return value;
    gradient.fill(0);
    return Number.MAX_VALUE; // makes every line search step back
  };

  const gains: number[] = [];
  let iterations = 0;
  let converged = false;
  objective(best.slice(), new Float64Array(best.length));
  while (!converged && iterations < maxIterations && best.length > 0) {
    const before = bestValue;
    const round = Math.min(ROUND_ITERATIONS, maxIterations - iterations);
    try {
      conjugateGradient(objective, best.slice(), { maxIterations: round });
    } catch (error) {
      if (error !== outOfTime) throw error;
      break;
    }
    iterations += round;
    gains.push(bestValue < before ? before - bestValue : 0);
    converged = bestValue === before || before - bestValue < tolerance * Math.max(1, Math.abs(bestValue));
  }
  return {
    value: sign * bestValue,
    parameters: best,
    converged: converged || best.length === 0,
    iterations,
    evaluations,
    gains,
  };
}
