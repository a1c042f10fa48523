import { z } from "zod";
import { dictionarySchema } from "../base/dictionary.ts";

/** What an executed notebook's `metadata.marginalia` says of its run. */
export const runRecordSchema = z.object({
  source: z.string(),
  profile: z.string().optional(),
  parameters: dictionarySchema(z.unknown()),
  status: z.enum(["running", "ok", "failed", "interrupted"]),
  failure: z.object({ cell: z.int().optional(), message: z.string() }).optional(),
  /** When it began, ISO 8601. */
  began: z.string().optional(),
  node: z.string(),
  /**
   * Where it was made, as the command line knows it: commit, dirty, lock, v8, cpu, marginalia. And seed, backend and
   * data by result.json.
   */
  commit: z.string().nullish(),
  dirty: z.boolean().nullish(),
  lock: z.string().nullish(),
  v8: z.string().optional(),
  cpu: z.string().optional(),
  marginalia: z.string().optional(),
  seed: z.unknown().optional(),
  backend: z.unknown().optional(),
  data: z.unknown().optional(),
  seconds: z.object({ total: z.number(), cells: dictionarySchema(z.number()) }),
});
export type RunRecord = z.infer<typeof runRecordSchema>;
/** What a run cannot know of itself: where its sources and the machine stand. */
export type RunEnvironment = Pick<RunRecord, "commit" | "dirty" | "lock" | "v8" | "cpu" | "marginalia">;
export type RunStatus = RunRecord["status"];
