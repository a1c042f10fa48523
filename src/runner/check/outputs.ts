/** The outputs of a notebook's cells held against those of an earlier run of it, cell by cell. */
import { runInNewContext } from "node:vm";
import type { Cell, CodeCell, Notebook, Output } from "../notebook/notebook.ts";
import { compareFigures, compareTexts, compareValues, type Difference } from "./compare.ts";
import type { CellSettings, CheckSettings } from "./settings.ts";

const PLOTLY_MIME = "application/vnd.plotly.v1+json";

/**
 * Standard error is not compared: it is where warnings with paths and times go. Of a display that comes in several
 * forms, the one that is data is compared: Plotly JSON, other JSON, text.
 *
 * @param isWritten the figures of the experiment are compared as files already, so they are passed over here
 */
export function compareOutputs(was: Notebook, is: Notebook, settings: CheckSettings, isWritten = false): Difference[] {
  const before = new Map(was.cells.filter(isCode).map((cell) => [cell.id, cell]));
  const differences = is.cells.flatMap((cell, i) => {
    if (!isCode(cell)) return [];
    const own = settings.ofCell(cell);
    const old = before.get(cell.id);
    before.delete(cell.id);
    if (own.tolerance.ignore) return [];
    const place = `cell ${i + 1} (id ${cell.id})`;
    if (own.pattern) return matchPattern(place, cell, own.pattern);
    if (!old)
      return cell.outputs.length > 0 ? [{ place, what: "is not in the committed notebook, but has outputs" }] : [];
    return compareCell(place, old, cell, own, isWritten);
  });
  const gone = [...before.values()].filter((cell) => cell.outputs.length > 0);
  return [...differences, ...gone.map(({ id }) => ({ place: `cell (id ${id})`, what: "is gone, but had outputs" }))];
}

const isCode = (cell: Cell): cell is CodeCell => cell.cell_type === "code";

function matchPattern(place: string, cell: CodeCell, pattern: RegExp): Difference[] {
  const text = `${printed(cell)}${cell.outputs.map(plainText).join("")}`;
  const matches = matchesInTime(pattern, text);
  if (matches === true) return [];
  const start = JSON.stringify(text.slice(0, 200));
  if (matches === false) return [{ place, what: `does not match ${String(pattern)}: ${start}` }];
  return [{ place, what: `${String(pattern)} was matched for ${PATTERN_LIMIT_MS} ms without an end, probably for a repetition within a repetition such as (a+)+; write it without: ${start}` }]; // prettier-ignore
}

/** Some patterns take a time that is exponential in the text's length; any that is meant takes a few milliseconds. */
const PATTERN_LIMIT_MS = 2000;

/** Undefined when the limit is reached. V8 looks at it within a match, where neither signals nor timers are heard. */
function matchesInTime(pattern: RegExp, text: string): boolean | undefined {
  try {
    return runInNewContext("pattern.test(text)", { pattern, text }, { timeout: PATTERN_LIMIT_MS }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined;
    throw error;
  }
}

function compareCell(
  place: string,
  was: CodeCell,
  is: CodeCell,
  { tolerance }: CellSettings,
  isWritten: boolean,
): Difference[] {
  const shows = (cell: CodeCell) => cell.outputs.filter((output) => output.output_type !== "stream");
  const [before, after] = [shows(was), shows(is)];
  const differences = compareTexts(`${place}, what it prints`, printed(was), printed(is), tolerance);
  if (before.length !== after.length)
    differences.push({ place, what: `${before.length} displays became ${after.length}` });
  for (let i = 0; i < Math.min(before.length, after.length); i++) {
    const output = after.length > 1 ? `${place}, display ${i + 1}` : place;
    if (isWritten && isOfExperiment(before[i]) && isOfExperiment(after[i])) continue;
    differences.push(...compareShown(output, before[i], after[i], tolerance));
  }
  return differences;
}

function compareShown(place: string, was: Output, is: Output, tolerance: CellSettings["tolerance"]): Difference[] {
  if (was.output_type === "error" || is.output_type === "error")
    return compareTexts(place, plainText(was), plainText(is), tolerance);
  if (was.output_type === "stream" || is.output_type === "stream") return [];
  const types = Object.keys(was.data);
  const lost = types.filter((type) => !(type in is.data));
  if (lost.length > 0) return [{ place, what: `is shown no more as ${lost.join(", ")}` }];
  if (types.includes(PLOTLY_MIME))
    return compareFigures(`of ${place}`, was.data[PLOTLY_MIME] as object, is.data[PLOTLY_MIME] as object, tolerance);
  const json = types.find((type) => /[/+]json$/.test(type));
  if (json) return compareValues(place, was.data[json], is.data[json], tolerance);
  return compareTexts(place, plainText(was), plainText(is), tolerance);
}

/** Whether it is a figure that src/report has also written to a file. */
function isOfExperiment(output: Output): boolean {
  if (output.output_type !== "display_data" && output.output_type !== "execute_result") return false;
  const shown = output.data[PLOTLY_MIME] as { layout?: { meta?: { experiment?: unknown } } } | undefined;
  return shown?.layout?.meta?.experiment !== undefined;
}

function printed(cell: CodeCell): string {
  return cell.outputs
    .map((output) => (output.output_type === "stream" && output.name === "stdout" ? output.text : ""))
    .join("");
}

function plainText(output: Output): string {
  if (output.output_type === "error") return `${output.ename}: ${output.evalue}`;
  if (output.output_type === "stream") return "";
  const text = output.data["text/plain"] ?? output.data["text/markdown"] ?? output.data["text/html"];
  return typeof text === "string" ? text : "";
}
