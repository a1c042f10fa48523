/**
 * The text of a drawing as the rasteriser can set it. Where one character is in none of its fonts, resvg gives up
 * looking for the others too, and leaves them out without a word; where two fonts make different numbers of glyphs of a
 * text, likewise. So each part of such a text is placed by itself in the family that has it, and what no font has
 * becomes a box and is named.
 */
import { createRequire } from "node:module";
import { advanceWidth, firstFace, FONT_FAMILY, MATH_FAMILY, runs, type Run } from "./fonts.ts";
import { placedTexts, type PlacedText } from "./text-boxes.ts";

const require = createRequire(import.meta.url);

/** White square, of Noto Sans Math. */
const BOX = "\u25a1";

export interface RasterText {
  readonly svg: string;
  /** Characters that are drawn as boxes: no font has them. */
  readonly missing: readonly string[];
  /** Lists of families, as in CSS, of which none is there. */
  readonly families: readonly string[];
}

/**
 * Whether all is Latin text in the family that the bundled files have, as in most figures: told without reading the
 * document.
 */
const isOrdinary = (svg: string) =>
  /^[\t\n\r -~\u00a0-\u00ac\u00ae-\u00ff\u2212\u200b]*$/.test(svg) &&
  !/&#|font-family(?!\s*:\s*(?:['"]|&quot;)?Open Sans(?:['",;]|&quot;))/.test(svg);

/** The drawing with texts split by typeface where resvg's own choice would lose characters; else as it is given. */
export function rasterText(svg: string): RasterText {
  if (isOrdinary(svg)) return { svg, missing: [], families: [] };
  const { JSDOM } = require("jsdom") as typeof import("jsdom");
  const dom = new JSDOM(svg, { contentType: "image/svg+xml" });
  const missing = new Set<string>();
  const families = new Set<string>();
  let changed = false;
  for (const text of dom.window.document.querySelectorAll("text")) {
    const pieces = placedTexts(text).map((piece): Piece => {
      const { face, asked } = firstFace(piece.style);
      if (!asked) families.add(piece.style.family);
      return { ...piece, own: face.family, runs: runs(piece.node.data, piece.style) };
    });
    if (pieces.every(({ runs, own }) => runs.every(({ face }) => face?.family === own))) continue;
    const together = runs(text.textContent ?? "", MATHEMATICS);
    if (together.every(({ face }) => face?.family === MATH_FAMILY)) continue; // resvg sets the whole text in it
    changed = true;
    for (const { runs } of pieces) for (const { text, face } of runs) if (!face) missing.add(text);
    placeRuns(text, pieces);
  }
  return { svg: changed ? dom.serialize() : svg, missing: [...missing], families: [...families] };
}

const MATHEMATICS = { family: MATH_FAMILY, weight: 400, italic: false };

interface Piece extends PlacedText {
  /** The family in which the piece begins. */
  readonly own: string;
  readonly runs: readonly Run[];
}

/** Gives each run of the text its own place and family. */
function placeRuns(text: SVGTextElement, pieces: readonly Piece[]): void {
  for (const element of [text, ...text.querySelectorAll("tspan")])
    for (const name of ["x", "y", "dx", "dy"]) element.removeAttribute(name);
  text.setAttribute("text-anchor", "start");
  text.style.removeProperty("text-anchor");
  for (const { node, style, left, baseline, runs } of pieces) {
    let x = left;
    const parts = runs.map(({ text: characters, face }) => {
      const part = text.ownerDocument.createElementNS("http://www.w3.org/2000/svg", "tspan");
      part.setAttribute("x", String(x));
      part.setAttribute("y", String(baseline));
      part.setAttribute("style", `font-family: '${face?.family ?? MATH_FAMILY}', '${FONT_FAMILY}'`);
      // a mark needs no box beside its letter's
      part.textContent = face ? characters : /\p{M}/u.test(characters) ? "" : BOX;
      x += advanceWidth(characters, style) * style.size;
      return part;
    });
    node.replaceWith(...parts);
  }
}

const named = (character: string) =>
  `${character} (U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")})`;
const NAMED_AT_MOST = 12;

/** What to tell the user of a picture whose text is not as it was asked for; undefined when it is. */
export function textWarning({ missing, families }: RasterText): string | undefined {
  const more = missing.length > NAMED_AT_MOST ? ` and ${missing.length - NAMED_AT_MOST} more` : "";
  const complaints = [
    ...(missing.length
      ? [`no font has ${missing.slice(0, NAMED_AT_MOST).map(named).join(", ")}${more}, drawn as ${BOX}`]
      : []),
    ...families.map((family) => `of the font family ${family} nothing is there, so ${FONT_FAMILY} is used`),
  ];
  if (!complaints.length) return undefined;
  return `PNG of a figure: ${complaints.join("; ")}. To add typefaces, name .ttf or .otf files before drawing: useFonts("path/to/font.ttf")`;
}
