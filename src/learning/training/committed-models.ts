/**
 * Trained models that come with the package, by name: "yoon2018/node-marginals-2" is
 * data/models/yoon2018/node-marginals-2.json, and "yoon2018/node-marginals" the seed of it with the lowest validation
 * loss.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readModelFile, type SavedModel } from "./saved-model.ts";

/** data/models of this package: three rooms up from here, in src as in dist. */
export const modelsFolder = fileURLToPath(new URL("../../../data/models/", import.meta.url));

/** Files of committed models that a name can mean: itself, or its seeds "<name>-<number>". */
function filesNamed(name: string): string[] {
  const exact = path.join(modelsFolder, `${name}.json`);
  if (existsSync(exact)) return [exact];
  const folder = path.dirname(exact);
  const start = `${path.basename(name)}-`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.startsWith(start) && /^\d+\.json$/.test(file.slice(start.length)))
    .sort()
    .map((file) => path.join(folder, file));
}

/** Names of the committed models of a kind, or of every kind; seeds not counted. */
export function committedModels(kind?: string): string[] {
  if (!existsSync(modelsFolder)) return [];
  const files = readdirSync(modelsFolder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .filter((file) => kind === undefined || kindOf(path.join(modelsFolder, file)) === kind);
  return [...new Set(files.map((file) => file.replaceAll(path.sep, "/").replace(/(-\d+)?\.json$/, "")))].sort();
}

function kindOf(file: string): unknown {
  return (JSON.parse(readFileSync(file, "utf8")) as { kind?: unknown }).kind;
}

/**
 * Reads the model that `weights` of a method string names: a file ending in .json, or a committed model.
 * @throws RangeError saying which names there are, or what is wrong with the file.
 */
export function readNamedModel(weights: string, kind: string): SavedModel {
  if (weights.endsWith(".json")) return readModelFile(path.resolve(weights), kind);
  const files = filesNamed(weights);
  if (!files.length) {
    const names = committedModels(kind).join(", ") || "none";
    throw new RangeError(`there are no weights "${weights}"; expected a file ending in .json or one of ${names}`);
  }
  const models = files.map((file) => readModelFile(file, kind));
  return models.reduce((best, model) => (model.training.validationLoss < best.training.validationLoss ? model : best));
}
