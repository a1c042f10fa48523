import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { decode } from "fast-png";
import type { Data } from "plotly.js";
import opentype from "opentype.js";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { figure } from "../../src/report/figure.ts";
import { advanceWidth, runs, useFonts } from "../../src/report/fonts.ts";
import { figureSvg, type PlotlySpecification } from "../../src/report/plotly-static.ts";
import { rasterText } from "../../src/report/raster-text.ts";
import { pngOfSvg } from "../../src/report/render.ts";
import { everyTrace, houseFigures, traceFigure } from "./example-figures.ts";

const require = createRequire(import.meta.url);
const folder = mkdtempSync(path.join(tmpdir(), "fonts-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const warn = vi.spyOn(console, "warn");
beforeEach(() => void warn.mockClear().mockImplementation(() => undefined));
afterEach(() => void warn.mockReset());
const warnings = () => warn.mock.calls.map(([text]) => String(text));

/** A typeface that has these characters alone, each a filled square of one em. */
function squareFont(family: string, characters: string): string {
  const square = new opentype.Path();
  for (const [draw, x, y] of [["moveTo", 50, 0], ["lineTo", 950, 0], ["lineTo", 950, 800], ["lineTo", 50, 800]] as const) square[draw](x, y); // prettier-ignore
  square.close();
  const glyphs = [
    new opentype.Glyph({ name: ".notdef", unicode: 0, advanceWidth: 1000, path: new opentype.Path() }),
    ...[...characters].map((character, i) => new opentype.Glyph({ name: `g${i}`, unicode: character.codePointAt(0), advanceWidth: 1000, path: square })), // prettier-ignore
  ];
  const font = new opentype.Font({ familyName: family, styleName: "Regular", unitsPerEm: 1000, ascender: 800, descender: -200, glyphs }); // prettier-ignore
  const file = path.join(folder, `${family}.otf`);
  writeFileSync(file, Buffer.from(font.toArrayBuffer()));
  return file;
}

const document = (text: string, style = "") => `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="60"><text x="10" y="40" style="font-family: 'Open Sans'; font-size: 30px; white-space: pre;${style}">${text}</text></svg>`; // prettier-ignore

/** How many pieces of ink stand beside one another with at least five blank columns between them. */
function pieces(svg: string): number {
  const { width, height, data, channels } = decode(pngOfSvg(svg, 1).bytes);
  let found = 0;
  let blank = Infinity;
  for (let x = 0; x < width; x++) {
    const inked = Array.from({ length: height }, (_, y) => data[channels * (y * width + x)]).some((red) => red < 160);
    if (inked && blank >= 5) found++;
    blank = inked ? 0 : blank + 1;
  }
  return found;
}

describe("a character that no font has", () => {
  test.each(["日 x ∈ ℝ", "x ∈ ℝ 日", "नम ffi ∈ é", "Ж ∈ 😀 😀", "<tspan>日</tspan> <tspan dy='-5'>∈</tspan> x →"])(
    "leaves the rest of its text as it is, and is a box: %s",
    (text) => {
      const words = text.replace(/<[^>]*>/g, "").split(" ");
      expect(pieces(document(text.replaceAll(" ", "     ").replace("नम", "न")))).toBe(words.length);
    },
  );

  test("is named with its code point, wherever the text stands", () => {
    const bar: Data = { type: "bar", x: ["一", "b"], y: [1, 2], text: ["二", ""], name: "三" };
    const layout = { title: { text: "四 ∈" }, xaxis: { title: { text: "<b>五</b>" } }, showlegend: true };
    figure({ data: [bar], layout: { ...layout, annotations: [{ text: "六<sub>七</sub>", x: 0, y: 0 }] } }).png();
    for (const named of ["一 (U+4E00)", "二 (U+4E8C)", "三", "四", "五", "六", "七"])
      expect(warnings()[0]).toContain(named);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).not.toContain("∈");
    expect(warnings()[0]).toMatch(/useFonts\("/);
  });

  test("is named in the text of every kind of trace that has names or labels", () => {
    for (const type of [
      "pie",
      "sunburst",
      "treemap",
      "icicle",
      "funnelarea",
      "sankey",
      "table",
      "indicator",
      "parcats",
    ]) {
      const text = JSON.stringify(everyTrace[type]).replaceAll('"a"', '"日 ∈"');
      const titled = ["pie", "funnelarea", "indicator"].includes(type) && { title: { text: "日" } };
      const trace = { type, ...titled, ...(JSON.parse(text) as object) };
      expect(rasterText(figureSvg({ data: [trace] as never })).missing, type).toEqual(["日"]);
    }
  });

  test("whatever the text, nothing is left that the font of its place lacks", () => {
    const character = fc.constantFrom(..."aé ffi∈ℝ→日नम्😀ЖΔ\u0301\ufe0f\u200d-");
    fc.assert(
      fc.property(fc.array(character, { minLength: 1, maxLength: 12 }), (characters) => {
        const { svg } = rasterText(document(characters.join("")));
        for (const [, family, text] of svg.matchAll(/font-family: '([^']*)'[^>]*>([^<]*)</g))
          for (const { face } of runs(text, { family, weight: 400, italic: false })) expect(face).toBeDefined();
      }),
    );
  });
});

describe("the text of a figure that needs nothing", () => {
  test.each(Object.keys(houseFigures))("reaches the rasteriser byte for byte: %s", (name) => {
    const svg = houseFigures[name]().svg();
    expect(rasterText(svg)).toEqual({ svg, missing: [], families: [] });
  });

  test("may have signs of the second font, joiners and variation selectors", () => {
    const svg = document("x\u200b ∈ \u2060ℝ");
    expect(rasterText(svg)).toEqual({ svg, missing: [], families: [] });
    expect(rasterText(document("a\ufe0f b\u00ad")).missing).toEqual([]);
  });
});

test("control characters and halves of surrogate pairs, which XML may not hold, are drawn as replacement characters", () => {
  for (const text of ["a\u0001b", "a\ud800b", "a\u0000b", "a\uffffb"]) {
    const svg = figureSvg({ data: [], layout: { title: { text } } });
    expect(svg).toContain(">a\ufffdb<");
    expect(pngOfSvg(svg).width).toBe(1400);
  }
});

describe("useFonts", () => {
  const withFamily = (family: string): PlotlySpecification => ({ ...traceFigure("bar"), layout: { font: { family } } });

  test("a family that is not there is named; one that is beside it in the list, or a generic one, is taken without a word", () => {
    pngOfSvg(figureSvg(withFamily("Roboto")));
    expect(warnings()[0]).toMatch(/Roboto.*Open Sans is used/);
    for (const family of ["Roboto, Open Sans", "sans-serif", "open sans"]) pngOfSvg(figureSvg(withFamily(family)));
    expect(warnings()).toHaveLength(1);
  });

  test("fills in characters that the bundled fonts lack", () => {
    expect(rasterText(document("日 x ∈ 本")).missing).toEqual(["日", "本"]);
    useFonts(squareFont("Two squares", "日本"));
    expect(rasterText(document("日 x ∈ 本 ffi")).missing).toEqual([]);
    expect(pieces(document("日     x     ∈     本     ffi"))).toBe(5);
    expect(warnings()).toEqual([]);
  });

  test("gives figures a further family, measured and drawn, and further weights of one", () => {
    expect(rasterText(document("日", "font-family: Squares")).families).toEqual(["Squares"]);
    useFonts(
      squareFont("Squares", "日x"),
      require.resolve("@expo-google-fonts/open-sans/300Light/OpenSans_300Light.ttf"),
    );
    const width = (family: string, weight = 400) => advanceWidth("xx", { family, weight, italic: false });
    expect(width("squares, Open Sans")).toBe(2);
    expect(width("Open Sans", 300)).toBeLessThan(width("Open Sans"));
    const squares = document("日     x     ∈", "font-family: Squares");
    expect(rasterText(squares)).toMatchObject({ missing: [], families: [] });
    expect(pieces(squares)).toBe(3);
  });

  test("refuses what is no font file, with its name and what would do", () => {
    const text = path.join(folder, "text.ttf");
    writeFileSync(text, "no font");
    expect(() => useFonts(text)).toThrow(/text\.ttf cannot be used; expected a \.ttf or \.otf file/);
    expect(() => useFonts("nowhere.ttf")).toThrow(/nowhere\.ttf.*ENOENT/);
  });
});
