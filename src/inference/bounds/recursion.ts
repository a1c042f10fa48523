/**
 * Recursive node elimination (Jaakkola & Jordan 1996, section 2): eliminate some variables, each by a bound, finish the rest exactly,
 * and optimise the variational parameters of all eliminations jointly for the final bound on ln Z.
 */
import { z } from "zod";
import { toBoltzmann, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { maxEnumerationVariables, whyNotEnumerable } from "../exact/enumeration.ts";
import { defineMethod, formatMethod, isPairwiseBinaryModel, parseOptions, type Method } from "../method.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { orderModel, type Elimination, type OrderedModel } from "./elimination.ts";
import { factorisedLower } from "./factorised-lower.ts";
import { factorisedUpper } from "./factorised-upper.ts";
import { optimise, type Optimum } from "./optimise.ts";
import { recursionOrder, orderRules, type OrderRule } from "./order.ts";
import { refinedUpper } from "./refined-upper.ts";

/** The fill-in of the refined bound, and least-slack, keep dense n x n tables: 128 MB each at this size. */
const maxDenseVariables = 4096;

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
    finishExactlyAt: z
      .int()
      .min(0)
      .max(maxEnumerationVariables)
      .default(0)
      .describe("stop eliminating when so many remain"),
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
     * The optimised parameters, one row an eliminated variable, in order: [mu] (factorised lower), q over the neighbours that were
     * left, in the order of elimination (factorised upper), [xi] (refined upper).
     */
    readonly parameters: readonly Float64Array[];
    /** How often the bound and its gradient were evaluated by the optimiser, over all starting points. */
    readonly evaluations: number;
  };
}

/**
 * A guaranteed bound on ln Z. The factorised lower bound also gives marginals, those of its (structured) mean field distribution.
 * `maxDelta` holds what every 20 iterations of the optimiser gained, for the best starting point.
 * @throws RangeError for unknown options, variables that do not exist or repeat, or a rest too large to be finished exactly.
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
  const rule = given.order ?? (listed ? undefined : kind.order);
  if (n > maxDenseVariables && (name === "refined-upper" || rule === "least-slack"))
    throw new RangeError(
      `${name === "refined-upper" ? name : "order=least-slack"} keeps n^2 weights, too many for ${n} variables ` +
        `(limit ${maxDenseVariables}); use factorised-upper[order=weakest-first]`,
    );
  const ranked = rule === undefined ? Int32Array.of() : recursionOrder(boltzmann, rule, random.split("order"));
  const candidates = listed
    ? rule === undefined
      ? listed
      : Array.from(ranked.filter((i) => listed.includes(i)))
    : ranked;
  const wanted = typeof given.eliminate === "number" ? given.eliminate : candidates.length;
  if (wanted > n) throw new RangeError(`cannot eliminate ${wanted} of ${n} variables`);
  const numEliminated = Math.min(wanted, Math.max(0, n - given.finishExactlyAt));
  const order = Int32Array.from(candidates.slice(0, numEliminated));
  const isEliminated = new Uint8Array(n);
  for (const i of order) isEliminated[i] = 1;
  const remaining = Int32Array.from({ length: n }, (_, i) => i).filter((i) => !isEliminated[i]);
  const refusal = whyNotEnumerable(remaining.length);
  if (refusal)
    throw new RangeError(
      `${name}: after ${numEliminated} of ${n} variables, ${remaining.length} remain to be finished exactly, but ${refusal}. ` +
        `Here: eliminate at least ${n - maxEnumerationVariables} variables (eliminate=all leaves none)`,
    );

  const elimination = kind.elimination(orderModel(boltzmann, Int32Array.of(...order, ...remaining), numEliminated));
  const sign = kind.side === "upper" ? 1 : -1;
  let best: Optimum | undefined;
  let evaluations = 0;
  for (let attempt = 0; attempt <= (numEliminated > 0 ? given.restarts : 0); attempt++) {
    const start = new Float64Array(elimination.numParameters);
    elimination.start(start, attempt > 0 ? random.split("restart", attempt) : undefined);
    const optimum = optimise(elimination, sign, start, given.tolerance, given.maxIterations);
    evaluations += optimum.evaluations;
    if (!best || sign * (optimum.value - best.value) < 0) best = optimum;
  }
  const { value, parameters, converged, iterations, gains } = best!;
  return {
    method: formatMethod(name, schemas[name], given),
    logZ: value,
    bound: kind.side,
    ...(elimination.means && { marginals: marginalsOf(elimination.means(parameters), order, remaining) }),
    converged,
    iterations,
    maxDelta: gains,
    seconds: (performance.now() - started) / 1000,
    elimination: { order, remaining, parameters: elimination.describe(parameters), evaluations },
  };
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
