/**
 * record(name, value): publishes a value of a notebook under a name, for sweeps and other readers of the executed notebook. It is an
 * output of its cell like any other, of the MIME type below, so it is kept, cached and restored with the notebook.
 */
import { display } from "./display.ts";

export const RECORD_MIME = "application/vnd.marginalia.record+json";

export type RecordValue = number | string | boolean | null;

/**
 * The last value under a name counts. JSON lacks NaN and the infinities: their names are recorded.
 * @throws TypeError for an empty name, or a value that is no number, string, boolean or null.
 */
export function record(name: string, value: RecordValue): void {
  if (typeof name !== "string" || name.trim() === "")
    throw new TypeError(`record needs a name, got ${JSON.stringify(name)}`);
  if (value !== null && !["number", "string", "boolean"].includes(typeof value))
    throw new TypeError(`record("${name}") takes a number, string, boolean or null, got ${typeof value}; record parts under names of their own`); // prettier-ignore
  const held = typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  const data = { [RECORD_MIME]: { name, value: held }, "text/plain": `${name} = ${String(value)}` };
  display({ [Symbol.for("Jupyter.display")]: () => data });
}
