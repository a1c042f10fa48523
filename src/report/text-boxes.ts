/**
 * Where an SVG text stands: the part of a browser's text layout that Plotly asks for. Handles nested tspans with their own
 * x, y, dx, dy, font size (px, em, %), weight and slant, and text-anchor for every anchored chunk.
 */
import { advanceWidth, lineBox, type Face } from "./fonts.ts";

/** left, top, right, bottom in the text's own user space. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

interface TypeStyle {
  readonly size: number;
  readonly bold: boolean;
  readonly italic: boolean;
  readonly anchor: string;
}

const rootStyle: TypeStyle = { size: 16, bold: false, italic: false, anchor: "start" };

function length(value: string | null, size: number, inherited: number): number {
  const number = Number.parseFloat(value ?? "");
  if (!Number.isFinite(number)) return inherited;
  if (value!.trim().endsWith("em")) return number * size;
  return value!.trim().endsWith("%") ? (number / 100) * size : number;
}

function ownStyle(element: SVGElement, inherited: TypeStyle): TypeStyle {
  const read = (css: string) => element.style.getPropertyValue(css) || element.getAttribute(css);
  const weight = read("font-weight");
  const slant = read("font-style");
  return {
    size: length(read("font-size"), inherited.size, inherited.size),
    bold: weight ? weight === "bold" || weight === "bolder" || Number(weight) >= 600 : inherited.bold,
    italic: slant ? slant === "italic" || slant === "oblique" : inherited.italic,
    anchor: read("text-anchor") || inherited.anchor,
  };
}

function inheritedStyle(element: Element | null): TypeStyle {
  if (!element || !("style" in element)) return rootStyle;
  return ownStyle(element as SVGElement, inheritedStyle(element.parentElement));
}

const face = ({ bold, italic }: TypeStyle): Face =>
  bold ? (italic ? "boldItalic" : "bold") : italic ? "italic" : "regular";

/** Boxes of every run of a text or tspan, in its own user space; an empty list for a text without characters. */
export function textBoxes(element: SVGElement): Box[] {
  const boxes: Box[] = [];
  let chunk: { left: number; width: number; top: number; bottom: number }[] = [];
  let chunkAnchor = "start";
  let x = 0;
  let y = 0;

  const finishChunk = () => {
    if (chunk.length) {
      const width = x - chunk[0].left;
      const shift = chunkAnchor === "middle" ? -width / 2 : chunkAnchor === "end" ? -width : 0;
      for (const run of chunk) boxes.push([run.left + shift, run.top, run.left + run.width + shift, run.bottom]);
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
      const { ascent, descent } = lineBox(face(style));
      const width = advanceWidth(child.nodeValue, face(style)) * style.size;
      if (!chunk.length) chunkAnchor = style.anchor;
      chunk.push({ left: x, width, top: y - ascent * style.size, bottom: y + descent * style.size });
      x += width;
    }
  };
  visit(element, inheritedStyle(element.parentElement));
  finishChunk();
  return boxes;
}

/** Sum of the advance widths of all characters, as getComputedTextLength gives it. */
export function textLength(element: SVGElement): number {
  return textBoxes(element).reduce((sum, [left, , right]) => sum + right - left, 0);
}
