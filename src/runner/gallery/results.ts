/**
 * What one experiment left in its folder: result.json (written by the notebook through src/report), figures, tables and
 * the executed notebook. Read leniently, since older results and other people's notebooks must still show.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { readNotebook } from "../notebook/notebook.ts";
import { runRecordSchema, type RunRecord } from "../run-record.ts";

/** A number (the name of one where JSON has none: "Infinity"), words such as "about .034", or null. */
const scalar = z.union([z.number(), z.string(), z.null()]);
/** ... or an interval. */
const quantity = z.union([scalar, z.array(scalar)]).optional();

const rowSchema = z.looseObject({
  quantity: z.string(),
  paper: quantity,
  ours: quantity,
  standardError: scalar.optional(),
  verdict: z.string().default("no reference"),
  why: z.string().nullish(),
});
export type ResultRow = z.infer<typeof rowSchema>;

export const resultSchema = z.looseObject({
  experiment: z.string().optional(),
  title: z.string().nullish(),
  profile: z.string().nullish(),
  /** Names of the figures and tables, in the order in which the notebook made them. */
  figures: z.array(z.string()).default([]),
  tables: z.array(z.string()).default([]),
  rows: z.array(rowSchema).default([]),
  provenance: z.record(z.string(), z.unknown()).default({}),
  /** What the comparison is with, where it is not the paper. */
  reference: z.string().nullish(),
  /** The notebook's path in its project, "/" on every platform, where no executed notebook tells it. */
  source: z.string().optional(),
});
export type Result = z.infer<typeof resultSchema>;

export interface FigureFiles {
  readonly name: string;
  /** File names, the one to show first. */
  readonly images: readonly string[];
  /** The figure's Plotly JSON file, where there is one. */
  readonly json?: string;
  /** What that file holds, where it is a figure of Plotly's. */
  readonly plot?: PlotlyJson;
  /** Why it could not be used; begins with the file's name. */
  readonly problem?: string;
  readonly alt: string;
}

/** A Plotly figure as its json file holds it. */
export interface PlotlyJson {
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly layout: Readonly<Record<string, unknown>>;
}

export interface Experiment {
  /** "<paper>/<experiment>", "/" on every platform. */
  readonly name: string;
  readonly folder: string;
  readonly title: string;
  readonly result?: Result;
  /** Why result.json could not be used. */
  readonly problem?: string;
  readonly figures: readonly FigureFiles[];
  /** File names of tables. */
  readonly tables: readonly string[];
  readonly notebook?: string;
  readonly run?: RunRecord;
}

/** Every folder below `root` that holds a result.json or an executed notebook, by name. */
export async function findExperiments(root: string): Promise<Experiment[]> {
  const folders = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter(
      (folder) =>
        !path
          .relative(root, folder)
          .split(path.sep)
          .some((part) => part.startsWith(".")),
    )
    .sort();
  const found = await Promise.all(folders.map((folder) => readExperiment(root, folder)));
  return found.filter((experiment) => experiment !== undefined);
}

async function readExperiment(root: string, folder: string): Promise<Experiment | undefined> {
  const files = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
  const name = path.relative(root, folder).split(path.sep).join("/");
  const notebook = files.find((file) => file === `${path.basename(folder)}.ipynb`);
  if (!notebook && !files.includes("result.json")) return undefined;
  const executed = notebook && (await readNotebook(path.join(folder, notebook)).catch(() => undefined));
  const run = runRecordSchema.safeParse(executed ? executed.metadata.marginalia : undefined);
  const read = files.includes("result.json") ? await readResult(path.join(folder, "result.json")) : {};
  const heading =
    executed && /^#\s+(.+)$/m.exec(executed.cells.find((cell) => cell.cell_type === "markdown")?.source ?? "");
  return {
    name,
    folder,
    title: read.result?.title ?? (heading ? heading[1].trim() : words(path.basename(folder))),
    ...read,
    figures: await findFigures(folder, inOrder(files, read.result?.figures)),
    tables: inOrder(files, read.result?.tables).filter((file) => file.endsWith(".csv")),
    notebook,
    run: run.success ? run.data : undefined,
  };
}

