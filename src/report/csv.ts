/** Tables as csv (RFC 4180), with every float64 as it is. */
import { csvParseRows, dsvFormat } from "d3-dsv";

export type Cell = number | string | boolean | null;

function cellText(value: Cell | undefined): string {
  if (value === null || value === undefined) return "";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** LF after each row, quotes where a cell needs them; NaN, Infinity and -Infinity by name. */
export const csvText = (rows: readonly (readonly (Cell | undefined)[])[], separator = ","): string =>
  `${dsvFormat(separator).formatRows(rows.map((row) => row.map(cellText)))}\n`;

const NUMBER = /^[+-]?(Infinity|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)$|^NaN$/i;

/**
 * The values of a csv's column: numbers if every cell is one, truth values likewise, else strings; empty cells are
 * null.
 */
function typedColumn(cells: readonly string[]): Cell[] {
  const filled = cells.filter((text) => text !== "");
  const read = (value: (text: string) => Cell) => cells.map((text) => (text === "" ? null : value(text)));
  if (filled.every((text) => NUMBER.test(text))) return read(Number);
  if (filled.every((text) => text === "true" || text === "false")) return read((text) => text === "true");
  return read(String);
}

/**
 * The columns of a csv with a header line, each [numRows].
 * @throws RangeError without a row below the header, for two columns of one name, or a row of another length than the
 *   header.
 */
export function csvColumns(text: string): { names: string[]; columns: Cell[][] } {
  const [names, ...rows] = csvParseRows(text.replace(/^\ufeff/, ""));
  if (!rows.length) throw new RangeError("a table needs a header line and at least one row, and the csv has not");
  if (new Set(names).size < names.length)
    throw new RangeError(`the csv's columns need names of their own, got ${names.join(", ")}`);
  rows.forEach((row, index) => {
    if (row.length !== names.length)
      throw new RangeError(`row ${index + 1} of the csv has ${row.length} cells, its header ${names.length}`);
  });
  return { names, columns: names.map((_, column) => typedColumn(rows.map((row) => row[column]))) };
}
