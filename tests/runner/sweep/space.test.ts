import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GivenText, parseValue, type GivenValue } from "../../../src/runner/notebook/parameter-value.ts";
import { axisOf, drawnAt, parseAxis, pointsOf, type Draw, type Space } from "../../../src/runner/sweep/space.ts";

const read = (value: GivenValue) => (value instanceof GivenText ? parseValue(value.text) : value);
const values = (pair: string) => (parseAxis(pair).values as readonly GivenValue[]).map(read);
const parametersOf = (space: Space) => pointsOf("paper/fig", space).map(({ parameters }) => parameters);

describe("parseAxis", () => {
  test.each([
    ["depth=5,10,20", [5, 10, 20]],
    ["depth=7", [7]],
    ["seed=1..5", [1, 2, 3, 4, 5]],
    ["x=-2..2:2", [-2, 0, 2]],
    ["x=0..1:0.25", [0, 0.25, 0.5, 0.75, 1]],
    ["x=0..0.3:0.1", [0, 0.1, 0.2, 0.3]],
    ["x=0..1:0.4", [0, 0.4, 0.8]],
    ["profile=quick, paper", ["quick", "paper"]],
    ["list=[1, 2],[3]", [[1, 2], [3]]],
    ['s="a,b",c', ["a,b", "c"]],
    ["on=true,false", [true, false]],
    ["x=-0.3..0.3:0.3", [-0.3, 0, 0.3]],
    ["i=-0", [-0]],
    ["n=9007199254740989..9007199254740991", [9007199254740989, 9007199254740990, 9007199254740991]],
    ["x=1e-7..3e-7:1e-7", [1e-7, 2e-7, 3e-7]],
    ["x=NaN,-Infinity,.inf", [NaN, -Infinity, Infinity]],
  ])("%s", (pair, expected) => expect(values(pair)).toEqual(expected));

  test.each([
    "x=5..1",
    "x=0..1:0",
    "x=loguniform(0,1)",
    "x=uniform(2,1)",
    "x=integer(0.5,2)",
    "x=uniform(0,Infinity)",
    "x=choice()",
    "x=1..9007199254740993:9007199254740991",
    "x=uniform(a,b)",
    "depth",
    "=1",
  ])("refuses %j", (pair) => expect(() => parseAxis(pair)).toThrow(/parameter x: |is no axis/));

  test("what is drawn stays in its range", () => {
    const drawn = (text: string) => (unit: number) =>
      read(drawnAt(parseAxis(`x=${text}`).values as Draw, unit)) as number;
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (unit) => {
        expect(drawn("uniform(2,3)")(unit)).toSatisfy((x: number) => x >= 2 && x <= 3);
        expect(drawn("loguniform(1e-4,1)")(unit)).toSatisfy((x: number) => x >= 1e-4 * (1 - 1e-12) && x <= 1);
        expect([1, 2, 3]).toContain(drawn("integer(1,3)")(unit));
        expect(["a", "b"]).toContain(drawn("choice(a,b)")(unit));
      }),
    );
    expect(drawn("loguniform(1e-4,1)")(0.5)).toBeCloseTo(1e-2, 12);
  });

  test("values from a file: lists, single values, and text as on the command line", () => {
    expect(axisOf("n", [1, 2]).values).toEqual([1, 2]);
    expect(axisOf("n", 3).values).toEqual([3]);
    expect(axisOf("n", "1..3").values).toEqual([1, 2, 3]);
    expect(() => axisOf("n", [])).toThrow("gives no points");
  });
});

describe("pointsOf", () => {
  const [a, b] = [parseAxis("a=1,2"), parseAxis("b=x,y")];

  test("a grid has every combination, the last parameter fastest", () => {
    expect(parametersOf({ axes: [a, b] })).toEqual([
      { a: 1, b: "x" },
      { a: 1, b: "y" },
      { a: 2, b: "x" },
      { a: 2, b: "y" },
    ]);
  });

  test("zipped parameters run side by side, the others across", () => {
    const axes = [a, b, parseAxis("c=5,6")];
    const points = parametersOf({ axes, zip: [["a", "b"]] });
    expect(points).toHaveLength(4);
    expect(points.map((point) => JSON.stringify([point.a, point.b]))).toEqual([
      '[1,"x"]',
      '[1,"x"]',
      '[2,"y"]',
      '[2,"y"]',
    ]);
    expect(() => pointsOf("n", { axes: [a, parseAxis("c=1,2,3")], zip: [["a", "c"]] })).toThrow("2 and 3 values");
    expect(() => pointsOf("n", { axes: [a], zip: [["a", "q"]] })).toThrow("names q, which the sweep does not vary");
  });

  test("draws: so many a grid point, the same for the same seed, others for another, whatever else is varied", () => {
    const rate = parseAxis("rate=loguniform(1e-4,1)");
    const draw = (space: Partial<Space> = {}) => parametersOf({ axes: [rate], samples: 20, seed: 1, ...space });
    expect(draw()).toHaveLength(20);
    expect(draw()).toEqual(draw());
    expect(draw({ seed: 2 })).not.toEqual(draw());
    expect(draw({ samples: 5 })).toEqual(draw().slice(0, 5));
    const grid = parametersOf({ axes: [a, rate], samples: 20, seed: 1 });
    expect(grid).toHaveLength(40);
    // The same draws at every point of the grid, so that what differs between them is the grid.
    expect(grid.slice(0, 20).map((point) => point.rate)).toEqual(grid.slice(20).map((point) => point.rate));
    const independent = parametersOf({ axes: [a, rate], samples: 20, seed: 1, independentDraws: true });
    expect(new Set(independent.map((point) => point.rate)).size).toBe(40);
    const together = parametersOf({ axes: [rate, parseAxis("u=uniform(0,1)")], samples: 20, seed: 1 });
    expect(together.map((point) => point.rate)).toEqual(draw().map((point) => point.rate));
  });

  test("ids are hashes of what a point is: the order of the parameters and of the points does not matter", () => {
    const ids = (axes: Space["axes"]) => pointsOf("paper/fig", { axes }).map(({ id }) => id).sort(); // prettier-ignore
    expect(ids([a, b])).toEqual(ids([b, a]));
    expect(new Set(ids([a, b])).size).toBe(4);
    expect(ids([a, b])[0]).toMatch(/^[0-9a-f]{12}$/);
    expect(pointsOf("other", { axes: [a] })[0].id).not.toBe(pointsOf("paper/fig", { axes: [a] })[0].id);
  });

  test("equal points are one, and a name is given once", () => {
    expect(parametersOf({ axes: [parseAxis("a=1,1,2")] })).toHaveLength(2);
    expect(() => pointsOf("n", { axes: [a, a] })).toThrow("a is given twice");
    expect(() => pointsOf("n", { axes: [parseAxis("a=1..1000"), parseAxis("b=1..1000")] })).toThrow("more than 100000");
  });
});
