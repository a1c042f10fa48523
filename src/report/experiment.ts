/**
 * One experiment of one paper: what a notebook opens in its parameters cell, hands its figures and tables to, and
 * compares with the paper at its end. Everything goes to <out>/<paper>/<experiment>/, each file written whole or not at
 * all.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { DataFrame } from "danfojs-node";
import { writeWholeSync } from "../base/whole-file.ts";
import type { PlotlyFigure } from "./figure.ts";
import { formatNumber } from "./number-format.ts";
import { notebookFolder, projectRoot, provenance, type DataKind, type Provenance } from "../base/provenance.ts";
import { table, tableCsv } from "./table.ts";
import { judge, type Comparison, type Verdict } from "../base/verdict.ts";

export type Profile = "quick" | "paper";

export interface ExperimentOptions {
  readonly title: string;
  /** Which of its scales a notebook ran at, such as "quick" and "paper"; none unless told. */
  readonly profile?: string;
  readonly seed?: number;
  /** The notebook's parameters; JSON values. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** By default "generated". */
  readonly data?: DataKind;
  /** By default "javascript". */
  readonly backend?: string;
  /** What the comparison is with, where it is not the paper: heads its column. */
  readonly reference?: string;
}

/** A number; or the name of one that JSON has not, "NaN", "Infinity" or "-Infinity"; or words. */
export type JsonNumber = number | string;

export interface ResultRow {
  readonly quantity: string;
  readonly paper: JsonNumber | readonly [low: JsonNumber, high: JsonNumber] | null;
  readonly ours: JsonNumber;
  readonly standardError: JsonNumber | null;
  readonly verdict: Verdict;
  readonly why: string;
}

/** result.json, whole. */
export interface ResultRecord {
  /** "<paper>/<experiment>", or "<experiment>". */
  readonly experiment: string;
  readonly title: string;
  readonly profile: string | null;
  /** Names of the figures and tables beside the file, in the order of the notebook. */
  readonly figures: readonly string[];
  readonly tables: readonly string[];
  readonly rows: readonly ResultRow[];
  /** What they are compared with, where it is not the paper. */
  readonly reference?: string;
  readonly provenance: Provenance;
}

const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

function checkName(what: string, name: string): string {
  if (!NAME_PATTERN.test(name))
    throw new TypeError(
      `${what} ${JSON.stringify(name)}: use letters, digits, "-", "_" and "." and start with a letter or digit`,
    );
  return name;
}

/** A record of JSON values as JSON holds it, so that a run and its record cannot differ; what JSON lacks is named. */
function jsonParameters(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(parameters, (_key, value: unknown) => {
      if (typeof value === "number") return Object.is(value, -0) ? "-0" : jsonNumber(value);
      return typeof value === "bigint" || value === undefined ? String(value) : value;
    }),
  ) as Record<string, unknown>;
}

const jsonNumber = (value: number): JsonNumber => (Number.isFinite(value) ? value : String(value));
const jsonPretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function readable(value: ResultRow["paper"]): string | number | null {
  if (typeof value === "object" && value !== null)
    return value.map((end) => (typeof end === "number" ? formatNumber(end) : end)).join(" to ");
  return value;
}

export class Experiment {
  /** "<paper>/<experiment>", or "<experiment>". */
  readonly name: string;
  /** Absolute; made when the first file is written. */
  readonly folder: string;
  readonly #options: ExperimentOptions;
  readonly #provenance: Provenance;
  readonly #figures = new Set<string>();
  readonly #tables = new Set<string>();

  constructor(name: string, options: ExperimentOptions) {
    const parts = name.split("/");
    if (parts.length > 2)
      throw new TypeError(
        `an experiment is named "<paper>/<experiment>", or "<experiment>" if no paper's, got ${JSON.stringify(name)}`,
      );
    parts.forEach((part) => checkName("experiment", part));
    const { profile } = options;
    if (profile !== undefined && (typeof profile !== "string" || profile.trim() === ""))
      throw new TypeError(`profile must be a name such as "quick" or "paper", or left out; got ${JSON.stringify(profile)}`); // prettier-ignore
    const out = process.env.MARGINALIA_OUT || path.join(projectRoot(notebookFolder()), "figures");
    this.name = name;
    this.folder = path.resolve(out, ...parts);
    this.#options = options;
    const { seed = null, data = "generated", backend = "javascript" } = options;
    const parameters = jsonParameters(options.parameters ?? {});
    this.#provenance = provenance({ seed, parameters, data, backend }, path.resolve(out));
  }

