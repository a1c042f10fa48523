import { describe, expect, it } from "vitest";
import { smallMultiples } from "../../src/report/small-multiples.ts";
import { scatter } from "../../src/report/traces.ts";

const dots = (y: number) => [scatter({ method: "bp", x: [0, 1], y: [y, y] })];

describe("smallMultiples", () => {
  const drawn = smallMultiples({
    title: "Two by two",
    columns: ["star", "complete bipartite"],
    rows: [
      { title: "first", panels: [dots(1), dots(2)], y: [0, 3] },
      { title: "second", panels: [[], dots(4)] },
    ],
  });

  it("gives every panel axes of its own, in reading order", () => {
    expect(drawn.plain.data.map(({ xaxis, yaxis, y }) => [xaxis, yaxis, (y as number[])[0]])).toEqual([
      ["x", "y", 1],
      ["x2", "y2", 2],
      ["x4", "y4", 4],
    ]);
    const layout = drawn.plain.layout as Record<string, { domain: [number, number]; range?: number[] }>;
    expect(layout.yaxis.domain[0]).toBeGreaterThan(layout.yaxis4.domain[1]);
    expect(layout.xaxis2.domain[0]).toBeGreaterThan(layout.xaxis.domain[1]);
    expect(layout.yaxis2.range).toEqual([0, 3]);
    expect(layout.yaxis4.range).toBeUndefined();
  });

  it("names columns and rows, a long name on two lines", () => {
    const texts = (drawn.plain.layout.annotations as { text: string }[]).map(({ text }) => text);
    expect(texts).toEqual(["first", "second", "star", "complete<br>bipartite"]);
    expect(drawn.svg()).toContain("bipartite");
  });

  it("refuses a row that has not one panel a column", () => {
    expect(() => smallMultiples({ columns: ["a", "b"], rows: [{ title: "short", panels: [[]] }] })).toThrow(/1 panels/);
  });
});
