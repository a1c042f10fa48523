/**
 * The points of a sweep. Each parameter is given by text, or by a list or value from a file:
 *
 *     5,10,20                  a list                  1..5         whole numbers, both ends
 *     0..1:0.25                a range with a step     quick        one value
 *     uniform(0,1)  loguniform(1e-4,1e-1)  integer(1,100)  choice(a,b)          drawn, `samples` times for each point
 *     of the grid
 *
 * All lists together make a grid, the last parameter running fastest; the parameters of one `zip` group run side by
 * side. The draws are the same at every point of the grid, unless they are to be independent.
 * A point's id is the hash of what it is: the notebook's name and its parameters.
 */
import { createHash } from "node:crypto";
import { InputError } from "../../base/input-error.ts";
import { encoded, GivenText, parseValue, type GivenParameters, type GivenValue, type Parameters, type ParameterValue } from "../notebook/parameter-value.ts"; // prettier-ignore

export interface SweepPoint {
  /** 12 hexadecimal digits. */
  readonly id: string;
  readonly parameters: Parameters;
}

export interface Space {
  /** In the order of the columns. */
  readonly axes: readonly Axis[];
  /** Names of parameters that run side by side. */
  readonly zip?: readonly (readonly string[])[];
  /** How often what is drawn is drawn; 10 unless told. */
  readonly samples?: number;
  /** Of the draws; 0 unless told. */
  readonly seed?: number;
  /** Draw anew at each point of the grid; unless told, the same draws at all of them, so that these can be compared. */
  readonly independentDraws?: boolean;
}

export interface Axis {
  readonly name: string;
  /** Text among them means what the parameter's type will make of it. */
  readonly values: readonly GivenValue[] | Draw;
}

/** How a value is drawn. */
export type Draw =
  | { readonly kind: "uniform" | "loguniform" | "integer"; readonly low: number; readonly high: number }
  | { readonly kind: "choice"; readonly choices: readonly GivenValue[] };

/** What a given value means; text by itself is a number where it looks like one. */
export type Meaning = (name: string, value: GivenValue) => ParameterValue;
const plainMeaning: Meaning = (_name, value) => (value instanceof GivenText ? parseValue(value.text) : value);

const MAX_POINTS = 100_000;
const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;

/** `name=text` from the command line. Throws an InputError for what cannot be read. */
export function parseAxis(pair: string): Axis {
  const match = /^\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=(.*)$/su.exec(pair);
  if (!match) throw new InputError(`"${pair}" is no axis of a sweep, expected name=values such as -p depth=5,10,20`);
  return { name: match[1], values: parseValues(match[2], match[1]) };
}

/** From a file: a list is a list, text is read as on the command line, anything else is one value. */
export function axisOf(name: string, given: ParameterValue): Axis {
  if (Array.isArray(given)) {
    if (given.length === 0) throw new InputError(`parameter ${name}: an empty list gives no points`);
    return { name, values: given as readonly ParameterValue[] };
  }
  return typeof given === "string" ? { name, values: parseValues(given, name) } : { name, values: [given] };
}

function parseValues(text: string, name: string): Axis["values"] {
  const plain = text.trim();
  const range = new RegExp(`^(${NUMBER})\\.\\.(${NUMBER})(?::(${NUMBER}))?$`).exec(plain);
  if (range) return rangeOf(Number(range[1]), Number(range[2]), range[3] === undefined ? 1 : Number(range[3]), name);
  const drawn = /^(uniform|loguniform|integer|choice)\((.*)\)$/s.exec(plain);
  if (drawn) return drawnFrom(drawn[1], splitList(drawn[2]), name);
  return splitList(text).map((part) => new GivenText(part));
}

function rangeOf(from: number, to: number, step: number, name: string): number[] {
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (!(count >= 1) || count > MAX_POINTS)
    throw new InputError(`parameter ${name}: the range ${from}..${to} in steps of ${step} has no values, or too many`);
  if (![from, to].every((end) => Math.abs(end) <= Number.MAX_SAFE_INTEGER))
    throw new InputError(`parameter ${name}: the range ${from}..${to} is beyond what numbers hold exactly`);
  // Decimal steps are meant as decimals: 0..1:0.1 has .3, not .30000000000000004. And -1..1 has 0, not -0.
  const decimals = Math.min(100, Math.max(decimalsOf(from), decimalsOf(step)));
  return Array.from({ length: count }, (_, i) => Number((from + i * step).toFixed(decimals)) + 0);
}

function decimalsOf(value: number): number {
  const [digits, exponent = "0"] = String(value).split("e");
  return Math.max(0, (digits.split(".")[1]?.length ?? 0) - Number(exponent));
}

function drawnFrom(kind: string, given: readonly string[], name: string): Draw {
  if (kind === "choice") {
    if (given.some((text) => text !== "")) return { kind, choices: given.map((text) => new GivenText(text)) };
    throw new InputError(`parameter ${name}: choice() needs values to choose from`);
  }
  const [low, high] = given.map(parseValue);
  const isRange = given.length === 2 && Number.isFinite(low) && Number.isFinite(high) && Number(low) < Number(high);
  const isFitting = kind === "loguniform" ? Number(low) > 0 : kind !== "integer" || (Number.isInteger(low) && Number.isInteger(high)); // prettier-ignore
  if (isRange && isFitting) return { kind: kind as "uniform", low: Number(low), high: Number(high) };
  // prettier-ignore
  throw new InputError(
    `parameter ${name}: ${kind}(${given.join(",")}) needs ${kind === "loguniform" ? "0 < low < high" : kind === "integer" ? "whole numbers low < high" : "low < high"}`,
  );
}