  /**
   * Writes <name>.svg, <name>.png and <name>.json; a small line in the drawing says where it came from.
   * @returns the figure that was written, which a notebook shows as the value of its cell.
   */
  figure(name: string, figure: PlotlyFigure): PlotlyFigure {
    this.#checkFileName("figure", name);
    const { commit, dirty, seed, data, marginalia } = this.#provenance;
    const source = commit === null ? "no commit" : `commit ${commit.slice(0, 7)}${dirty ? " with changes" : ""}`;
    const { profile } = this.#options;
    const note = `${profile === undefined ? "" : `${profile} profile · `}${data} data · seed ${seed ?? "none"} · ${source} · marginalia ${marginalia}`;
    const noted = figure.withNote(note, { experiment: this.name, profile: profile ?? null, ...this.#provenance });
    // both before the first write: no figure without its picture
    const drawn = { svg: noted.svg(), png: noted.png().bytes };
    this.#write(`${name}.svg`, drawn.svg);
    this.#write(`${name}.png`, drawn.png);
    this.#write(`${name}.json`, `${JSON.stringify(noted)}\n`);
    this.#figures.add(name);
    return noted;
  }

  /** Writes <name>.csv with every digit. @returns the frame. */
  table(name: string, frame: DataFrame): DataFrame {
    this.#checkFileName("table", name);
    this.#write(`${name}.csv`, tableCsv(frame));
    this.#tables.add(name);
    return frame;
  }

  /**
   * Compares with the paper and writes result.json: the notebook's last word, for it lists the figures and tables
   * written before.
   * @returns the comparison as a table.
   * @throws RangeError for no rows, or a row that the rule cannot judge.
   */
  compare(comparisons: readonly Comparison[]): DataFrame {
    if (!comparisons.length) throw new RangeError("compare needs at least one row");
    const { title, profile, reference } = this.#options;
    const rows = comparisons.map((comparison): ResultRow => {
      const { quantity, paper = null, ours, standardError = null } = comparison;
      const numbers = (value: unknown) => (typeof value === "number" ? jsonNumber(value) : value);
      return {
        quantity,
        paper: (Array.isArray(paper) ? paper.map(numbers) : numbers(paper)) as ResultRow["paper"],
        ours: numbers(ours) as ResultRow["ours"],
        standardError: numbers(standardError) as ResultRow["standardError"],
        ...judge(comparison),
      };
    });
    const record: ResultRecord = {
      experiment: this.name,
      title,
      profile: profile ?? null,
      figures: [...this.#figures],
      tables: [...this.#tables],
      rows,
      ...(reference === undefined ? {} : { reference }),
      provenance: this.#provenance,
    };
    this.#write("result.json", jsonPretty(record));
    const withErrors = rows.some((row) => row.standardError !== null);
    return table(
      {
        quantity: rows.map((row) => row.quantity),
        [reference ?? "paper"]: rows.map((row) => readable(row.paper)),
        ours: rows.map((row) => row.ours),
        ...(withErrors && { "standard error": rows.map((row) => row.standardError) }),
        verdict: rows.map((row) => row.verdict),
        why: rows.map((row) => row.why),
      },
      {
        caption: `${title}: comparison with ${reference ?? "the paper"}${profile === undefined ? "" : ` (${profile} profile)`}`,
      },
    );
  }

  #checkFileName(what: string, name: string) {
    checkName(what, name);
    if (name === "result") throw new TypeError(`${what} "result": the name is kept for result.json`);
  }

  #write(file: string, content: string | Uint8Array) {
    mkdirSync(this.folder, { recursive: true });
    writeWholeSync(path.join(this.folder, file), content);
  }
}

/**
 * Opens the experiment that a notebook is. Output goes to $MARGINALIA_OUT, else to `figures` in the notebook's project.
 * A notebook directly under notebooks/ is of no paper: its experiment's name has one part, so its figures lie beside
 * its executed copy.
 * @throws TypeError for a name that is not "<paper>/<experiment>" or "<experiment>", or a profile without a name.
 */
export function openExperiment(name: string, options: ExperimentOptions): Experiment {
  return new Experiment(name, options);
}
