/**
 * Two pieces of data held against each other: tables column by column, Plotly figures trace by trace, rows by verdict,
 * text.
 */
import { csvParseRows } from "d3-dsv";
import type { ResultRow } from "../gallery/results.ts";
import type { Tolerance } from "./settings.ts";

/**
 * Where two results differ and how, each in the words of the notebook: "table fig3a, column error, row 7", ".012 became
 * .013".
 */
export interface Difference {
  readonly place: string;
  readonly what: string;
}

/** So many differences of one column, trace or text are told one by one. */
const MAX_SHOWN_DIFFERENCES = 3;

export function isClose(was: number, is: number, { relative, absolute }: Tolerance): boolean {
  if (Object.is(was, is) || was === is) return true;
  if (!Number.isFinite(was) || !Number.isFinite(is)) return false;
  return Math.abs(was - is) <= absolute + relative * Math.max(Math.abs(was), Math.abs(is));
}

/**
 * Csv text by columns; `toleranceOf` a column's name. Columns may come in another order, rows may not; where rows have
 * come or gone, those with the same labels (the columns that are no numbers) are compared.
 */
export function compareTables(
  name: string,
  was: string,
  is: string,
  toleranceOf: (column: string) => Tolerance,
): Difference[] {
  const place = `table ${name}`;
  const [oldHeader = [], ...oldRows] = csvParseRows(was);
  const [newHeader = [], ...newRows] = csvParseRows(is);
  const differences: Difference[] = [];
  for (const column of oldHeader)
    if (!newHeader.includes(column)) differences.push({ place, what: `column ${column} is gone` });
  for (const column of newHeader)
    if (!oldHeader.includes(column)) differences.push({ place, what: `column ${column} is new` });
  if (oldRows.length !== newRows.length)
    differences.push({ place, what: `${oldRows.length} rows became ${newRows.length}` });
  const shared = oldHeader.filter((column) => newHeader.includes(column));
  const [from, to] = [(column: string) => oldHeader.indexOf(column), (column: string) => newHeader.indexOf(column)];
  const isNumber = (column: string) => oldRows.every((row) => isNumberOrNothing(row[from(column)]));
  const keys = shared.filter((column) => !isNumber(column));
  const labels = keys.slice(0, 2);
  const rowName = (row: readonly string[], i: number) =>
    [`row ${i + 1}`, ...labels.map((column) => `${column} = ${row[from(column)]}`)].join(", ");
  const pairing = paired(
    oldRows,
    newRows,
    (row) => keys.map((column) => row[from(column)]).join("\0"),
    (row) => keys.map((column) => row[to(column)]).join("\0"),
  );
  const named = (row: readonly string[], index: (column: string) => number) =>
    keys.map((column) => `${column} = ${row[index(column)]}`).join(", ");
  differences.push(
    ...shortened([
      ...pairing.gone.map((row) => ({ place, what: `the row ${named(row, from)} is gone` })),
      ...pairing.added.map((row) => ({ place, what: `the row ${named(row, to)} is new` })),
    ], place), // prettier-ignore
  );
  for (const column of shared) {
    const tolerance = toleranceOf(column);
    if (tolerance.ignore) continue;
    const found: Difference[] = [];
    for (const [was, is, i] of pairing.pairs) {
      const what = cellDifference(was[from(column)], is[to(column)], tolerance);
      if (what) found.push({ place: `${place}, column ${column}, ${rowName(was, i)}`, what });
    }
    differences.push(...shortened(found, `${place}, column ${column}`));
  }
  return differences;
}

interface Pairing<T> {
  /** With the old one's index. */
  readonly pairs: readonly (readonly [was: T, is: T, index: number])[];
  readonly gone: readonly T[];
  readonly added: readonly T[];
}

/** As many of one as of the other go by their order; else by their names, where each has one of its own. */
function paired<T>(
  was: readonly T[],
  is: readonly T[],
  oldName: (item: T) => string,
  newName: (item: T) => string,
): Pairing<T> {
  // prettier-ignore
  const byOrder = was.slice(0, is.length).map((item, i) => [item, is[i], i] as const);
  if (was.length === is.length) return { pairs: byOrder, gone: [], added: [] };
  const after = new Map(is.map((item) => [newName(item), item]));
  const before = new Set(was.map(oldName));
  if (after.size < is.length || before.size < was.length) return { pairs: byOrder, gone: [], added: [] };
  return {
    pairs: was.flatMap((item, i) => {
      const now = after.get(oldName(item));
      return now === undefined ? [] : [[item, now, i] as const];
    }),
    gone: was.filter((item) => !after.has(oldName(item))),
    added: is.filter((item) => !before.has(newName(item))),
  };
}

function isNumberOrNothing(text: string): boolean {
  return text.trim() === "" || !Number.isNaN(Number(text)) || text === "NaN";
}

function cellDifference(was: string, is: string, tolerance: Tolerance): string | undefined {
  if (was === is) return undefined;
  const isNumeric = [was, is].every((text) => text.trim() !== "" && isNumberOrNothing(text));
  return isNumeric ? numberDifference(Number(was), Number(is), tolerance) : `${shown(was)} became ${shown(is)}`;
}

export function numberDifference(was: number, is: number, tolerance: Tolerance): string | undefined {
  if (isClose(was, is, tolerance)) return undefined;
  const relative = Math.abs(was - is) / Math.max(Math.abs(was), Math.abs(is));
  const size = Number.isFinite(relative) ? ` (${short(relative)} relative, ${short(Math.abs(was - is))} absolute; allowed ${tolerance.relative} relative + ${tolerance.absolute})` : ""; // prettier-ignore
  return `${was} became ${is}${size}`;
}