/** The value that a number uniform in [0, 1) stands for. */
export function drawnAt(draw: Draw, unit: number): GivenValue {
  if (draw.kind === "choice") return draw.choices[Math.floor(unit * draw.choices.length)];
  const { low, high } = draw;
  if (draw.kind === "integer") return low + Math.floor(unit * (high - low + 1));
  return draw.kind === "uniform" ? low + unit * (high - low) : low * (high / low) ** unit;
}

function isDraw(values: Axis["values"]): values is Draw {
  return !Array.isArray(values);
}

/** Names of the parameters that are drawn evenly by their logarithm. */
export function logarithmicNames({ axes }: Space): string[] {
  return axes.filter(({ values }) => isDraw(values) && values.kind === "loguniform").map(({ name }) => name);
}

/** At commas outside of brackets and quotes, so that values may be JSON. */
function splitList(text: string): string[] {
  const parts: string[] = [];
  let [depth, isQuoted, start] = [0, false, 0];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (isQuoted) {
      if (character === "\\") i++;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if ("[{(".includes(character)) depth++;
    else if ("]})".includes(character)) depth--;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim());
}

/**
 * Every point, in order, each once. `notebook` is the experiment's name. Throws an InputError for a space that has
 * none.
 * @param meaning what the given values are as values of the parameters' types.
 */
export function pointsOf(notebook: string, space: Space, meaning: Meaning = plainMeaning): SweepPoint[] {
  const points = combinationsOf(space).map((point) =>
    Object.fromEntries(Object.entries(point).map(([name, value]) => [name, meaning(name, value)])),
  );
  const byId = new Map(points.map((parameters) => [idOf(notebook, parameters), parameters]));
  return [...byId].map(([id, parameters]) => ({ id, parameters }));
}

/** All that a space gives to a parameter, each value once. */
export function valuesIn(space: Space): (readonly [name: string, value: GivenValue])[] {
  const values = new Map(combinationsOf(space).flatMap((point) => Object.entries(point).map(([name, value]) => [valueKey(name, value), [name, value] as const]))); // prettier-ignore
  return [...values.values()];
}

/** Tells values apart as given, 0 from -0 and 2020 from the text "2020", too. */
export function valueKey(name: string, value: GivenValue): string {
  return JSON.stringify(value instanceof GivenText ? [name, "text", value.text] : [name, encoded(value)]);
}

function combinationsOf({
  axes,
  zip = [],
  samples = 10,
  seed = 0,
  independentDraws = false,
}: Space): GivenParameters[] {
  // prettier-ignore
  const names = axes.map(({ name }) => name);
  requireNames(names, zip);
  const drawn = axes.filter((axis): axis is Axis & { values: Draw } => isDraw(axis.values));
  const grid = gridOf(axes.filter((axis): axis is Listed => !isDraw(axis.values)), names, zip); // prettier-ignore
  const draws = drawn.length > 0 ? samples : 1;
  if (grid.length * draws > MAX_POINTS) throw new InputError(`more than ${MAX_POINTS} points`);
  const points = grid.flatMap((point, g) =>
    Array.from({ length: draws }, (_, k) => {
      const index = independentDraws ? g * draws + k : k;
      const values = drawn.map(({ name, values: draw }) => [name, drawnAt(draw, unitOf(seed, name, index))] as const);
      return { ...point, ...Object.fromEntries(values) };
    }),
  );
  return points.map((point) => Object.fromEntries(names.map((name) => [name, point[name]])));
}

type Listed = Axis & { readonly values: readonly GivenValue[] };

function requireNames(names: readonly string[], zip: readonly (readonly string[])[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new InputError(`parameter ${twice} is given twice`);
  const unknown = zip.flat().find((name) => !names.includes(name));
  if (unknown)
    throw new InputError(`--zip names ${unknown}, which the sweep does not vary; it varies ${names.join(", ")}`);
}

function gridOf(
  listed: readonly Listed[],
  names: readonly string[],
  zip: readonly (readonly string[])[],
): Record<string, GivenValue>[] {
  // prettier-ignore
  const grouped = zip.flat();
  const groups = [
    ...zip.map((group) => listed.filter(({ name }) => group.includes(name))),
    ...listed.filter(({ name }) => !grouped.includes(name)).map((axis) => [axis]),
  ].filter((group) => group.length > 0);
  groups.sort((a, b) => names.indexOf(a[0].name) - names.indexOf(b[0].name));
  let grid: Record<string, GivenValue>[] = [{}];
  for (const group of groups) {
    const lengths = new Set(group.map(({ values }) => values.length));
    if (lengths.size > 1)
      throw new InputError(`--zip ${group.map(({ name }) => name).join(",")}: lists of ${group.map(({ values }) => values.length).join(" and ")} values cannot run side by side`); // prettier-ignore
    const steps = group[0].values.map((_, i) => Object.fromEntries(group.map(({ name, values }) => [name, values[i]])));
    if (grid.length * steps.length > MAX_POINTS) throw new InputError(`more than ${MAX_POINTS} points`);
    grid = grid.flatMap((point) => steps.map((step) => ({ ...point, ...step })));
  }
  return grid;
}

function idOf(notebook: string, parameters: Parameters): string {
  const sorted = Object.entries(parameters).map(([name, value]) => [name, encoded(value)] as const).sort(([a], [b]) => (a < b ? -1 : 1)); // prettier-ignore
  return createHash("sha256")
    .update(JSON.stringify([notebook, sorted]))
    .digest("hex")
    .slice(0, 12);
}

/** Uniform in [0, 1), a function of its arguments alone: another axis or another sample changes no draw. */
function unitOf(seed: number, name: string, index: number): number {
  const bytes = createHash("sha256")
    .update(JSON.stringify([seed, name, index]))
    .digest();
  return bytes.readUIntBE(0, 6) / 2 ** 48;
}
