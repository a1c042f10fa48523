/**
 * Tables: Danfo data frames that show themselves as HTML and write themselves as csv.
 *
 * Danfo holds and presents; it does not compute, since its frame arithmetic goes through float32. What a table holds
 * has been computed in float64 (statistics.ts, arquero), and the csv gives every number back bit for bit.
 */
import { createRequire } from "node:module";
import type { DataFrame } from "danfojs-node";
import { writeWholeSync } from "../base/whole-file.ts";
import { csvColumns, csvText, type Cell } from "./csv.ts";
import { columnFormatter } from "./number-format.ts";

const require = createRequire(import.meta.url);

/** One record a row. */
export type Rows = readonly Readonly<Record<string, unknown>>[];
export type Columns = Readonly<Record<string, ArrayLike<Cell | undefined>>>;
/** What arquero's tables offer. */
export interface ColumnTable {
  columnNames(): string[];
  array(name: string): ArrayLike<unknown>;
}

export interface TableOptions {
  readonly caption?: string;
  /** Column name to unit, set in square brackets after the name. */
  readonly units?: Readonly<Record<string, string>>;
  /** Significant digits shown; the csv has all. */
  readonly digits?: number;
  /** Longer tables show their first and last rows only. */
  readonly maximumRows?: number;
}

const shownOptions = new WeakMap<object, TableOptions>();
const display = Symbol.for("Jupyter.display");
let frames: typeof import("danfojs-node") | undefined;

/** Danfo takes about a second to load, so it is loaded with the first table; every frame then shows itself as HTML. */
function danfo(): typeof import("danfojs-node") {
  if (!frames) {
    frames = require("danfojs-node") as typeof import("danfojs-node");
    const exported = frames.DataFrame.prototype as object;
    // The class that Danfo's own results (sortValues, head, groupby) are of, from which the exported one is derived.
    const base = Object.getPrototypeOf(exported) as object;
    replaceMethod(base, display, function () {
      return { "text/html": tableHtml(this), "text/plain": tableText(this) };
    });
    replaceMethod(base, "$setInternalColumnDataProperty", defineColumns);
    for (const prototype of [base, exported]) replaceMethod(prototype, "toCSV", toCSV);
  }
  return frames;
}

function replaceMethod<Arguments extends unknown[]>(
  prototype: object,
  name: string | symbol,
  value: (this: DataFrame, ...given: Arguments) => unknown,
): void {
  Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
}

/**
 * In place of Danfo's method that makes a column readable as frame["name"]: a column named as a member of frames
 * (values, columns, shape) leaves that member as it is, where Danfo's hides it and then fails; frame.column(name) gives
 * every column.
 */
function defineColumns(this: DataFrame, name?: string): void {
  const frame = this as unknown as FrameInternals;
  for (const column of name === undefined ? frame.columns : [name])
    if (!(column in frame))
      Object.defineProperty(frame, column, {
        get: () => frame.$getColumnData(column),
        set: (values) => frame.$setColumnData(column, values),
      });
}

interface FrameInternals {
  readonly columns: readonly string[];
  $getColumnData(name: string): unknown;
  $setColumnData(name: string, values: unknown): void;
}

interface CsvOptions {
  readonly sep?: string;
  readonly header?: boolean;
  readonly filePath?: string;
}

/** In place of Danfo's method of this name and these options, which quotes nothing. */
function toCSV(this: DataFrame, { sep = ",", header = true, filePath }: CsvOptions = {}): string | undefined {
  const { names, rows } = contents(this);
  const text = csvText(header ? [names, ...rows] : rows, sep);
  if (filePath !== undefined) writeWholeSync(filePath.endsWith(".csv") ? filePath : `${filePath}.csv`, text);
  return filePath === undefined ? text : undefined;
}

function cell(column: string, value: unknown): Cell {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  throw new TypeError(
    `column "${column}" holds ${Object.prototype.toString.call(value)}; a cell is a number, string, boolean or null`,
  );
}

const isColumnTable = (source: object): source is ColumnTable => "columnNames" in source && typeof source.columnNames === "function"; // prettier-ignore

/**
 * A data frame from columns (plain or typed arrays), from rows (records whose keys are the columns, in the order in which
 * they first come; what a row lacks is null) or from an arquero table; the values are copied.
 * @throws RangeError for no columns, no rows, or columns of different lengths; TypeError for cells that are no scalars.
 * @example table([{ method: "bp", error: 0.1 }, { method: "exact", error: 0 }])
 */
export function table(source: Columns | Rows | ColumnTable, options: TableOptions = {}): DataFrame {
  const named: [string, ArrayLike<unknown>][] = isRows(source)
    ? columnsOf(source)
    : isColumnTable(source)
      ? source.columnNames().map((name) => [name, source.array(name)])
      : Object.entries(source);
  if (!named.length) throw new RangeError("a table needs at least one column");
  const lengths = named.map(([name, values]) => `${name}: ${values.length}`);
  if (named.some(([, values]) => values.length !== named[0][1].length))
    throw new RangeError(`columns of different lengths (${lengths.join(", ")})`);
  if (!named[0][1].length)
    throw new RangeError(`a table needs at least one row (${named.map(([name]) => name).join(", ")} are empty)`);
  const columns = named.map(([name, values]) => Array.from(values, (value) => cell(name, value)));
  return frameOf(
    named.map(([name]) => name),
    columns,
    options,
  );
}

