/**
 * A notebook as it is committed: cells with stable ids, no outputs and execution counts, no metadata of a run or of a
 * front end's state, in Jupyter's own layout. So its diffs are those of its text. What is not known to be volatile
 * stays: titles, authors, jupytext's pairing.
 *
 * As nbstripout has it, `keep_output` in a notebook's metadata keeps all outputs, and in a cell's, or as its tag, that
 * cell's; a cell with `"keep_output": false`, which wins over its notebook, loses them.
 */
import { InputError } from "../../base/input-error.ts";
import { hasTag, VOLATILE_CELL_METADATA, type Cell, type CodeCell, type JsonObject, type Notebook } from "./notebook.ts"; // prettier-ignore
import { runRecordSchema } from "../run-record.ts";

/** Of a notebook: what a run or a front end leaves. */
const VOLATILE_METADATA = ["signature", "widgets", "papermill", "execution"];
/** Of a cell, beside what is never written: whether it is folded up or trusted on somebody's screen. */
const SCREEN_METADATA = [...VOLATILE_CELL_METADATA, "heading_collapsed", "hidden", "trusted"];
/**
 * Parts of metadata that are volatile within: by the part's name, what goes. A part of which nothing is left goes
 * itself.
 */
const VOLATILE_PARTS: Readonly<Record<string, readonly string[]>> = {
  marginalia: Object.keys(runRecordSchema.shape),
  // What the kernel says anew each time that it starts; versions change from machine to machine.
  language_info: ["version", "codemirror_mode", "nbconvert_exporter", "pygments_lexer"],
  jupyter: ["outputs_hidden"],
  vscode: ["interpreter"],
};

export interface CleanOptions {
  /** For notebooks that are committed with what they show. */
  readonly keepOutputs?: boolean;
}

/** Throws an InputError for a cell whose tag and metadata contradict one another. */
export function cleanNotebook(notebook: Notebook, { keepOutputs }: CleanOptions = {}): Notebook {
  const keepsAll = keepOutputs ?? notebook.metadata.keep_output === true;
  const metadata = cleanMetadata(notebook.metadata, VOLATILE_METADATA);
  const cells = notebook.cells
    .filter((cell) => !hasTag(cell, "injected-parameters"))
    .map((cell): Cell => {
      const kept = { ...cell, metadata: cleanMetadata(cell.metadata, SCREEN_METADATA) };
      if (kept.cell_type !== "code") return kept;
      return { ...kept, execution_count: null, outputs: keepsOutputs(kept, keepsAll) ? kept.outputs.map(uncounted) : [] }; // prettier-ignore
    });
  return { metadata, cells };
}

function keepsOutputs(cell: CodeCell, otherwise: boolean): boolean {
  const told = cell.metadata.keep_output;
  const isTagged = hasTag(cell, "keep_output");
  if (isTagged && told !== undefined && !told)
    throw new InputError(`the cell with id ${cell.id} has the tag keep_output and the metadata "keep_output": false; take one of them away`); // prettier-ignore
  return isTagged || (told === undefined ? otherwise : Boolean(told));
}

function uncounted<T extends { output_type: string }>(output: T): T {
  return output.output_type === "execute_result" ? { ...output, execution_count: null } : output;
}

function without(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)));
}

function cleanMetadata(metadata: JsonObject, volatile: readonly string[]): JsonObject {
  const entries = Object.entries(without(metadata, volatile)).map(([name, value]): [string, unknown, boolean] => {
    const isPart = Object.hasOwn(VOLATILE_PARTS, name) && typeof value === "object" && value !== null;
    return [name, isPart ? without(value as JsonObject, VOLATILE_PARTS[name]) : value, isPart];
  });
  const kept = entries.filter(([, value, isPart]) => !isPart || Object.keys(value as object).length > 0);
  return Object.fromEntries(kept.map(([name, value]) => [name, value]));
}
