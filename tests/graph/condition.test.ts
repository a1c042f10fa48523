import { describe, expect, test } from "vitest";
import { condition, liftFactorMarginals, liftMarginals, liftStates, type Evidence } from "../../src/graph/condition.ts";
import { factorGraph, logScore, scopeOf, tableOf, type FactorGraph } from "../../src/graph/factor-graph.ts";
import { Random } from "../../src/graph/random.ts";
import { bruteForce, jointStates } from "./brute-force.ts";

function mixedGraph(random: Random): FactorGraph {
  const cardinalities = [2, 3, 1, 4, 2];
  const scopes = [[3, 0, 1], [1, 4], [2], [], [0, 4, 3, 2], [4, 0]];
  return factorGraph(
    cardinalities,
    scopes.map((variables) => ({
      variables,
      logPotentials: Float64Array.from(
        { length: variables.reduce((product, variable) => product * cardinalities[variable], 1) },
        () => (random.bernoulli(0.1) ? -Infinity : random.normal()),
      ),
    })),
  );
}

describe("condition", () => {
  test("gives every state that agrees with the evidence its score, on random graphs and evidence", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = Random.fromSeed(seed);
      const graph = mixedGraph(random);
      const evidence = new Map<number, number>();
      for (let i = 0; i < graph.numVariables; i++)
        if (random.bernoulli()) evidence.set(i, random.integer(graph.cardinalities[i]));
      const conditioned = condition(graph, evidence);
      expect(conditioned.graph.numFactors).toBe(graph.numFactors);
      let count = 0;
      for (const states of jointStates(conditioned.graph.cardinalities)) {
        const whole = liftStates(conditioned, states);
        for (const [variable, state] of evidence) expect(whole[variable]).toBe(state);
        expect(logScore(conditioned.graph, states)).toBe(logScore(graph, whole));
        count++;
      }
      expect(count).toBe([...graph.cardinalities].reduce((product, k, i) => product * (evidence.has(i) ? 1 : k), 1));
    }
  });

  test("lifted marginals are those of the whole graph restricted to the evidence", () => {
    const graph = mixedGraph(Random.fromSeed(7));
    const evidence = new Map([
      [3, 2],
      [0, 1],
    ]);
    const conditioned = condition(graph, evidence);
    const reduced = bruteForce(conditioned.graph);
    const flat = reduced.marginals.map((marginal) => marginal.map((value) => value / reduced.z));
    const lifted = liftMarginals(conditioned, {
      values: Float64Array.from(flat.flat()),
      offsets: Int32Array.from([0, ...flat.map((_, i) => flat.slice(0, i + 1).flat().length)]),
    });
    let z = 0;
    const expected = new Float64Array(lifted.values.length);
    for (const states of jointStates(graph.cardinalities)) {
      if (states[3] !== 2 || states[0] !== 1) continue;
      const weight = Math.exp(logScore(graph, states));
      z += weight;
      states.forEach((state, variable) => (expected[lifted.offsets[variable] + state] += weight));
    }
    expected.forEach((value, index) => expect(lifted.values[index]).toBeCloseTo(value / z, 12));
    expect([...lifted.values.subarray(lifted.offsets[3], lifted.offsets[4])]).toEqual([0, 0, 1, 0]);
  });

  test("lifted factor marginals stand at the entries that agree with the evidence, zeros elsewhere", () => {
    const graph = factorGraph([2, 3], [{ variables: [0, 1], potentials: [1, 2, 3, 4, 5, 6] }]);
    const conditioned = condition(graph, new Map([[0, 1]]));
    const lifted = liftFactorMarginals(conditioned, {
      values: Float64Array.of(0.2, 0.3, 0.5),
      offsets: Int32Array.of(0, 3),
    });
    expect([...lifted.values]).toEqual([0, 0, 0, 0.2, 0.3, 0.5]);
  });

  test("turns a factor whose variables are all observed into a constant, and keeps its number", () => {
    const graph = factorGraph([2, 2], [{ variables: [0, 1], potentials: [1, 2, 3, 4] }]);
    const { graph: reduced } = condition(
      graph,
      new Map([
        [1, 0],
        [0, 1],
      ]),
    );
    expect(reduced.numVariables).toBe(0);
    expect(scopeOf(reduced, 0)).toHaveLength(0);
    expect([...tableOf(reduced, 0)]).toEqual([Math.log(3)]);
  });

  test("impossible evidence gives Z = 0, not an error", () => {
    const graph = factorGraph([2], [{ variables: [0], potentials: [0, 1] }]);
    expect(bruteForce(condition(graph, new Map([[0, 0]])).graph).z).toBe(0);
  });

  test("no evidence gives the same graph", () => {
    const graph = mixedGraph(Random.fromSeed(1));
    expect(condition(graph, new Map()).graph).toEqual(graph);
  });

  test.each([
    [new Map([[5, 0]]), "evidence names variable 5, expected 0 to 4"],
    [new Map([[-1, 0]]), "evidence names variable -1"],
    [new Map([[1, 3]]), "evidence sets variable 1 to state 3, expected 0 to 2"],
    [new Map([[1, 0.5]]), "evidence sets variable 1 to state 0.5"],
  ])("names the variable and state that do not exist: %s", (evidence, message) => {
    expect(() => condition(mixedGraph(Random.fromSeed(0)), evidence)).toThrow(message);
  });

  test("lifting says how many items it expected", () => {
    const conditioned = condition(mixedGraph(Random.fromSeed(0)), new Map([[0, 0]]));
    expect(() => liftStates(conditioned, [0])).toThrow("expected 4 states, got 1");
    const two = { values: new Float64Array(2), offsets: Int32Array.of(0, 1, 2) };
    expect(() => liftMarginals(conditioned, two)).toThrow("expected 4 distributions");
    expect(() => liftFactorMarginals(conditioned, two)).toThrow("expected 6 distributions");
  });
});

describe("evidence as users write it", () => {
  const pair = factorGraph([2, 2], [{ variables: [0, 1], potentials: [1, 2, 3, 4] }]);

  test.each([
    ["a Map", new Map([[0, 1]])],
    ["pairs", [[0, 1]] as [number, number][]],
    ["an object", { 0: 1 }],
    ["an object without prototype", Object.assign(Object.create(null) as object, { 0: 1 }) as Record<number, number>],
  ])("may be %s", (_, evidence) => {
    const conditioned = condition(pair, evidence);
    expect([...conditioned.evidence]).toEqual([[0, 1]]);
    const lifted = liftMarginals(conditioned, { values: Float64Array.of(3 / 7, 4 / 7), offsets: Int32Array.of(0, 2) });
    expect(Array.from(lifted.of(0))).toEqual([0, 1]);
    expect(Array.from(lifted.of(1))).toEqual([3 / 7, 4 / 7]);
    expect(() => lifted.of(2)).toThrow("no item 2, expected 0 to 1");
  });

  test.each([
    [5, /evidence is a number, expected a Map, pairs \[variable, state\], or an object/],
    [null, /evidence is null, expected/],
    [[0, 1], /a list with 0 in it/],
    [new Date(), /an object of another kind/],
    [{ x: 1 }, /evidence names variable x, expected 0 to 1/],
    [JSON.parse('{"__proto__": 1}'), /evidence names variable __proto__/],
    [{ 0: 7 }, /variable 0 to state 7, expected 0 to 1/],
    [
      [
        [0, 1],
        [0, 0],
      ],
      /variable 0 in state 1 and in state 0/,
    ],
  ])("%j is refused by what it is", (evidence: unknown, message) => {
    expect(() => condition(pair, evidence as Evidence)).toThrow(message);
  });
});