const isRows = (source: object): source is Rows => Array.isArray(source);

function columnsOf(rows: Rows): [string, unknown[]][] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return names.map((name) => [name, rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null))]);
}

function frameOf(names: string[], columns: readonly Cell[][], options: TableOptions): DataFrame {
  const { DataFrame } = danfo();
  const rows = columns[0].map((_, row) => columns.map((column) => column[row]));
  const frame = new DataFrame(rows, { columns: names });
  shownOptions.set(frame, options);
  return frame;
}

/** Column names and rows of a frame. */
function contents(frame: DataFrame): { names: string[]; rows: Cell[][] } {
  return { names: frame.columns, rows: frame.values as Cell[][] };
}

interface Shown {
  readonly heads: { readonly name: string; readonly unit?: string; readonly numeric: boolean }[];
  /** Formatted cells; undefined marks the gap of a shortened table. */
  readonly rows: (string[] | undefined)[];
  readonly caption?: string;
  readonly note?: string;
}

function shown(frame: DataFrame): Shown {
  const { caption, units, digits = 4, maximumRows = 60 } = shownOptions.get(frame) ?? {};
  const { names, rows } = contents(frame);
  const numeric = names.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  const formatters = names.map((_, column) =>
    columnFormatter(
      rows.map((row) => row[column]).filter((value) => typeof value === "number"),
      digits,
    ),
  );
  const formatted = (row: Cell[]) =>
    row.map((value, column) =>
      typeof value === "number" ? formatters[column](value) : value === null ? "" : String(value),
    );
  const first = Math.ceil(maximumRows / 2);
  const last = Math.floor(maximumRows / 2);
  const whole = rows.length <= maximumRows;
  return {
    heads: names.map((name, column) => ({
      name,
      unit: units && Object.hasOwn(units, name) ? units[name] : undefined,
      numeric: numeric[column],
    })),
    rows: whole
      ? rows.map(formatted)
      : [...rows.slice(0, first).map(formatted), undefined, ...rows.slice(rows.length - last).map(formatted)],
    caption,
    note: whole ? undefined : `${rows.length} rows; the first ${first} and the last ${last} are shown.`,
  };
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character]);

/** The frame as an HTML table: text escaped, numbers to the right, caption and units as given. */
function tableHtml(frame: DataFrame): string {
  const { heads, rows, caption, note } = shown(frame);
  // Both forms: notebook front ends let their own style sheet win over the attribute, GitHub strips the style.
  const align = heads.map(({ numeric }) => {
    const side = numeric ? "right" : "left";
    return `align="${side}" style="text-align:${side}"`;
  });
  const head = heads.map(({ name, unit }, column) => `<th scope="col" ${align[column]}>${escapeHtml(name)}${unit ? ` [${escapeHtml(unit)}]` : ""}</th>`); // prettier-ignore
  const body = rows.map((row) =>
    row
      ? `<tr>${row.map((text, column) => `<td ${align[column]}>${escapeHtml(text)}</td>`).join("")}</tr>`
      : `<tr>${heads.map((_, column) => `<td ${align[column]}>…</td>`).join("")}</tr>`,
  );
  return [
    "<table>",
    ...(caption ? [`<caption>${escapeHtml(caption)}</caption>`] : []),
    `<thead><tr>${head.join("")}</tr></thead>`,
    "<tbody>",
    ...body,
    "</tbody>",
    "</table>",
    ...(note ? [`<p>${escapeHtml(note)}</p>`] : []),
  ].join("\n");
}

/** The frame as aligned plain text. */
function tableText(frame: DataFrame): string {
  const { heads, rows, caption, note } = shown(frame);
  const lines = [
    heads.map(({ name, unit }) => (unit ? `${name} [${unit}]` : name)),
    ...rows.map((row) => row ?? heads.map(() => "…")),
  ];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => [...line[column]].length)));
  const padded = (text: string, column: number) => {
    const space = " ".repeat(widths[column] - [...text].length);
    return heads[column].numeric ? space + text : text + space;
  };
  return [
    ...(caption ? [caption] : []),
    ...lines.map((line) => line.map(padded).join("  ").trimEnd()),
    ...(note ? [note] : []),
  ].join("\n");
}

/**
 * The frame as csv (RFC 4180 quoting, LF). Numbers read back as the same float64; NaN, Infinity and -Infinity by name.
 */
export function tableCsv(frame: DataFrame): string {
  const { names, rows } = contents(frame);
  return csvText([names, ...rows]);
}

/**
 * Reads what tableCsv writes, and other csv with a header line: every float64 as it was, NaN and the infinities
 * included (Danfo's readCSV makes strings of such a column). Read the file first: `tableOfCsv(readFileSync("x.csv",
 * "utf8"))`.
 * @throws RangeError without a row below the header, for two columns of one name, or a row of another length than the
 *   header.
 */
export function tableOfCsv(text: string, options: TableOptions = {}): DataFrame {
  const { names, columns } = csvColumns(text);
  return frameOf(names, columns, options);
}
