/** The family of belief propagation neural networks: what a saved one holds, and what its damping is in float64. */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { ModelFamily, type Trained } from "../model-family.ts";
import { betheActivations } from "./bethe-layer.ts";
import { directions } from "./damping-layer.ts";
import { dampingFunction, dampingKinds } from "./damping-operator.ts";
import type { DampingOperators } from "./fixed-point.ts";
import { BeliefPropagationNetwork } from "./network.ts";
import { trainBpnn } from "./train-bpnn.ts";

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

export type TrainedBpnn = Trained<BeliefPropagationNetwork, z.infer<typeof configurationSchema>>;

export const bpnnFamily = new ModelFamily({
  kind: "bpnn",
  schema: configurationSchema,
  create: ({ shape }) => new BeliefPropagationNetwork(shape, Random.fromSeed(0)),
  train: trainBpnn,
});

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