/** Files whose names (without extension) stand in `names` first, in that order. */
function inOrder(files: readonly string[], names: readonly string[] = []): string[] {
  const rank = (file: string) => {
    const at = names.indexOf(file.replace(/\.[^.]*$/, ""));
    return at < 0 ? names.length : at;
  };
  return [...files].sort((a, b) => rank(a) - rank(b)); // stable: the others stay by name
}

async function readResult(file: string): Promise<{ result?: Result; problem?: string }> {
  try {
    const checked = resultSchema.safeParse(await readFlatJson(file));
    return checked.success ? { result: checked.data } : { problem: `result.json: ${z.prettifyError(checked.error)}` };
  } catch (error) {
    return { problem: `result.json: ${(error as Error).message}` };
  }
}

/** JSON that can be written again: what is nested without end could be read, and then not shown. */
async function readFlatJson(file: string): Promise<unknown> {
  const content: unknown = JSON.parse(await readFile(file, "utf8"));
  JSON.stringify(content);
  return content;
}

async function findFigures(folder: string, files: readonly string[]): Promise<FigureFiles[]> {
  const stems = [...new Set(files.filter((file) => /\.(svg|png)$/.test(file)).map((file) => file.slice(0, -4)))];
  return Promise.all(
    stems.map(async (stem) => {
      const images = [`${stem}.svg`, `${stem}.png`].filter((file) => files.includes(file));
      const json = files.includes(`${stem}.json`) ? `${stem}.json` : undefined;
      const read = json === undefined ? {} : await readPlot(folder, json);
      return { name: words(stem), images, json, ...read, alt: (read.plot && describePlot(read.plot)) || `Figure ${words(stem)}` }; // prettier-ignore
    }),
  );
}

const plotSchema = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  layout: z.record(z.string(), z.unknown()),
});

async function readPlot(folder: string, file: string): Promise<Pick<FigureFiles, "plot" | "problem">> {
  try {
    const checked = plotSchema.safeParse(await readFlatJson(path.join(folder, file)));
    if (checked.success) return { plot: checked.data };
    return { problem: `${file}: no figure of Plotly's, so its picture alone is shown; ${z.prettifyError(checked.error).replaceAll("\n", " ")}` }; // prettier-ignore
  } catch (error) {
    return { problem: `${file}: cannot be read, so its picture alone is shown; ${(error as Error).message}` };
  }
}

const titled = z.union([z.string(), z.looseObject({ text: z.string() }).transform(({ text }) => text)]);
const metaSchema = z.looseObject({ alt: z.string() });

/**
 * An alternative text from a Plotly figure: its own (layout.meta.alt), else title, axes and the names of its curves.
 */
function describePlot({ data, layout }: PlotlyJson): string {
  const meta = metaSchema.safeParse(layout.meta).data;
  if (meta?.alt) return meta.alt;
  const axis = (letter: string) => {
    const titles = Object.keys(layout)
      .filter((key) => new RegExp(`^${letter}axis\\d*$`).test(key))
      .map((key) => z.looseObject({ title: titled }).safeParse(layout[key]).data?.title);
    return [...new Set(titles.filter(Boolean))].join(" and ");
  };
  const [x, y] = [axis("x"), axis("y")];
  const shown = data.filter((trace) => trace.showlegend !== false).map((trace) => trace.name);
  const names = [...new Set(shown)].filter((name) => typeof name === "string" && name !== "");
  const parts = [
    titled.safeParse(layout.title).data,
    y && x ? `${y} against ${x}` : y || x,
    names.length > 0 ? `shown: ${names.join(", ")}` : undefined,
  ];
  return parts
    .filter(Boolean)
    .join("; ")
    .replace(/<br\s*\/?>/gi, " ")
    .replace(/<[^>]*>/g, ""); // Plotly's texts hold tags
}

/** "fig3-bounds" as "fig3 bounds". */
function words(name: string): string {
  return name.replace(/[-_]+/g, " ");
}
