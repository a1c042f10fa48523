import { describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import { figure } from "../../src/report/figure.ts";
import { panels } from "../../src/report/panels.ts";
import { straightPieces } from "../../src/report/svg-geometry.ts";
import { band, line, scatter } from "../../src/report/traces.ts";
import { runElsewhere } from "./child.ts";

/**
 * Numbers of 13 orders of magnitude and both signs. A shape that is not cut makes resvg abort, and this test's process
 * with it.
 */
function wild(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => (random.bernoulli() ? -1 : 1) * 10 ** random.uniform(-3, 10));
}

describe("shapes far outside the picture", () => {
  test.each([1, 2, 3, 4, 5, 6])("points and error bars far beyond fixed axes leave a drawing (seed %i)", (seed) => {
    const random = Random.fromSeed(seed);
    const x = [0, 0.3, 0.6, 1];
    const trace = () => ({ method: "bp", x: x.map((value) => value + (random.bernoulli(0.2) ? wild(random, 1)[0] : 0)), y: wild(random, 4), standardError: wild(random, 4).map(Math.abs) }); // prettier-ignore
    const drawn = panels({
      panels: [
        { x: { title: "x", range: [0, 1] }, y: { title: "y", range: [-0.03, 0.02] }, data: [line(trace()), scatter(trace())] },
        { data: [band({ method: "trbp", x, lower: wild(random, 4), upper: wild(random, 4) })], y: { title: "y", range: [0, 1] } },
      ],
    }); // prettier-ignore
    expect(drawn.withNote("note", {}).png().width).toBe(2 * drawn.size.width);
  });

  test("translucent markers around a line leave a drawing, wherever they stand (in a process of its own)", () => {
    // The line's layer begins half a picture above and left of the picture, and is what the markers' layers are placed
    // in.
    const code = `
      import { figureSvg } from "../../src/report/plotly-static.ts";
      import { pngOfSvg } from "../../src/report/render.ts";
      const steps = Array.from({ length: 33 }, (_, i) => i / 8 - 1.5);
      for (const [width, height] of [[700, 450], [300, 120]])
        for (const range of [[0, 1], [1, 0]]) {
          const x = steps.flatMap((at) => steps.map(() => at)), y = steps.flatMap(() => steps);
          const size = x.map((_, i) => 4 + (i % 5));
          const markers = { x, y, mode: "markers", marker: { size, opacity: 0.5 } };
          const line = { x: [-50, 50, -50, 50], y: [-50, 50, 50, -50], mode: "lines", line: { width: 8 } };
          const margin = { l: 0, r: 0, t: 0, b: 0 };
          const layout = { width, height, margin, xaxis: { range }, yaxis: { range } };
          pngOfSvg(figureSvg({ data: [markers, line], layout }));
          pngOfSvg(figureSvg({ data: [{ ...markers, mode: "lines+markers" }], layout }));
        }
      console.log("drawn");`;
    expect(runElsewhere(code).stdout).toBe("drawn\n");
  });

  test("a line that leaves the axes is cut outside the picture, and runs as before inside", () => {
    const drawn = (top: number) =>
      lineOf(figure({ y: { title: "y", range: [0, top] }, data: [line({ method: "bp", x: [0, 1], y: [0, 1000], markers: false })] }).svg()); // prettier-ignore
    const [start, end] = drawn(1);
    expect(end[1]).toBeGreaterThan(-1000);
    const [left, right] = drawn(1000);
    // On an axis a thousand times shorter the line rises a thousand times faster.
    const slope = (right[1] - left[1]) / (right[0] - left[0]);
    expect((end[1] - start[1]) / (end[0] - start[0]) / slope).toBeCloseTo(1000, -1);
  });

  test("a drawing with nothing far away is left as Plotly made it", () => {
    const svg = figure({ data: [line({ method: "bp", x: [0, 1, 2], y: [1, 2, 1] })] }).svg();
    expect(svg.match(/class="point"/g)).toHaveLength(3);
  });
});

/** The points of the only line. */
function lineOf(svg: string) {
  const path = /<path[^>]*js-line[^>]*>/.exec(svg)![0];
  return straightPieces(/ d="([^"]*)"/.exec(path)![1])[0];
}
