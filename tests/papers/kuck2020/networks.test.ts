import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "marginalia";
import { bpnnFamily, configurationHash, operatorsOf, readModelFile, type BpnnShape } from "marginalia/learning";
import { isingExamples } from "marginalia/papers/kuck2020";
import { defaultMessageLayer } from "../../../src/learning/bpnn/message-layer.ts";
import { ginConfiguration, ginNetworks } from "../../../src/papers/kuck2020/gin-baselines.ts";
import { kuckConfiguration, kuckNetworks, kuckSeeds, type KuckNetwork } from "../../../src/papers/kuck2020/networks.ts"; // prettier-ignore
import type { BpnnConfiguration } from "../../../src/learning/bpnn/train-bpnn.ts";
import { trainingSettings } from "../../../src/learning/training/options.ts";

const shape: BpnnShape = {
  numLayers: 4,
  tied: false,
  layer: { ...defaultMessageLayer, factorShapes: [[2, 2]] },
  readout: {
    type: "bethe-layer",
    factorShapes: [[2], [2, 2]],
    cardinalities: [2],
    activation: "linear",
    invariant: true,
  },
};
const bpnnD: BpnnShape = {
  numLayers: 8,
  tied: true,
  layer: { type: "damping", operator: { kind: "invertible", kept: 0.1, push: 0.4 }, directions: "factor-to-variable" },
  readout: { type: "bethe" },
};
const setting = { side: 4, maxField: 0.1, maxCoupling: 3, interaction: "attractive" } as const;
const draw = (purpose: string) => isingExamples(8, setting, Random.fromSeed(5), purpose);
const examples = () => ({ training: draw("training"), validation: draw("validation") });
const configuration = (
  of: BpnnShape,
  batchSize: number,
  iterations?: readonly [number, number],
): BpnnConfiguration => ({
  kind: "bpnn",
  shape: of,
  ...(iterations && { iterations }),
  data: { unit: "test" },
  training: trainingSettings({ batchSize, learningRate: 0.002, maxEpochs: 12, seed: 3 }),
  validateEvery: 1,
});

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "marginalia-bpnn-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("training a BPNN", () => {
  it.each([
    ["message layers with BPNN-B, in batches", configuration(shape, 3)],
    ["BPNN-D, by a drawn number of iterations", configuration(bpnnD, 8, [3, 8])],
  ])("lowers the validation loss below that of its start, and goes on to the same numbers: %s", async (_, given) => {
    await inFolder(async (folder) => {
      const whole = await bpnnFamily.trainKept({ name: "whole", configuration: given, examples }, folder);
      const losses = whole.training.history.map(([, , validation]) => validation);
      expect(whole.training.validationLoss).toBe(Math.min(...losses));
      expect(whole.training.validationLoss).toBeLessThan(losses[0]);

      const stop = new AbortController();
      const onEpoch = ({ epoch }: { epoch: number }) => epoch === 4 && stop.abort();
      await bpnnFamily.trainKept({ name: "halves", configuration: given, examples }, folder, {
        onEpoch,
        signal: stop.signal,
      });
      expect(readdirSync(folder)).not.toContain("halves.json");
      const resumed = await bpnnFamily.trainKept({ name: "halves", configuration: given, examples }, folder);
      expect(resumed.parameters).toEqual(whole.parameters);
      expect(resumed.training.history).toEqual(whole.training.history);
      // A model that is there is not trained again, and stands for itself.
      const again = await bpnnFamily.trainKept({ name: "whole", configuration: given, examples: () => { throw new Error("drawn"); } }, folder); // prettier-ignore
      expect(again.parameters).toEqual(whole.parameters);
      const { network } = bpnnFamily.of(readModelFile(path.join(folder, "whole.json"), "bpnn"));
      expect(operatorsOf(network) !== undefined).toBe(given.shape === bpnnD);
      network.dispose();
    });
  });
});

describe("committed weights of Kuck et al. 2020", () => {
  const names: KuckNetwork[] = ["bpnn-d-authors", "bpnn-d-invertible", "bpnn-ising"];
  it.each(names)("are those of this code's configuration, five seeds: %s", async (name) => {
    const networks = await kuckNetworks(name, { profile: "quick" });
    expect(networks.map(({ seed }) => seed)).toEqual([...kuckSeeds]);
    for (const { network, model, seed } of networks) {
      expect(model.configurationHash).toBe(configurationHash(kuckConfiguration(name, seed)));
      network.dispose();
    }
  });

  it("of block model networks and GINs, too", async () => {
    for (const name of ["bpnn-sbm", "bpnn-sbm-ni", "bpnn-sbm-dc"] as const)
      for (const { network } of await kuckNetworks(name, { profile: "quick" })) network.dispose();
    for (const name of ["gin-ising", "gin-sbm"] as const)
      for (const { network, seed, model } of await ginNetworks(name, { profile: "quick", seeds: kuckSeeds })) {
        expect(model.configuration).toEqual(JSON.parse(JSON.stringify(ginConfiguration(name, seed))));
        network.dispose();
      }
  });

  it("by BPNN-D of the invertible kind have zero as the only fixed point, all of them", async () => {
    for (const { network } of await kuckNetworks("bpnn-d-invertible", { profile: "quick" })) {
      expect(operatorsOf(network)!.toVariable.zeroIsOnlyFixedPoint).toBe(true);
      network.dispose();
    }
  });
});
