import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { openGrid } from "../../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../../src/graph/generators/ising.ts";
import { connectedErdosRenyi } from "../../../src/graph/generators/random-graphs.ts";
import { isingModel, type IsingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import {
  GraphNeuralNetwork,
  graphTensors,
  paperGnnShape,
  type GnnArchitecture,
  type GnnShape,
} from "../../../src/learning/gnn/network.ts";
import { packGraphs } from "../../../src/learning/gnn/packed-graphs.ts";

const architectures: GnnArchitecture[] = ["node", "msg"];
const random = Random.fromSeed(11);

/**
 * Fresh weights make every output nearly alike; larger ones make a mistake visible, too large ones amplify rounding.
 */
function network(architecture: GnnArchitecture, scale = 2, shape: Partial<GnnShape> = {}): GraphNeuralNetwork {
  const made = new GraphNeuralNetwork({ ...paperGnnShape, architecture, ...shape }, random.split("weights"));
  for (const parameter of made.parameters.values()) tf.tidy(() => parameter.assign(tf.mul(parameter, scale)));
  return made;
}

function model(numNodes: number, q: number, label: number): IsingModel {
  return gaussianIsing(connectedErdosRenyi(numNodes, q, random.split("graph", label)), random.split("model", label));
}

const predict = (net: GraphNeuralNetwork, ...models: IsingModel[]) => net.predict(packGraphs(models)).probabilities;

type Layers = [number[][], number[]][];

/** The equations of network.ts once more, variable by variable in float64: what the tensors must agree with. */
function byHand(net: GraphNeuralNetwork, { numVariables, biases, edgeSources, edgeTargets, weights }: IsingModel) {
  const value = (name: string) => net.parameters.get(name)!.arraySync();
  const layers = (name: string) =>
    [0, 1, 2].map((l) => [value(`${name}/${l}/kernel`), value(`${name}/${l}/bias`)]) as Layers;
  const linear = (x: number[], [kernel, bias]: Layers[number]) =>
    bias.map((b, to) => x.reduce((sum, xi, from) => sum + xi * kernel[from][to], b));
  const mlp = (x: number[], all: Layers) =>
    all.reduce((h, layer, l) => linear(h, layer).map((v) => (l < 2 ? Math.max(0, v) : v)), x);
  const sigmoid = (a: number) => 1 / (1 + Math.exp(-a));
  const { hiddenSize: size, architecture, steps } = net.shape;
  const gru = (x: number[], h: number[]) => {
    const ofX = linear(x, [value("gru/kernel") as number[][], value("gru/bias") as number[]]);
    const ofH = linear(h, [value("gru/recurrentKernel") as number[][], value("gru/recurrentBias") as number[]]);
    return h.map((old, k) => {
      const r = sigmoid(ofX[k] + ofH[k]);
      const z = sigmoid(ofX[size + k] + ofH[size + k]);
      return (1 - z) * Math.tanh(ofX[2 * size + k] + r * ofH[2 * size + k]) + z * old;
    });
  };
  const add = (a: number[], b: number[]) => a.map((v, k) => v + b[k]);
  const zeros = () => new Array<number>(size).fill(0);
  const [M, R] = [layers("message"), layers("readout")];
  const directed = Array.from(weights, (J, e) => [
    { i: edgeSources[e], j: edgeTargets[e], J },
    { i: edgeTargets[e], j: edgeSources[e], J },
  ]).flat();
  const features = ({ i, j, J }: (typeof directed)[number]) => [J, biases[i], biases[j]];
  const nodes = Array.from({ length: numVariables }, (_, i) => i);
  if (architecture === "node") {
    let h = nodes.map(zeros);
    for (let t = 0; t < steps; t++) {
      const old = h;
      h = nodes.map((j) => {
        const messages = directed.filter((edge) => edge.j === j);
        return gru(messages.map((e) => mlp([...old[e.i], ...old[j], ...features(e)], M)).reduce(add, zeros()), old[j]);
      });
    }
    return h.map((state) => sigmoid(mlp(state, R)[0]));
  }
  let h = directed.map(zeros);
  for (let t = 0; t < steps; t++) {
    const old = h;
    h = directed.map((edge, at) => {
      const others = old.filter((_, k) => directed[k].j === edge.i && directed[k].i !== edge.j).reduce(add, zeros());
      return gru(mlp([...others, ...features(edge)], M), old[at]);
    });
  }
  return nodes.map((i) => sigmoid(mlp(h.filter((_, k) => directed[k].j === i).reduce(add, zeros()), R)[0]));
}

describe.each(architectures)("%s-GNN", (architecture) => {
  it("computes its equations, as written out one variable and one edge at a time", () => {
    const net = network(architecture);
    for (const label of [1, 2, 3]) {
      const ising = model(7, 0.5, label);
      const [ours, wanted] = [predict(net, ising), byHand(net, ising)];
      wanted.forEach((p, i) => expect(ours[i]).toBeCloseTo(p, 5));
      expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(0.01);
    }
  });

  it("gives relabelled marginals for a relabelled graph, to 1e-5", () => {
    const net = network(architecture);
    const ising = model(30, 0.3, 4);
    const order = random.split("order").permutation(30);
    const biases = new Float64Array(30);
    order.forEach((to, from) => (biases[to] = ising.biases[from]));
    const edges = Array.from(
      ising.weights,
      (J, e) => [order[ising.edgeSources[e]], order[ising.edgeTargets[e]], J] as const,
    );
    const [before, after] = [predict(net, ising), predict(net, isingModel(biases, edges))];
    order.forEach((to, from) => expect(Math.abs(after[to] - before[from])).toBeLessThan(1e-5));
  });

  it("answers a batch of different graphs as it answers each alone", () => {
    const net = network(architecture);
    const models = [model(5, 0.6, 5), isingModel([0.2]), model(12, 0.2, 6), model(9, 1, 7)];
    const together = predict(net, ...models);
    const alone = models.flatMap((one) => Array.from(predict(net, one)));
    alone.forEach((p, i) => expect(together[i]).toBeCloseTo(p, 6));
  });

  it("has the gradient that differences of its loss have", () => {
    const net = network(architecture, 2, { steps: 3, width: 8 });
    const packed = packGraphs([model(6, 0.6, 8), model(4, 1, 9)]);
    const loss = () => tf.tidy(() => tf.mean<tf.Scalar>(tf.square(net.logits(graphTensors(packed)))));
    const { grads } = tf.variableGrads(loss, [...net.parameters.values()]);
    for (const [name, parameter] of net.parameters) {
      const direction = Float32Array.from({ length: parameter.size }, () => random.normal());
      const start = Float32Array.from(parameter.dataSync());
      const at = (step: number) => {
        parameter.assign(tf.tensor(start.map((v, i) => v + step * direction[i]), parameter.shape)); // prettier-ignore
        return loss().dataSync()[0];
      };
      const step = 1e-3;
      const difference = (at(step) - at(-step)) / (2 * step);
      at(0);
      const slope = grads[parameter.name].dataSync<"float32">().reduce((sum, g, i) => sum + g * direction[i], 0);
      // float32 losses under a step of 1e-3, and a kink of a ReLU now and then
      expect(Math.abs(slope - difference), name).toBeLessThan(0.02 * Math.abs(slope) + 0.01);
    }
  });

  it("runs on 10,000 variables, and on none", () => {
    const net = network(architecture, 1);
    const grid = gaussianIsing(openGrid(100, 100), random.split("grid"));
    const { probabilities, distances } = net.predict(packGraphs([grid]));
    expect(probabilities).toHaveLength(10_000);
    expect(probabilities.every((p) => p > 0 && p < 1)).toBe(true);
    expect(distances).toHaveLength(10);
    expect(distances[0]).toHaveLength(architecture === "node" ? 10_000 : 2 * grid.numEdges);
    expect(net.predict(packGraphs([])).probabilities).toHaveLength(0);
  });

  it("leaves no tensor behind", () => {
    const net = network(architecture);
    const { numTensors } = tf.memory();
    predict(net, model(5, 0.5, 10));
    expect(tf.memory().numTensors).toBe(numTensors);
    net.dispose();
    expect(tf.memory().numTensors).toBe(numTensors - net.parameters.size);
  });
});

describe("GraphNeuralNetwork", () => {
  it("has the paper's sizes", () => {
    const sizes = (architecture: GnnArchitecture) => {
      const { parameters } = new GraphNeuralNetwork({ ...paperGnnShape, architecture }, random);
      return [...parameters.values()].reduce((sum, { size }) => sum + size, 0);
    };
    const [hidden, readout, gru] = [64 * 64 + 64, 5 * 64 + 64 + 64 + 1, 2 * (5 * 15 + 15)];
    const message = (inputs: number) => inputs * 64 + 64 + hidden + 64 * 5 + 5;
    expect(sizes("node")).toBe(message(13) + hidden + readout + gru);
    expect(sizes("msg")).toBe(message(8) + hidden + readout + gru);
  });

  it("says what a shape can be", () => {
    const make = (shape: Partial<GnnShape>) => () =>
      new GraphNeuralNetwork({ ...paperGnnShape, architecture: "node", ...shape }, random);
    expect(make({ architecture: "edge" as GnnArchitecture })).toThrow(/node or msg/);
    expect(make({ architecture: "msg", aggregation: "mean" })).toThrow(/cannot aggregate/);
    expect(make({ steps: 0 })).toThrow(/positive integer/);
  });
});
