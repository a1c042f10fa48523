/**
 * Recursive node elimination (Jaakkola & Jordan 1996, section 2): eliminate some variables, each by a bound, finish the
 * rest exactly, and optimise the variational parameters of all eliminations jointly for the final bound on ln Z.
 */
import { z } from "zod";
import { toBoltzmann, type BoltzmannMachine, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, isPairwiseBinaryModel, parseOptions, type Method } from "../method.ts";
import { Marginals, secondsSince, type InferenceResult } from "../result.ts";
import { orderModel, type Elimination, type OrderedModel } from "./elimination.ts";
import { factorisedLower } from "./factorised-lower.ts";
import { factorisedUpper } from "./factorised-upper.ts";
import { greeds, handOverByFillIn, handOverByRemoval } from "./hand-over.ts";
import { optimise, type Optimum } from "./optimise.ts";
import { recursionOrder, orderRules, type OrderRule } from "./order.ts";
import { refinedUpper } from "./refined-upper.ts";

/** The fill-in of the refined bound, and least-slack, keep dense n x n tables: 128 MB each at this size. */
const MAX_DENSE_VARIABLES = 4096;
/** Wider junction trees take seconds an evaluation. */
export const MAX_EXACT_WIDTH = 20;

interface BoundKind {
  readonly side: "lower" | "upper";
  readonly summary: string;
  readonly order: OrderRule;
  /** Further starting points, drawn at random. The lower bound has local optima; the upper bounds hardly. */
  readonly restarts: number;
  readonly elimination: (model: OrderedModel) => Elimination;
}

const kinds = {
  "factorised-lower": {
    side: "lower",
    summary: "lower bound: (structured) mean field as node elimination, Jaakkola & Jordan 1996, Eqs. 6-8",
    order: "index",
    restarts: 4,
    elimination: factorisedLower,
  },
  "factorised-upper": {
    side: "upper",
    summary: "upper bound by Jensen's inequality, keeps the graph, Jaakkola & Jordan 1996, Eqs. 9-10",
    order: "weakest-first",
    restarts: 0,
    elimination: factorisedUpper,
  },
  "refined-upper": {
    side: "upper",
    summary: "upper bound by tangents in x^2, connects the neighbours, Jaakkola & Jordan 1996, Eqs. 11-14",
    order: "least-slack",
    restarts: 0,
    elimination: refinedUpper,
  },
} as const satisfies Record<string, BoundKind>;

export type RecursiveBoundName = keyof typeof kinds;

function optionSchema(kind: BoundKind) {
  return z.object({
    eliminate: z
      .union([z.literal("all"), z.int().min(0), z.array(z.int().min(0))])
      .default("all")
      .describe("which variables: all, the first so many in order, or a list"),
    order: z
      .enum(orderRules)
      .optional()
      .describe(`which goes next; if not given ${kind.order}, or as listed when a list is given`),
    finishExactlyAt: z.int().min(0).default(0).describe("stop eliminating when so many remain"),
    exactWidth: z
      .int()
      .min(0)
      .max(MAX_EXACT_WIDTH)
      .optional()
      .describe("eliminate only until a junction tree of this width can finish; a search picks the variables"),
    timeLimit: z.number().min(0).optional().describe("seconds; the best bound so far is returned"),
    tolerance: z
      .number()
      .positive()
      .default(1e-7)
      .describe("relative gain of 20 iterations that ends the optimisation"),
    maxIterations: z.int().min(0).default(1000),
    restarts: z.int().min(0).default(kind.restarts).describe("random starting points besides the deterministic one"),
  });
}

const schemas = {
  "factorised-lower": optionSchema(kinds["factorised-lower"]),
  "factorised-upper": optionSchema(kinds["factorised-upper"]),
  "refined-upper": optionSchema(kinds["refined-upper"]),
};

export interface RecursiveBoundOptions extends z.input<ReturnType<typeof optionSchema>> {
  readonly bound: RecursiveBoundName;
  /** For restarts and order "random". Default: `Random.fromSeed(0)`. */
  readonly random?: Random;
}

export interface RecursiveBoundResult extends InferenceResult {
  readonly logZ: number;
  readonly bound: "lower" | "upper";
  readonly elimination: {
    /** Int32Array: the eliminated variables, in order. */
    readonly order: Int32Array;
    /** Int32Array: the variables finished exactly, increasing. */
    readonly remaining: Int32Array;
    /**
     * The optimised parameters, one row an eliminated variable, in order: [mu] (factorised lower), q over the
     * neighbours that were left, in the order of elimination (factorised upper), [xi] (refined upper).
     */
    readonly parameters: readonly Float64Array[];
    /** How often the bound and its gradient were evaluated by the optimiser, over all starting points. */
    readonly evaluations: number;
  };
}

/**
 * A guaranteed bound on ln Z. The factorised lower bound also gives marginals, those of its (structured) mean field
 * distribution. `maxDelta` holds what every 20 iterations of the optimiser gained, for the best starting point.
 * @throws RangeError for unknown options, variables that do not exist or repeat, or a rest too large to be finished
 *   exactly.
 */
