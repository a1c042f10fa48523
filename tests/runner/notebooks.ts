/** Notebooks for tests, and the rules of nbformat 4.5 as a strict schema of our own. */
import { z } from "zod";

let count = 0;

export function code(source: string, ...tags: string[]) {
  return {
    cell_type: "code",
    id: `cell-${++count}`,
    metadata: tags.length > 0 ? { tags } : {},
    source,
    execution_count: null as number | null,
    outputs: [] as unknown[],
  };
}

export function markdown(source: string) {
  return { cell_type: "markdown", id: `cell-${++count}`, metadata: {}, source };
}

export function notebook(cells: readonly unknown[]) {
  const kernelspec = { name: "marginalia", display_name: "TypeScript (Marginalia)", language: "typescript" };
  return { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
}

// https://github.com/jupyter/nbformat/blob/main/nbformat/v4/nbformat.v4.5.schema.json, as rules: what a file may hold
// at most, besides metadata, which is free but for a few names.
const multiline = z.array(z.string());
const metadata = z.looseObject({ tags: z.array(z.string().regex(/^[^,]+$/)).optional() });
const bundle = z.record(z.string(), z.unknown());
const output = z.discriminatedUnion("output_type", [
  z.strictObject({
    output_type: z.literal("execute_result"),
    execution_count: z.int().min(0).nullable(),
    data: bundle,
    metadata: z.looseObject({}),
  }),
  z.strictObject({ output_type: z.literal("display_data"), data: bundle, metadata: z.looseObject({}) }),
  z.strictObject({ output_type: z.literal("stream"), name: z.enum(["stdout", "stderr"]), text: multiline }),
  z.strictObject({
    output_type: z.literal("error"),
    ename: z.string(),
    evalue: z.string(),
    traceback: z.array(z.string()),
  }),
]);
const id = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);
const cell = z.discriminatedUnion("cell_type", [
  z.strictObject({
    cell_type: z.literal("code"),
    id,
    metadata,
    source: multiline,
    execution_count: z.int().min(0).nullable(),
    outputs: z.array(output),
  }),
  z.strictObject({ cell_type: z.literal("markdown"), id, metadata, source: multiline, attachments: bundle.optional() }),
  z.strictObject({ cell_type: z.literal("raw"), id, metadata, source: multiline, attachments: bundle.optional() }),
]);
const strictNotebook = z.strictObject({
  nbformat: z.literal(4),
  nbformat_minor: z.literal(5),
  metadata: z.looseObject({
    kernelspec: z.looseObject({ name: z.string(), display_name: z.string() }).optional(),
    language_info: z.looseObject({ name: z.string() }).optional(),
  }),
  cells: z
    .array(cell)
    .refine((cells) => new Set(cells.map((item) => item.id)).size === cells.length, "cell ids are not unique"),
});

/** What is wrong with a written notebook by the rules of nbformat 4.5; nothing when it is valid. */
export function notebookProblems(text: string): string[] {
  const checked = strictNotebook.safeParse(JSON.parse(text));
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}
