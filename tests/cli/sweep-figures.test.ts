import { expect, test } from "vitest";
import { sweepFigures } from "../../src/cli/sweep-figures.ts";
import type { Column } from "../../src/runner/sweep/dataframe.ts";

const change: Column = { name: "change", role: "parameter", type: "string", values: ["steps-5", "baseline", "mean"] };
const number = (name: string, values: number[]): Column => ({ name, role: "value", type: "number", values });

test("a parameter of names: every panel has its own place, and the names in the order of the sweep", () => {
  const figures = sweepFigures("A sweep", [change, number("loss", [3, 1, 2]), number("error", [0.3, 0.1, 0.2])]);
  const { data, layout } = figures["small-multiples"].plain;
  expect(data.map((trace) => [trace.x, trace.y])).toEqual([
    [
      [0, 1, 2],
      [3, 1, 2],
    ],
    [
      [0, 1, 2],
      [0.3, 0.1, 0.2],
    ],
  ]);
  const axes = [layout.xaxis, layout.xaxis2] as { ticktext: string[]; domain: [number, number] }[];
  for (const { ticktext } of axes) expect(ticktext).toEqual(change.values);
  expect(axes[0].domain[1]).toBeLessThan(axes[1].domain[0]);
});
