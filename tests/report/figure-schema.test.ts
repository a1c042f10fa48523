import { describe, expect, test } from "vitest";
import { figureSvg } from "../../src/report/plotly-static.ts";
import { traceFigure } from "./example-figures.ts";

const draw = (trace: object, layout: object = {}) => figureSvg({ data: [{ y: [1, 2], ...trace }], layout });

describe("what Plotly would pass over without a word", () => {
  test.each([
    ["an attribute of a trace", { linee: { width: 3 } }, {}, /^trace 0: .*"linee"; the nearest is "line"$/],
    ["one in a named trace", { name: "bp", markr: {} }, {}, /^trace 0 \("bp"\): .*"markr".* "marker"$/],
    ["one further in", { marker: { colour: "red" } }, {}, /"marker\.colour"; the nearest is "marker\.color"$/],
    ["one of another type", { type: "bar", orientatoin: "h" }, {}, /"orientatoin".* "orientation"$/],
    ["one of the layout", {}, { titel: "x" }, /^layout: .*"titel".* "title"$/],
    ["one of a second axis", { xaxis: "x2" }, { xaxis2: { rage: [0, 1] } }, /"xaxis2\.rage".* "xaxis2\.range"$/],
    ["one of the traces' own in the layout", { type: "bar" }, { barmod: "stack" }, /"barmod".* "barmode"$/],
    ["one in a list", {}, { annotations: [{ text: "a" }, { txt: "b" }] }, /"annotations\[1\]\.txt".* "annotations\[1\]\.text"$/],
    ["a word for a number", { marker: { size: "big" } }, {}, /"marker\.size" cannot be "big"; Plotly wants a value of kind "number"/],
    ["a unit", {}, { width: "12px" }, /"width" cannot be "12px"/],
    ["a mode", { mode: "dots" }, {}, /"mode" cannot be "dots"; Plotly wants lines, markers, text joined by "\+", or none/],
    ["a choice", { type: "bar", orientation: "x" }, {}, /"orientation" cannot be "x"; Plotly wants one of "v", "h"/],
    ["a number for an object", { marker: 5 }, {}, /"marker" cannot be 5; Plotly wants an object/],
    ["a title that is a string, which Plotly leaves out", {}, { xaxis: { title: "x" } }, /write xaxis\.title: { text: "x" }/],
  ])("is refused with what was meant: %s", (_, trace, layout, message) => {
    expect(() => draw(trace, layout)).toThrow(message);
  }); // prettier-ignore

  test("is not what has no effect here or is null", () => {
    expect(draw({ marker: { size: 3 }, mode: "lines", opacity: null })).toContain("js-line");
    expect(draw({}, { yaxis9: {}, meta: { anything: 1 } })).toContain("js-line");
  });

  test("does not keep the next figure from being drawn", () => {
    expect(() => draw({ linee: {} })).toThrow(TypeError);
    expect(figureSvg(traceFigure("bar"))).toContain('class="point"');
  });
});
