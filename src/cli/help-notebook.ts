/** `marginalia run --help-notebook FILE`: what a notebook is about and what can be set from outside. */
import pc from "picocolors";
import { shownPath } from "../runner/locations.ts";
import { readNotebook } from "../runner/notebook/notebook.ts";
import { describeParameters } from "../runner/notebook/parameter-types.ts";
import { declaredParameters } from "../runner/notebook/parameters.ts";
import { EXIT } from "./exit-codes.ts";

export async function helpNotebook(file: string): Promise<number> {
  const notebook = await readNotebook(file);
  const opening = notebook.cells.find((cell) => cell.cell_type === "markdown")?.source.split("\n") ?? [];
  const title = opening.find((line) => line.startsWith("# "))?.slice(2);
  if (title) console.log(pc.bold(title));
  const declared = await declaredParameters(notebook);
  if (declared.length === 0) {
    console.log(`No parameters: ${shownPath(file)} has no cell tagged "parameters" that declares any.`);
    return EXIT.ok;
  }
  const parameters = await describeParameters(notebook, declared, file);
  const column = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length));
  const names = column(parameters.map(({ name }) => name));
  const types = column(parameters.map(({ accepts }) => accepts));
  console.log("Parameters (-p name=value):");
  for (const { name, accepts, defaultValue, comment, how } of parameters) {
    const value = defaultValue === undefined ? "no default" : `default ${defaultValue}`;
    console.log(`  ${pc.cyan(name.padEnd(names))}  ${accepts.padEnd(types)}  ${value}${comment ? `  ${pc.dim(`// ${comment}`)}` : ""}${pc.dim(how)}`); // prettier-ignore
  }
  return EXIT.ok;
}
