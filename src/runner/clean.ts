/**
 * A notebook as it is committed: cells with stable ids, no outputs and execution counts, no metadata of a run or of a front end,
 * in Jupyter's own layout. So its diffs are those of its text.
 */
import { hasTag, type Cell, type Notebook } from "./notebook.ts";

const CELL_METADATA = ["tags", "marginalia", "slideshow", "name"];
/** Of language_info, what front ends need to colour a notebook that was never run; versions change from machine to machine. */
const LANGUAGE_INFO = ["name", "file_extension", "mimetype"];

export interface CleanOptions {
  /** For notebooks that are committed with what they show. */
  readonly keepOutputs?: boolean;
}

export function cleanNotebook(notebook: Notebook, { keepOutputs = false }: CleanOptions = {}): Notebook {
  const { kernelspec, language_info: language, marginalia } = notebook.metadata;
  const own = pick(marginalia, ["check"]);
  const metadata = {
    ...(kernelspec === undefined ? {} : { kernelspec }),
    ...(language === undefined ? {} : { language_info: pick(language, LANGUAGE_INFO) }),
    ...(Object.keys(own).length > 0 ? { marginalia: own } : {}),
  };
  const cells = notebook.cells
    .filter((cell) => !hasTag(cell, "injected-parameters"))
    .map((cell): Cell => {
      const kept = { ...cell, metadata: pick(cell.metadata, CELL_METADATA) };
      if (kept.cell_type !== "code") return kept;
      return keepOutputs ? { ...kept, execution_count: null, outputs: kept.outputs.map(uncounted) } : { ...kept, execution_count: null, outputs: [] }; // prettier-ignore
    });
  return { metadata, cells };
}

function uncounted<T extends { output_type: string }>(output: T): T {
  return output.output_type === "execute_result" ? { ...output, execution_count: null } : output;
}

function pick(from: unknown, names: readonly string[]): Record<string, unknown> {
  if (typeof from !== "object" || from === null) return {};
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}
