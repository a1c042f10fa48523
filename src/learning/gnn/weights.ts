/**
 * Trained networks from disk. `weights` of the method string is a file, or a name of a committed model: "yoon2018/node-marginals-2"
 * is data/models/yoon2018/node-marginals-2.json, and "yoon2018/node-marginals" the seed of it with the lowest validation loss.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { readModelFile, type SavedModel } from "../training/saved-model.ts";
import { loadParameters } from "../training/tensors-as-text.ts";
import { gnnAggregations, gnnArchitectures, GraphNeuralNetwork } from "./network.ts";
import { gnnTargets, type GnnTarget } from "./train-gnn.ts";

/** data/models of this package: three rooms up from here, in src as in dist. */
export const modelsFolder = fileURLToPath(new URL("../../../data/models/", import.meta.url));

const configurationSchema = z.object({
  kind: z.literal("gnn"),
  shape: z.strictObject({
    architecture: z.enum(gnnArchitectures),
    hiddenSize: z.int().min(1),
    messageSize: z.int().min(1),
    width: z.int().min(1),
    steps: z.int().min(1),
    aggregation: z.enum(gnnAggregations),
  }),
  target: z.enum(gnnTargets),
});

export interface TrainedGnn {
  readonly network: GraphNeuralNetwork;
  readonly target: GnnTarget;
  readonly model: SavedModel;
}

/** A network with the weights of a saved model; the caller disposes it. @throws RangeError if the model's parts do not fit each other. */
export function gnnOf(model: SavedModel): TrainedGnn {
  const parsed = configurationSchema.safeParse(model.configuration);
  if (!parsed.success) {
    const [{ path: at, message }] = parsed.error.issues;
    throw new RangeError(`not the configuration of a GNN: ${at.join(".")}: ${message}`);
  }
  const { shape, target } = parsed.data;
  const network = new GraphNeuralNetwork(shape, Random.fromSeed(0));
  try {
    loadParameters(network.parameters, model.parameters);
  } catch (error) {
    network.dispose();
    throw error;
  }
  return { network, target, model };
}

/** Files of committed models that a name can mean: itself, or its seeds "<name>-<number>". */
export function filesNamed(name: string): string[] {
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

/** Names of all committed models of a folder such as "yoon2018", seeds not counted. */
export function committedModels(): string[] {
  if (!existsSync(modelsFolder)) return [];
  const files = readdirSync(modelsFolder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".json"),
  );
  return [...new Set(files.map((file) => file.replaceAll(path.sep, "/").replace(/(-\d+)?\.json$/, "")))].sort();
}

/**
 * Reads the model that `weights` names.
 * @throws RangeError saying which names there are, or what is wrong with the file.
 */
export function readGnnModel(weights: string): SavedModel {
  if (weights.endsWith(".json")) return readModelFile(path.resolve(weights), "gnn");
  const files = filesNamed(weights);
  if (!files.length)
    throw new RangeError(
      `there are no weights "${weights}"; expected a file ending in .json or one of ${committedModels().join(", ") || "none"}`,
    );
  const models = files.map((file) => readModelFile(file, "gnn"));
  return models.reduce((best, model) => (model.training.validationLoss < best.training.validationLoss ? model : best));
}

const loaded = new Map<string, TrainedGnn>();

/** The network that `weights` names, read once a process; not to be disposed. */
export function gnnNamed(weights: string): TrainedGnn {
  let found = loaded.get(weights);
  if (!found) loaded.set(weights, (found = gnnOf(readGnnModel(weights))));
  return found;
}
