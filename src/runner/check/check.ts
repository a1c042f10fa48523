/**
 * A notebook executed again and held against what is committed of it: the figures, tables and comparison in its folder
 * below the output root, and the outputs of the executed notebook there (else those that the notebook itself holds).
 * Commit, machine and times are not compared: they are in result.json's provenance, the figures' `meta`, the executed
 * notebook's metadata, and the note below svg and png. A picture of data that differ, but by less than the notebook's
 * own tolerance, is not compared.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { readNotebook, type Notebook } from "../notebook/notebook.ts";
import { resultSchema, type Result } from "../gallery/results.ts";
import { runRecordSchema, type RunRecord } from "../run-record.ts";
import { compareFigures, compareRows, compareTables, type Difference } from "./compare.ts";
import { compareOutputs } from "./outputs.ts";
import { comparePng } from "./png.ts";
import { DEFAULT_TOLERANCE, type CheckSettings } from "./settings.ts";
import { compareSvg, noteRows } from "./svg.ts";

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
  const both = was.filter((name) => is.includes(name));
  const folders = { was: reference.folder, is: fresh, files: both };
  for (const file of both) differences.push(...(await compareFiles(folders, file, settings)));
  return [...differences, ...outputs];
}

interface Folders {
  readonly was: string;
  readonly is: string;
  /** What is in both. */
  readonly files: readonly string[];
}

async function compareFiles(folders: Folders, file: string, settings: CheckSettings): Promise<Difference[]> {
  const name = file.replace(/\.[^.]*$/, "");
  switch (path.extname(file)) {
    case ".csv": {
      const [before, after] = await textsOf(folders, file);
      return compareTables(name, before, after, (column) => settings.ofColumn(name, column));
    }
    case ".json": {
      const [before, after] = await jsonOf(folders, file);
      if (file === "result.json") return compareResults(before, after, settings);
      return compareFigures(name, before as object, after as object, settings.ofFigure(name));
    }
    case ".svg":
    case ".png":
      return comparePictures(folders, file, name, settings);
    default:
      return [];
  }
}

async function comparePictures(folders: Folders, file: string, name: string, settings: CheckSettings) {
  if (settings.ofFigure(name).ignore || !(await isOfSameData(folders, name))) return [];
  if (file.endsWith(".svg")) {
    const [before, after] = await textsOf(folders, file);
    return compareSvg(name, before, after, settings.ofFigure(name));
  }
  const [before, after] = await Promise.all(
    [folders.was, folders.is].map((folder) => readFile(path.join(folder, file))),
  );
  const [, drawing] = folders.files.includes(`${name}.svg`) ? await textsOf(folders, `${name}.svg`) : [];
  return comparePng(`picture ${file}`, before, after, drawing === undefined ? undefined : noteRows(drawing));
}

/**
 * Data that differ are told themselves, unless the notebook allows that they do: their pictures may then differ in
 * anything.
 */
async function isOfSameData(folders: Folders, name: string): Promise<boolean> {
  if (!folders.files.includes(`${name}.json`)) return true;
  const [before, after] = await jsonOf(folders, `${name}.json`);
  return compareFigures(name, before as object, after as object, DEFAULT_TOLERANCE).length === 0;
}

function textsOf({ was, is }: Folders, file: string): Promise<string[]> {
  return Promise.all([was, is].map((folder) => readFile(path.join(folder, file), "utf8")));
}

async function jsonOf(folders: Folders, file: string): Promise<unknown[]> {
  return (await textsOf(folders, file)).map((text, i) => parseJson(text, [folders.was, folders.is][i], file));
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
