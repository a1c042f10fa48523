/**
 * Notebook files: nbformat 4.5 (https://nbformat.readthedocs.io), read leniently and written strictly.
 *
 * Reading accepts any nbformat 4 file that a front end may have left (unknown metadata, missing or doubled cell ids)
 * and throws a InputError that names file and place for anything else. Writing gives the layout of Jupyter itself
 * (sorted keys, one space, line arrays, trailing newline), so that front ends and git see no difference in what has not
 * changed.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { writeWhole } from "../../base/whole-file.ts";
import { z } from "zod";
import { InputError } from "../../base/input-error.ts";

export type JsonObject = Record<string, unknown>;

const text = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (Array.isArray(value) ? value.join("") : value));
const object = z.record(z.string(), z.unknown());
/** A value for each MIME type: text (perhaps as lines), or for JSON types any JSON. */
const mimeBundle = object.transform((bundle): JsonObject =>
  mapValues(bundle, (value, type) => (isLines(value) && !/[/+]json$/.test(type) ? value.join("") : value)),
);

const outputSchema = z.discriminatedUnion("output_type", [
  z.object({ output_type: z.literal("stream"), name: z.string(), text }),
  z.object({ output_type: z.literal("display_data"), data: mimeBundle, metadata: object.default({}) }),
  z.object({
    output_type: z.literal("execute_result"),
    execution_count: z.int().nullable().default(null),
    data: mimeBundle,
    metadata: object.default({}),
  }),
  z.object({
    output_type: z.literal("error"),
    ename: z.string(),
    evalue: z.string(),
    traceback: z.array(z.string()),
  }),
]);
export type Output = z.infer<typeof outputSchema>;

const cellShared = { id: z.string().optional(), metadata: object.default({}), source: text };
const cellSchema = z.discriminatedUnion("cell_type", [
  z.object({
    cell_type: z.literal("code"),
    ...cellShared,
    execution_count: z.int().nullable().default(null),
    outputs: z.array(outputSchema).default([]),
  }),
  z.object({ cell_type: z.literal("markdown"), ...cellShared, attachments: object.optional() }),
  z.object({ cell_type: z.literal("raw"), ...cellShared, attachments: object.optional() }),
]);
type WithId<T> = T extends unknown ? Omit<T, "id"> & { id: string } : never;
export type Cell = WithId<z.infer<typeof cellSchema>>;
export type CodeCell = Extract<Cell, { cell_type: "code" }>;

const notebookSchema = z.object({
  nbformat: z.literal(4),
  nbformat_minor: z.int().min(0),
  metadata: object.default({}),
  cells: z.array(cellSchema),
});

/** In memory, texts are whole strings; a file holds them as arrays of lines. */
export interface Notebook {
  readonly metadata: JsonObject;
  readonly cells: readonly Cell[];
}

/** Metadata that changes with every run or with the front end; what the runner measures has its own place. */
export const VOLATILE_CELL_METADATA = ["execution", "ExecuteTime", "papermill", "collapsed", "scrolled"];

/** Reads a notebook file; throws a InputError for a file that is missing, is no JSON or is no notebook. */
export async function readNotebook(file: string): Promise<Notebook> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder, expected a notebook" : message;
    throw new InputError(`${file}: ${why}`, { cause: error });
  }
  return parseNotebook(content, file);
}

/** The notebook in `content`; `file` is for messages. */
export async function parseNotebook(content: string, file: string): Promise<Notebook> {
  let value: unknown;
  try {
    value = JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new InputError(`${file}:${await placeOfJsonError(content)}`, { cause: error });
  }
  const deep = tooDeep(value);
  if (deep !== undefined)
    throw new InputError(`${file}: ${deep} is nested more than ${DEEPEST} levels deep, which no notebook is`);
  const version = (value as { nbformat?: unknown } | null)?.nbformat;
  if (typeof version !== "number" || typeof value !== "object" || Array.isArray(value))
    throw new InputError(`${file}: not a notebook (JSON without an nbformat number at its top)`);
  if (version !== 4) {
    const advice = version < 4 ? `convert it: jupyter nbconvert --to notebook "${file}"` : "save it as nbformat 4";
    throw new InputError(`${file}: nbformat ${version}, expected 4; ${advice}`);
  }
  const checked = notebookSchema.safeParse(value);
  if (!checked.success) {
    const issues = z.prettifyError(checked.error).replaceAll("\n", "\n  ");
    throw new InputError(`${file}: not a valid notebook\n  ${issues}`);
  }
  return { metadata: checked.data.metadata, cells: withIds(checked.data.cells) };
}

