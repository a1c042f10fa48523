/**
 * How a column of a sweep lies on an axis: evenly, by its logarithm, or as names in a row. Every figure asks here, and
 * so does the colour bar, so that an axis, a line's colour and the bar beside it tell one story.
 */
import { ticks as roundNumbers } from "d3-array";
import { formatNumber } from "../../report/number-format.ts";
import type { Column, Scalar } from "../../runner/sweep/dataframe.ts";

export interface Scale {
  readonly kind: "linear" | "log" | "names";
  /** The different values: numbers ascending, anything else in the order of the sweep, which is the user's. */
  readonly distinct: readonly Scalar[];
  /** The place of a value on [0, 1]; NaN for what has none. */
  readonly at: (value: Scalar) => number;
  /** Labels, by place. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

/** Numbers that span so much go by their logarithm. */
const LOG_SPAN = 100;
/** So many values are all labelled; of more numbers, round ones between the ends. */
const MOST_LABELLED = 8;
const MOST_NAMES = 20;
/** Labels that are nearer than this share of the axis would overlap. */
const LEAST_DISTANCE = 0.05;

export function scaleOf(column: Column): Scale {
  return column.type === "number" ? numberScale(column) : nameScale(column);
}

function nameScale({ values }: Column): Scale {
  const distinct = [...new Set(values)].filter((value) => value !== null);
  const places = new Map<Scalar, number>(
    distinct.map((value, i) => [value, distinct.length > 1 ? i / (distinct.length - 1) : 0.5]),
  );
  const at = (value: Scalar) => places.get(value) ?? NaN;
  return { kind: "names", distinct, at, ticks: distinct.slice(0, MOST_NAMES).map((value) => ({ at: at(value), text: String(value) })) }; // prettier-ignore
}

function numberScale({ values, isLog: isDrawnByLog = false }: Column): Scale {
  const finite = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  const distinct = [...new Set(finite)].sort((a, b) => a - b);
  const [low, high] = [distinct[0] ?? 0, distinct.at(-1) ?? 1];
  const isLog = low > 0 && (isDrawnByLog || high / low >= LOG_SPAN);
  const on = isLog ? Math.log : (value: number) => value;
  const at = (value: Scalar) => {
    if (typeof value !== "number" || !Number.isFinite(value)) return NaN;
    return high > low ? (on(value) - on(low)) / (on(high) - on(low)) : 0.5;
  };
  const between = distinct.length <= MOST_LABELLED ? distinct : isLog ? roundInDecades(low, high) : roundNumbers(low, high, 5); // prettier-ignore
  const labelled = distinct.length > 0 ? apart([low, high, ...between], at) : [];
  const texts = shortLabels(labelled);
  return { kind: isLog ? "log" : "linear", distinct, at, ticks: labelled.map((value, i) => ({ at: at(value), text: texts[i] })) }; // prettier-ignore
}

/** The first ones before the later ones; ascending in the end. */
function apart(values: readonly number[], at: (value: number) => number): number[] {
  const kept: number[] = [];
  for (const value of values)
    if (kept.every((other) => Math.abs(at(other) - at(value)) >= LEAST_DISTANCE)) kept.push(value);
  return kept.sort((a, b) => a - b);
}

/** Powers of ten, with their double and half where that makes few. */
function roundInDecades(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const steps = decades > 3 ? [1] : [1, 2, 5];
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(decades) + 2 }, (_, i) => first + i);
  // As text, since 10 ** -5 is not exactly 1e-5.
  const all = powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)));
  return all.filter((value) => value >= low && value <= high);
}

/** As few digits as tell these numbers apart, at least three. */
export function shortLabels(values: readonly number[]): string[] {
  for (let digits = 3; digits < 17; digits++) {
    const texts = values.map((value) => formatNumber(value, digits));
    if (new Set(texts).size === new Set(values).size) return texts;
  }
  return values.map(String);
}
