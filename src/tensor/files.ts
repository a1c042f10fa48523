/**
 * tfjs models in folders: `model.save("file:///tmp/model")` and `tf.loadLayersModel("file:///tmp/model/model.json")`,
 * in the format of @tensorflow/tfjs-node (model.json beside weights.bin), which can read what was saved here and the
 * other way round. Both files are written whole or not at all, the weights first.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type * as Tf from "@tensorflow/tfjs";
import { writeWholeSync } from "../base/whole-file.ts";
import { tf } from "./tf.ts";

const PREFIX = "file://";
const WEIGHTS_FILE = "weights.bin";

/** The path that a file: address names; "file://relative/folder", which is no URL of a host, as tfjs-node reads it. */
const pathOf = (url: string) =>
  url.startsWith("file:///") ? fileURLToPath(url) : path.resolve(url.slice(PREFIX.length));

function saver(url: string): Tf.io.IOHandler {
  return {
    save(artifacts) {
      if (artifacts.modelTopology instanceof ArrayBuffer)
        return Promise.reject(new TypeError("a model with a binary topology cannot be saved as model.json"));
      const folder = pathOf(url);
      mkdirSync(folder, { recursive: true });
      const { weightData = new ArrayBuffer(0), weightSpecs = [], ...rest } = artifacts;
      const weights = new tf.io.CompositeArrayBuffer(weightData).slice();
      writeWholeSync(path.join(folder, WEIGHTS_FILE), new Uint8Array(weights));
      const weightsManifest = [{ paths: [WEIGHTS_FILE], weights: weightSpecs }];
      writeWholeSync(path.join(folder, "model.json"), JSON.stringify({ ...rest, weightsManifest }));
      return Promise.resolve({ modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) });
    },
  };
}

function loader(url: string): Tf.io.IOHandler {
  const file = pathOf(url);
  return {
    load() {
      if (!existsSync(file))
        return Promise.reject(
          new RangeError(`there is no model at ${file}; name its model.json, "file://<folder>/model.json"`),
        );
      let model: Tf.io.ModelJSON;
      try {
        model = JSON.parse(readFileSync(file, "utf8")) as Tf.io.ModelJSON;
      } catch (error) {
        return Promise.reject(new RangeError(`${file} is not a model's JSON: ${(error as Error).message}`));
      }
      return tf.io.getModelArtifactsForJSON(model, (manifest) =>
        Promise.resolve(weightsOf(manifest, path.dirname(file))),
      );
    },
  };
}

function weightsOf(
  manifest: Tf.io.WeightsManifestConfig,
  folder: string,
): [Tf.io.WeightsManifestEntry[], Tf.io.WeightData] {
  const parts = manifest
    .flatMap(({ paths }) => paths)
    .map((name) => {
      if (path.isAbsolute(name) || name.split(/[\\/]/).includes(".."))
        throw new RangeError(`the model's weights must lie beside it, got the path ${name}`);
      const bytes = readFileSync(path.join(folder, name));
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    });
  return [manifest.flatMap(({ weights }) => weights), parts];
}

let isAsking = false;

/** Ours, unless another handler (tfjs-node's) takes the address. */
function unlessTaken(
  url: string | string[],
  handlers: (url: string) => Tf.io.IOHandler[],
  make: (url: string) => Tf.io.IOHandler,
): Tf.io.IOHandler | null {
  if (isAsking || typeof url !== "string" || !url.startsWith(PREFIX)) return null;
  isAsking = true;
  try {
    return handlers(url).length ? null : make(url);
  } finally {
    isAsking = false;
  }
}

export function registerFiles(): void {
  tf.io.registerSaveRouter((url) => unlessTaken(url, tf.io.getSaveHandlers, saver) as Tf.io.IOHandler);
  tf.io.registerLoadRouter((url) => unlessTaken(url, tf.io.getLoadHandlers, loader) as Tf.io.IOHandler);
}
