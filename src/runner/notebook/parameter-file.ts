/** Parameters from a file, JSON or YAML 1.2 (of which JSON is a part): a mapping of names to values at its top. */
import { readFile } from "node:fs/promises";
import { LineCounter, parseDocument, visit, type Scalar } from "yaml";
import { InputError } from "../../base/input-error.ts";
import { exactNumber, namedNumber, type Parameters, type ParameterValue } from "./parameter-value.ts";

/** An alias that stands for more nodes than so many each is taken for a bomb. */
const MOST_ALIASED = 100;

/** Throws an InputError with file, line and column for what is no such mapping. */
export async function readParameterFile(file: string): Promise<Parameters> {
  return requireMapping(await readYaml(file), file);
}

/**
 * The value in a JSON or YAML file. Numbers go by the rule of the command line: `.inf`, `.nan` and -0 are themselves, a
 * whole number beyond 2^53 is a bigint (which a parameter of that type takes, and one of type number refuses), and no
 * number becomes infinite unsaid.
 */
export async function readYaml(file: string): Promise<ParameterValue> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${file}: ${code === "ENOENT" ? "no such file" : message}`, { cause: error });
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { prettyErrors: true, stringKeys: true, intAsBigInt: true, lineCounter });
  const problem = document.errors.at(0) ?? document.warnings.at(0);
  if (problem) {
    const { line, col } = problem.linePos?.[0] ?? { line: 1, col: 1 };
    throw new InputError(`${file}:${line}:${col}: ${problem.message.split("\n")[0].replace(/ at line \d+.*$/, "")}`);
  }
  visit(document, {
    Scalar(key, node) {
      if (key === "key") return;
      try {
        node.value = exactly(node);
      } catch (error) {
        const { line, col } = lineCounter.linePos(node.range?.[0] ?? 0);
        throw new InputError(`${file}:${line}:${col}: ${(error as Error).message}`, { cause: error });
      }
    },
  });
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASED }) as ParameterValue;
  } catch (error) {
    throw new InputError(`${file}: ${(error as Error).message}; write the values out`, { cause: error });
  }
}

/** A scalar's value without loss: integers come as bigint, which has no -0. */
function exactly({ value, source = "" }: Scalar): unknown {
  if (typeof value === "bigint") {
    if (value === 0n && source.startsWith("-")) return -0;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  return typeof value === "number" && namedNumber(source) === undefined ? exactNumber(source) : value;
}

export function requireMapping(value: ParameterValue, file: string): Parameters {
  if (value === null) return {}; // an empty file
  if (typeof value === "object" && !Array.isArray(value)) return value as Parameters;
  throw new InputError(`${file}: expected names with values (depth: 5), got ${Array.isArray(value) ? "a list" : typeof value}`); // prettier-ignore
}
