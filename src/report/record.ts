/**
 * record(name, value): publishes a value of a notebook under a name, for sweeps and other readers of the executed
 * notebook. It is an output of its cell like any other, of the MIME type below, so it is kept, cached and restored with
 * the notebook. With a step it is one point of a curve: an epoch's loss, say, by which a sweep may stop what is
 * hopeless early (sweep --stop-hopeless).
 */
import { display } from "./display.ts";

export const RECORD_MIME = "application/vnd.marginalia.record+json";

export type RecordValue = number | string | boolean | null;

/**
 * The last value under a name counts. JSON lacks NaN and the infinities: their names are recorded.
 * @param step how far the notebook has come, counted upwards: iterations, epochs.
 * @throws TypeError for an empty name, a value that is no number, string, boolean or null, or a step that is no finite
 *   number.
 */
export function record(name: string, value: RecordValue, step?: number): void {
  if (typeof name !== "string" || name.trim() === "")
    throw new TypeError(`record needs a name, got ${JSON.stringify(name)}`);
  if (value !== null && !["number", "string", "boolean"].includes(typeof value))
    throw new TypeError(`record("${name}") takes a number, string, boolean or null, got ${typeof value}; record parts under names of their own`); // prettier-ignore
  if (step !== undefined && !Number.isFinite(step))
    throw new TypeError(`record("${name}", ..., step) takes a finite number as step, got ${String(step)}`);
  const held = typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  const data = { [RECORD_MIME]: { name, value: held, ...(step === undefined ? {} : { step }) }, "text/plain": `${name} = ${String(value)}${step === undefined ? "" : ` at step ${step}`}` }; // prettier-ignore
  display({ [Symbol.for("Jupyter.display")]: () => data });
}