export function recursiveBound(model: PairwiseBinaryModel, options: RecursiveBoundOptions): RecursiveBoundResult {
  const started = performance.now();
  const { bound: name, random = Random.fromSeed(0), ...raw } = options;
  if (!Object.hasOwn(kinds, name))
    throw new RangeError(`unknown bound "${String(name)}", accepted: ${Object.keys(kinds).join(", ")}`);
  const kind: BoundKind = kinds[name];
  const given = parseOptions(name, schemas[name], raw);

  const boltzmann = toBoltzmann(model);
  const n = boltzmann.numVariables;
  const listed = Array.isArray(given.eliminate) ? checkedList(given.eliminate, n) : undefined;
  if (given.exactWidth !== undefined && (given.eliminate !== "all" || given.order || given.finishExactlyAt > 0))
    throw new RangeError(
      `${name}: exactWidth=${given.exactWidth} picks the variables and their order itself; leave out eliminate, order and finishExactlyAt`,
    );
  const rule = given.order ?? (listed ? undefined : kind.order);
  if (n > MAX_DENSE_VARIABLES && (name === "refined-upper" || rule === "least-slack" || given.exactWidth !== undefined))
    throw new RangeError(
      `${name}${name === "refined-upper" ? "" : " with this order or exactWidth"} keeps n^2 numbers, too many for ${n} variables ` +
        `(limit ${MAX_DENSE_VARIABLES}); use factorised-upper[order=weakest-first]`,
    );
  const bound = { model: boltzmann, name, random, deadline: started + 1000 * (given.timeLimit ?? Infinity), ...given };
  let optimum: OptimisedBound;
  if (given.exactWidth !== undefined) optimum = boundWithHandOver({ ...bound, exactWidth: given.exactWidth });
  else {
    const ranked = rule === undefined ? Int32Array.of() : recursionOrder(boltzmann, rule, random.split("order"));
    const candidates = listed
      ? rule === undefined
        ? listed
        : Array.from(ranked.filter((i) => listed.includes(i)))
      : ranked;
    const wanted = typeof given.eliminate === "number" ? given.eliminate : candidates.length;
    if (wanted > n) throw new RangeError(`cannot eliminate ${wanted} of ${n} variables`);
    const numEliminated = Math.min(wanted, Math.max(0, n - given.finishExactlyAt));
    optimum = optimisedBound({ ...bound, eliminated: Int32Array.from(candidates.slice(0, numEliminated)) });
  }
  const { value, parameters, eliminated: order, remaining, elimination, converged, iterations, gains } = optimum;
  return {
    method: formatMethod(name, schemas[name], given),
    logZ: value,
    bound: kind.side,
    ...(kind.side === "lower" && { marginals: marginalsOf(meansAt(elimination, parameters), order, remaining) }),
    converged,
    iterations,
    maxDelta: gains,
    seconds: secondsSince(started),
    elimination: {
      order,
      remaining,
      parameters: elimination.describe(parameters),
      evaluations: optimum.evaluations,
    },
  };
}

/** One bound to be optimised. */
export interface BoundProblem {
  readonly model: BoltzmannMachine;
  readonly name: RecursiveBoundName;
  readonly tolerance: number;
  readonly maxIterations: number;
  /** Random starting points besides the deterministic one. */
  readonly restarts: number;
  readonly random: Random;
  /** In milliseconds of performance.now(). */
  readonly deadline: number;
}

export interface OptimisedBound extends Optimum {
  /** Int32Array: in order. */
  readonly eliminated: Int32Array;
  /** Int32Array: finished exactly, increasing. */
  readonly remaining: Int32Array;
  readonly elimination: Elimination;
}

/** Whether so many variables may be searched, and eliminated with fill-in: both keep dense tables. */
export const recursionIsDense = (numVariables: number): boolean => numVariables <= MAX_DENSE_VARIABLES;

const sideOf = (name: RecursiveBoundName): "lower" | "upper" => kinds[name].side;

/**
 * The model's variables, split into those to be eliminated and the others, compiled. @throws RangeError as
 * createExactFinish.
 */
function compiled(model: BoltzmannMachine, name: RecursiveBoundName, eliminated: Int32Array) {
  const isEliminated = new Uint8Array(model.numVariables);
  for (const i of eliminated) isEliminated[i] = 1;
  const remaining = Int32Array.from({ length: model.numVariables }, (_, i) => i).filter((i) => !isEliminated[i]);
  const ordered = orderModel(model, Int32Array.of(...eliminated, ...remaining), eliminated.length);
  return { eliminated, remaining, elimination: kinds[name].elimination(ordered) };
}

/**
 * @param initial a further starting point, e.g. the optimum of a similar model; takes the place of restarts.
 * @throws RangeError when what remains is too densely connected to be finished exactly.
 */
