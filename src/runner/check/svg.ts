/**
 * Two drawings (SVG) of one figure held against each other: the same elements with the same words, numbers as close as
 * the figure's data. What a run says of itself is passed over: the text of class `note`, and the ids, which drawing
 * programs draw anew with every run; elements are matched by order, and a reference must lead to the same element.
 *
 * Numbers in attributes are pixels. Drawing programs print paths and shifts with two decimals, so what differs in the
 * sixteenth digit on another processor may fall to the other side of a rounding.
 */
import { isClose, numberDifference, shown, shortened, type Difference } from "./compare.ts";
import { comparePng } from "./png.ts";
import type { Tolerance } from "./settings.ts";

/** Left by cancellation where zero is meant. */
const CANCELLED_PX = 1e-6;
/** One unit of the last printed place of two. */
const ROUNDING_PX = 0.0101;
const ROUNDED_ATTRIBUTES = ["d", "points", "transform"];

const MARKUP = /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<(?:[^"'<>]|"[^"]*"|'[^']*')*>|[^<]+|</g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*("[^"]*"|'[^']*')/g;
/** Not the digits of a word such as x2y2, nor of the colour #1e5000. */
const NUMBER = /(?<![#\w.])[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/gi;
/** Also right after a letter, as in "M1.5,2L3,4". */
const PATH_NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/gi;
const EMBEDDED_PNG = /^data:image\/png;base64,(.*)$/s;

export function compareSvg(name: string, was: string, is: string, tolerance: Tolerance): Difference[] {
  if (tolerance.ignore) return [];
  const place = `drawing ${name}.svg`;
  const [before, after] = [was, is].map((text) => new Drawing(text));
  if (before.pieces.length !== after.pieces.length)
    return [{ place, what: `${before.pieces.length} elements and texts became ${after.pieces.length}` }];
  const found: Difference[] = [];
  for (const [i, piece] of before.pieces.entries()) {
    const other = after.pieces[i];
    if (piece === other) continue;
    const isTag = piece.startsWith("<");
    if (!isTag && before.isNote(i) && after.isNote(i)) continue;
    if (isTag && other.startsWith("<")) found.push(...compareTags(place, [before, after], [piece, other], tolerance));
    else {
      const what = differenceOf(piece.trim(), other.trim(), NUMBER, () => tolerance);
      if (what) found.push({ place: `${place}, text ${shown(piece.trim())}`, what });
    }
  }
  return shortened(found, place);
}

class Drawing {
  /** Tags and the texts between them, in order. */
  readonly pieces: readonly string[];
  /** What stands for each id, by its place: random ids differ from drawing to drawing. */
  readonly #ids = new Map<string, string>();
  readonly #traces = new Map<string, string>();

  constructor(text: string) {
    this.pieces = (text.match(MARKUP) ?? []).filter((piece) => piece.trim() !== "");
    for (const [, , id] of text.matchAll(/\sid=(["'])(.*?)\1/g))
      if (!this.#ids.has(id)) this.#ids.set(id, `id ${this.#ids.size + 1}`);
  }

  /** Whether the text at this index stands in an element of class `note`. */
  isNote(i: number): boolean {
    return /^<text\b[^>]*\sclass=["']note["']/.test(this.pieces[i - 1] ?? "");
  }

  /** Attributes by name, ids by their places; the tag's name under "". */
  attributesOf(tag: string): Map<string, string> {
    const attributes = new Map([
      [
        "",
        tag
          .replaceAll(ATTRIBUTE, "")
          .replace(/\s+/g, " ")
          .replace(/ (?=\/?>)/, ""),
      ],
    ]);
    for (const [, name, quoted] of tag.matchAll(ATTRIBUTE))
      attributes.set(name, this.#plain(name, quoted.slice(1, -1)));
    return attributes;
  }

  #plain(name: string, value: string): string {
    if (name === "id") return this.#ids.get(value) ?? value;
    // Plotly marks each trace, and the parts of its colour bar, by a random number of six hexadecimal digits.
    if (name === "class")
      return value.replace(
        /(trace|cb)([0-9a-f]{6})(?![0-9a-f])/g,
        (_, what: string, trace: string) => `${what} ${this.#traceOf(trace)} `,
      );
    return value.replace(/#([^)"'\s]+)/g, (whole, id: string) => this.#ids.get(id) ?? whole);
  }

  #traceOf(trace: string): string {
    const known = this.#traces.get(trace) ?? `trace ${this.#traces.size + 1}`;
    this.#traces.set(trace, known);
    return known;
  }
}

function compareTags(
  place: string,
  [before, after]: readonly Drawing[],
  [was, is]: readonly string[],
  tolerance: Tolerance,
): Difference[] {
  const [old, now] = [before.attributesOf(was), after.attributesOf(is)];
  if (old.get("") !== now.get("")) return [{ place, what: `${shown(old.get(""))} became ${shown(now.get(""))}` }];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name): Difference[] => {
    const [a, b] = [old.get(name), now.get(name)];
    if (a === b) return [];
    const where = `${place}, ${name} of ${old.get("")}`;
    if (a === undefined || b === undefined) return [{ place: where, what: `${shown(a)} became ${shown(b)}` }];
    const [oldPng, newPng] = [a, b].map((text) => EMBEDDED_PNG.exec(text)?.[1]);
    if (oldPng !== undefined && newPng !== undefined)
      return comparePng(where, Buffer.from(oldPng, "base64"), Buffer.from(newPng, "base64"));
    const isRounded = ROUNDED_ATTRIBUTES.includes(name);
    const allowed = (x: string, y: string) => ({
      ...tolerance,
      absolute: tolerance.absolute + (isRounded && isOfTwoDecimals(x, y) ? ROUNDING_PX : CANCELLED_PX),
    });
    const what = differenceOf(a, b, isRounded ? PATH_NUMBER : NUMBER, allowed);
    return what ? [{ place: where, what }] : [];
  });
}

/** Words must be equal, numbers close; says what is not. */
function differenceOf(
  was: string,
  is: string,
  pattern: RegExp,
  allowed: (was: string, is: string) => Tolerance,
): string | undefined {
  const words = (text: string) => text.replace(pattern, "0").replace(/\s+/g, " ");
  if (words(was) !== words(is)) return `${shown(was)} became ${shown(is)}`;
  const [before, after] = [was, is].map((text) => text.match(pattern) ?? []);
  const at = before.findIndex((text, i) => !isClose(Number(text), Number(after[i]), allowed(text, after[i])));
  return at < 0 ? undefined : numberDifference(Number(before[at]), Number(after[at]), allowed(before[at], after[at]));
}

function isOfTwoDecimals(was: string, is: string): boolean {
  return [was, is].every((text) => /^[+-]?\d*(\.\d{1,2})?$/.test(text)) && `${was}${is}`.includes(".");
}

/**
 * The rows of pixels, in parts of the picture's height, that hold the text of class `note`: what a run says of itself.
 */
export function noteRows(svg: string): readonly [from: number, to: number] | undefined {
  const height = Number(/^\s*(?:<[?!][^>]*>\s*)*<svg\b[^>]*\sheight="([\d.]+)(?:px)?"/.exec(svg)?.[1]);
  const tag = /<text\b[^>]*\sclass="note"[^>]*>/.exec(svg)?.[0];
  const y = Number(/\sy="([\d.]+)"/.exec(tag ?? "")?.[1]);
  const size = Number(/font-size:\s*([\d.]+)px/.exec(tag ?? "")?.[1]);
  return [height, y, size].every(Number.isFinite) ? [(y - size) / height, (y + size / 2) / height] : undefined;
}
