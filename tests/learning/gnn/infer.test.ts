import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeMethods, gaussianIsing, infer, isingModel, openGrid, Random, type IsingModel } from "marginalia";
import { toBoltzmann, topology, type Topology } from "marginalia/graph";
import { committedModels, exampleOf, gnnFamily, structuredExamples } from "marginalia/learning";
import { meanDivergence, paperGnns, paperRandom, trainPaperGnn } from "marginalia/papers/yoon2018";
import { evaluateGnn, evaluateMarginals } from "../../../src/papers/yoon2018/evaluation.ts";

const random = Random.fromSeed(77);
const pairs = (count: number, of: (k: number) => readonly [number, number][]) =>
  Array.from({ length: count }, (_, k) => of(k)).flat();

/** Families that no network was trained on. */
const newGraphs: Record<string, Topology> = {
  Petersen: topology(
    10,
    pairs(5, (k) => [[k, (k + 1) % 5], [k, k + 5], [k + 5, ((k + 2) % 5) + 5]]), // prettier-ignore
  ),
  hypercube: topology(
    16,
    pairs(16, (k) => [1, 2, 4, 8].map((bit) => [k, k ^ bit])),
  ),
  caterpillar: topology(15, [...pairs(4, (k) => [[k, k + 1]]), ...pairs(10, (k) => [[k >> 1, k + 5]])]),
};
const divergence = (spec: string, model: IsingModel) => {
  const { probabilities } = exampleOf("", model);
  const { marginals } = infer(model, spec);
  return meanDivergence(probabilities, probabilities.map((_, i) => marginals!.of(i)[1])); // prettier-ignore
};

const names = ["yoon2018/node-marginals", "yoon2018/msg-marginals"];

describe("gnn, as a method string", () => {
  it("is registered with its options", () => {
    expect(describeMethods()).toMatch(/gnn: a trained graph neural network/);
    expect(committedModels()).toEqual(expect.arrayContaining(["yoon2018/node-map", "yoon2018/msg-map", ...names]));
  });

  it.each(names)("returns the common record, logZ absent: %s", (weights) => {
    const model = gaussianIsing(newGraphs.Petersen, random.split("record"));
    const result = infer(model, `gnn[weights=${weights}]`);
    expect(result).toMatchObject({ method: `gnn[weights=${weights}]`, bound: "none", iterations: 10, converged: true });
    expect(result.logZ).toBeUndefined();
    expect(result.map).toBeUndefined();
    expect(result.maxDelta).toHaveLength(10);
    expect(result.marginals!.length).toBe(10);
    for (const [p, q] of result.marginals!.toArrays()) expect(p + q).toBeCloseTo(1, 12);
    expect(infer(toBoltzmann(model), `gnn[weights=${weights}]`).marginals!.of(3)[1]).toBeCloseTo(
      result.marginals!.of(3)[1],
      6,
    );
  });

  it.each(names.flatMap((weights) => Object.keys(newGraphs).map((graph) => [graph, weights])))(
    "is close on a family it was not trained on: %s by %s",
    (graph, weights) => {
      const models = Array.from({ length: 10 }, (_, k) => gaussianIsing(newGraphs[graph], random.split(graph, k)));
      const mean = (of: (model: IsingModel) => number) => models.reduce((sum, model) => sum + of(model), 0) / 10;
      const ours = mean((model) => divergence(`gnn[weights=${weights}]`, model));
      const uniform = mean((model) =>
        meanDivergence(exampleOf("", model).probabilities, new Float64Array(16).fill(0.5)),
      );
      expect(ours).toBeLessThan(0.02);
      expect(ours).toBeLessThan(uniform / 3);
    },
  );

  it.each(names)("gives relabelled marginals for a relabelled graph, to 1e-5: %s", (weights) => {
    const model = gaussianIsing(newGraphs.hypercube, random.split("relabel"));
    const order = random.split("order").permutation(16);
    const biases = new Float64Array(16);
    order.forEach((to, from) => (biases[to] = model.biases[from]));
    const edges = Array.from(
      model.weights,
      (J, e) => [order[model.edgeSources[e]], order[model.edgeTargets[e]], J] as const,
    );
    const [before, after] = [model, isingModel(biases, edges)].map(
      (one) => infer(one, `gnn[weights=${weights}]`).marginals!,
    );
    order.forEach((to, from) => expect(Math.abs(after.of(to)[1] - before.of(from)[1])).toBeLessThan(1e-5));
  });

  it("finds MAP states with task=max, and scores them", () => {
    const examples = structuredExamples("test", 9, paperRandom(), 2);
    const right = examples.map(({ model, mapStates }) => {
      const { map, marginals, method } = infer(model, "gnn[task=max]");
      expect(marginals).toBeUndefined();
      expect(method).toBe("gnn[task=max]");
      expect(map!.score).toBeLessThanOrEqual(infer(model, "enumeration").map!.score + 1e-9);
      return map!.states.reduce((sum, state, i) => sum + (state === mapStates[i] ? 1 : 0), 0) / 9;
    });
    expect(right.reduce((a, b) => a + b) / right.length).toBeGreaterThan(0.75);
  });

  it("works on 10,000 variables", () => {
    const { marginals } = infer(gaussianIsing(openGrid(100, 100), random), "gnn");
    expect(marginals!.length).toBe(10_000);
    expect(marginals!.values.every((p) => p >= 0 && p <= 1)).toBe(true);
  });

  it("answers variables without neighbours exactly, and a model without variables", () => {
    const { marginals } = infer(isingModel([0.3, 2, -1], [[0, 1, 0.5]]), "gnn");
    expect(marginals!.of(2)[1]).toBeCloseTo(1 / (1 + Math.exp(2)), 12);
    expect(infer(isingModel([]), "gnn").marginals!.length).toBe(0);
  });

  it("says what weights there are, and which task they are for", () => {
    const model = isingModel([0, 0], [[0, 1, 1]]);
    expect(() => infer(model, "gnn[weights=yoon2018/edge-marginals]")).toThrow(/yoon2018\/node-marginals/);
    expect(() => infer(model, "gnn[weights=absent.json]")).toThrow(/no trained model/);
    expect(() => infer(model, "gnn[weights=yoon2018/msg-map,task=sum]")).toThrow(/trained for map/);
    const folder = mkdtempSync(path.join(tmpdir(), "marginalia-gnn-"));
    const file = path.join(folder, "other.json");
    writeFileSync(file, JSON.stringify({ ...gnnFamily.read("yoon2018/node-map-1"), parameters: [] }));
    expect(() => infer(model, `gnn[weights=${file}]`)).toThrow(/saved parameters/);
    rmSync(folder, { recursive: true });
  });
});

