/**
 * Every method of the registry answers a model, not its spelling: relabelled variables, other axis orders within the
 * factors, shuffled factors, scaled factors and renamed states change nothing but names (and ln Z by the scales).
 *
 * Models are weakly coupled, so that an approximation has one optimum, which it reaches from wherever the spelling
 * makes it begin. The answers of bounds that pass through a numerical optimum, or an order found greedily, agree within
 * `tolerance`.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DisjointSets } from "../../src/graph/components.ts";
import { toPairwiseBinary } from "../../src/graph/convert.ts";
import { factorGraph, scopeOf, tableOf, type FactorGraph, type FactorInput } from "../../src/graph/factor-graph.ts";
import { Random } from "../../src/graph/random.ts";
import { methods, infer, parseMethod } from "../../src/inference/registry.ts";

/** A model's other spelling, and how to find things of the first in it. */
interface Respelling {
  readonly graph: FactorGraph;
  /** Variable i of the original is variable variableAt[i], its state a is state stateAt[i][a]. */
  readonly variableAt: Int32Array;
  readonly stateAt: readonly Int32Array[];
  /** ln of what the factors were multiplied by in all. */
  readonly logScale: number;
}

/**
 * What a method is asked about: any tables of up to 3 states and 3 variables; binary pairs; the same without cycles.
 */
type Kind = "any" | "pairs" | "forest";

function randomModel(random: Random, kind: Kind): FactorGraph {
  const numVariables = 3 + random.integer(4);
  const cardinalities = Array.from({ length: numVariables }, () => (kind === "pairs" ? 2 : 1 + random.integer(3)));
  const sets = new DisjointSets(numVariables);
  const factors: FactorInput[] = [];
  for (let draw = numVariables + random.integer(numVariables); draw > 0; draw--) {
    const arity = 1 + random.integer(kind === "any" ? 3 : 2);
    const variables = random.permutation(numVariables).subarray(0, arity);
    if (kind === "forest" && arity === 2 && !sets.join(variables[0], variables[1])) continue;
    const size = variables.reduce((product, variable) => product * cardinalities[variable], 1);
    factors.push({ variables, logPotentials: Float64Array.from({ length: size }, () => random.normal(0, 0.15)) });
  }
  return factorGraph(cardinalities, factors);
}

function respelt(graph: FactorGraph, random: Random): Respelling {
  const { numVariables, numFactors, cardinalities } = graph;
  const variableAt = random.permutation(numVariables);
  const stateAt = Array.from(cardinalities, (cardinality) => random.permutation(cardinality));
  const newCardinalities = new Int32Array(numVariables);
  variableAt.forEach((at, variable) => (newCardinalities[at] = cardinalities[variable]));
  let logScale = 0;
  const factors = Array.from(random.permutation(numFactors), (factor): FactorInput => {
    const scope = scopeOf(graph, factor);
    const table = tableOf(graph, factor);
    const axes = random.permutation(scope.length);
    const scale = random.normal(0, 3);
    logScale += scale;
    const logPotentials = new Float64Array(table.length);
    table.forEach((entry, index) => {
      const states = new Int32Array(scope.length);
      for (let position = scope.length - 1, rest = index; position >= 0; position--) {
        states[position] = stateAt[scope[position]][rest % cardinalities[scope[position]]];
        rest = Math.floor(rest / cardinalities[scope[position]]);
      }
      const into = axes.reduce((at, axis) => at * cardinalities[scope[axis]] + states[axis], 0);
      logPotentials[into] = entry + scale;
    });
    return { variables: Array.from(axes, (axis) => variableAt[scope[axis]]), logPotentials };
  });
  return { graph: factorGraph(newCardinalities, factors), variableAt, stateAt, logScale };
}

/** Bounds that are searched for numerically; all else agrees to rounding and to the tolerance of its iterations. */
const tolerances: Readonly<Record<string, number>> = {
  "factorised-lower": 1e-3,
  "factorised-upper": 1e-3,
  "refined-upper": 1e-3,
  bounds: 1e-3,
  estimate: 1e-3,
};

/**
 * Max-product and MPLP end in one of several fixed points where there are cycles; structured mean field grows its trees
 * along the strongest edges, which are as strong as each other within one factor of three variables.
 */
const kinds: Readonly<Record<string, Kind>> = {
  "max-product": "forest",
  mplp: "forest",
  "structured-mean-field": "pairs",
  trbp: "pairs",
  bounds: "pairs",
  // A pair of variables within two triples goes to the first one, and Bethe's regions need not agree about it.
  "gbp[clusters=bethe,damping=0.3]": "pairs",
};

/** One string a method, and further ones where an option is another algorithm. */
const specs = [
  ...methods.map(({ name }) => name),
  "variable-elimination[task=max]",
  "bp[schedule=parallel]",
  "bp[schedule=random]",
  "bp[schedule=residual,damping=0.3]",
  "bp[damping=0.3,dampingDomain=probability]",
  "bp[temperature=0.5]",
  "trbp[edgeProbabilities=optimised,steps=20]",
  "gbp[clusters=bethe,damping=0.3]",
  "gbp[clusters=delta,damping=0.3]",
  "hak[clusters=loop,loopDepth=3]",
  "structured-mean-field[restarts=2]",
];

describe("invariance to relabelling, axis order, factor order, state names and factor scaling", () => {
  it.each(specs)(
    "%s",
    (spec) => {
      const { method } = parseMethod(spec);
      const tolerance = tolerances[method.name] ?? 1e-6;
      const runs = method.name in tolerances ? 12 : 40;
      const kind = kinds[spec] ?? kinds[method.name] ?? (method.accepts(factorGraph([2], [])) ? "any" : "pairs");
      fc.assert(
        fc.property(fc.nat(), (seed) => {
          const random = Random.fromSeed(seed);
          const plain = randomModel(random.split("model"), kind);
          const other = respelt(plain, random.split("respelling"));
          const form = (graph: FactorGraph): unknown => (method.accepts(graph) ? graph : toPairwiseBinary(graph));
          const [first, second] = [infer(form(plain), spec), infer(form(other.graph), spec)];
          const expectClose = (got: number, expected: number): void =>
            expect(Math.abs(got - expected)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(expected)));

          expect(second.converged).toBe(first.converged);
          expect(Object.keys(second).sort()).toEqual(Object.keys(first).sort());
          if (first.logZ !== undefined) expectClose(second.logZ! - other.logScale, first.logZ);
          first.logZInterval?.forEach((end, at) => expectClose(second.logZInterval![at] - other.logScale, end));
          if (first.map) {
            expectClose(second.map!.score - other.logScale, first.map.score);
            if (first.map.upperBound !== undefined)
              expectClose(second.map!.upperBound! - other.logScale, first.map.upperBound);
          }
          for (const pick of [
            (result: typeof first) => result.marginals,
            (result: typeof first) => result.marginalIntervals?.lower,
            (result: typeof first) => result.marginalIntervals?.upper,
          ])
            pick(first)
              ?.toArrays()
              .forEach((distribution, variable) =>
                distribution.forEach((p, state) =>
                  expectClose(pick(second)!.of(other.variableAt[variable])[other.stateAt[variable][state]], p),
                ),
              );
        }),
        { numRuns: runs, seed: 3 },
      );
    },
    30_000,
  );
});
