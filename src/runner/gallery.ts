/** Writes <output root>/index.html, one static page that shows every experiment found below it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { csvParseRows } from "d3-dsv";
import { writeWhole } from "./whole-file.ts";
import { galleryPage, type Table } from "./gallery-page.ts";
import { InputError } from "./input-error.ts";
import { findExperiments, type Experiment } from "./results.ts";

export interface Gallery {
  readonly file: string;
  readonly experiments: readonly Experiment[];
}

/** Throws an InputError when there is no folder `root`. */
export async function writeGallery(root: string): Promise<Gallery> {
  const { file, page, experiments } = await makeGallery(root);
  await writeWhole(file, page);
  return { file, experiments };
}

/** The page without writing it. The same files give the same page, byte for byte. */
export async function makeGallery(root: string): Promise<Gallery & { readonly page: string }> {
  let experiments: Experiment[];
  try {
    experiments = await findExperiments(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new InputError(`${root}: no such folder; run a notebook first, or name the folder with --out`);
  }
  const pages = await Promise.all(
    experiments.map(async (experiment) => ({
      experiment,
      tables: await Promise.all(experiment.tables.map((file) => readTable(experiment.folder, file))),
    })),
  );
  return { file: path.join(root, "index.html"), experiments, page: galleryPage(pages) };
}

async function readTable(folder: string, file: string): Promise<Table> {
  const [header = [], ...rows] = csvParseRows(await readFile(path.join(folder, file), "utf8"));
  return { file, header, rows };
}
