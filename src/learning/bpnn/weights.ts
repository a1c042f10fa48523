/** Trained networks from disk; training/committed-models.ts says what `weights` of the method string can name. */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { readNamedModel } from "../training/committed-models.ts";
import type { SavedModel } from "../training/saved-model.ts";
import { loadParameters } from "../training/tensors-as-text.ts";
import { betheActivations } from "./bethe-layer.ts";
import { directions } from "./damping-layer.ts";
import { dampingFunction, dampingKinds } from "./damping-operator.ts";
import type { DampingOperators } from "./fixed-point.ts";
import { BeliefPropagationNetwork } from "./network.ts";

const sizes = z.array(z.int().min(1));
const configurationSchema = z.object({
  kind: z.literal("bpnn"),
  shape: z.strictObject({
    numLayers: z.int().min(1),
    tied: z.boolean(),
    layer: z.discriminatedUnion("type", [
      z.strictObject({
        type: z.literal("damping"),
        operator: z.strictObject({
          kind: z.enum(dampingKinds),
          kept: z.number(),
          hidden: z.int().min(1).optional(),
          push: z.number().optional(),
          cardinalities: sizes.optional(),
        }),
        directions: z.enum(directions),
      }),
      z.strictObject({
        type: z.literal("message"),
        factorShapes: z.array(sizes),
        residual: z.number(),
        damping: z.number(),
        floor: z.number(),
        doubleCounting: z.boolean(),
      }),
    ]),
    readout: z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("bethe") }),
      z.strictObject({
        type: z.literal("bethe-layer"),
        factorShapes: z.array(sizes),
        cardinalities: sizes,
        activation: z.enum(betheActivations),
        invariant: z.boolean(),
      }),
    ]),
  }),
});

export interface TrainedBpnn {
  readonly network: BeliefPropagationNetwork;
  readonly model: SavedModel;
}

/**
 * A network with the weights of a saved model; the caller disposes it. @throws RangeError if the model's parts do not
 * fit each other.
 */
export function bpnnOf(model: SavedModel): TrainedBpnn {
  const parsed = configurationSchema.safeParse(model.configuration);
  if (!parsed.success) {
    const [{ path: at, message }] = parsed.error.issues;
    throw new RangeError(`not the configuration of a BPNN: ${at.join(".")}: ${message}`);
  }
  const network = new BeliefPropagationNetwork(parsed.data.shape, Random.fromSeed(0));
  try {
    loadParameters(network.parameters, model.parameters);
  } catch (error) {
    network.dispose();
    throw error;
  }
  return { network, model };
}

/**
 * H of a tied BPNN-D network read out by Bethe's estimate, in float64: what `runToFixedPoint` takes. Undefined for
 * other networks, which have a fixed number of layers.
 */
export function operatorsOf({ shape, parameters }: BeliefPropagationNetwork): DampingOperators | undefined {
  const { layer, tied, readout } = shape;
  if (layer.type !== "damping" || !tied || readout.type !== "bethe") return undefined;
  const values = (name: string) => parameters.get(name)!.dataSync();
  const make = (direction: string) => dampingFunction(layer.operator, `layer/${direction}`, values);
  const toVariable = make("factor-to-variable");
  return layer.directions === "both" ? { toVariable, toFactor: make("variable-to-factor") } : { toVariable };
}

/** Reads the model that `weights` names: see `readNamedModel`. */
export function readBpnnModel(weights: string): SavedModel {
  return readNamedModel(weights, "bpnn");
}

const loaded = new Map<string, TrainedBpnn>();

/** The network that `weights` names, read once a process; not to be disposed. */
export function bpnnNamed(weights: string): TrainedBpnn {
  let found = loaded.get(weights);
  if (!found) loaded.set(weights, (found = bpnnOf(readBpnnModel(weights))));
  return found;
}
