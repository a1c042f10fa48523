/** Where a training stands, on disk: written whole or not at all, and read back to the same numbers. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { writeWholeSync } from "../../base/whole-file.ts";
import { z } from "zod";
import { savedTensorSchema } from "./tensors-as-text.ts";

/** One row of a loss curve; losses are means over examples' own losses, natural log for cross-entropies. */
export const epochSchema = z.strictObject({
  epoch: z.int(),
  trainingLoss: z.number(),
  validationLoss: z.number(),
});
export type Epoch = z.infer<typeof epochSchema>;

const checkpointSchema = z.strictObject({
  format: z.literal("marginalia-checkpoint"),
  version: z.literal(1),
  /** Of everything that decides the numbers. */
  configurationHash: z.string(),
  history: z.array(epochSchema),
  parameters: z.array(savedTensorSchema),
  bestEpoch: z.int(),
  bestParameters: z.array(savedTensorSchema),
  optimizer: z.strictObject({ stepsTaken: z.int(), tensors: z.array(savedTensorSchema) }),
  secondsBefore: z.number(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

export function writeCheckpoint(file: string, checkpoint: Checkpoint): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeWholeSync(file, `${JSON.stringify(checkpoint)}\n`);
}

/**
 * The checkpoint of this configuration; undefined if the file is not there.
 * @throws RangeError for a file that is no checkpoint, or one of another configuration.
 */
export function readCheckpoint(file: string, configurationHash: string): Checkpoint | undefined {
  if (!existsSync(file)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new RangeError(`${file} is not JSON: ${(error as Error).message}; delete it to train from the start`, {
      cause: error,
    });
  }
  const parsed = checkpointSchema.safeParse(content);
  if (!parsed.success)
    throw new RangeError(
      `${file} is not a checkpoint (${parsed.error.issues[0].message}); delete it to train from the start`,
    );
  if (parsed.data.configurationHash !== configurationHash)
    throw new RangeError(`${file} belongs to another configuration; delete it or name another file`);
  return parsed.data;
}
