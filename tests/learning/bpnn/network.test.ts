import { describe, expect, it } from "vitest";
import { infer, openGrid, Random, toFactorGraph, type FactorGraph } from "marginalia";
import { hierarchicalIsing } from "marginalia/graph";
import { tf } from "../../../src/tensor/tf.ts";
import { factorGraphBatch } from "../../../src/learning/bpnn/batch.ts";
import { axisPermutations } from "../../../src/learning/bpnn/axes.ts";
import { dampingFunction } from "../../../src/learning/bpnn/damping-operator.ts";
import { runToFixedPoint } from "../../../src/learning/bpnn/fixed-point.ts";
import { defaultMessageLayer } from "../../../src/learning/bpnn/message-layer.ts";
import { BeliefPropagationNetwork, type BpnnShape } from "../../../src/learning/bpnn/network.ts";
import { packFactorGraphs } from "../../../src/learning/bpnn/packed-factor-graphs.ts";
import { drawGraph, relabel } from "./graphs.ts";

/** All shapes of tables over variables of 2 and 3 states with at most `mostAxes` axes, axes by rising size. */
function shapesUpTo(mostAxes: number): number[][] {
  const shapes: number[][] = [];
  for (let twos = 0; twos <= mostAxes; twos++)
    for (let threes = 0; twos + threes <= mostAxes; threes++)
      if (twos + threes > 0) shapes.push([...new Array<number>(twos).fill(2), ...new Array<number>(threes).fill(3)]);
  return shapes;
}
const factorShapes = shapesUpTo(3);
const message = { ...defaultMessageLayer, factorShapes };
const damping = (
  kind: "scalar" | "mlp" | "invertible",
  directions: "factor-to-variable" | "both" = "factor-to-variable",
) => ({ type: "damping", operator: { kind, kept: 0.3, cardinalities: [2, 3] }, directions }) as const;
const betheLayer = { type: "bethe-layer", factorShapes, cardinalities: [2, 3], activation: "linear", invariant: true } as const; // prettier-ignore
const bethe = { type: "bethe" } as const;

const shapes: Record<string, BpnnShape> = {
  "scalar BPNN-D": { numLayers: 4, tied: false, layer: damping("scalar"), readout: bethe },
  "MLP BPNN-D, tied": { numLayers: 4, tied: true, layer: damping("mlp"), readout: bethe },
  "MLP BPNN-D, both directions": { numLayers: 4, tied: false, layer: damping("mlp", "both"), readout: bethe },
  "invertible BPNN-D, tied": { numLayers: 4, tied: true, layer: damping("invertible"), readout: bethe },
  "BPNN-D with BPNN-B": { numLayers: 3, tied: false, layer: damping("scalar"), readout: betheLayer },
  "message MLPs": { numLayers: 4, tied: false, layer: message, readout: bethe },
  "message MLPs, tied": { numLayers: 4, tied: true, layer: message, readout: bethe },
  "message MLPs with BPNN-B": { numLayers: 4, tied: false, layer: message, readout: betheLayer },
  "message MLPs with BPNN-B and ReLU": { numLayers: 3, tied: false, layer: message, readout: { ...betheLayer, activation: "relu" } }, // prettier-ignore
};
const names = Object.keys(shapes);

