/** Parameters from a file, JSON or YAML 1.2 (of which JSON is a part): a mapping of names to values at its top. */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { InputError } from "./input-error.ts";
import type { Parameters, ParameterValue } from "./parameters.ts";

/** Throws an InputError with file, line and column for what is no such mapping. */
export async function readParameterFile(file: string): Promise<Parameters> {
  return requireMapping(await readYaml(file), file);
}

/** The value in a JSON or YAML file. */
export async function readYaml(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${file}: ${code === "ENOENT" ? "no such file" : message}`, { cause: error });
  }
  const document = parseDocument(text, { prettyErrors: true, stringKeys: true });
  const problem = document.errors.at(0) ?? document.warnings.at(0);
  if (problem) {
    const { line, col } = problem.linePos?.[0] ?? { line: 1, col: 1 };
    throw new InputError(`${file}:${line}:${col}: ${problem.message.split("\n")[0].replace(/ at line \d+.*$/, "")}`);
  }
  return document.toJS({ maxAliasCount: 100 });
}

export function requireMapping(value: unknown, file: string): Record<string, ParameterValue> {
  if (value === null) return {}; // an empty file
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, ParameterValue>;
  throw new InputError(`${file}: expected names with values (depth: 5), got ${Array.isArray(value) ? "a list" : typeof value}`); // prettier-ignore
}
