/**
 * Guaranteed intervals on marginals and conditionals: ratios of partition functions (Jaakkola & Jordan 1996, section 2:
 * "marginal distributions can be reduced to ratios of partition functions"), each bounded from both sides.
 *
 *   P(A = a | B = b) = Z1 / (Z1 + Z0) = sigmoid(ln Z1 - ln Z0),   Z1 = Z(a, b),   Z0 = sum over a' != a of Z(a', b)
 *   sigmoid(L1 - U0) <= P <= sigmoid(U1 - L0)
 *
 * Three things tighten this beyond lower(numerator) / upper(denominator). Z1 stands in numerator and denominator with
 * the same bound. The bracket of the whole, L <= ln(Z1 + Z0) <= U, bounds each part by what the other leaves. And the
 * neighbourhood alone bounds a marginal (local-intervals.ts). Z0 is split by the first variable of A that differs from
 * a: |A| parts, each a clamped model.
 *
 * Shared parameters: the whole model's elimination and its optimal parameters are valid for every clamped model (every
 * parameter value is), so each clamped bound starts from there; that costs one evaluation and is usually close.
 */
import { clamp } from "../../graph/clamp.ts";
import type { Evidence } from "../../graph/condition.ts";
import type { BoltzmannMachine, PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { parseOptions } from "../method.ts";
import { secondsSince } from "../result.ts";
import { boundSequence, bracketSchema, roundingMargin, type BoundPair, type BracketSettings } from "./bracket.ts";
import type { BracketOptions, NamedBound } from "./bracket.ts";
import { narrowLocally } from "./local-intervals.ts";
import { logSum, narrower, ratio, vacuous, type Ends, type Interval } from "./ratio.ts";
import { optimisedBound } from "./recursion.ts";

const nothing: Evidence = new Map();
/** Share of the budget that goes to ln Z, whose bounds all the others start from. */
const LOG_Z_BUDGET_SHARE = 0.25;
/** Added outwards where a junction tree did everything. */
const EXACT_MARGIN = 1e-12;

export interface MarginalIntervals {
  /**
   * Float64Array[numVariables] each: lower_i <= p(S_i = 1 | evidence) <= upper_i, within [0, 1]; an observed variable
   * has its state.
   */
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** On ln of the sum of p~ over the states that agree with the evidence. */
  readonly logZ: Interval;
  readonly isExact: boolean;
  readonly seconds: number;
}

export interface IntervalOptions extends BracketOptions {
  /** Observed variables and their states, 0 or 1. */
  readonly evidence?: Evidence;
  /** Whose marginals are wanted; the others get the intervals that cost nothing. Default: all. */
  readonly variables?: readonly number[];
}

/**
 * Intervals on all marginals. With a budget, every interval is there early and is narrowed, widest first, while time
 * remains.
 * @throws RangeError for unknown options, variables or states.
 */
export function marginalIntervals(model: PairwiseBinaryModel, options: IntervalOptions = {}): MarginalIntervals {
  const started = performance.now();
  const { evidence = nothing, variables, random = Random.fromSeed(0), ...raw } = options;
  const settings = parseOptions("bounds", bracketSchema, raw);
  const clamped = clamp(model, evidence);
  const wanted = variables && new Set(variables);
  const asked = Array.from(clamped.variables.keys()).filter((i) => !wanted || wanted.has(clamped.variables[i]));
  const free = freeIntervals(clamped.model, settings, random, started, asked);
  const lower = new Float64Array(model.numVariables);
  const upper = new Float64Array(model.numVariables);
  for (const [variable, state] of evidence) lower[variable] = upper[variable] = state;
  clamped.variables.forEach((variable, i) => {
    lower[variable] = free.lower[i];
    upper[variable] = free.upper[i];
  });
  return { ...free, lower, upper, seconds: secondsSince(started) };
}

/**
 * An interval on P(query | given), within [0, 1].
 * @param query variable -> state; one that contradicts `given` has probability 0, one that `given` contains has
 *   probability 1.
 * @throws RangeError for unknown options, variables or states.
 */
export function probabilityInterval(
  model: PairwiseBinaryModel,
  query: Evidence,
  { evidence: given = nothing, variables: _, random = Random.fromSeed(0), ...raw }: IntervalOptions = {},
): Interval {
  const started = performance.now();
  const settings = parseOptions("bounds", bracketSchema, raw);
  clamp(model, query); // refuses what does not exist
  const open = [...query].filter(([variable]) => !given.has(variable));
  if ([...query].some(([variable, state]) => given.has(variable) && given.get(variable) !== state)) return [0, 0];
  if (open.length === 0) return [1, 1];
  const whole = clamp(model, given);
  const numbers = new Map(Array.from(whole.variables, (variable, i) => [variable, i]));
  const states = open.map(([variable, state]): [number, number] => [numbers.get(variable)!, state]);
  const pair = lastOf(boundSequence(whole.model, wholeSettings(settings), random, started));
  const parts = new ClampedBounds(whole.model, pair, settings, random, started);
  const inside = parts.both(new Map(states));
  const others = states.map(([variable, state], at) =>
    parts.both(new Map([...states.slice(0, at), [variable, 1 - state]])),
  );
  const outside = {
    lower: logSum(others.map((one) => one.lower)),
    upper: logSum(others.map((one) => one.upper)),
  };
  const [low, high] = ratio(inside, outside, endsOf(pair));
  if (states.length > 1) return [low, high];
  const [[variable, state]] = states;
  const lower = new Float64Array(whole.model.numVariables);
  const upper = new Float64Array(whole.model.numVariables).fill(1);
  narrowLocally(whole.model, lower, upper);
  const local = state ? [lower[variable], upper[variable]] : [1 - upper[variable], 1 - lower[variable]];
  return [Math.max(low, local[0]), Math.min(high, local[1])];
}

function freeIntervals(
  model: BoltzmannMachine,
  settings: BracketSettings,
  random: Random,
  started: number,
  asked: readonly number[],
): Omit<MarginalIntervals, "seconds"> {
  const n = model.numVariables;
  const lower = new Float64Array(n);
  const upper = new Float64Array(n).fill(1);
  const pair = lastOf(boundSequence(model, wholeSettings(settings), random, started));
  const logZ = endsOf(pair);
  if (pair.isExact) {
    const { elimination, remaining, parameters } = pair.lower!;
    elimination.evaluate(parameters, new Float64Array(elimination.numParameters));
    elimination.means.forEach((mean, position) => {
      lower[remaining[position]] = Math.max(0, mean - EXACT_MARGIN);
      upper[remaining[position]] = Math.min(1, mean + EXACT_MARGIN);
    });
    return { lower, upper, logZ, isExact: true };
  }
  narrowLocally(model, lower, upper);
  const parts = new ClampedBounds(model, pair, settings, random, started);
  const ends = asked.map(() => [vacuous, vacuous]);
  const deadline = started + 1000 * (settings.seconds ?? Infinity);
  const width = (at: number): number => upper[asked[at]] - lower[asked[at]];
  for (const effort of ["evaluate", "optimise"] as const) {
    const order = Array.from(asked.keys()).sort((a, b) => width(b) - width(a) || a - b);
    for (const at of order) {
      if (performance.now() > deadline) break;
      const i = asked[at];
      ends[at] = [0, 1].map((state) => narrower(ends[at][state], parts.both(new Map([[i, state]]), effort)));
      const [low, high] = ratio(ends[at][1], ends[at][0], logZ);
      lower[i] = Math.max(lower[i], low);
      upper[i] = Math.min(upper[i], high);
    }
    narrowLocally(model, lower, upper);
  }
  return { lower, upper, logZ, isExact: false };
}

function wholeSettings(settings: BracketSettings): BracketSettings {
  return settings.seconds === undefined ? settings : { ...settings, seconds: LOG_Z_BUDGET_SHARE * settings.seconds };
}

/** Bounds on clamped models, by the whole model's elimination, from its parameters. */
class ClampedBounds {
  readonly #model: BoltzmannMachine;
  readonly #whole: BoundPair;
  readonly #settings: BracketSettings;
  readonly #random: Random;
  readonly #deadline: number;

  constructor(model: BoltzmannMachine, whole: BoundPair, settings: BracketSettings, random: Random, started: number) {
    this.#model = model;
    this.#whole = whole;
    this.#settings = settings;
    this.#random = random;
    this.#deadline = started + 1000 * (settings.seconds ?? Infinity);
  }

  /** ln Z of the model clamped to `states`, from both sides. */
  both(states: Evidence, effort: "evaluate" | "optimise" = "optimise"): Ends {
    const { model, variables } = clamp(this.#model, states);
    const margin = roundingMargin(this.#model);
    const numbers = new Map(Array.from(variables, (variable, i) => [variable, i]));
    const value = (bound: NamedBound): number => {
      const kept = Array.from(bound.eliminated.keys()).filter((at) => numbers.has(bound.eliminated[at]));
      // Only the factorised upper bound has more than one parameter a variable, and its rows change with the
      // neighbours.
      const isShared = bound.name !== "factorised-upper";
      return optimisedBound({
        ...this.#settings,
        model,
        name: bound.name,
        restarts: 0,
        random: this.#random,
        deadline: this.#deadline,
        eliminated: Int32Array.from(kept, (at) => numbers.get(bound.eliminated[at])!),
        ...(isShared && { initial: Float64Array.from(kept, (at) => bound.parameters[at]) }),
        ...(effort === "evaluate" && { maxIterations: 0 }),
      }).value;
    };
    return { lower: value(this.#whole.lower!) - margin, upper: value(this.#whole.upper!) + margin };
  }
}

function lastOf(sequence: Iterable<BoundPair>): BoundPair {
  return [...sequence].at(-1)!;
}

function endsOf({ lower, upper }: BoundPair): Interval {
  return [lower!.value, upper!.value];
}
