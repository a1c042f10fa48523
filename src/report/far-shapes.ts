/**
 * Shapes that leave the picture: points beyond the range of an axis, error bars of enormous length. What lies outside cannot
 * be seen, but resvg aborts the whole process at a translucent or clipped group that lies a few pictures away, so it is cut
 * off half a picture beyond the edges before anything is rendered.
 */
import { clipPolygon, clipPolyline } from "lineclip";
import { pageRectangle, pageTransform, straightPieces, type Point } from "./svg-geometry.ts";

const leaves = "path, rect, circle, line, text, image";

/** Cuts what lies more than half a picture beyond the edges. Sizes in CSS pixels. */
export function cutFarShapes(drawing: Element, width: number, height: number): void {
  const [left, top, right, bottom] = [-width / 2, -height / 2, 1.5 * width, 1.5 * height];
  for (const leaf of drawing.querySelectorAll(leaves)) {
    if (leaf.closest("defs")) continue;
    const box = pageRectangle(leaf);
    if (box.left >= left && box.top >= top && box.right <= right && box.bottom <= bottom) continue;
    if (box.right < left || box.left > right || box.bottom < top || box.top > bottom) leaf.remove();
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
