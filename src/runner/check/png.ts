/** Two pictures (PNG) of one figure held against each other, pixel by pixel. */
import { decode } from "fast-png";
import type { Difference } from "./compare.ts";

/**
 * Of 255 levels. Lines that lie a hundredth of a pixel elsewhere, as rounding on another processor may put them, cover
 * their pixels by some 5 levels more or less; nobody sees 16.
 */
const LEVELS_ALLOWED = 16;

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha from 0 to 255 of each pixel, row by row from the top: Uint8Array[4 width height]. */
  readonly levels: Uint8Array | Uint8ClampedArray;
}

/** @param passedOver rows of pixels that are not compared, in parts of the height: [.9, 1] is the lowest tenth */
export function comparePng(
  place: string,
  was: Uint8Array,
  is: Uint8Array,
  passedOver?: readonly [from: number, to: number],
): Difference[] {
  if (Buffer.from(was).equals(is)) return [];
  const [before, after] = [was, is].map(pixelsOf);
  if (typeof before === "string") return [{ place, what: `what is committed ${before}` }];
  if (typeof after === "string") return [{ place, what: `what was drawn ${after}` }];
  const { width, height } = before;
  if (width !== after.width || height !== after.height)
    return [{ place, what: `${width} x ${height} pixels became ${after.width} x ${after.height}` }];
  const [from, to] = (passedOver ?? [1, 1]).map((part) => Math.min(1, Math.max(0, part)) * height);
  const isPassedOver = (y: number) => y >= Math.floor(from) && y < Math.ceil(to);
  let [count, first, largest] = [0, "", 0];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const difference = differenceAt(before.levels, after.levels, 4 * pixel);
    const y = Math.floor(pixel / width);
    if (difference <= LEVELS_ALLOWED || isPassedOver(y)) continue;
    if (count++ === 0) first = `column ${(pixel % width) + 1}, row ${y + 1}`;
    largest = Math.max(largest, difference);
  }
  if (count === 0) return [];
  const pixels = count === 1 ? "1 pixel differs" : `${count} pixels differ`;
  return [{ place, what: `${pixels}, the first at ${first}, by up to ${largest} of 255 levels` }];
}

/** The largest over the four channels. */
function differenceAt(was: Pixels["levels"], is: Pixels["levels"], start: number): number {
  let largest = 0;
  for (let i = start; i < start + 4; i++) largest = Math.max(largest, Math.abs(was[i] - is[i]));
  return largest;
}

/** Or words for why there are none. */
function pixelsOf(file: Uint8Array): Pixels | string {
  try {
    const { width, height, channels, depth, data, palette } = decode(file);
    if (channels === 4 && depth === 8) return { width, height, levels: new Uint8Array(data) };
    const scale = 255 / (2 ** depth - 1);
    const levels = new Uint8ClampedArray(4 * width * height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const own = Array.from(data.subarray(channels * pixel, channels * (pixel + 1)), (level) => level * scale);
      const grey = [own[0], own[0], own[0], own[1] ?? 255];
      levels.set(palette ? opaque(palette[data[pixel]]) : channels < 3 ? grey : opaque(own), 4 * pixel);
    }
    return { width, height, levels };
  } catch (error) {
    return `is no PNG: ${(error as Error).message}`;
  }
}

function opaque(levels: readonly number[]): readonly number[] {
  return levels.length > 3 ? levels : [...levels, 255];
}
