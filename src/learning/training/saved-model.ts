/**
 * A trained model as one JSON file, to be read without Marginalia too:
 *
 *   { format: "marginalia-model", version: 1, kind: "gnn",
 *     configuration: {...},           everything that decided the numbers: the model's shape, its target, its data, the
 *     training
 *     configurationHash: "...",       SHA-256 of the configuration, keys sorted, without white space
 *     parameters: [{ name, shape, dtype: "float32", values: base64 of little-endian numbers, row-major }],
 *     training: { bestEpoch, validationLoss, steps, stopped, seconds, history: [[epoch, training loss, validation
 *     loss], ...] },
 *     provenance: { ... } }           what it was trained with, and where
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { writeWholeSync } from "../../base/whole-file.ts";
import { z } from "zod";
import { describeBackend } from "../../tensor/index.ts";
import { configurationHash } from "./options.ts";
import { saveParameters, savedTensorSchema } from "./tensors-as-text.ts";
import type { TrainingResult } from "./train.ts";

const schema = z.strictObject({
  format: z.literal("marginalia-model"),
  version: z.literal(1),
  kind: z.string(),
  configuration: z.record(z.string(), z.unknown()),
  configurationHash: z.string(),
  parameters: z.array(savedTensorSchema),
  training: z.strictObject({
    bestEpoch: z.int(),
    validationLoss: z.number(),
    steps: z.int(),
    stopped: z.enum(["window", "maxEpochs", "signal"]),
    seconds: z.number(),
    history: z.array(z.tuple([z.int(), z.number(), z.number()])),
  }),
  provenance: z.record(z.string(), z.unknown()),
});
export type SavedModel = z.infer<typeof schema>;

/** The record of a training that ended. @param provenance added to what this process knows of itself. */
export function savedModel(
  kind: string,
  configuration: Readonly<Record<string, unknown>>,
  parameters: ReadonlyMap<string, tf.Variable>,
  result: TrainingResult,
  provenance: Readonly<Record<string, unknown>> = {},
): SavedModel {
  const { bestEpoch, validationLoss, steps, stopped, seconds, history } = result;
  return {
    format: "marginalia-model",
    version: 1,
    kind,
    configuration,
    configurationHash: configurationHash(configuration),
    parameters: saveParameters(parameters),
    training: {
      bestEpoch,
      validationLoss,
      steps,
      stopped,
      seconds,
      history: history.map(({ epoch, trainingLoss, validationLoss: loss }) => [epoch, trainingLoss, loss]),
    },
    provenance: {
      ...provenance,
      backend: describeBackend(),
      node: process.versions.node,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
    },
  };
}

/** Writes the file whole or not at all. */
export function writeModel(file: string, model: SavedModel): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeWholeSync(file, `${JSON.stringify(model)}\n`);
}

/**
 * @throws RangeError saying what is wrong with the file: absent, not JSON, not a model, another kind, or a hash that is
 *   not its own.
 */
export function readModelFile(file: string, kind: string): SavedModel {
  if (!existsSync(file)) throw new RangeError(`there is no trained model at ${file}`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new RangeError(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) {
    const [{ path: at, message }] = parsed.error.issues;
    throw new RangeError(`${file} is not a trained model: ${at.join(".")}: ${message}`);
  }
  const model = parsed.data;
  if (model.kind !== kind) throw new RangeError(`${file} is a ${model.kind} model, expected ${kind}`);
  if (model.configurationHash !== configurationHash(model.configuration))
    throw new RangeError(`${file}: the configuration is not the one that its hash belongs to`);
  return model;
}