/** Levels of objects and arrays in a notebook's JSON: checking and writing go down by recursion. */
const DEEPEST = 500;

/** Where the value is nested too deeply: the beginning of the way there, such as "cells.3.metadata.x". */
function tooDeep(value: unknown): string | undefined {
  let level: { readonly value: object; readonly place: string }[] = isObject(value) ? [{ value, place: "" }] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return level[0].place;
    level = level.flatMap(({ value: each, place }) =>
      Object.entries(each as Record<string, unknown>).flatMap(([key, inner]) =>
        isObject(inner) ? [{ value: inner, place: depth < 4 ? `${place}${place && "."}${key}` : place }] : [],
      ),
    );
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** V8 often tells no position, so the broken text is read again by a parser that does. */
async function placeOfJsonError(content: string): Promise<string> {
  const { parse, printParseErrorCode } = await import("jsonc-parser");
  const errors: import("jsonc-parser").ParseError[] = [];
  try {
    parse(content, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // nested deeper than its stack
  }
  const first = errors.at(0);
  if (!first) return " broken JSON";
  const before = content.slice(0, first.offset).split("\n");
  const what = printParseErrorCode(first.error).replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${before.length}:${before[before.length - 1].length + 1}: broken JSON (${what})`;
}

/** Keeps good ids; a missing, malformed or repeated one becomes a hash of the cell, equal for equal files. */
function withIds(cells: readonly z.infer<typeof cellSchema>[]): Cell[] {
  const valid = (id: string | undefined): id is string => id !== undefined && /^[a-zA-Z0-9_-]{1,64}$/.test(id);
  const reserved = new Set(cells.map((cell) => cell.id).filter(valid));
  const used = new Set<string>();
  return cells.map((cell) => {
    let id = cell.id;
    for (let attempt = 0; !valid(id) || used.has(id) || (id !== cell.id && reserved.has(id)); attempt++)
      id = createHash("sha256").update(`${cell.cell_type}\0${cell.source}\0${attempt}`).digest("hex").slice(0, 8);
    used.add(id);
    return { ...cell, id };
  });
}

export function hasTag(cell: Cell, tag: string): boolean {
  return Array.isArray(cell.metadata.tags) && cell.metadata.tags.includes(tag);
}

/** Whether a run sends the cell to the kernel. */
export function isExecuted<T extends Cell>(cell: T): cell is T & CodeCell {
  return cell.cell_type === "code" && cell.source.trim() !== "" && !hasTag(cell, "skip-execution");
}

/** The file's text: deterministic, in the layout that Jupyter gives it. */
export function formatNotebook(notebook: Notebook): string {
  const file = {
    cells: notebook.cells.map(formatCell),
    metadata: notebook.metadata,
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(sorted(file), undefined, 1)}\n`;
}

/** Writes by a temporary file and a rename: readers see the old notebook or the new one. Makes the folder. */
export async function writeNotebook(file: string, notebook: Notebook): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeWhole(file, formatNotebook(notebook));
}

function formatCell(cell: Cell): JsonObject {
  const metadata = Object.fromEntries(
    Object.entries(cell.metadata).filter(([name]) => !VOLATILE_CELL_METADATA.includes(name)),
  );
  const shared = { ...cell, metadata, source: lines(cell.source) };
  return cell.cell_type === "code" ? { ...shared, outputs: cell.outputs.map(formatOutput) } : shared;
}

function formatOutput(output: Output): JsonObject {
  if (output.output_type === "stream") return { ...output, text: lines(output.text) };
  if (output.output_type === "error") return output;
  const splits = (type: string) =>
    type.startsWith("text/") || type === "image/svg+xml" || type === "application/javascript";
  const data = mapValues(output.data, (value, type) =>
    typeof value === "string" && splits(type) ? lines(value) : value,
  );
  return { ...output, data };
}

function isLines(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((line) => typeof line === "string");
}

function mapValues(from: JsonObject, change: (value: unknown, name: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, change(value, name)]));
}

/** Lines with their ends; no line for the empty text. */
function lines(value: string): string[] {
  return value === "" ? [] : value.split(/(?<=\n)/);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
