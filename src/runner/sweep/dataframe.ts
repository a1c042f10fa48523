/**
 * All results of a sweep as one table of typed columns: id, parameters (also those at their defaults), recorded values,
 * how it went.
 */
import { csvFormatRows } from "d3-dsv";
import { recordable, type Parameters, type ParameterValue } from "../notebook/parameter-value.ts";
import type { PointResult } from "./point.ts";
import type { SweepPoint } from "./space.ts";

export type Scalar = number | string | boolean | null;
export type ColumnType = "number" | "string" | "boolean";

export interface Column {
  readonly name: string;
  readonly role: "id" | "parameter" | "value" | "status" | "run";
  readonly type: ColumnType;
  /** A parameter drawn evenly by its logarithm. */
  readonly isLog?: boolean;
  /** One a point, in the order of the points; null where there is none. */
  readonly values: readonly Scalar[];
}

export interface ColumnOptions {
  /** Parameters that are drawn evenly by their logarithm. */
  readonly logarithmic?: readonly string[];
  /** The notebook's other parameters, at which every point was executed. */
  readonly defaults?: Parameters;
}

/** Names of columns that a recorded value may not have. */
const OWN_NAMES = ["id", "status", "failure", "seconds", "attempts"];

/** Columns of the points in their order; a point without a result has the status "missing". */
export function columnsOf(
  points: readonly SweepPoint[],
  results: readonly PointResult[],
  { logarithmic = [], defaults = {} }: ColumnOptions = {},
): Column[] {
  const byId = new Map(results.map((result) => [result.id, result]));
  const found = points.map(({ id }) => byId.get(id));
  const varied = [...new Set(points.flatMap((point) => Object.keys(point.parameters)))];
  const fixed = Object.keys(defaults).filter((name) => !varied.includes(name));
  const recorded = [...new Set(found.flatMap((result) => Object.keys(result?.values ?? {})))];
  const taken = new Set([...OWN_NAMES, ...varied, ...fixed]);
  // a value may have a parameter's name
  const valueName = (name: string) => (taken.has(name) ? `${name} (recorded)` : name);
  const valueOf = ({ parameters }: { parameters: Parameters }, name: string) => Object.hasOwn(parameters, name) ? scalarOf(parameters[name]) : null; // prettier-ignore
  return [
    { name: "id", role: "id", type: "string", values: points.map(({ id }) => id) },
    ...varied.map((name) => ({
      ...column(name, "parameter", points.map((point) => valueOf(point, name))), // prettier-ignore
      ...(logarithmic.includes(name) && { isLog: true }),
    })),
    ...fixed.map((name) => column(name, "parameter", points.map(() => scalarOf(defaults[name])))), // prettier-ignore
    ...recorded.map((name) => column(valueName(name), "value", found.map((result) => result && Object.hasOwn(result.values, name) ? result.values[name] : null))), // prettier-ignore
    { name: "status", role: "status", type: "string", values: found.map((result) => result?.status ?? "missing") },
    { name: "failure", role: "run", type: "string", values: found.map((result) => result?.failure ?? null) },
    { name: "seconds", role: "run", type: "number", values: found.map((result) => result?.seconds ?? null) },
    { name: "attempts", role: "run", type: "number", values: found.map((result) => result?.attempts ?? null) },
  ];
}

/** Numbers stay what they are, -0 and NaN too; what JSON lacks else is text. */
function scalarOf(value: ParameterValue): unknown {
  return typeof value === "number" ? value : recordable(value);
}

const NOT_FINITE = ["NaN", "Infinity", "-Infinity"];

/** Numbers if all are (JSON has names for those that it lacks), else booleans if all are, else text. */
function column(name: string, role: Column["role"], given: readonly unknown[]): Column {
  const there = given.filter((value) => value !== null);
  const isNumber = (value: unknown) => typeof value === "number" || NOT_FINITE.includes(value as string);
  if (there.some((value) => typeof value === "number") && there.every(isNumber))
    return { name, role, type: "number", values: given.map((value) => (value === null ? null : Number(value))) };
  if (there.length > 0 && there.every((value) => typeof value === "boolean"))
    return { name, role, type: "boolean", values: given as Scalar[] };
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return { name, role, type: "string", values: given.map((value) => (value === null ? null : text(value))) };
}

/** An empty cell is null. */
export function csvOf(columns: readonly Column[]): string {
  const rows = columns[0].values.map((_, i) => columns.map(({ values }) => textOf(values[i])));
  return `${csvFormatRows([columns.map(({ name }) => name), ...rows])}\n`;
}

function textOf(value: Scalar): string {
  if (value === null) return "";
  return Object.is(value, -0) ? "-0" : String(value);
}

export interface Best {
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly value: number;
}

/** The point whose recorded number `name` is least or greatest; undefined when no finished point has recorded one. */
export function bestPoint(
  results: readonly PointResult[],
  name: string,
  wanted: "least" | "greatest",
): Best | undefined {
  const sign = wanted === "least" ? 1 : -1;
  let best: Best | undefined;
  for (const { id, parameters, values, status } of results) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (status !== "ok" || typeof value !== "number") continue;
    if (!best || sign * value < sign * best.value) best = { id, parameters, value };
  }
  return best;
}
