/**
 * A notebook executed again and held against what is committed of it: the figures, tables and comparison in its folder below the
 * output root, and the outputs of the executed notebook there (else those that the notebook itself holds). Commit, machine and
 * times are not compared: they are in result.json's provenance, the figures' `meta` and the executed notebook's metadata, and
 * drawn into svg and png, which are pictures of the json that is compared.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { readNotebook, type Notebook } from "../notebook.ts";
import { resultSchema, type Result } from "../results.ts";
import { runRecordSchema, type RunRecord } from "../run-record.ts";
import { compareFigures, compareRows, compareTables, type Difference } from "./compare.ts";
import { compareOutputs } from "./outputs.ts";
import type { CheckSettings } from "./settings.ts";

/** What is committed of one notebook. */
export interface Reference {
  /** Undefined when there are only the notebook's own outputs. */
  readonly folder?: string;
  readonly notebook?: Notebook;
  /** How the committed run was made. */
  readonly run?: RunRecord;
}

/** `folder` is the experiment's, `source` the notebook as read. Undefined when nothing is there to compare with. */
export async function findReference(folder: string, source: Notebook): Promise<Reference | undefined> {
  const files = await filesIn(folder);
  const name = `${path.basename(folder)}.ipynb`;
  if (files.includes(name)) {
    const notebook = await readNotebook(path.join(folder, name));
    return { folder, notebook, run: runRecordSchema.safeParse(notebook.metadata.marginalia).data };
  }
  const hasOutputs = source.cells.some((cell) => cell.cell_type === "code" && cell.outputs.length > 0);
  if (files.includes("result.json")) return { folder, notebook: hasOutputs ? source : undefined };
  return hasOutputs ? { notebook: source } : undefined;
}

/** How the experiment in `fresh` (a folder) and `executed` differ from the reference. */
export async function compareWithReference(
  reference: Reference,
  fresh: string,
  executed: Notebook,
  settings: CheckSettings,
): Promise<Difference[]> {
  const isWritten = reference.folder !== undefined;
  const outputs = reference.notebook ? compareOutputs(reference.notebook, executed, settings, isWritten) : [];
  if (reference.folder === undefined) return outputs;
  const [was, is] = await Promise.all([filesIn(reference.folder), filesIn(fresh)]);
  const kept = (file: string) => /\.(csv|json|svg|png)$/.test(file);
  const gone = was.filter((file) => kept(file) && !is.includes(file));
  const added = is.filter((file) => kept(file) && !was.includes(file));
  const differences: Difference[] = [
    ...gone.map((file) => ({ place: file, what: "is committed, but was not written" })),
    ...added.map((file) => ({ place: file, what: "was written, but is not committed" })),
  ];
  for (const file of was.filter((name) => is.includes(name))) {
    const texts = () =>
      Promise.all([reference.folder!, fresh].map((folder) => readFile(path.join(folder, file), "utf8")));
    const name = file.replace(/\.[^.]*$/, "");
    if (file.endsWith(".csv")) {
      const [before, after] = await texts();
      differences.push(...compareTables(name, before, after, (column) => settings.ofColumn(name, column)));
    } else if (file.endsWith(".json")) {
      const [before, after] = (await texts()).map((text, i) => parseJson(text, [reference.folder!, fresh][i], file));
      if (file === "result.json") differences.push(...compareResults(before, after, settings));
      else differences.push(...compareFigures(name, before as object, after as object, settings.ofFigure(name)));
    }
  }
  return [...differences, ...outputs];
}

function compareResults(was: unknown, is: unknown, settings: CheckSettings): Difference[] {
  const [before, after] = [was, is].map((value) => resultSchema.safeParse(value));
  if (!before.success || !after.success) return [{ place: "result.json", what: "is not as src/report writes it" }];
  return [...compareRows(before.data.rows, after.data.rows, settings.ofRows), ...profiles(before.data, after.data)];
}

function profiles(was: Result, is: Result): Difference[] {
  return was.profile === is.profile
    ? []
    : [{ place: "result.json", what: `profile ${was.profile} became ${is.profile}` }];
}

function parseJson(text: string, folder: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`${path.join(folder, file)} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return []; // never run
  }
}
