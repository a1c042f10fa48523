/**
 * The points of a sweep. Each parameter is given by text, or by a list or value from a file:
 *
 *     5,10,20                  a list                  1..5         whole numbers, both ends
 *     0..1:0.25                a range with a step     quick        one value
 *     uniform(0,1)  loguniform(1e-4,1e-1)  integer(1,100)  choice(a,b)          drawn, `samples` times for each point of the grid
 *
 * All lists together make a grid, the last parameter running fastest; the parameters of one `zip` group run side by side.
 * A point's id is the hash of what it is: the notebook's name and its parameters.
 */
import { createHash } from "node:crypto";
import { InputError } from "../input-error.ts";
import { parseValue, type Parameters, type ParameterValue } from "../parameters.ts";

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
}

export interface Axis {
  readonly name: string;
  /** The values, or how one is made from a number uniform in [0, 1). */
  readonly values: readonly ParameterValue[] | ((unit: number) => ParameterValue);
}

const MOST_POINTS = 100_000;
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
  if (drawn) return drawnFrom(drawn[1], splitList(drawn[2]).map(parseValue), name);
  return splitList(text).map(parseValue);
}

function rangeOf(from: number, to: number, step: number, name: string): number[] {
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (!(count >= 1) || count > MOST_POINTS)
    throw new InputError(`parameter ${name}: the range ${from}..${to} in steps of ${step} has no values, or too many`);
  // Decimal steps are meant as decimals: 0..1:0.1 has .3, not .30000000000000004.
  return Array.from({ length: count }, (_, i) => Number((from + i * step).toPrecision(12)));
}

function drawnFrom(kind: string, given: readonly ParameterValue[], name: string): (unit: number) => ParameterValue {
  if (kind === "choice") {
    if (given.length > 0) return (unit) => given[Math.floor(unit * given.length)];
    throw new InputError(`parameter ${name}: choice() needs values to choose from`);
  }
  const [low, high] = given;
  const isRange = given.length === 2 && typeof low === "number" && typeof high === "number" && low < high;
  if (
    !isRange ||
    (kind === "loguniform" && low <= 0) ||
    (kind === "integer" && !(Number.isInteger(low) && Number.isInteger(high)))
  )
    // prettier-ignore
    throw new InputError(
      `parameter ${name}: ${kind}(${given.map(String).join(",")}) needs ${kind === "loguniform" ? "0 < low < high" : kind === "integer" ? "whole numbers low < high" : "low < high"}`,
    );
  if (kind === "integer") return (unit) => low + Math.floor(unit * (high - low + 1));
  if (kind === "uniform") return (unit) => low + unit * (high - low);
  return (unit) => low * (high / low) ** unit;
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

/** Every point, in order, each once. `notebook` is the experiment's name. Throws an InputError for a space that has none. */
export function pointsOf(notebook: string, { axes, zip = [], samples = 10, seed = 0 }: Space): SweepPoint[] {
  const names = axes.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new InputError(`parameter ${twice} is given twice`);
  const grouped = zip.flat();
  const unknown = grouped.find((name) => !names.includes(name));
  if (unknown)
    throw new InputError(`--zip names ${unknown}, which the sweep does not vary; it varies ${names.join(", ")}`);
  const listed = axes.filter((axis): axis is Axis & { values: readonly ParameterValue[] } =>
    Array.isArray(axis.values),
  );
  const drawn = axes.filter((axis): axis is Axis & { values: (unit: number) => ParameterValue } => typeof axis.values === "function"); // prettier-ignore
  const groups = [
    ...zip.map((group) => listed.filter(({ name }) => group.includes(name))),
    ...listed.filter(({ name }) => !grouped.includes(name)).map((axis) => [axis]),
  ].filter((group) => group.length > 0);
  groups.sort((a, b) => names.indexOf(a[0].name) - names.indexOf(b[0].name));
  let grid: Record<string, ParameterValue>[] = [{}];
  for (const group of groups) {
    const lengths = new Set(group.map(({ values }) => values.length));
    if (lengths.size > 1)
      throw new InputError(`--zip ${group.map(({ name }) => name).join(",")}: lists of ${group.map(({ values }) => values.length).join(" and ")} values cannot run side by side`); // prettier-ignore
    const steps = group[0].values.map((_, i) => Object.fromEntries(group.map(({ name, values }) => [name, values[i]])));
    if (grid.length * steps.length > MOST_POINTS) throw new InputError(`more than ${MOST_POINTS} points`);
    grid = grid.flatMap((point) => steps.map((step) => ({ ...point, ...step })));
  }
  const draws = drawn.length > 0 ? samples : 1;
  if (grid.length * draws > MOST_POINTS) throw new InputError(`more than ${MOST_POINTS} points`);
  const points = grid.flatMap((point, g) =>
    Array.from({ length: draws }, (_, k) => {
      const values = drawn.map(({ name, values: make }) => [name, make(unitOf(seed, name, g * draws + k))] as const);
      return { ...point, ...Object.fromEntries(values) };
    }),
  );
  const inOrder = (point: Record<string, ParameterValue>) =>
    Object.fromEntries(names.map((name) => [name, point[name]]));
  const byId = new Map(points.map(inOrder).map((parameters) => [idOf(notebook, parameters), parameters]));
  return [...byId].map(([id, parameters]) => ({ id, parameters }));
}

function idOf(notebook: string, parameters: Parameters): string {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
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
