import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import "../../src/tensor/index.ts";

const inFolder = async (work: (folder: string) => Promise<void>) => {
  const folder = mkdtempSync(path.join(tmpdir(), "marginalia-model-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test("a layers model saved to a folder is loaded with the same weights and answers", async () => {
  await inFolder(async (folder) => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 3, inputShape: [2], activation: "tanh" }), tf.layers.dense({ units: 1 })],
    });
    const url = pathToFileURL(path.join(folder, "a model")).href;
    const saved = await model.save(url);
    expect(saved.modelArtifactsInfo.weightDataBytes).toBe(4 * 13);
    expect(readdirSync(path.join(folder, "a model")).sort()).toEqual(["model.json", "weights.bin"]);
    const loaded = await tf.loadLayersModel(`${url}/model.json`);
    const x = tf.tensor2d([[0.5, -1], [2, 3]]); // prettier-ignore
    const answers = (of: tf.LayersModel) => Array.from((of.predict(x) as tf.Tensor).dataSync());
    expect(answers(loaded)).toEqual(answers(model));
  });
});

test("what is no model is refused with its path, and weights from elsewhere are not read", async () => {
  await inFolder(async (folder) => {
    const url = pathToFileURL(folder).href;
    await expect(tf.loadLayersModel(`${url}/model.json`)).rejects.toThrow(/there is no model at .*model\.json/);
    writeFileSync(path.join(folder, "model.json"), "{");
    await expect(tf.loadLayersModel(`${url}/model.json`)).rejects.toThrow(/is not a model's JSON/);
    const manifest = [{ paths: ["../secret.bin"], weights: [] }];
    writeFileSync(path.join(folder, "model.json"), JSON.stringify({ modelTopology: {}, weightsManifest: manifest }));
    await expect(tf.loadLayersModel(`${url}/model.json`)).rejects.toThrow(/must lie beside it/);
  });
});
