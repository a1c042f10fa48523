/**
 * An anytime bracket lower <= ln Z <= upper.
 *
 * A fixed sequence of bounds is worked through: for exact widths 0, 1, 2, ... (Jaakkola & Jordan 1996, Fig. 1) the
 * lower and the upper recursion with that much left to the junction tree, each optimised; the best of each side is
 * kept. A budget only cuts the sequence off, so more time, or more width, never widens the bracket. Beyond 64 variables
 * the widths go in steps of four. A model whose treewidth is within exactWidth is done exactly at once.
 *
 * Ends are widened outwards by a bound on rounding, about 1e-14 of the sum of all |parameters|.
 */
import { z } from "zod";
import { toBoltzmann, type BoltzmannMachine, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { parseOptions } from "../method.ts";
import { secondsSince } from "../result.ts";
import { handOverByRemoval } from "./hand-over.ts";
import {
  boundWithHandOver,
  MAX_EXACT_WIDTH,
  optimisedBound,
  recursionIsDense,
  type BoundProblem,
  type OptimisedBound,
  type RecursiveBoundName,
} from "./recursion.ts";

export const bracketOptions = {
  lower: z.enum(["factorised"]).default("factorised").describe("the recursion below"),
  upper: z
    .enum(["refined", "factorised", "best"])
    .default("best")
    .describe("the recursion above; best is the better of the two"),
  exactWidth: z
    .int()
    .min(0)
    .max(MAX_EXACT_WIDTH)
    .default(12)
    .describe("treewidth up to which a junction tree finishes"),
  seconds: z.number().min(0).optional().describe("budget; whatever is known by then is the answer"),
  tolerance: z.number().positive().default(1e-6).describe("relative gain of 20 iterations that ends an optimisation"),
  maxIterations: z.int().min(0).default(400),
  restarts: z.int().min(0).default(2).describe("random starting points of the lower bound"),
};
export const bracketSchema = z.object(bracketOptions);
export type BracketSettings = z.output<typeof bracketSchema>;
export interface BracketOptions extends z.input<typeof bracketSchema> {
  /** For random starting points. Default: `Random.fromSeed(0)`. */
  readonly random?: Random;
}

export interface Bracket {
  /** ln of a number at most Z. */
  readonly lower: number;
  /** ln of a number at least Z. */
  readonly upper: number;
  /** Whether both are ln Z up to rounding, because a junction tree did it all. */
  readonly isExact: boolean;
  /** The exact width of the last bound computed. */
  readonly exactWidth: number;
  /** How many variables the best bounds eliminate. */
  readonly numEliminated: { readonly lower: number; readonly upper: number };
  readonly seconds: number;
}

/**
 * The bracket after every bound that narrowed it, first to last.
 * @throws RangeError for unknown options.
 */
export function* anytimeBracket(
  model: PairwiseBinaryModel,
  { random = Random.fromSeed(0), ...raw }: BracketOptions = {},
): Generator<Bracket, void, void> {
  const started = performance.now();
  const options = parseOptions("bounds", bracketSchema, raw);
  for (const { lower, upper, isExact, exactWidth } of boundSequence(toBoltzmann(model), options, random, started))
    yield {
      lower: lower?.value ?? -Infinity,
      upper: upper?.value ?? Infinity,
      isExact,
      exactWidth,
      numEliminated: { lower: lower?.eliminated.length ?? 0, upper: upper?.eliminated.length ?? 0 },
      seconds: secondsSince(started),
    };
}

/** The last bracket of `anytimeBracket`. */
export function bracket(model: PairwiseBinaryModel, options: BracketOptions = {}): Bracket {
  return [...anytimeBracket(model, options)].at(-1)!;
}

/** The best bound of each side so far, ends widened by rounding. */
export interface BoundPair {
  readonly lower?: NamedBound;
  readonly upper?: NamedBound;
  readonly isExact: boolean;
  readonly exactWidth: number;
}
export type NamedBound = OptimisedBound & { readonly name: RecursiveBoundName };

export function* boundSequence(
  model: BoltzmannMachine,
  options: BracketSettings,
  random: Random,
  started: number,
): Generator<BoundPair, void, void> {
  const deadline = started + 1000 * (options.seconds ?? Infinity);
  const margin = roundingMargin(model);
  const problem: Omit<BoundProblem, "name"> = { ...options, model, random, deadline };
  const isDense = recursionIsDense(model.numVariables);
  if (isDense && handOverByRemoval(model, options.exactWidth, 0).length === 0) {
    const exact = tryExact(problem);
    if (exact) {
      const end = (sign: number): NamedBound => ({ ...exact, value: exact.value + sign * margin });
      yield { lower: end(-1), upper: end(1), isExact: true, exactWidth: options.exactWidth };
      return;
    }
  }
  const names: RecursiveBoundName[] = ["factorised-lower"];
  if (options.upper !== "factorised" && isDense) names.push("refined-upper");
  if (options.upper !== "refined" || !isDense) names.push("factorised-upper");
  let best: BoundPair = { isExact: false, exactWidth: 0 };
  const seen = new Set<string>();
  for (const exactWidth of isDense ? widths(model.numVariables, options.exactWidth) : [0])
    for (const name of names) {
      const side = name === "factorised-lower" ? "lower" : "upper";
      if (best.lower && best.upper && performance.now() > deadline) return;
      const bound = isDense
        ? boundWithHandOver({ ...problem, name, exactWidth, restarts: side === "lower" ? options.restarts : 0 }, seen)
        : optimisedBound({
            ...problem,
            name,
            restarts: 0,
            eliminated: Int32Array.from({ length: model.numVariables }, (_, i) => i),
          });
      if (!bound) continue;
      const sign = side === "upper" ? 1 : -1;
      const value = bound.value + sign * margin;
      const before = best[side]?.value ?? sign * Infinity;
      if (best[side] && sign * (value - before) >= 0) continue;
      best = { ...best, [side]: { ...bound, name, value }, exactWidth };
      if (best.lower && best.upper) yield best;
    }
}

/** Undefined when the junction tree is too large in spite of its width. */
function tryExact(problem: Omit<BoundProblem, "name">): NamedBound | undefined {
  const name = "factorised-lower";
  try {
    return { ...optimisedBound({ ...problem, name, restarts: 0, eliminated: new Int32Array(0) }), name };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What rounding can make of a sum of all parameters' size. */
export function roundingMargin({ biases, weights, logConstant }: BoltzmannMachine): number {
  let scale = 1 + Math.abs(logConstant);
  for (const bias of biases) scale += Math.abs(bias) + 1;
  for (const weight of weights) scale += Math.abs(weight);
  return 1e-14 * scale;
}

function widths(numVariables: number, exactWidth: number): number[] {
  const step = numVariables > 64 ? 4 : 1;
  const ladder: number[] = [];
  for (let width = 0; width < exactWidth; width += step) ladder.push(width);
  return [...ladder, exactWidth];
}
