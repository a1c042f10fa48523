/** Binary digits of 8 x 8 pixels: a 5 x 7 glyph at a random place, with some pixels flipped. */
import type { Random } from "../../graph/random.ts";

/** Rows of each digit from the top, five pixels in the low bits, leftmost highest. */
const glyphs: readonly (readonly number[])[] = [
  [14, 17, 17, 17, 17, 17, 14],
  [4, 12, 4, 4, 4, 4, 14],
  [14, 17, 1, 2, 4, 8, 31],
  [14, 17, 1, 6, 1, 17, 14],
  [2, 6, 10, 18, 31, 2, 2],
  [31, 16, 30, 1, 1, 17, 14],
  [14, 16, 16, 30, 17, 17, 14],
  [31, 1, 2, 4, 8, 8, 8],
  [14, 17, 17, 14, 17, 17, 14],
  [14, 17, 17, 15, 1, 1, 14],
];

/**
 * @param flip probability that a pixel is flipped.
 * @returns Uint8Array[64 count], 0 or 1, image by image, row by row; image k shows digit k mod 10.
 */
export function binaryDigits(count: number, random: Random, flip = 0.02): Uint8Array {
  const pixels = new Uint8Array(64 * count);
  for (let image = 0; image < count; image++) {
    const [top, left] = [random.integer(2), 1 + random.integer(2)];
    glyphs[image % 10].forEach((row, y) => {
      for (let x = 0; x < 5; x++) pixels[64 * image + 8 * (top + y) + left + x] = (row >> (4 - x)) & 1;
    });
    for (let at = 64 * image; at < 64 * (image + 1); at++) if (random.bernoulli(flip)) pixels[at] ^= 1;
  }
  return pixels;
}
