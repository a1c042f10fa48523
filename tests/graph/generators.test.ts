import { describe, expect, test } from "vitest";
import { connectedComponents, isTree } from "../../src/graph/components.ts";
import { logScore } from "../../src/graph/factor-graph.ts";
import { blockModelPosterior, plantedPartition, stochasticBlockModel } from "../../src/graph/generators/block-model.ts";
import { openGrid, periodicGrid } from "../../src/graph/generators/grid.ts";
import { gaussianIsing, hierarchicalIsing, uniformIsing } from "../../src/graph/generators/ising.ts";
import { randomCnf, randomFactorGraph } from "../../src/graph/generators/random-factors.ts";
import {
  connectedErdosRenyi,
  erdosRenyi,
  randomRegular,
  randomTree,
} from "../../src/graph/generators/random-graphs.ts";
import {
  barbell,
  circularLadder,
  completeTripartite,
  ladder,
  lollipop,
  squareGrid,
  structuredFamilies,
  structuredGraph,
  wheel,
} from "../../src/graph/generators/structured.ts";
import { Random } from "../../src/graph/random.ts";
import { adjacency, type Topology } from "../../src/graph/topology.ts";
import { bruteForce, jointStates } from "./brute-force.ts";

const numEdges = (graph: Topology): number => graph.edges.length / 2;
const degrees = (graph: Topology): number[] => {
  const { offsets } = adjacency(graph);
  return Array.from({ length: graph.numNodes }, (_, i) => offsets[i + 1] - offsets[i]);
};
const sortedDegrees = (graph: Topology): number[] => degrees(graph).sort((a, b) => a - b);

/** Edges sorted, distinct, smaller end first, within range: what every consumer of a topology relies on. */
function expectWellFormed({ numNodes, edges }: Topology): void {
  let last = -1;
  for (let edge = 0; edge < edges.length; edge += 2) {
    const [i, j] = [edges[edge], edges[edge + 1]];
    expect(i >= 0 && i < j && j < numNodes).toBe(true);
    expect(i * numNodes + j).toBeGreaterThan(last);
    last = i * numNodes + j;
  }
}

describe("structured families of Yoon et al.", () => {
  test("there are 13, all different at 9 and 16 nodes", () => {
    expect(structuredFamilies).toHaveLength(13);
    for (const n of [9, 16]) {
      const graphs = structuredFamilies.map((family) => structuredGraph(family, n, Random.fromSeed(0)).edges.join());
      expect(new Set(graphs).size).toBe(13);
    }
  });

  test.each(structuredFamilies)("%s has exactly n nodes and is connected, for n = 5 ... 40", (family) => {
    for (let n = 5; n <= 40; n++) {
      const graph = structuredGraph(family, n, Random.fromSeed(n));
      expect(graph.numNodes).toBe(n);
      expectWellFormed(graph);
      expect(connectedComponents(graph).count).toBe(1);
    }
  });

  test("numbers of edges at n = 16 and n = 9 are the families' own", () => {
    const count = (n: number): Record<string, number> =>
      Object.fromEntries(
        structuredFamilies.map((family) => [family, numEdges(structuredGraph(family, n, Random.fromSeed(1)))]),
      );
    expect(count(16)).toEqual({
      star: 15,
      "random tree": 15,
      path: 15,
      cycle: 16,
      ladder: 22,
      "2d grid": 24,
      "circular ladder": 24,
      barbell: 57,
      lollipop: 36,
      wheel: 30,
      "complete bipartite": 64,
      "complete tripartite": 85,
      complete: 120,
    });
    expect(count(9)).toEqual({
      star: 8,
      "random tree": 8,
      path: 8,
      cycle: 9,
      ladder: 11,
      "2d grid": 12,
      "circular ladder": 12,
      barbell: 14,
      lollipop: 14,
      wheel: 16,
      "complete bipartite": 20,
      "complete tripartite": 27,
      complete: 36,
    });
  });

  test("shapes by their degrees", () => {
    expect(sortedDegrees(circularLadder(8))).toEqual([3, 3, 3, 3, 3, 3, 3, 3]);
    expect(sortedDegrees(ladder(6))).toEqual([2, 2, 2, 2, 3, 3]);
    expect(sortedDegrees(wheel(6))).toEqual([3, 3, 3, 3, 3, 5]);
    expect(sortedDegrees(squareGrid(9))).toEqual([2, 2, 2, 2, 3, 3, 3, 3, 4]);
    expect(degrees(barbell(8))).toEqual([3, 3, 3, 4, 4, 3, 3, 3]);
    expect(degrees(barbell(9))).toEqual([3, 3, 3, 4, 2, 4, 3, 3, 3]);
    expect(degrees(lollipop(8))).toEqual([3, 3, 3, 4, 2, 2, 2, 1]);
    expect(degrees(completeTripartite(6))).toEqual([4, 4, 4, 4, 4, 4]);
  });

  test("says how many nodes a family needs, and which families there are", () => {
    expect(() => structuredGraph("wheel", 3, Random.fromSeed(0))).toThrow("a wheel needs at least 4 nodes, got 3");
    expect(() => structuredGraph("moebius" as "wheel", 3, Random.fromSeed(0))).toThrow(
      /expected one of star, .*complete/,
    );
  });
});

