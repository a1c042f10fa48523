/** What a training is told, validated once. JSON values only, so that a configuration can be hashed and saved. */
import { createHash } from "node:crypto";
import { z } from "zod";

const schedule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant") }),
  z.strictObject({
    kind: z.literal("step"),
    every: z.int().min(1).describe("epochs between two reductions"),
    factor: z.number().gt(0).max(1).describe("what each reduction multiplies the learning rate by"),
  }),
  z.strictObject({
    kind: z.literal("cosine"),
    final: z.number().min(0).max(1).default(0).describe("learning rate at the last epoch, as a share of the first"),
  }),
]);

const schema = z.strictObject({
  optimizer: z.enum(["adam", "rmsprop", "sgd"]).default("adam"),
  learningRate: z.number().gt(0).default(0.001),
  schedule: schedule.default({ kind: "constant" }),
  /** Decoupled (AdamW) for adam; for the others, w <- w - learningRate weightDecay w before the step. */
  weightDecay: z.number().min(0).default(0),
  /** The gradient's Euclidean norm over all parameters is cut to this; absent: not at all. */
  clipNorm: z.number().gt(0).optional(),
  /** Examples a step; the last batch of an epoch holds what is left. */
  batchSize: z.int().min(1).default(50),
  maxEpochs: z.int().min(1).default(1000),
  /** Stops after this many epochs in a row without a new lowest validation loss; absent: never. */
  window: z.int().min(1).optional(),
  seed: z.int().default(0),
});

export type TrainingOptions = z.input<typeof schema>;
export type TrainingSettings = z.output<typeof schema>;

/** @throws RangeError naming the option that is wrong. */
export function trainingSettings(options: TrainingOptions): TrainingSettings {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "options"}: ${message}`);
  throw new RangeError(`training: ${complaints.join("; ")}`);
}

/** The learning rate in an epoch, counted from 0. */
export function learningRateAt({ learningRate, schedule, maxEpochs }: TrainingSettings, epoch: number): number {
  switch (schedule.kind) {
    case "constant":
      return learningRate;
    case "step":
      return learningRate * schedule.factor ** Math.floor(epoch / schedule.every);
    case "cosine": {
      const along = maxEpochs > 1 ? Math.min(1, epoch / (maxEpochs - 1)) : 1;
      return learningRate * (schedule.final + ((1 - schedule.final) * (1 + Math.cos(Math.PI * along))) / 2);
    }
  }
}

/** SHA-256 of a JSON value with the keys of its objects sorted: the same for configurations that mean the same. */
export function configurationHash(configuration: unknown): string {
  const sorted = JSON.stringify(configuration, (_key, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(sorted).digest("hex");
}
