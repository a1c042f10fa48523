/** Trained networks from disk; training/committed-models.ts says what `weights` of the method string can name. */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { readNamedModel } from "../training/committed-models.ts";
import type { SavedModel } from "../training/saved-model.ts";
import { loadParameters } from "../training/tensors-as-text.ts";
import { gnnAggregations, gnnArchitectures, GraphNeuralNetwork } from "./network.ts";
import { gnnTargets, type GnnTarget } from "./train-gnn.ts";

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

/**
 * A network with the weights of a saved model; the caller disposes it. @throws RangeError if the model's parts do not
 * fit each other.
 */
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

/** Reads the model that `weights` names: see `readNamedModel`. */
export function readGnnModel(weights: string): SavedModel {
  return readNamedModel(weights, "gnn");
}

const loaded = new Map<string, TrainedGnn>();

/** The network that `weights` names, read once a process; not to be disposed. */
export function gnnNamed(weights: string): TrainedGnn {
  let found = loaded.get(weights);
  if (!found) loaded.set(weights, (found = gnnOf(readGnnModel(weights))));
  return found;
}
