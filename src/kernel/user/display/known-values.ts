/**
 * How values look that do not show themselves: frames of Danfo and arquero, tensors of TensorFlow.js, elements of a
 * DOM. They are known by what they can do, so that the kernel needs none of these libraries.
 */
import { corners, plainText } from "./plain-text.ts";

// User code may shadow globals; these stay what they are.
const { Array, Date, Math, Number, String } = globalThis;

type Bundle = Record<string, unknown>;

/** Rows and columns of a frame that are shown. */
const MAX_SHOWN_ROWS = 20;
const MAX_SHOWN_COLUMNS = 30;

interface Frame {
  readonly columns: readonly string[];
  /** One name a row; none when rows are only numbered. */
  readonly index?: readonly unknown[];
  readonly numRows: number;
  at(row: number, column: number): unknown;
}

/** The MIME bundle of `value`; undefined when it is nothing that is known here. */
export function knownBundle(value: unknown): Bundle | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const frame = arqueroTable(value) ?? danfoFrame(value);
  if (frame) return { "text/html": frameHtml(frame), "text/plain": frameText(frame) };
  return tensor(value) ?? element(value);
}

interface ArqueroTable {
  numRows(): number;
  columnNames(): string[];
  get(column: string, row: number): unknown;
  toHTML(): string;
}

function arqueroTable(value: object): Frame | undefined {
  const table = value as Partial<ArqueroTable>;
  for (const name of ["numRows", "columnNames", "get", "toHTML"] as const)
    if (typeof table[name] !== "function") return undefined;
  const { columns, numRows } = { columns: table.columnNames!(), numRows: table.numRows!() };
  return { columns, numRows, at: (row, column) => table.get!(columns[column], row) };
}

interface DanfoFrame {
  readonly $data: unknown;
  readonly columns: readonly unknown[];
  readonly index: readonly (string | number)[];
  readonly values: readonly unknown[];
  readonly shape: readonly number[];
}

function danfoFrame(value: object): Frame | undefined {
  const frame = value as Partial<DanfoFrame>;
  if (!("$data" in value && "$columns" in value) || !Array.isArray(frame.shape) || !Array.isArray(frame.index))
    return undefined;
  const values = frame.values as readonly unknown[];
  const columns = frame.columns!.map((name) => String(name));
  const isSeries = frame.shape.length === 1;
  const at = (row: number, column: number) => (isSeries ? values[row] : (values[row] as unknown[])[column]);
  return { columns, index: frame.index, numRows: frame.shape[0] as number, at };
}

interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly isDisposed?: boolean;
  dataSync(): ArrayLike<unknown>;
}

function tensor(value: object): Bundle | undefined {
  const { shape, dtype, dataSync, isDisposed } = value as Partial<Tensor>;
  if (!Array.isArray(shape) || typeof dtype !== "string" || typeof dataSync !== "function") return undefined;
  const title = `Tensor, ${dtype} of shape ${shape.length === 0 ? "[] (a scalar)" : shape.join(" × ")}`;
  if (isDisposed) return { "text/plain": `${title}, disposed` };
  if (dtype.startsWith("complex")) return { "text/plain": `${title}\n${String(value)}` };
  const data = (value as Tensor).dataSync();
  return { "text/plain": `${title}:\n${corners((index) => data[index], shape as number[])}` };
}

interface Element {
  readonly nodeType: number;
  readonly tagName: string;
  readonly outerHTML: string;
}

function element(value: object): Bundle | undefined {
  const { nodeType, tagName, outerHTML } = value as Partial<Element>;
  if (nodeType !== 1 || typeof outerHTML !== "string" || typeof tagName !== "string") return undefined;
  const isSvg = tagName.toLowerCase() === "svg";
  const markup =
    isSvg && !outerHTML.includes("xmlns=")
      ? outerHTML.replace(/^<svg/i, '<svg xmlns="http://www.w3.org/2000/svg"')
      : outerHTML;
  return { [isSvg ? "image/svg+xml" : "text/html"]: markup, "text/plain": `<${tagName.toLowerCase()}> element` };
}

// --- Frames ---

/** Indices of the rows or columns that are shown; -1 stands for those left out. */
function shownIndices(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, index) => index);
  const half = Math.floor(most / 2);
  return [
    ...Array.from({ length: half }, (_, index) => index),
    -1,
    ...Array.from({ length: half }, (_, index) => count - half + index),
  ];
}

/** Header and body as text; the first column names the rows. */
function cells(frame: Frame): string[][] {
  const columns = shownIndices(frame.columns.length, MAX_SHOWN_COLUMNS);
  const rows = shownIndices(frame.numRows, MAX_SHOWN_ROWS);
  const name = (row: number) => String(frame.index ? frame.index[row] : row);
  return [
    ["", ...columns.map((column) => (column < 0 ? "…" : frame.columns[column]))],
    ...rows.map((row) =>
      row < 0
        ? ["…", ...columns.map(() => "…")]
        : [name(row), ...columns.map((column) => (column < 0 ? "…" : cellText(frame.at(row, column))))],
    ),
  ];
}

function cellText(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
  if (typeof value === "string") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  return value === null || value === undefined ? "" : plainText(value).replaceAll(/\s+/g, " ");
}

const sizeOf = ({ numRows, columns }: Frame) => `${numRows} rows × ${columns.length} columns`;

function frameText(frame: Frame): string {
  const lines = cells(frame).map((row) => row.map((text) => text.replaceAll("\n", "⏎")));
  const widths = lines[0].map((_, column) => Math.max(...lines.map((row) => row[column].length)));
  return [
    ...lines.map((row) =>
      row
        .map((text, at) => text.padStart(widths[at]))
        .join("  ")
        .trimEnd(),
    ),
    sizeOf(frame),
  ].join("\n");
}

function frameHtml(frame: Frame): string {
  const [header, ...body] = cells(frame);
  const tagged = (tag: string, texts: readonly string[]) =>
    texts.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join("");
  const rows = body.map(([name, ...values]) => `<tr>${tagged("th", [name])}${tagged("td", values)}</tr>`);
  return (
    `<table>\n<thead><tr>${tagged("th", header)}</tr></thead>\n<tbody>\n${rows.join("\n")}\n</tbody>\n</table>\n` +
    `<p>${sizeOf(frame)}</p>`
  );
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (sign) => escapes[sign]);
}
