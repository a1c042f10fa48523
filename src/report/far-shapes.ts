/**
 * Shapes that leave the picture: points beyond the range of an axis, error bars of enormous length. resvg draws a
 * translucent or clipped group on a layer of its own and aborts the whole process where one begins two pictures or more
 * right of, or below, the corner of the layer that it stands in. So paths are cut half a picture beyond the edges,
 * which is where a layer can begin at most, and what begins more than a quarter right of or below the picture is left
 * out: a quarter remains for the strokes.
 */
import { clipPolygon, clipPolyline } from "lineclip";
import { pageRectangle, pageTransform, straightPieces, type Point, type Rectangle } from "./svg-geometry.ts";

const LEAF_SELECTOR = "path, rect, circle, line, text, image";

/** Where paths are cut, in pictures beyond the edges. */
const CUT = 0.5;
/** Right of and below the picture, what begins beyond so many pictures is left out. */
const UNSEEN = 0.25;

/** Cuts or leaves out what lies far beyond the edges. Sizes in CSS pixels. */
export function cutFarShapes(drawing: Element, width: number, height: number): void {
  const [left, top, right, bottom] = [-CUT * width, -CUT * height, (1 + CUT) * width, (1 + CUT) * height];
  const isUnseen = (box: Rectangle) =>
    box.right < left || box.left > (1 + UNSEEN) * width || box.bottom < top || box.top > (1 + UNSEEN) * height;
  for (const leaf of drawing.querySelectorAll(LEAF_SELECTOR)) {
    if (leaf.closest("defs")) continue;
    const box = pageRectangle(leaf);
    if (isUnseen(box)) leaf.remove();
    else if (box.left >= left && box.top >= top && box.right <= right && box.bottom <= bottom) continue;
    else if (leaf.localName === "path") cutPath(leaf as SVGElement, [left, top, right, bottom]);
  }
}

function cutPath(path: SVGElement, [left, top, right, bottom]: readonly [number, number, number, number]): void {
  const { a, b, c, d, e, f } = pageTransform(path);
  if (a !== 1 || b !== 0 || c !== 0 || d !== 1) return; // Plotly only moves what it plots
  const box = [left - e, top - f, right - e, bottom - f] as const;
  const filled = path.style.fill !== "none";
  const draw = (points: readonly Point[], end: string) =>
    points.length ? `M${points.map(([x, y]) => `${x},${y}`).join("L")}${end}` : "";
  const cut = straightPieces(path.getAttribute("d") ?? "").map((points) =>
    filled && points.length > 2
      ? draw(clipPolygon(points, box), "Z")
      : clipPolyline(points, box)
          .map((part) => draw(part, ""))
          .join(""),
  );
  path.setAttribute("d", cut.join(""));
}
