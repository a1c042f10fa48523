// lineclip ships no types of its own.
declare module "lineclip" {
  type Point = [number, number];
  /** Left, top, right, bottom. */
  type BoundingBox = readonly [number, number, number, number];
  export function clipPolyline(points: readonly Point[], box: BoundingBox): Point[][];
  export function clipPolygon(points: readonly Point[], box: BoundingBox): Point[];
}
