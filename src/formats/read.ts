/** Reads a model whatever its format, chosen by the ending of the file's name. */
import { FormatError } from "./format-error.ts";
import type { Model, ReadLimits } from "./model.ts";
import { readCnfModel } from "./dimacs.ts";
import { readFg } from "./fg.ts";
import { readUai } from "./uai.ts";

type Reader = (path: string, limits?: ReadLimits) => Model;

const readers: Readonly<Record<string, Reader>> = {
  ".uai": readUai,
  ".erg": readUai,
  ".fg": readFg,
  ".cnf": readCnfModel,
  ".dimacs": readCnfModel,
};

/** The endings that readModel accepts, each also followed by .gz. */
export const modelEndings: readonly string[] = Object.keys(readers);

/**
 * Reads a model file.
 * @throws FormatError for an ending that is not in `modelEndings`, and for whatever is wrong in the file.
 */
export function readModel(path: string, limits?: ReadLimits): Model {
  const name = path.toLowerCase().replace(/\.gz$/, "");
  const ending = modelEndings.find((candidate) => name.endsWith(candidate));
  if (ending === undefined)
    throw new FormatError(
      path,
      0,
      0,
      `unknown kind of model, expected a name ending in ${modelEndings.join(", ")} (or .gz)`,
    );
  return readers[ending](path, limits);
}
