import { describe, expect, it } from "vitest";
import { openGrid, Random } from "marginalia";
import { hierarchicalIsing } from "marginalia/graph";
import { GraphIsomorphismNetwork, type FeatureGraph } from "marginalia/learning";
import {
  blockModelFeatureGraph,
  blockModelProblems,
  blockModelTrainingSetting,
  isingFeatureGraph,
  isingTrainingSetting,
  kuckRandom,
} from "marginalia/papers/kuck2020";

const shape = { numLayers: 3, width: 4, nodeFeatures: 1, edgeFeatures: 1 };
const ising = (seed: number) => isingFeatureGraph(hierarchicalIsing(openGrid(3, 4), Random.fromSeed(seed), isingTrainingSetting)); // prettier-ignore

/** The equations of the file's head, node by node, in plain numbers. */
function byHand(network: GraphIsomorphismNetwork, graph: FeatureGraph): number {
  const values = (name: string) => network.parameters.get(name)!;
  const dense = (x: number[], name: string, isRelu: boolean): number[] => {
    const [kernel, bias] = [values(`${name}/kernel`).arraySync() as number[][], values(`${name}/bias`).arraySync() as number[]]; // prettier-ignore
    const y = bias.map((start, to) => x.reduce((sum, value, from) => sum + value * kernel[from][to], start));
    return isRelu ? y.map((value) => Math.max(0, value)) : y;
  };
  const mlp = (x: number[], name: string) => dense(dense(x, `${name}/0`, true), `${name}/1`, false);
  const add = (a: number[], b: number[]) => a.map((value, at) => value + b[at]);
  let x = Array.from(graph.nodes, (value) => [value]);
  const pooled: number[] = [];
  for (let k = 0; k < 3; k++) {
    const sums = x.map((own) => own.map(() => 0));
    graph.sources.forEach((source, e) => {
      sums[graph.targets[e]] = add(sums[graph.targets[e]], mlp([...x[source], graph.edges[e]], `layer/${k}/message`));
    });
    x = x.map((own, node) => mlp(add(own, sums[node]), `layer/${k}/update`));
    pooled.push(...x.reduce(add));
  }
  return mlp(pooled, "readout")[0];
}

describe("GIN with edge features", () => {
  it("computes its equations, one graph or many", () => {
    const network = new GraphIsomorphismNetwork(shape, Random.fromSeed(1));
    const graphs = [ising(1), ising(2), ising(3)];
    const together = network.predict(graphs);
    graphs.forEach((graph, g) => expect(together[g]).toBeCloseTo(byHand(network, graph), 4));
    network.dispose();
  });

  it("does not depend on the numbers of the nodes", () => {
    const network = new GraphIsomorphismNetwork(shape, Random.fromSeed(2));
    const graph = ising(5);
    const order = Random.fromSeed(9).permutation(graph.numNodes);
    const nodes = new Float32Array(graph.numNodes);
    order.forEach((to, from) => (nodes[to] = graph.nodes[from]));
    const other = { ...graph, nodes, sources: graph.sources.map((s) => order[s]), targets: graph.targets.map((t) => order[t]) }; // prettier-ignore
    const [a, b] = network.predict([graph, other]);
    expect(a).toBeCloseTo(b, 4);
    network.dispose();
  });

  it("sees every edge's features, of every graph of a batch, and which community is fixed", () => {
    const setting = { ...blockModelTrainingSetting, numNodes: 6 };
    const problems = blockModelProblems(2, setting, kuckRandom(), "unit");
    const features = problems.map(blockModelFeatureGraph);
    expect(features[0].sources).toHaveLength(30);
    const network = new GraphIsomorphismNetwork({ ...shape, edgeFeatures: 4 }, Random.fromSeed(3));
    const together = network.predict(features);
    features.forEach((graph, g) => expect(together[g]).toBeCloseTo(network.predict([graph])[0], 4));
    // the same node in the one and in the other class
    expect(Math.abs(together[0] - together[1])).toBeGreaterThan(1e-4);
    // Rows of a table are the source's states: the pair (i, j) and back are transposed.
    const { sources, targets, edges } = features[0];
    const back = sources.findIndex((s, e) => s === targets[0] && targets[e] === sources[0]);
    expect([0, 2, 1, 3].map((entry) => edges[4 * back + entry])).toEqual(Array.from(edges.subarray(0, 4)));
    network.dispose();
  });

  it("refuses a size that is none", () => {
    expect(() => new GraphIsomorphismNetwork({ ...shape, width: 0 }, Random.fromSeed(1))).toThrow(/width of a GIN must be a positive integer, got 0/); // prettier-ignore
  });
});
