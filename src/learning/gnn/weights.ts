/** The family of graph neural networks: what a saved one holds. */
import { z } from "zod";
import { Random } from "../../graph/random.ts";
import { ModelFamily, type Trained } from "../model-family.ts";
import { gnnAggregations, gnnArchitectures, GraphNeuralNetwork } from "./network.ts";
import { gnnTargets, trainGnn } from "./train-gnn.ts";

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

export type TrainedGnn = Trained<GraphNeuralNetwork, z.infer<typeof configurationSchema>>;

export const gnnFamily = new ModelFamily({
  kind: "gnn",
  schema: configurationSchema,
  create: ({ shape }) => new GraphNeuralNetwork(shape, Random.fromSeed(0)),
  train: trainGnn,
});
