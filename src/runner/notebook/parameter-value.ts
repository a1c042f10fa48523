/**
 * Values of parameters. JSON, and what TypeScript has besides: -0, NaN, the infinities, bigint, Date, undefined. They
 * are written in three ways:
 *
 *     literalText     TypeScript source, injected into the notebook        -0, 5n, new Date("2020-01-01T00:00:00.000Z")
 *     encoded         JSON from which the same value comes back            "$-0", "$5n", "$2020-01-01T00:00:00.000Z"
 *     recordable      JSON for readers of results                          "-0", "5", "2020-01-01T00:00:00.000Z"
 *
 * Text from a command line is read as a number, true, false, null or other JSON where it is that. What it means in the
 * end is for the declared type to say (parameter-types.ts), so the text stays with it.
 */
import { InputError } from "../../base/input-error.ts";

export type ParameterValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | readonly ParameterValue[]
  | { readonly [key: string]: ParameterValue };
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** As given on a command line, not yet held against a type. */
export class GivenText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type GivenValue = ParameterValue | GivenText;
export type GivenParameters = Readonly<Record<string, GivenValue>>;

/** Numbers that JSON lacks or loses, as JavaScript and as YAML write them. */
const NAMED_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["+Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
  ...[".nan", ".NaN", ".NAN"].map((name) => [name, NaN] as const),
  ...[".inf", ".Inf", ".INF"].flatMap((name) => [[name, Infinity], [`+${name}`, Infinity], [`-${name}`, -Infinity]] as const), // prettier-ignore
]);

/** The number that is written by a name ("-Infinity"); undefined for any other text. */
export function namedNumber(text: string): number | undefined {
  return NAMED_NUMBERS.get(text);
}

/**
 * A number (also one by its name), true, false, null or other JSON where the text is that, else the text itself.
 * @throws InputError for a number, also inside JSON, that no double holds: a whole one beyond 2^53, 1e999.
 */
export function parseValue(text: string): ParameterValue {
  const plain = text.trim();
  const named = namedNumber(plain);
  if (named !== undefined) return named;
  if (/^[+-]?(0|[1-9]\d*)?(\.\d*)?(e[+-]?\d+)?$/i.test(plain) && /^[^e]*\d/i.test(plain)) return exactNumber(plain);
  let value: ParameterValue;
  try {
    value = JSON.parse(plain) as ParameterValue;
  } catch {
    return text;
  }
  // Strings are passed over; whatever else begins with a digit in JSON is a number.
  for (const [token] of plain.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g)) if (!token.startsWith('"')) exactNumber(token); // prettier-ignore
  return value;
}

/** @throws InputError for digits that a number would lose. */
export function exactNumber(digits: string): number {
  const value = Number(digits);
  if (!Number.isFinite(value) || (/^[+-]?\d+$/.test(digits) && !Number.isSafeInteger(value)))
    throw new InputError(`${digits} is beyond what a number holds exactly; write '"${digits}"' to pass it as text`);
  return value;
}

type Plain = Exclude<ParameterValue, object> | Date;

function isPlain(value: ParameterValue): value is Plain {
  return typeof value !== "object" || value === null || value instanceof Date;
}

/** The value as TypeScript source. */
export function literalText(value: ParameterValue): string {
  if (isPlain(value)) return plainText(value);
  if (Array.isArray(value)) return `[${(value as readonly ParameterValue[]).map(literalText).join(",")}]`;
  // `__proto__: x` in a literal would set the prototype; a computed key is a key like another.
  const key = (name: string) => (name === "__proto__" ? '["__proto__"]' : JSON.stringify(name));
  return `{${Object.entries(value).map(([name, item]) => `${key(name)}:${literalText(item)}`).join(",")}}`; // prettier-ignore
}

function plainText(value: Plain): string {
  if (value instanceof Date) return `new Date(${JSON.stringify(value.toISOString())})`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  return Object.is(value, -0) ? "-0" : String(value);
}

/** What JSON has no form for, as text; undefined for what it has. */
function beyondJson(value: ParameterValue): string | undefined {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint" || value === undefined) return String(value);
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return undefined;
  return plainText(value);
}

/** JSON for those who read results: what JSON lacks as text. */
export function recordable(value: ParameterValue): unknown {
  return mapped(value, (plain) => beyondJson(plain) ?? plain);
}

/**
 * JSON from which `decoded` makes the same value: what JSON lacks as text after a "$", which text that begins so has
 * twice.
 */
export function encoded(value: ParameterValue): unknown {
  return mapped(value, (plain) => {
    if (typeof plain === "string") return plain.startsWith("$") ? `$${plain}` : plain;
    const text = beyondJson(plain);
    return text === undefined ? plain : `$${text}${typeof plain === "bigint" ? "n" : ""}`;
  });
}

/** @throws InputError for text after a "$" that `encoded` does not write. */
export function decoded(json: unknown): ParameterValue {
  const read = (plain: Plain): Plain => {
    if (typeof plain !== "string" || !plain.startsWith("$")) return plain;
    const text = plain.slice(1);
    if (text.startsWith("$")) return text;
    if (text === "undefined") return undefined;
    if (/^-?\d+n$/.test(text)) return BigInt(text.slice(0, -1));
    const value = namedNumber(text) ?? new Date(text);
    if (Number.isNaN(value.valueOf()) && text !== "NaN") throw new InputError(`${JSON.stringify(plain)} is no parameter's value`); // prettier-ignore
    return value;
  };
  return mapped(json as ParameterValue, read) as ParameterValue;
}

/** Lists and objects of the same form, keys included whatever their names. */
function mapped<T>(value: ParameterValue, change: (plain: Plain) => T): unknown {
  if (isPlain(value)) return change(value);
  if (Array.isArray(value)) return value.map((item) => mapped(item as ParameterValue, change));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapped(item, change)]));
}
