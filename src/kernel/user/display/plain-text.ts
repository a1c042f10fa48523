/**
 * Values as text: Node's own view of them, but large arrays of numbers shortened to their corners, with shape and
 * dtype.
 */
import { inspect, types } from "node:util";

// User code may shadow globals; these stay what they are.
const { Array, Math, Number, String } = globalThis;

/** Arrays of more elements show so many at each end of each dimension. */
const SUMMARISED_ABOVE_ELEMENTS = 200;
const SHOWN_EDGE_ELEMENTS = 4;
/** Longer ones are shortened, and it is said by how much. */
const LONGEST_STRING = 5_000; // characters
/** Digits of summarised and of tensors' numbers. */
const SIGNIFICANT_DIGITS = 7;

export function plainText(value: unknown): string {
  const numbers = largeArray(value);
  if (numbers) return `${numbers.name} ${corners(numbers.at, numbers.shape)}`;
  return inspect(value, {
    colors: false,
    depth: 4,
    maxArrayLength: 100,
    maxStringLength: LONGEST_STRING,
    breakLength: 100,
  });
}

type Element = (index: number) => unknown;

/** Array of shape `shape`, C order, as nested brackets; the middle of long dimensions is left out. */
export function corners(at: Element, shape: readonly number[]): string {
  const total = shape.reduce((product, size) => product * size, 1);
  const edge = total > SUMMARISED_ABOVE_ELEMENTS ? SHOWN_EDGE_ELEMENTS : Infinity;
  const write = (dimension: number, start: number): string => {
    if (dimension === shape.length) return written(at(start));
    const size = shape[dimension];
    const step = shape.slice(dimension + 1).reduce((product, each) => product * each, 1);
    const parts: string[] = [];
    for (let index = 0; index < size; index++) {
      if (index === edge && size > 2 * edge) {
        parts.push("…");
        index = size - edge;
      }
      parts.push(write(dimension + 1, start + index * step));
    }
    const isInnermost = dimension === shape.length - 1;
    const separator = isInnermost ? ", " : `,\n${" ".repeat(dimension + 1)}`;
    return `[${parts.join(separator)}]`;
  };
  return write(0, 0);
}

function written(value: unknown): string {
  if (typeof value !== "number") return typeof value === "bigint" ? `${value}n` : String(value);
  return Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
}

/** A typed array, or nested arrays of numbers of one shape, too large to be shown whole. */
function largeArray(value: unknown): { name: string; at: Element; shape: number[] } | undefined {
  if (types.isTypedArray(value)) {
    if (value.length <= SUMMARISED_ABOVE_ELEMENTS) return undefined;
    const dtype = value.constructor.name.replace(/Array$/, "").toLowerCase();
    return {
      name: `${value.constructor.name}, ${dtype} of shape ${value.length}:`,
      at: (i) => value[i],
      shape: [value.length],
    };
  }
  if (!Array.isArray(value)) return undefined;
  const shape: number[] = [];
  for (let at: unknown = value; isList(at); at = at[0]) {
    shape.push(at.length);
    if (at.length === 0 || shape.length > 6) return undefined;
  }
  const total = shape.reduce((product, size) => product * size, 1);
  if (total <= SUMMARISED_ABOVE_ELEMENTS || !isRectangular(value, shape, 0)) return undefined;
  const at = (index: number) => {
    let found: unknown = value;
    let rest = index;
    let size = total;
    for (const length of shape) {
      size /= length;
      found = (found as unknown[])[Math.floor(rest / size)];
      rest %= size;
    }
    return found;
  };
  return { name: `Array, number of shape ${shape.join(" × ")}:`, at, shape };
}

type List = readonly unknown[];

function isList(value: unknown): value is List {
  return Array.isArray(value) || types.isTypedArray(value);
}

function isRectangular(value: unknown, shape: readonly number[], dimension: number): boolean {
  if (dimension === shape.length) return typeof value === "number";
  if (!isList(value) || value.length !== shape[dimension]) return false;
  for (const each of value) if (!isRectangular(each, shape, dimension + 1)) return false;
  return true;
}