const short = (x: number) => String(Number(x.toPrecision(2)));

interface PlainFigure {
  readonly data?: unknown;
  readonly layout?: unknown;
}

/**
 * A Plotly figure trace by trace, then its layout but for what describes the run (`meta`) and the style (`template`).
 */
export function compareFigures(name: string, was: PlainFigure, is: PlainFigure, tolerance: Tolerance): Difference[] {
  if (tolerance.ignore) return [];
  const place = `figure ${name}`;
  const [oldTraces, newTraces] = [was, is].map(({ data }) => (Array.isArray(data) ? (data as unknown[]) : []));
  const differences: Difference[] = [];
  if (oldTraces.length !== newTraces.length)
    differences.push({ place, what: `${oldTraces.length} traces became ${newTraces.length}` });
  const titled = (trace: unknown) => {
    const title = (trace as { name?: unknown } | null)?.name;
    return typeof title === "string" ? ` "${title}"` : "";
  };
  const { pairs, gone, added } = paired(oldTraces, newTraces, titled, titled);
  for (const trace of gone) differences.push({ place, what: `the trace${titled(trace)} is gone` });
  for (const trace of added) differences.push({ place, what: `the trace${titled(trace)} is new` });
  for (const [before, after, i] of pairs) {
    const trace = `${place}, trace ${i + 1}${titled(before)}`;
    differences.push(...shortened(compareValues(trace, before, after, tolerance), trace));
  }
  const layouts = [was, is].map(({ layout }) => ({
    ...(layout as object | undefined),
    meta: undefined,
    template: undefined,
  }));
  const layout = `${place}, layout`;
  return [...differences, ...shortened(compareValues(layout, layouts[0], layouts[1], tolerance), layout)];
}

/** JSON values in depth; numbers by tolerance, all else by equality. An absent property is an undefined one. */
export function compareValues(place: string, was: unknown, is: unknown, tolerance: Tolerance): Difference[] {
  if (typeof was === "number" && typeof is === "number") {
    const what = numberDifference(was, is, tolerance);
    return what ? [{ place, what }] : [];
  }
  if (Array.isArray(was) && Array.isArray(is)) {
    const length = was.length === is.length ? [] : [{ place, what: `${was.length} items became ${is.length}` }];
    const shared = Math.min(was.length, is.length);
    const items = Array.from({ length: shared }, (_, i) => compareValues(`${place}[${i}]`, was[i], is[i], tolerance));
    return [...length, ...items.flat()];
  }
  if (isRecord(was) && isRecord(is)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    return keys.flatMap((key) => compareValues(`${place}, ${key}`.replace(/\], /, "]."), was[key], is[key], tolerance));
  }
  return Object.is(was, is) ? [] : [{ place, what: `${shown(was)} became ${shown(is)}` }];
}

/** The comparison with the paper, row by row: by verdict, and with a tolerance by our value too. */
export function compareRows(was: readonly ResultRow[], is: readonly ResultRow[], tolerance?: Tolerance): Difference[] {
  const differences: Difference[] = [];
  for (const row of was) {
    const place = `comparison "${row.quantity}"`;
    const now = is.find(({ quantity }) => quantity === row.quantity);
    if (!now) {
      differences.push({ place, what: "is gone" });
      continue;
    }
    if (row.verdict !== now.verdict)
      differences.push({ place, what: `verdict ${row.verdict} became ${now.verdict} (ours ${shown(row.ours)} became ${shown(now.ours)}, paper ${shown(now.paper)})` }); // prettier-ignore
    differences.push(
      ...compareValues(`${place}, paper`, row.paper, now.paper, { relative: 0, absolute: 0, ignore: false }),
    );
    if (tolerance && !tolerance.ignore)
      differences.push(...compareValues(`${place}, ours`, row.ours, now.ours, tolerance));
  }
  for (const { quantity } of is)
    if (!was.some((row) => row.quantity === quantity))
      differences.push({ place: `comparison "${quantity}"`, what: "is new" });
  return differences;
}

const NUMBER = /(?<![\p{L}\d.])[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\p{L}\d])/giu;

/** Text line by line: the words exactly, numbers by tolerance, blank space at line ends not at all. */
export function compareTexts(place: string, was: string, is: string, tolerance: Tolerance): Difference[] {
  const [before, after] = [was, is].map((text) => text.trimEnd().split("\n"));
  const found: Difference[] = [];
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const [a, b] = [before[i], after[i]];
    if (a !== undefined && b !== undefined && sameLine(a, b, tolerance)) continue;
    const lines = [...(a === undefined ? [] : [`- ${a}`]), ...(b === undefined ? [] : [`+ ${b}`])];
    found.push({ place: `${place}, line ${i + 1}`, what: lines.join("\n") });
  }
  return shortened(found, place);
}

function sameLine(was: string, is: string, tolerance: Tolerance): boolean {
  if (was.trimEnd() === is.trimEnd()) return true;
  const words = (line: string) => line.replace(NUMBER, "#").replace(/\s+/g, " ").trim();
  if (words(was) !== words(is)) return false;
  const [a, b] = [was, is].map((line) => [...line.matchAll(NUMBER)].map(([number]) => Number(number)));
  return a.every((value, i) => isClose(value, b[i], tolerance));
}

export function shortened(found: readonly Difference[], place: string): Difference[] {
  if (found.length <= MAX_SHOWN_DIFFERENCES + 1) return [...found];
  return [
    ...found.slice(0, MAX_SHOWN_DIFFERENCES),
    { place, what: `and ${found.length - MAX_SHOWN_DIFFERENCES} more differences` },
  ];
}

export function shown(value: unknown): string {
  const text =
    value === undefined ? "nothing" : typeof value === "string" ? JSON.stringify(value) : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
