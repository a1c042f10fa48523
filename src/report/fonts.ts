/**
 * The typefaces of exported figures: Open Sans, Noto Sans Math for the signs that it lacks (arrows, set and logic
 * signs), both from npm, and the files that the user names. So a figure's text has the same shape and width on every
 * machine; system fonts are never asked.
 */
import { createRequire } from "node:module";
import path from "node:path";
import type { Font } from "opentype.js";

const require = createRequire(import.meta.url);

const BUNDLED = [
  "open-sans/400Regular/OpenSans_400Regular.ttf",
  "open-sans/400Regular_Italic/OpenSans_400Regular_Italic.ttf",
  "open-sans/700Bold/OpenSans_700Bold.ttf",
  "open-sans/700Bold_Italic/OpenSans_700Bold_Italic.ttf",
  "noto-sans-math/400Regular/NotoSansMath_400Regular.ttf",
];
export const FONT_FAMILY = "Open Sans";
export const MATH_FAMILY = "Noto Sans Math";

/** What a text asks for. */
export interface Face {
  /** As in CSS: families by preference. */
  readonly family: string;
  /** 400 is regular, 700 bold. */
  readonly weight: number;
  readonly italic: boolean;
}

/** An opened font file. */
export interface FontFace extends Face {
  readonly font: Font;
}

function openFace(file: string): FontFace {
  const { loadSync } = require("opentype.js") as typeof import("opentype.js");
  const font = loadSync(file, { lowMemory: true });
  const english = (name: string) => (font.names as unknown as Record<string, { en?: string } | undefined>)[name]?.en;
  const family = english("preferredFamily") ?? english("fontFamily");
  if (family === undefined) throw new Error("it names no family");
  const { usWeightClass, fsSelection } = font.tables.os2 as unknown as { usWeightClass: number; fsSelection: number };
  return { font, family, weight: usWeightClass, italic: (fsSelection & 1) === 1 };
}

let bundled: readonly FontFace[] | undefined;
let named: readonly { file: string; face: FontFace }[] = [];
const advances = new Map<string, number>();

const bundledFiles = () => BUNDLED.map((file) => require.resolve(`@expo-google-fonts/${file}`));

/** Every face: first the bundled ones, in the order of BUNDLED, then the user's. */
const faces = (): readonly FontFace[] => [
  ...(bundled ??= bundledFiles().map(openFace)),
  ...named.map(({ face }) => face),
];

/** Paths of the font files, for the rasteriser. */
export const fontFiles = (): string[] => [...bundledFiles(), ...named.map(({ file }) => file)];

/**
 * Adds typefaces to those of figures drawn from now on. A text is set in one when its `font.family` names it;
 * characters that the bundled typefaces lack are taken from them, in the order given, whatever the family.
 * @param files TrueType or OpenType files (.ttf, .otf) of one face each; weights and slants are files of their own.
 * @throws Error for a file that cannot be read as such.
 */
export function useFonts(...files: readonly string[]): void {
  const opened = files.map((given) => {
    const file = path.resolve(given);
    try {
      return { file, face: openFace(file) };
    } catch (error) {
      throw new Error(
        `useFonts: ${given} cannot be used; expected a .ttf or .otf file of one face (no .ttc, .woff or .woff2): ${(error as Error).message}`,
        { cause: error },
      );
    }
  });
  named = [...named.filter(({ file }) => !opened.some((other) => other.file === file)), ...opened];
  advances.clear();
}

const GENERIC = new Set(["sans-serif", "system-ui", "ui-sans-serif", "inherit", "initial", ""]);

/** The names in a CSS list of families, without quotes. */
const familyNames = (list: string): string[] =>
  list.split(",").map((name) => name.trim().replace(/^(['"])(.*)\1$/, "$2"));

/** CSS: what is lighter than a text below 450 wants is preferred to what is darker; for others the other way round. */
const isBeyond = (weight: number, wanted: number) => (wanted < 450 ? weight > Math.max(wanted, 400) : weight < wanted);

/** The face for `wanted`, and whether it is of a family that was asked for. */
export function firstFace(wanted: Face): { face: FontFace; asked: boolean } {
  const all = faces();
  const of = (name: string) => all.filter(({ family }) => family.toLowerCase() === name.toLowerCase());
  const names = familyNames(wanted.family);
  const asked = names.find((name) => GENERIC.has(name.toLowerCase()) || of(name).length);
  const family = of(asked ?? FONT_FAMILY).length ? of(asked ?? FONT_FAMILY) : of(FONT_FAMILY);
  const unlike = ({ weight, italic }: Face) =>
    (italic === wanted.italic ? 0 : 4000) +
    Math.abs(weight - wanted.weight) +
    (isBeyond(weight, wanted.weight) ? 1000 : 0);
  return {
    face: family.reduce((best, face) => (unlike(face) < unlike(best) ? face : best)),
    asked: asked !== undefined,
  };
}

const hasGlyph = ({ font }: FontFace, character: string) => font.charToGlyphIndex(character) > 0;
const isIgnorable = (character: string) => /^\p{Default_Ignorable_Code_Point}$/u.test(character);

/** A part of a text in one typeface; without a face, one character that none has. */
export interface Run {
  text: string;
  readonly face: FontFace | undefined;
}

/** The text cut where the typeface must change. Zero-width space, joiners and the like go with what they follow. */
export function runs(text: string, wanted: Face): Run[] {
  const { face: first } = firstFace(wanted);
  const open = firstFace({ ...wanted, family: FONT_FAMILY }).face;
  const choices = [first, open, ...faces().filter(({ family }) => family !== FONT_FAMILY)];
  const found: Run[] = [];
  for (const character of text.normalize("NFC")) {
    const last = found.at(-1);
    const face = isIgnorable(character)
      ? (last?.face ?? first)
      : /\s/.test(character)
        ? first
        : choices.find((choice) => hasGlyph(choice, character));
    if (last?.face && last.face === face) last.text += character;
    else found.push({ text: character, face });
  }
  return found;
}

/**
 * Width in em taken for a character that no face has: that of Chinese ones, which are most of them. Marks take none.
 */
const UNKNOWN_ADVANCE = 1;

const runWidth = ({ text, face }: Run) =>
  face ? face.font.getAdvanceWidth(text, 1) : /\p{M}/u.test(text) ? 0 : UNKNOWN_ADVANCE;

/** Width of `text` in em, kerning and ligatures included; zero-width space and joiners take none. */
export function advanceWidth(text: string, wanted: Face): number {
  const key = `${wanted.family}\0${wanted.weight}\0${wanted.italic}\0${text}`;
  let advance = advances.get(key);
  if (advance === undefined) {
    const visible = text.replace(/\p{Default_Ignorable_Code_Point}/gu, "");
    advance = runs(visible, wanted).reduce((sum, run) => sum + runWidth(run), 0);
    if (advances.size > 20_000) advances.clear(); // a bound on memory, not on results: widths depend on the key alone
    advances.set(key, advance);
  }
  return advance;
}

/** How far the line box reaches above and below the baseline, in em: what browsers use for a text's box. */
export function lineBox(wanted: Face): { ascent: number; descent: number } {
  const { font } = firstFace(wanted).face;
  return { ascent: font.ascender / font.unitsPerEm, descent: -font.descender / font.unitsPerEm };
}