const build = (shape: BpnnShape) => new BeliefPropagationNetwork(shape, Random.fromSeed(1));
/** Moves every parameter by normal noise. */
function disturb(network: BeliefPropagationNetwork, size: number, seed = 2): BeliefPropagationNetwork {
  const random = Random.fromSeed(seed);
  for (const variable of network.parameters.values()) {
    const values = variable.dataSync().map((value) => value + random.normal(0, size));
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
  return network;
}
const predict = (network: BeliefPropagationNetwork, ...graphs: FactorGraph[]) =>
  network.predict(packFactorGraphs(graphs));
const draw = (seed: number, mostArity = 3) => drawGraph(Random.fromSeed(seed), { mostArity, strength: 0.8 });
const closeTo = (a: number, b: number, tolerance: number) =>
  expect(Math.abs(a - b), `${a} and ${b}`).toBeLessThan(tolerance * (1 + Math.abs(b)));

describe("a fresh BPNN", () => {
  it.each(names)("is belief propagation with Bethe's ln Z, to 1e-6: %s", (name) => {
    const shape = shapes[name];
    const network = build(shape);
    // The mlp's G starts at the identity followed by ReLU: not a multiple of its input, but damping all the same.
    const kind = shape.layer.type === "message" ? 0.5 : shape.layer.operator.kind === "mlp" ? undefined : 0.3;
    for (let seed = 0; seed < 5; seed++) {
      const graph = draw(seed);
      const [logZ] = predict(network, graph);
      if (kind === undefined) {
        const relu = (x: number) => Math.max(0, x);
        const operator = { zeroIsOnlyFixedPoint: true, apply: (x: Float64Array, out: Float64Array) => x.forEach((t, at) => (out[at] = 0.3 * relu(t))) }; // prettier-ignore
        const operators = { toVariable: operator, ...(name.includes("both") && { toFactor: operator }) };
        closeTo(
          logZ,
          runToFixedPoint(graph, operators, { maxIterations: 4, tolerance: 0, dampBranches: true }).logZ!,
          1e-6,
        );
      } else {
        const bp = `bp[schedule=parallel,damping=${kind},maxIterations=${shape.numLayers},tolerance=0]`;
        closeTo(logZ, infer(graph, bp).logZ!, 1e-6);
      }
    }
    network.dispose();
  });

  it("starts at belief propagation where messages are extreme, too", () => {
    const model = hierarchicalIsing(openGrid(4, 4), Random.fromSeed(6), { maxField: 10, maxCoupling: 50, interaction: "attractive" }); // prettier-ignore
    const graph = toFactorGraph(model);
    const network = build({ ...shapes["message MLPs"], numLayers: 8 });
    const bp = infer(graph, "bp[schedule=parallel,damping=0.5,maxIterations=8,tolerance=0]").logZ!;
    closeTo(predict(network, graph)[0], bp, 1e-6);
    network.dispose();
  });

  it("takes factors over five variables and of five states", () => {
    const graph = drawGraph(Random.fromSeed(12), { cardinalities: [5], mostArity: 5, numFactors: 2 });
    const network = build(shapes["scalar BPNN-D"]);
    const bp = infer(graph, "bp[schedule=parallel,damping=0.3,maxIterations=4,tolerance=0]").logZ!;
    closeTo(predict(network, graph)[0], bp, 1e-6);
    network.dispose();
    const five = [2, 2, 2, 2, 2];
    const readout = { ...betheLayer, factorShapes: [[2], [2, 2], [2, 2, 2], [2, 2, 2, 2], five] };
    const binary = drawGraph(Random.fromSeed(13), { cardinalities: [2], mostArity: 5 });
    const regression = build({ numLayers: 5, tied: false, layer: damping("scalar"), readout });
    const five5 = infer(binary, "bp[schedule=parallel,damping=0.3,maxIterations=5,tolerance=0]").logZ!;
    closeTo(predict(regression, binary)[0], five5, 1e-6);
    regression.dispose();
    expect(axisPermutations(five)).toHaveLength(120);
  });
});

describe("factor graph isomorphism (Theorem 4)", () => {
  const isomorphic = (name: string, shape = shapes[name], disturbance = 0.15) => {
    const network = disturb(build(shape), disturbance);
    const random = Random.fromSeed(40);
    const differences = Array.from({ length: 6 }, (_, k) => {
      const graph = draw(50 + k);
      const other = relabel(graph, random.split(k));
      const [a, b] = [predict(network, graph)[0], predict(network, other.graph)[0]];
      expect(Number.isFinite(a)).toBe(true);
      return Math.abs(a - b) / (1 + Math.abs(a));
    });
    network.dispose();
    return Math.max(...differences);
  };

  it.each(names)("does not change ln Z of a network with random weights: %s", (name) => {
    expect(isomorphic(name)).toBeLessThan(1e-5);
  });

  it("relabels beliefs of variables", () => {
    for (const name of ["message MLPs", "MLP BPNN-D, tied"]) {
      const network = disturb(build(shapes[name]), 0.15);
      const graph = draw(70);
      const other = relabel(graph, Random.fromSeed(41));
      const beliefs = (one: FactorGraph) => {
        const packed = packFactorGraphs([one]);
        const logs = tf.tidy(() =>
          network.run(factorGraphBatch(packed)).beliefs.variables.map((tensor) => tensor.arraySync()),
        );
        const of: number[][] = [];
        packed.variableGroups.forEach(({ variables }, g) =>
          variables.forEach((variable, at) => (of[variable] = logs[g][at])),
        );
        return of;
      };
      const [before, after] = [beliefs(graph), beliefs(other.graph)];
      other.variables.forEach((to, from) => before[from].forEach((log, state) => closeTo(after[to][state], log, 1e-5)));
      network.dispose();
    }
  });

  it("fails for the ablation NI, which does not average over the axes", () => {
    const readout = { ...betheLayer, invariant: false };
    expect(isomorphic("NI", { ...shapes["message MLPs with BPNN-B"], readout })).toBeGreaterThan(1e-3);
  });

  it("holds under scaling of factors: ln Z moves by the scale", () => {
    const network = disturb(build(shapes["message MLPs with BPNN-B"]), 0.15);
    const graph = draw(80);
    const scaled = { ...graph, logPotentials: graph.logPotentials.map((entry) => entry + 3) };
    const [[a], [b]] = [predict(network, graph), predict(network, scaled)];
    closeTo(b, a + 3 * graph.numFactors, 1e-6);
    network.dispose();
  });
});

describe("a BPNN", () => {
  it.each(names)("treats each graph of a batch as if alone: %s", (name) => {
    const network = disturb(build(shapes[name]), 0.1);
    const graphs = [draw(90), draw(91), draw(92)];
    const together = predict(network, ...graphs);
    graphs.forEach((graph, g) => closeTo(together[g], predict(network, graph)[0], 1e-5));
    network.dispose();
  });

  it.each(names)("has the gradient of its loss that finite differences give: %s", (name) => {
    const network = disturb(build(shapes[name]), 0.1);
    const packed = packFactorGraphs([draw(30), draw(31)]);
    const loss = () => tf.tidy(() => tf.mean<import("@tensorflow/tfjs").Scalar>(tf.square(network.run(factorGraphBatch(packed)).logZ))); // prettier-ignore
    const { grads } = tf.variableGrads(loss, [...network.parameters.values()]);
    // those of shapes that are there
    const variables = [...network.parameters.values()].filter(({ name: own }) => grads[own]);
    const random = Random.fromSeed(5);
    // Along random directions, one over all parameters at a time.
    for (let trial = 0; trial < 3; trial++) {
      const directions = variables.map((variable) => Float32Array.from({ length: variable.size }, () => random.normal(0, 1))); // prettier-ignore
      let slope = 0;
      variables.forEach((variable, v) => grads[variable.name].dataSync().forEach((g, at) => (slope += g * directions[v][at]))); // prettier-ignore
      const starts = variables.map((variable) => variable.dataSync().slice());
      const at = (step: number) => {
        variables.forEach((variable, v) => tf.tidy(() => variable.assign(tf.tensor(starts[v].map((value, i) => value + step * directions[v][i]), variable.shape)))); // prettier-ignore
        return loss().dataSync()[0];
      };
      const step = 1e-3;
      const numeric = (at(step) - at(-step)) / (2 * step);
      const rounding = (1e-6 * at(0)) / step;
      const size = Math.sqrt(variables.reduce((sum, { name: own }) => sum + Array.from(grads[own].dataSync()).reduce((a, b) => a + b * b, 0), 0)); // prettier-ignore
      // float32, and kinks of ReLU
      expect(Math.abs(numeric - slope)).toBeLessThan(0.03 * (Math.abs(slope) + size) + rounding);
    }
    network.dispose();
  });

  it("with tied BPNN-D layers computes what runToFixedPoint computes in float64, for any number of iterations", () => {
    for (const name of ["MLP BPNN-D, tied", "invertible BPNN-D, tied"]) {
      const shape = shapes[name];
      if (shape.layer.type !== "damping") throw new Error("not BPNN-D");
      const network = disturb(build(shape), 0.2);
      const values = (parameter: string) => network.parameters.get(parameter)!.dataSync();
      const toVariable = dampingFunction(shape.layer.operator, "layer/factor-to-variable", values);
      const graph = draw(33);
      for (const maxIterations of [1, 3, 9]) {
        const [logZ] = network.predict(packFactorGraphs([graph]), maxIterations);
        closeTo(
          logZ,
          runToFixedPoint(graph, { toVariable }, { maxIterations, tolerance: 0, dampBranches: true }).logZ!,
          1e-5,
        );
      }
      network.dispose();
    }
  });

  it("double counts only as the ablation DC", () => {
    const graph = draw(7);
    const [plain, dc] = [message, { ...message, doubleCounting: true }].map((layer) => {
      const network = build({ ...shapes["message MLPs"], layer });
      const [logZ] = predict(network, graph);
      network.dispose();
      return logZ;
    });
    expect(Math.abs(plain - dc)).toBeGreaterThan(1e-2);
  });

  it("says what it does not know", () => {
    expect(() => build({ ...shapes["scalar BPNN-D"], numLayers: 0 })).toThrow(/positive number of layers, got 0/);
    const network = build(shapes["message MLPs"]);
    expect(() => predict(network, drawGraph(Random.fromSeed(1), { cardinalities: [4] }))).toThrow(
      /no MLP for tables \[4,4.*it knows \[3\]|no MLP for tables/,
    );
    expect(() => network.predict(packFactorGraphs([draw(1)]), 9)).toThrow(/has 4 layers, it cannot be run with 9/);
    network.dispose();
    const wide = drawGraph(Random.fromSeed(2), { numVariables: 6, cardinalities: [2], numFactors: 0 });
    const six = { ...wide, numFactors: 1, scopeOffsets: Int32Array.of(0, 6), scopes: Int32Array.of(0, 1, 2, 3, 4, 5), tableOffsets: Float64Array.of(0, 64), logPotentials: new Float64Array(64) }; // prettier-ignore
    expect(() => packFactorGraphs([six])).toThrow(/joins 6 variables; a BPNN takes factors of at most 5/);
  });

  it("keeps no tensors but its parameters and constants", () => {
    const before = tf.memory().numTensors;
    const network = build(shapes["message MLPs with BPNN-B"]);
    predict(network, draw(3));
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
