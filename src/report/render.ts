/**
 * SVG to PNG with resvg and the bundled typeface; no system font is read, so the bytes are the same on every machine.
 */
import { createRequire } from "node:module";
import { FONT_FAMILY, fontFiles } from "./fonts.ts";
import { rasterText, textWarning } from "./raster-text.ts";

const require = createRequire(import.meta.url);

export interface Png {
  readonly bytes: Uint8Array;
  /** In pixels: the SVG's size times the scale. */
  readonly width: number;
  readonly height: number;
}

/**
 * Warns on standard error of characters that no font has, which are drawn as boxes, and of fonts that are not there.
 * @param svg a complete SVG document.
 * @param scale pixels per CSS pixel.
 * @throws RangeError unless scale is positive and finite; Error when the SVG cannot be parsed.
 */
export function pngOfSvg(svg: string, scale = 2): Png {
  if (!(scale > 0 && scale < 100)) throw new RangeError(`scale must lie between 0 and 100, got ${scale}`);
  const { Resvg } = require("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
  const text = rasterText(svg);
  const warning = textWarning(text);
  if (warning !== undefined) console.warn(warning);
  const image = new Resvg(text.svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "white",
    font: { fontFiles: fontFiles(), loadSystemFonts: false, defaultFontFamily: FONT_FAMILY },
  }).render();
  return { bytes: image.asPng(), width: image.width, height: image.height };
}
