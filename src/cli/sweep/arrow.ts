/** Columns as an Arrow IPC file, which pandas, polars, DuckDB and R read with types and nulls. */
import type { Column } from "../../runner/sweep/dataframe.ts";

export async function columnTable(columns: readonly Column[]): Promise<Uint8Array> {
  const { bool, float64, tableFromArrays, tableToIPC, utf8 } = await import("@uwdata/flechette");
  const types = Object.fromEntries(
    columns.map(({ name, type }) => [name, type === "number" ? float64() : type === "boolean" ? bool() : utf8()]),
  );
  const arrays = Object.fromEntries(columns.map(({ name, values }) => [name, [...values]]));
  return tableToIPC(tableFromArrays(arrays, { types }), { format: "file" })!;
}
