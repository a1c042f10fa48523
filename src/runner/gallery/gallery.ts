/**
 * Writes <output root>/index.html, one static page that shows every experiment found below it, and Plotly beside it.
 */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { csvParseRows } from "d3-dsv";
import { z } from "zod";
import { writeWhole } from "../../base/whole-file.ts";
import { plotlyFor } from "./figures.ts";
import { galleryPage, type Table } from "./page.ts";
import { InputError } from "../../base/input-error.ts";
import { projectRoot } from "../locations.ts";
import { refuseLinksOut } from "../output-links.ts";
import { findExperiments, type Experiment } from "./results.ts";

export interface Gallery {
  readonly file: string;
  readonly experiments: readonly Experiment[];
}

/** The name of Plotly's file beside the page. */
const PLOTLY_FILE = "plotly.min.js";

/** Throws an InputError when there is no folder `root`, or one of the files is a link that leads out of it. */
export async function writeGallery(root: string): Promise<Gallery> {
  const { file, page, plotly, experiments } = await makeGallery(root);
  const beside = path.join(root, PLOTLY_FILE);
  for (const each of [file, beside]) await refuseLinksOut(root, each);
  if (plotly === undefined) await rm(beside, { force: true });
  else if (!(await readFile(beside).catch(() => undefined))?.equals(plotly)) await writeWhole(beside, plotly);
  await writeWhole(file, page);
  return { file, experiments };
}

/** Files of the gallery that are not what `makeGallery` gives now. */
export async function staleFiles({ file, page, plotly }: Awaited<ReturnType<typeof makeGallery>>): Promise<string[]> {
  const beside = path.join(path.dirname(file), PLOTLY_FILE);
  const isPage = (await readFile(file, "utf8").catch(() => undefined)) === page;
  const isPlotly = plotly ? (await readFile(beside).catch(() => undefined))?.equals(plotly) : !existsSync(beside);
  return [...(isPage ? [] : [file]), ...(isPlotly ? [] : [beside])];
}

/**
 * The page, and Plotly's file if it needs one, without writing them. The same files give the same page, byte for byte.
 */
export async function makeGallery(
  root: string,
): Promise<Gallery & { readonly page: string; readonly plotly: Buffer | undefined }> {
  let experiments: Experiment[];
  try {
    experiments = await findExperiments(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new InputError(`${root}: no such folder; run a notebook first, or name the folder with --out`);
  }
  const shown = await Promise.all(
    experiments.map(async (experiment) => ({
      experiment,
      tables: await Promise.all(experiment.tables.map((file) => readTable(experiment.folder, file))),
      source: sourceOf(experiment, root),
    })),
  );
  const plotly = plotlyFor(experiments.flatMap(({ figures }) => figures));
  return {
    file: path.join(root, "index.html"),
    experiments,
    page: galleryPage(shown, { heading: await headingOf(root), plotly: plotly && PLOTLY_FILE }),
    plotly: plotly === undefined ? undefined : await readFile(plotly),
  };
}

const packageSchema = z.object({ name: z.string().min(1) });

/** The name of the project whose figures these are: its package's, else its folder's; "marginalia" as "Marginalia". */
async function headingOf(root: string): Promise<string> {
  const project = projectRoot(root) ?? path.dirname(root);
  const manifest: unknown = await readFile(path.join(project, "package.json"), "utf8")
    .then(JSON.parse)
    .catch(() => undefined);
  const name = packageSchema.safeParse(manifest).data?.name.replace(/^@[^/]*\//, "") ?? path.basename(project);
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Where the notebook's source lies, relative to the page, if it is there. */
function sourceOf({ run, result }: Experiment, root: string): string | undefined {
  const project = projectRoot(root);
  const source = run?.source ?? result?.source;
  if (project === undefined || source === undefined || !existsSync(path.join(project, source))) return undefined;
  return path.relative(root, path.join(project, source)).split(path.sep).join("/");
}

async function readTable(folder: string, file: string): Promise<Table> {
  const [header = [], ...rows] = csvParseRows(await readFile(path.join(folder, file), "utf8"));
  return { file, header, rows };
}