export function optimisedBound(
  problem: BoundProblem & { readonly eliminated: Int32Array; readonly initial?: Float64Array },
): OptimisedBound {
  const { model, name, random, eliminated, initial, tolerance, maxIterations, deadline } = problem;
  const parts = compiled(model, name, eliminated);
  const { elimination } = parts;
  const sign = sideOf(name) === "upper" ? 1 : -1;
  const startFrom = (generator?: Random): Float64Array => {
    const parameters = new Float64Array(elimination.numParameters);
    elimination.start(parameters, generator);
    return parameters;
  };
  const starts = [startFrom()];
  if (initial) {
    const gradient = new Float64Array(elimination.numParameters);
    const [given, standard] = [initial, starts[0]].map((point) => sign * elimination.evaluate(point, gradient));
    if (given <= standard) starts[0] = initial;
  } else if (eliminated.length > 0)
    for (let k = 1; k <= problem.restarts; k++) starts.push(startFrom(random.split("restart", k)));
  let best: Optimum | undefined;
  let evaluations = 0;
  for (const start of starts) {
    if (best && performance.now() > deadline) break;
    const optimum = optimise(elimination, sign, start, tolerance, maxIterations, deadline);
    evaluations += optimum.evaluations;
    if (!best || sign * (optimum.value - best.value) < 0) best = optimum;
  }
  return { ...best!, ...parts, evaluations };
}

/**
 * The variables to eliminate for a rest of treewidth <= exactWidth: one list for each way to trade width against
 * looseness.
 */
export function handOverCandidates(
  model: BoltzmannMachine,
  name: RecursiveBoundName,
  exactWidth: number,
): Int32Array[] {
  const search = name === "refined-upper" ? handOverByFillIn : handOverByRemoval;
  const found = new Map<string, Int32Array>();
  for (const greed of greeds) {
    const eliminated = search(model, exactWidth, greed);
    found.set(eliminated.join(), eliminated);
    if (eliminated.length === 0) break;
  }
  return [...found.values()];
}

/**
 * The bound with the hand-over whose starting point is best. Where even that rest is too large for its junction tree
 * (many cliques of the full width), the width is lowered.
 */
export function boundWithHandOver(problem: BoundProblem & { readonly exactWidth: number }): OptimisedBound;
/**
 * @param seen eliminations that were optimised before: when the best is among them the answer is undefined, else it
 *   joins them.
 */
export function boundWithHandOver(
  problem: BoundProblem & { readonly exactWidth: number },
  seen: Set<string>,
): OptimisedBound | undefined;
export function boundWithHandOver(
  problem: BoundProblem & { readonly exactWidth: number },
  seen?: Set<string>,
): OptimisedBound | undefined {
  const { model, name, exactWidth, deadline } = problem;
  const sign = sideOf(name) === "upper" ? 1 : -1;
  for (let width = exactWidth; ; width--) {
    let best: { eliminated: Int32Array; value: number } | undefined;
    for (const eliminated of handOverCandidates(model, name, width)) {
      if (best && performance.now() > deadline) break;
      try {
        const { elimination } = compiled(model, name, eliminated);
        const start = new Float64Array(elimination.numParameters);
        elimination.start(start);
        const value = sign * elimination.evaluate(start, new Float64Array(elimination.numParameters));
        if (!best || value < best.value) best = { eliminated, value };
      } catch (error) {
        if (!(error instanceof RangeError) || width === 0) throw error;
      }
    }
    if (!best) continue;
    const key = `${name}:${best.eliminated.join()}`;
    if (seen?.has(key)) return undefined;
    seen?.add(key);
    return optimisedBound({ ...problem, eliminated: best.eliminated });
  }
}

function checkedList(list: readonly number[], n: number): readonly number[] {
  const seen = new Set<number>();
  for (const i of list) {
    if (i >= n) throw new RangeError(`cannot eliminate variable ${i}, expected 0 to ${n - 1}`);
    if (seen.has(i)) throw new RangeError(`variable ${i} is to be eliminated twice`);
    seen.add(i);
  }
  return list;
}

function meansAt(elimination: Elimination, parameters: Float64Array): Float64Array {
  elimination.evaluate(parameters, new Float64Array(elimination.numParameters));
  return elimination.means;
}

function marginalsOf(means: Float64Array, order: Int32Array, remaining: Int32Array): Marginals {
  const byVariable = new Float64Array(means.length);
  [...order, ...remaining].forEach((variable, position) => (byVariable[variable] = means[position]));
  return Marginals.binary(byVariable);
}

/** The three bounds as methods, for the registry. */
export const recursiveBounds: readonly Method[] = (Object.keys(kinds) as RecursiveBoundName[]).map((name) =>
  defineMethod({
    name,
    summary: kinds[name].summary,
    options: schemas[name],
    accepts: isPairwiseBinaryModel,
    accepted: "a Boltzmann machine or an Ising model",
    infer: (model, options, { random }) => recursiveBound(model, { bound: name, random, ...options }),
  }),
);
