/**
 * As much of a 2d canvas as Plotly's heatmaps use: rectangles and pixels written to an RGBA buffer, read back as a PNG
 * data address. The PNG comes from a JavaScript encoder, so its bytes do not depend on Node's build of zlib.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** [red, green, blue, alpha], each 0 to 255. */
type Colour = readonly [number, number, number, number];

function parseColour(css: string): Colour {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})?$/i.exec(css);
  if (hex)
    return [1, 2, 3, 4].map((i) => (hex[i] === undefined ? 255 : Number.parseInt(hex[i], 16))) as unknown as Colour;
  const numbers = /^rgba?\(([^)]*)\)$/.exec(css)?.[1].split(",").map(Number);
  if (!numbers || numbers.some(Number.isNaN)) return [0, 0, 0, 255];
  const [red, green, blue, alpha = 1] = numbers;
  return [red, green, blue, Math.round(alpha * 255)];
}

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

class PixelContext {
  fillStyle = "#000000";
  readonly #pixels: Pixels;

  constructor(pixels: Pixels) {
    this.#pixels = pixels;
  }

  #forEachPixel(
    x: number,
    y: number,
    width: number,
    height: number,
    visit: (offset: number, dx: number, dy: number) => void,
  ) {
    const { width: columns, height: rows } = this.#pixels;
    const left = Math.round(x);
    const top = Math.round(y);
    for (let row = Math.max(0, top); row < Math.min(rows, Math.round(y + height)); row++)
      for (let column = Math.max(0, left); column < Math.min(columns, Math.round(x + width)); column++)
        visit(4 * (row * columns + column), column - left, row - top);
  }

  fillRect(x: number, y: number, width: number, height: number) {
    const colour = parseColour(this.fillStyle);
    this.#forEachPixel(x, y, width, height, (offset) => this.#pixels.data.set(colour, offset));
  }

  createImageData(width: number, height: number): Pixels {
    return { width, height, data: new Uint8ClampedArray(4 * width * height) };
  }

  putImageData(image: Pixels, x: number, y: number) {
    this.#forEachPixel(x, y, image.width, image.height, (offset, dx, dy) => {
      const from = 4 * (dy * image.width + dx);
      this.#pixels.data.set(image.data.subarray(from, from + 4), offset);
    });
  }
}

const painted = new WeakMap<object, { pixels: Pixels; context: PixelContext }>();

/** The 2d context of a canvas element; one buffer a canvas, started anew when its size has changed. */
export function context2d(canvas: { width: number; height: number }): PixelContext {
  const { width, height } = canvas;
  let held = painted.get(canvas);
  if (!held || held.pixels.width !== width || held.pixels.height !== height) {
    const pixels = { width, height, data: new Uint8ClampedArray(4 * width * height) };
    held = { pixels, context: new PixelContext(pixels) };
    painted.set(canvas, held);
  }
  return held.context;
}

/** The canvas as `data:image/png;base64,...`. */
export function canvasAddress(canvas: { width: number; height: number }): string {
  context2d(canvas);
  const { width, height, data } = painted.get(canvas)!.pixels;
  const { encode } = require("fast-png") as typeof import("fast-png");
  return `data:image/png;base64,${Buffer.from(encode({ width, height, data, channels: 4 })).toString("base64")}`;
}
