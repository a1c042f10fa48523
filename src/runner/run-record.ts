import { z } from "zod";

/** What an executed notebook's `metadata.marginalia` says of its run. */
export const runRecordSchema = z.object({
  source: z.string(),
  profile: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()),
  status: z.enum(["running", "ok", "failed", "interrupted"]),
  failure: z.object({ cell: z.int().optional(), message: z.string() }).optional(),
  node: z.string(),
  seconds: z.object({ total: z.number(), cells: z.record(z.string(), z.number()) }),
});
export type RunRecord = z.infer<typeof runRecordSchema>;
export type RunStatus = RunRecord["status"];
