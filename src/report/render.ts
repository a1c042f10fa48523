/** SVG to PNG with resvg and the bundled typeface; no system font is read, so the bytes are the same on every machine. */
import { createRequire } from "node:module";
import { fontFamily, fontFiles } from "./fonts.ts";

const require = createRequire(import.meta.url);

export interface Png {
  readonly bytes: Uint8Array;
  /** In pixels: the SVG's size times the scale. */
  readonly width: number;
  readonly height: number;
}

/**
 * @param svg a complete SVG document.
 * @param scale pixels per CSS pixel.
 * @throws RangeError unless scale is positive and finite; Error when the SVG cannot be parsed.
 */
export function pngOfSvg(svg: string, scale = 2): Png {
  if (!(scale > 0 && scale < 100)) throw new RangeError(`scale must lie between 0 and 100, got ${scale}`);
  const { Resvg } = require("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "white",
    font: { fontFiles: fontFiles(), loadSystemFonts: false, defaultFontFamily: fontFamily },
  }).render();
  return { bytes: image.asPng(), width: image.width, height: image.height };
}
