/** Reads a model whatever its format, chosen by the ending of the file's name. */
import { FormatError } from "./format-error.ts";
import type { Model, ReadLimits } from "./model.ts";
import { readFileSync } from "node:fs";
import { cnfModel, parseDimacs, readCnfModel } from "./dimacs.ts";
import { parseFg, readFg } from "./fg.ts";
import { unpackedIfGzip } from "./tokenizer.ts";
import { parseUai, readUai } from "./uai.ts";

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

const STANDARD_INPUT = "-";

/**
 * Standard input has no name that tells its format, its first word does: MARKOV or BAYES, a comment or header of
 * DIMACS, else a number.
 */
function readStandardInput(limits?: ReadLimits): Model {
  const name = "standard input";
  const text = unpackedIfGzip(name, readFileSync(0)).toString("utf8");
  if (/^\s*(markov|bayes)/i.test(text)) return parseUai(text, name, limits);
  if (/^\s*[pc]\b/.test(text)) return cnfModel(parseDimacs(text, name, limits), name, limits);
  return parseFg(text, name, limits);
}

/**
 * Reads a model file, or with "-" standard input.
 * @throws FormatError for an ending that is not in `modelEndings`, and for whatever is wrong in the file.
 */
export function readModel(path: string, limits?: ReadLimits): Model {
  if (path === STANDARD_INPUT) return readStandardInput(limits);
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
