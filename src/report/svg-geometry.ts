/**
 * Boxes and path lengths of SVG elements, which jsdom has not and Plotly's layout needs. Without the nested transforms
 * Plotly takes tick labels for lying outside of their axis and hides them.
 */
import { createRequire } from "node:module";
import type { Matrix } from "transformation-matrix";
import { textBoxes, type Box } from "./text-boxes.ts";

const require = createRequire(import.meta.url);
const matrices = () => require("transformation-matrix") as typeof import("transformation-matrix");

const identity: Matrix = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
const SEPARATOR = String.raw`(?:\s*,\s*|\s*)`;
const OPERATION = new RegExp(String.raw`\s*(\w+)\s*\(\s*(${NUMBER}(?:${SEPARATOR}${NUMBER})*)\s*\)${SEPARATOR}`, "iy");

/**
 * The operations of a transform attribute by SVG's grammar, under which nothing need stand between two of them: Plotly
 * writes rotate(90,3,4)translate(0,-8) for labels of several lines, which transformation-matrix's own reader refuses.
 */
function operations(attribute: string): Matrix[] {
  const { rotateDEG, scale, skew, translate } = matrices();
  const found: Matrix[] = [];
  OPERATION.lastIndex = 0;
  while (OPERATION.lastIndex < attribute.trimEnd().length) {
    const [, name, list] = OPERATION.exec(attribute) ?? [];
    const [a, b, c, d, e, f] = (list ?? "").match(new RegExp(NUMBER, "gi"))?.map(Number) ?? [];
    if (name === "translate") found.push(translate(a, b ?? 0));
    else if (name === "scale") found.push(scale(a, b ?? a));
    else if (name === "rotate") found.push(rotateDEG(a, b ?? 0, c ?? 0));
    else if (name === "skewX") found.push(skew((a * Math.PI) / 180, 0));
    else if (name === "skewY") found.push(skew(0, (a * Math.PI) / 180));
    else if (name === "matrix" && f !== undefined) found.push({ a, b, c, d, e, f });
    else return []; // a browser ignores a transform that it cannot read
  }
  return found;
}

/** What the element's own transform attribute says. */
export function ownTransform(element: Element): Matrix {
  const found = operations(element.getAttribute("transform") ?? "");
  return found.length ? matrices().compose(found) : identity;
}

/** The transform from the element's own user space to the page. */
export function pageTransform(element: Element): Matrix {
  const above = element.parentElement;
  const outer = above ? pageTransform(above) : identity;
  return element.hasAttribute("transform") ? matrices().compose(outer, ownTransform(element)) : outer;
}

type PathLibrary = typeof import("svg-path-properties");
type Path = ReturnType<PathLibrary["svgPathProperties"]>;

const pathCache = new Map<string, Path>();

function path(d: string): Path {
  let properties = pathCache.get(d);
  if (!properties) {
    const library = require("svg-path-properties") as PathLibrary;
    try {
      properties = new library.svgPathProperties(d);
    } catch {
      properties = new library.svgPathProperties("M0,0"); // a browser draws nothing for a path that it cannot read
    }
    if (pathCache.size > 500) pathCache.clear();
    pathCache.set(d, properties);
  }
  return properties;
}

export const pathLength = (d: string): number => (d ? path(d).getTotalLength() : 0);
export const pointOnPath = (d: string, length: number) => (d ? path(d).getPointAtLength(length) : { x: 0, y: 0 });

function pathBoxes(d: string): Box[] {
  const pointsPerPart = 16;
  return path(d)
    .getParts()
    .map((part) => {
      const points = Array.from({ length: pointsPerPart + 1 }, (_, i) =>
        part.getPointAtLength((i / pointsPerPart) * part.length),
      );
      points.push(part.start, part.end);
      return boxAround(points.map(({ x, y }) => [x, y]));
    });
}

export type Point = [x: number, y: number];

/** The path as polylines, one a connected piece; curves by chords. */
export function straightPieces(d: string): Point[][] {
  const chordsPerCurve = 32;
  const pieces: Point[][] = [];
  for (const part of path(d).getParts()) {
    const { start, end, length } = part;
    const last = pieces.at(-1)?.at(-1);
    if (last?.[0] !== start.x || last[1] !== start.y) pieces.push([[start.x, start.y]]);
    const middle = part.getPointAtLength(length / 2);
    const bend = Math.hypot(middle.x - (start.x + end.x) / 2, middle.y - (start.y + end.y) / 2);
    const chords = bend > 1e-9 * length ? chordsPerCurve : 1;
    for (let i = 1; i < chords; i++) {
      const { x, y } = part.getPointAtLength((i / chords) * length);
      pieces.at(-1)!.push([x, y]);
    }
    pieces.at(-1)!.push([end.x, end.y]);
  }
  return pieces;
}

function boxAround(points: readonly (readonly [number, number])[]): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function transformed([left, top, right, bottom]: Box, { a, b, c, d, e, f }: Matrix): Box {
  const corners: [number, number][] = [
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
  ];
  return boxAround(corners.map(([x, y]) => [a * x + c * y + e, b * x + d * y + f] as const));
}

/** What the element itself paints, in its own user space. */
function shapeBoxes(element: SVGElement): Box[] {
  const number = (name: string) => Number.parseFloat(element.getAttribute(name) ?? "") || 0;
  switch (element.localName) {
    case "text":
    case "tspan":
      return textBoxes(element);
    case "rect":
    case "image":
    case "foreignObject":
      return [[number("x"), number("y"), number("x") + number("width"), number("y") + number("height")]];
    case "circle":
      return [
        [
          number("cx") - number("r"),
          number("cy") - number("r"),
          number("cx") + number("r"),
          number("cy") + number("r"),
        ],
      ];
    case "line":
      return [boxAround([[number("x1"), number("y1")], [number("x2"), number("y2")]])]; // prettier-ignore
    case "path": {
      const d = element.getAttribute("d");
      return d ? pathBoxes(d) : [];
    }
    default:
      return [];
  }
}

const containers = new Set(["g", "svg", "a"]);

function boxesUnder(element: Element, matrix: Matrix): Box[] {
  if ("style" in element && (element as SVGElement).style.display === "none") return [];
  if (!containers.has(element.localName))
    return shapeBoxes(element as SVGElement).map((box) => transformed(box, matrix));
  return [...element.children].flatMap((child) =>
    boxesUnder(child, child.hasAttribute("transform") ? matrices().compose(matrix, ownTransform(child)) : matrix),
  );
}

/** As the DOM's DOMRect. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly width: number;
  readonly height: number;
}

function union(boxes: readonly Box[]): Rectangle {
  if (!boxes.length) return { x: 0, y: 0, left: 0, top: 0, right: 0, bottom: 0, width: 0, height: 0 };
  let [left, top, right, bottom] = boxes[0];
  for (const box of boxes) {
    left = Math.min(left, box[0]);
    top = Math.min(top, box[1]);
    right = Math.max(right, box[2]);
    bottom = Math.max(bottom, box[3]);
  }
  return { x: left, y: top, left, top, right, bottom, width: right - left, height: bottom - top };
}

/** The box of the element and all that it contains, in page coordinates. */
export const pageRectangle = (element: Element): Rectangle => union(boxesUnder(element, pageTransform(element)));

/** The box of the element and all that it contains, in its own user space. */
export const ownRectangle = (element: Element): Rectangle => union(boxesUnder(element, identity));