describe("grids", () => {
  test("open and periodic grids have their numbers of edges, down to sides of 0, 1 and 2", () => {
    for (let rows = 0; rows <= 5; rows++)
      for (let columns = 0; columns <= 5; columns++) {
        const open = openGrid(rows, columns);
        const periodic = periodicGrid(rows, columns);
        expectWellFormed(open);
        expectWellFormed(periodic);
        const inside = Math.max(0, rows * (columns - 1)) + Math.max(0, (rows - 1) * columns);
        expect(numEdges(open)).toBe(inside);
        expect(numEdges(periodic)).toBe(inside + (columns > 2 ? rows : 0) + (rows > 2 ? columns : 0));
      }
  });

  test("on a torus every node has four neighbours", () => {
    expect(new Set(degrees(periodicGrid(4, 7)))).toEqual(new Set([4]));
  });

  test("a grid of a million nodes becomes an Ising model without a tuple an edge", () => {
    const model = uniformIsing(openGrid(1000, 1000), Random.fromSeed(0), {
      maxField: 0.1,
      maxCoupling: 1,
      interaction: "attractive",
    });
    expect(model.numVariables).toBe(1_000_000);
    expect(model.numEdges).toBe(2 * 1000 * 999);
  });

  test("refuses sides that are no sizes", () => {
    expect(() => openGrid(2.5, 2)).toThrow("integers >= 0, got 2.5");
    expect(() => openGrid(1e6, 1e6)).toThrow("too large");
  });
});