describe("the committed models of Yoon et al. 2018", () => {
  it("are those that this code's configuration trains, ended by the window, their best epoch the one they hold", async () => {
    for (const target of ["marginals", "map"] as const)
      for (const { model, network } of await paperGnns({ target, profile: "quick" })) {
        const { stopped, history, bestEpoch, validationLoss } = model.training;
        expect(stopped).toBe("window");
        expect(history).toHaveLength(bestEpoch + 21);
        expect(Math.min(...history.map(([, , loss]) => loss))).toBe(validationLoss);
        network.dispose();
      }
  });

  it("have the validation loss that they say", () => {
    const validation = structuredExamples("validation", 9, paperRandom());
    for (const name of names) {
      const { model, ...trained } = gnnFamily.named(name);
      const entropy = (p: number) => (p > 0 && p < 1 ? -p * Math.log(p) - (1 - p) * Math.log(1 - p) : 0);
      const losses = evaluateGnn(validation, { ...trained, model }, name).map(
        ({ divergence: kl, exact }) => kl! + Array.from(exact, entropy).reduce((a, b) => a + b) / 9,
      );
      const mean = losses.reduce((a, b) => a + b) / losses.length;
      expect(mean).toBeCloseTo(model.training.validationLoss, 5);
    }
  });

  it("beat belief propagation on the complete graph ten times over", () => {
    const complete = structuredExamples("test", 9, paperRandom(), 10).slice(-10);
    const mean = (all: readonly { divergence?: number }[]) => all.reduce((sum, one) => sum + one.divergence!, 0) / 10;
    const bp = mean(evaluateMarginals(complete, "bp"));
    for (const name of names) expect(mean(evaluateGnn(complete, gnnFamily.named(name), name))).toBeLessThan(bp / 10);
  });

  it("are picked by validation loss when no seed is named", () => {
    for (const name of names) {
      const losses = [1, 2, 3].map((seed) => gnnFamily.read(`${name}-${seed}`).training.validationLoss);
      expect(gnnFamily.read(name).training.validationLoss).toBe(Math.min(...losses));
    }
  });

  it("are not trained again where they stand already", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "marginalia-gnn-"));
    const model = gnnFamily.read("yoon2018/node-map-2");
    writeFileSync(path.join(folder, "node-map-2.json"), JSON.stringify(model));
    expect(await trainPaperGnn({ architecture: "node", target: "map", seed: 2 }, folder)).toEqual(model);
    rmSync(folder, { recursive: true });
  });
});
