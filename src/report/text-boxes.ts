/**
 * Where an SVG text stands: the part of a browser's text layout that Plotly asks for. Handles nested tspans with their
 * own x, y, dx, dy, font size (px, em, %), weight and slant, and text-anchor for every anchored chunk.
 */
import { advanceWidth, lineBox, type Face } from "./fonts.ts";

/** left, top, right, bottom in the text's own user space. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

export interface TypeStyle extends Face {
  readonly size: number;
  readonly anchor: string;
}

const rootStyle: TypeStyle = { size: 16, family: "", weight: 400, italic: false, anchor: "start" };

function length(value: string | null, size: number, inherited: number): number {
  const number = Number.parseFloat(value ?? "");
  if (!Number.isFinite(number)) return inherited;
  if (value!.trim().endsWith("em")) return number * size;
  return value!.trim().endsWith("%") ? (number / 100) * size : number;
}

const WEIGHTS: Readonly<Record<string, number>> = { normal: 400, bold: 700, lighter: 300, bolder: 700 };

function ownStyle(element: SVGElement, inherited: TypeStyle): TypeStyle {
  const read = (css: string) => element.style.getPropertyValue(css) || element.getAttribute(css);
  const weight = read("font-weight");
  const slant = read("font-style");
  return {
    size: length(read("font-size"), inherited.size, inherited.size),
    family: read("font-family") || inherited.family,
    weight: weight ? (WEIGHTS[weight] ?? (Number(weight) || 400)) : inherited.weight,
    italic: slant ? slant === "italic" || slant === "oblique" : inherited.italic,
    anchor: read("text-anchor") || inherited.anchor,
  };
}

function inheritedStyle(element: Element | null): TypeStyle {
  if (!element || !("style" in element)) return rootStyle;
  return ownStyle(element as SVGElement, inheritedStyle(element.parentElement));
}

/** A piece of text in one style, where it stands in the text's own user space. */
export interface PlacedText {
  readonly node: Text;
  readonly style: TypeStyle;
  readonly left: number;
  readonly baseline: number;
  readonly width: number;
}

/** Every piece of a text or tspan, in its order; an empty list for a text without characters. */
export function placedTexts(element: SVGElement): PlacedText[] {
  const placed: PlacedText[] = [];
  let chunk: PlacedText[] = [];
  let x = 0;
  let y = 0;

  const finishChunk = () => {
    if (chunk.length) {
      const { left, style } = chunk[0];
      const shift = style.anchor === "middle" ? -(x - left) / 2 : style.anchor === "end" ? -(x - left) : 0;
      for (const piece of chunk) placed.push({ ...piece, left: piece.left + shift });
    }
    chunk = [];
  };

  const visit = (node: SVGElement, inherited: TypeStyle) => {
    const style = ownStyle(node, inherited);
    if (node.hasAttribute("x")) {
      finishChunk();
      x = length(node.getAttribute("x"), style.size, x);
    }
    if (node.hasAttribute("y")) {
      finishChunk();
      y = length(node.getAttribute("y"), style.size, y);
    }
    x += length(node.getAttribute("dx"), style.size, 0);
    y += length(node.getAttribute("dy"), style.size, 0);
    for (const child of node.childNodes) {
      if (child.nodeType === 1) visit(child as SVGElement, style);
      if (child.nodeType !== 3 || !child.nodeValue) continue;
      const width = advanceWidth(child.nodeValue, style) * style.size;
      chunk.push({ node: child as Text, style, left: x, baseline: y, width });
      x += width;
    }
  };
  visit(element, inheritedStyle(element.parentElement));
  finishChunk();
  return placed;
}

/** Boxes of every piece of a text or tspan, in its own user space. */
export const textBoxes = (element: SVGElement): Box[] =>
  placedTexts(element).map(({ style, left, baseline, width }) => {
    const { ascent, descent } = lineBox(style);
    return [left, baseline - ascent * style.size, left + width, baseline + descent * style.size];
  });

/** Sum of the advance widths of all characters, as getComputedTextLength gives it. */
export function textLength(element: SVGElement): number {
  return textBoxes(element).reduce((sum, [left, , right]) => sum + right - left, 0);
}