describe("random graphs", () => {
  test("random trees are trees, for every small n", () => {
    for (let n = 1; n < 60; n++) {
      const tree = randomTree(n, Random.fromSeed(n));
      expectWellFormed(tree);
      expect(isTree(tree)).toBe(true);
    }
  });

  test("random trees are uniform: each of the 16 labelled trees on 4 nodes comes about equally often", () => {
    const random = Random.fromSeed(5);
    const counts = new Map<string, number>();
    const draws = 16_000;
    for (let draw = 0; draw < draws; draw++) {
      const key = randomTree(4, random).edges.join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(16);
    // Each count is binomial with mean 1000 and deviation 31; five deviations.
    for (const count of counts.values()) expect(Math.abs(count - draws / 16)).toBeLessThan(155);
  });

  test("Erdos-Renyi graphs have each pair with the edge probability", () => {
    const random = Random.fromSeed(6);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 4000; draw++) {
      const { edges } = erdosRenyi(5, 0.3, random);
      for (let edge = 0; edge < edges.length; edge += 2) {
        const key = `${edges[edge]}-${edges[edge + 1]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    expect(counts.size).toBe(10);
    // Mean 1200, deviation 29; five deviations.
    for (const count of counts.values()) expect(Math.abs(count - 1200)).toBeLessThan(145);
    expect(numEdges(erdosRenyi(6, 0, random))).toBe(0);
    expect(numEdges(erdosRenyi(6, 1, random))).toBe(15);
  });

  test("connected Erdos-Renyi graphs are connected, at the paper's q = .1 ... .9 and n = 9, 16", () => {
    for (const n of [9, 16])
      for (let q = 1; q <= 9; q++) {
        const graph = connectedErdosRenyi(n, q / 10, Random.fromSeed(q));
        expectWellFormed(graph);
        expect(connectedComponents(graph).count).toBe(1);
      }
    expect(() => connectedErdosRenyi(3, 0, Random.fromSeed(0))).toThrow("no connected graph");
  });

  test("random regular graphs have their degree everywhere, sparse to complete", () => {
    for (const [n, degree] of [
      [10, 3],
      [16, 0],
      [7, 6],
      [20, 15],
      [500, 4],
    ]) {
      const graph = randomRegular(n, degree, Random.fromSeed(n));
      expectWellFormed(graph);
      expect(new Set(degrees(graph))).toEqual(new Set([degree]));
    }
    expect(() => randomRegular(5, 3, Random.fromSeed(0))).toThrow("since their product is odd");
    expect(() => randomRegular(5, 5, Random.fromSeed(0))).toThrow("from 0 to 4, got 5");
  });

  test("the same seed gives the same graph", () => {
    const draw = (): string =>
      [
        randomTree(20, Random.fromSeed(1)).edges,
        erdosRenyi(20, 0.2, Random.fromSeed(1)).edges,
        randomRegular(20, 3, Random.fromSeed(1)).edges,
      ].join(";");
    expect(draw()).toBe(draw());
  });
});

describe("Ising parameters", () => {
  const moments = (values: Float64Array): { mean: number; deviation: number } => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
  };

  test("Yoon's are J ~ N(0, 1) and b ~ N(0, (1/4)^2), so a standard deviation of .25", () => {
    const model = gaussianIsing(openGrid(100, 100), Random.fromSeed(2));
    const [bias, weight] = [moments(model.biases), moments(model.weights)];
    // Standard errors: .0025 and .0018 for the biases, .007 and .005 for the weights; four of each.
    expect(Math.abs(bias.mean)).toBeLessThan(0.01);
    expect(Math.abs(bias.deviation - 0.25)).toBeLessThan(0.0072);
    expect(Math.abs(weight.mean)).toBeLessThan(0.029);
    expect(Math.abs(weight.deviation - 1)).toBeLessThan(0.021);
  });

  test("attractive couplings are in [0, c), mixed ones in [-c, c), both signs seen", () => {
    const graph = openGrid(20, 20);
    const options = { maxField: 0.5, maxCoupling: 2 };
    const attractive = uniformIsing(graph, Random.fromSeed(3), { ...options, interaction: "attractive" });
    const mixed = uniformIsing(graph, Random.fromSeed(3), { ...options, interaction: "mixed" });
    expect(attractive.weights.every((weight) => weight >= 0 && weight < 2)).toBe(true);
    expect(mixed.weights.every((weight) => weight >= -2 && weight < 2)).toBe(true);
    expect(Math.min(...mixed.weights)).toBeLessThan(-1.9);
    expect(Math.max(...attractive.biases)).toBeLessThan(0.5);
  });

  test("Kuck's models differ in strength: each has its own f and c below the maxima", () => {
    const root = Random.fromSeed(4);
    const strengths = Array.from({ length: 200 }, (_, model) => {
      const { biases, weights } = hierarchicalIsing(openGrid(10, 10), root.split(model), {
        maxField: 0.1,
        maxCoupling: 5,
        interaction: "attractive",
      });
      expect(weights.every((weight) => weight >= 0 && weight < 5)).toBe(true);
      expect(biases.every((bias) => Math.abs(bias) <= 0.1)).toBe(true);
      return Math.max(...weights);
    });
    // max of 180 uniforms below c is close to c, which is uniform in [0, 5): mean 2.5, standard error .1.
    expect(Math.abs(strengths.reduce((sum, c) => sum + c, 0) / 200 - 2.5)).toBeLessThan(0.5);
    expect(Math.min(...strengths)).toBeLessThan(0.5);
    expect(Math.max(...strengths)).toBeGreaterThan(4.5);
  });

  test("names what is wrong", () => {
    const draw = (options: object) => () =>
      uniformIsing(openGrid(2, 2), Random.fromSeed(0), {
        maxField: 1,
        maxCoupling: 1,
        interaction: "mixed",
        ...options,
      });
    expect(draw({ maxField: -1 })).toThrow("maxField must be a finite number >= 0, got -1");
    expect(draw({ interaction: "repulsive" })).toThrow("expected one of attractive, mixed");
  });
});

describe("stochastic block model", () => {
  const model = plantedPartition([0.75, 0.25], 0.9, 0.2);

  test("the posterior's Z is P(G), and sums to 1 over all graphs", () => {
    let total = 0;
    const pairs = [
      [0, 1],
      [0, 2],
      [1, 2],
    ];
    for (const present of jointStates([2, 2, 2])) {
      const edges = Int32Array.from(pairs.filter((_, pair) => present[pair] === 1).flat());
      total += bruteForce(blockModelPosterior(model, { numNodes: 3, edges })).z;
    }
    expect(total).toBeCloseTo(1, 12);
  });

  test("has a factor for every pair, edge or not", () => {
    const { topology, communities } = stochasticBlockModel(model, 15, Random.fromSeed(8));
    const posterior = blockModelPosterior(model, topology);
    expect(posterior.numFactors).toBe(15 + 105);
    const states = [...communities];
    let expected = 0;
    for (let i = 0; i < 15; i++) expected += Math.log(model.prior[states[i]]);
    const isEdge = new Set<number>();
    for (let edge = 0; edge < topology.edges.length; edge += 2)
      isEdge.add(topology.edges[edge] * 15 + topology.edges[edge + 1]);
    for (let i = 0; i < 15; i++)
      for (let j = i + 1; j < 15; j++) {
        const q = model.edgeProbabilities[states[i]][states[j]];
        expected += Math.log(isEdge.has(i * 15 + j) ? q : 1 - q);
      }
    expect(logScore(posterior, states)).toBeCloseTo(expected, 10);
  });

  test("draws communities from the prior and edges from the communities", () => {
    const { topology, communities } = stochasticBlockModel(model, 600, Random.fromSeed(9));
    const share = communities.filter((community) => community === 1).length / 600;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.08);
    let [inside, insideEdges] = [0, 0];
    for (let i = 0; i < 600; i++) for (let j = i + 1; j < 600; j++) if (communities[i] === communities[j]) inside++;
    for (let edge = 0; edge < topology.edges.length; edge += 2)
      if (communities[topology.edges[edge]] === communities[topology.edges[edge + 1]]) insideEdges++;
    expect(Math.abs(insideEdges / inside - 0.9)).toBeLessThan(0.01);
  });

  test("names what is wrong in a model", () => {
    const draw = (prior: number[], edgeProbabilities: number[][]) => () =>
      stochasticBlockModel({ prior, edgeProbabilities }, 3, Random.fromSeed(0));
    expect(
      draw(
        [0.5, 0.6],
        [
          [1, 0],
          [0, 1],
        ],
      ),
    ).toThrow("sum to 1");
    expect(draw([0.5, 0.5], [[1, 0]])).toThrow("2 x 2");
    expect(
      draw(
        [0.5, 0.5],
        [
          [1, 0.1],
          [0.2, 1],
        ],
      ),
    ).toThrow("communities 0 and 1 is 0.1");
  });
});

describe("random formulas and factor graphs", () => {
  test("every clause has k different variables; both signs come", () => {
    const formula = randomCnf(10, 200, 3, Random.fromSeed(10));
    for (let clause = 0; clause < 200; clause++) {
      const literals = formula.literals.subarray(formula.clauseOffsets[clause], formula.clauseOffsets[clause + 1]);
      expect(new Set(literals.map(Math.abs)).size).toBe(3);
    }
    const positive = formula.literals.filter((literal) => literal > 0).length;
    expect(Math.abs(positive - 300)).toBeLessThan(62); // deviation 12.2, five of them
    expect(() => randomCnf(2, 1, 3, Random.fromSeed(0))).toThrow("clauseLength must be an integer from 0 to");
  });

  test("random factor graphs have the arity and cardinality asked for", () => {
    const graph = randomFactorGraph(
      { numVariables: 12, numFactors: 30, arity: 4, cardinality: 3, strength: 2 },
      Random.fromSeed(11),
    );
    expect(graph.scopes).toHaveLength(120);
    expect(graph.logPotentials).toHaveLength(30 * 81);
  });
});
