/**
 * The typefaces of exported figures, from npm: Open Sans, and Noto Sans Math for the signs that Open Sans lacks (arrows,
 * set and logic signs). So a figure's text has the same shape and width on every machine; system fonts are never asked.
 */
import { createRequire } from "node:module";
import type { Font } from "opentype.js";

const require = createRequire(import.meta.url);

const files = {
  regular: "open-sans/400Regular/OpenSans_400Regular.ttf",
  italic: "open-sans/400Regular_Italic/OpenSans_400Regular_Italic.ttf",
  bold: "open-sans/700Bold/OpenSans_700Bold.ttf",
  boldItalic: "open-sans/700Bold_Italic/OpenSans_700Bold_Italic.ttf",
  mathematics: "noto-sans-math/400Regular/NotoSansMath_400Regular.ttf",
} as const;

type FontName = keyof typeof files;
export type Face = Exclude<FontName, "mathematics">;
export const fontFamily = "Open Sans";

const fontFile = (name: FontName) => require.resolve(`@expo-google-fonts/${files[name]}`);

/** Paths of the font files, for the rasteriser. */
export function fontFiles(): string[] {
  return (Object.keys(files) as FontName[]).map(fontFile);
}

const opened = new Map<FontName, Font>();

function openFont(name: FontName): Font {
  let font = opened.get(name);
  if (!font) {
    const { loadSync } = require("opentype.js") as typeof import("opentype.js");
    font = loadSync(fontFile(name));
    opened.set(name, font);
  }
  return font;
}

const invisible = /[\u200b-\u200d\ufeff]/g;
const hasGlyph = (font: Font, character: string) => font.charToGlyphIndex(character) > 0;

/** The text cut where the typeface must change, as the rasteriser does when a character is not in its first choice. */
function runs(text: string, face: Face): { text: string; font: Font }[] {
  const font = openFont(face);
  const found: { text: string; font: Font }[] = [];
  for (const character of text) {
    const chosen = hasGlyph(font, character) ? font : openFont("mathematics");
    const last = found.at(-1);
    if (last?.font === chosen) last.text += character;
    else found.push({ text: character, font: chosen });
  }
  return found;
}

const advances = new Map<string, number>();

/** Width of `text` in em, kerning and ligatures included; zero-width space and joiners take none. */
export function advanceWidth(text: string, face: Face): number {
  const key = `${face}\0${text}`;
  let advance = advances.get(key);
  if (advance === undefined) {
    advance = runs(text.replace(invisible, ""), face).reduce(
      (sum, run) => sum + run.font.getAdvanceWidth(run.text, 1),
      0,
    );
    if (advances.size > 20_000) advances.clear(); // a bound on memory, not on results: widths depend on the key alone
    advances.set(key, advance);
  }
  return advance;
}

/** How far the line box reaches above and below the baseline, in em: what browsers use for a text's box. */
export function lineBox(face: Face): { ascent: number; descent: number } {
  const font = openFont(face);
  return { ascent: font.ascender / font.unitsPerEm, descent: -font.descender / font.unitsPerEm };
}
