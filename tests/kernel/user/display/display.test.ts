/** How values look: plain text, values that are known without a library, and the helpers of cells. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { table } from "arquero";
import { DataFrame, Series } from "danfojs-node";
import { JSDOM } from "jsdom";
import { describe, expect, test } from "vitest";
import { displayHelpers } from "../../../../src/kernel/user/display/display-helpers.ts";
import { mimeBundle } from "../../../../src/kernel/user/display/display.ts";
import { plainText } from "../../../../src/kernel/user/display/plain-text.ts";
import type { MimeBundle } from "../../../../src/kernel/protocol/threads.ts";

const shown = (value: unknown) => (mimeBundle(value) as MimeBundle).data as Record<string, string>;

describe("text", () => {
  test("of small values is Node's own", () => {
    expect(plainText(new Float64Array([0.5, 2]))).toBe("Float64Array(2) [ 0.5, 2 ]");
    expect(plainText([[1, 2], [3]])).toBe("[ [ 1, 2 ], [ 3 ] ]");
    expect(plainText("a".repeat(100_000))).toBe(`'${"a".repeat(5000)}'... 95000 more characters`);
  });

  test("of large arrays of numbers shows type, shape and corners", () => {
    expect(plainText(Float32Array.from({ length: 1000 }, (_, i) => i / 10))).toBe(
      "Float32Array, float32 of shape 1000: [0, 0.1, 0.2, 0.3, …, 99.6, 99.7, 99.8, 99.9]",
    );
    expect(plainText(new BigInt64Array(300))).toMatch(/^BigInt64Array, bigint64 of shape 300: \[0n, 0n/);
    const matrix = Array.from({ length: 30 }, (_, row) => Array.from({ length: 20 }, (_, column) => row * 20 + column));
    expect(plainText(matrix).split("\n")).toEqual([
      "Array, number of shape 30 × 20: [[0, 1, 2, 3, …, 16, 17, 18, 19],",
      " [20, 21, 22, 23, …, 36, 37, 38, 39],",
      " [40, 41, 42, 43, …, 56, 57, 58, 59],",
      " [60, 61, 62, 63, …, 76, 77, 78, 79],",
      " …,",
      " [520, 521, 522, 523, …, 536, 537, 538, 539],",
      " [540, 541, 542, 543, …, 556, 557, 558, 559],",
      " [560, 561, 562, 563, …, 576, 577, 578, 579],",
      " [580, 581, 582, 583, …, 596, 597, 598, 599]]",
    ]);
    expect(plainText(Array.from({ length: 50 }, () => new Float64Array(50)))).toMatch(/shape 50 × 50/);
  });

  test("of arrays that are ragged, empty, cyclic or not of numbers alone stays Node's", () => {
    const ragged: unknown[] = Array.from({ length: 300 }, () => [1]);
    ragged[7] = [1, 2];
    expect(plainText(ragged)).toMatch(/^\[\n/);
    expect(plainText(Array.from({ length: 300 }, () => "a"))).toMatch(/200 more items/);
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    expect(plainText(cyclic)).toBe("<ref *1> [ [Circular *1] ]");
    expect(plainText(Array.from({ length: 300 }, () => []))).toMatch(/more items/);
  });
});

describe("frames", () => {
  test("of arquero are tables, shortened in the middle, with their size", () => {
    const { "text/html": html, "text/plain": text } = shown(
      table({ n: Array.from({ length: 1000 }, (_, i) => i), third: Array.from({ length: 1000 }, (_, i) => i / 3) }),
    );
    expect(html).toContain("<th>n</th><th>third</th>");
    expect(html.match(/<tr>/g)).toHaveLength(1 + 21);
    expect(html).toContain("<tr><th>999</th><td>999</td><td>333</td></tr>");
    expect(html).toContain("1000 rows × 2 columns");
    expect(text.split("\n").slice(0, 3)).toEqual(["       n      third", "  0    0          0", "  1    1  0.3333333"]);
    expect(text).toMatch(/…/);
  });

  test("of Danfo are tables with their index; what they hold is escaped", () => {
    const frame = new DataFrame({ name: ["<b>", "a & b"], value: [1.5, null] }, { index: ["x", "y"] });
    const { "text/html": html, "text/plain": text } = shown(frame);
    expect(html).toContain("<tr><th>x</th><td>&lt;b&gt;</td><td>1.5</td></tr>");
    expect(html).toContain("<tr><th>y</th><td>a &amp; b</td><td></td></tr>");
    expect(text).toMatch(/^ {4}name {2}value\nx +<b> +1\.5\n/);
    expect(shown(new Series([3, 4]))["text/plain"]).toMatch(/2 rows × 1 columns/);
  });
});

test("tensors show dtype, shape and corners; disposed ones say so", () => {
  const tensor = tf.tensor2d([
    [1, 2],
    [3, 4.5],
  ]);
  expect(shown(tensor)["text/plain"]).toBe("Tensor, float32 of shape 2 × 2:\n[[1, 2],\n [3, 4.5]]");
  expect(shown(tf.scalar(3, "int32"))["text/plain"]).toBe("Tensor, int32 of shape [] (a scalar):\n3");
  expect(shown(tf.zeros([100, 100]))["text/plain"]).toMatch(/shape 100 × 100:\n\[\[0, 0, 0, 0, …/);
  tensor.dispose();
  expect(shown(tensor)["text/plain"]).toBe("Tensor, float32 of shape 2 × 2, disposed");
});

test("elements of a DOM show themselves as HTML or SVG", () => {
  const { document } = new JSDOM('<p id="p">text</p><svg><circle r="1"/></svg>').window;
  expect(shown(document.querySelector("p"))["text/html"]).toBe('<p id="p">text</p>');
  expect(shown(document.querySelector("svg"))["image/svg+xml"]).toMatch(/^<svg xmlns=.*<circle/);
});

describe("helpers", () => {
  const { HTML, LaTeX, Markdown, SVG, PNG, MIME } = displayHelpers;

  test("take texts and templates, whose backslashes stay", () => {
    expect(shown(HTML("<b>1</b>"))["text/html"]).toBe("<b>1</b>");
    expect(shown(HTML`<b>${1 + 1}</b>`)["text/html"]).toBe("<b>2</b>");
    expect(shown(LaTeX`\frac{1}{2}`)["text/latex"]).toBe("$\\displaystyle \\frac{1}{2}$");
    expect(shown(LaTeX("$$x$$"))["text/latex"]).toBe("$$x$$");
    expect(shown(Markdown`*m*`)["text/markdown"]).toBe("*m*");
    expect(Object.keys(shown(SVG("<svg/>")))).toEqual(["image/svg+xml", "text/plain"]);
  });

  test("give images in base64 with their size, and bundles with their metadata", () => {
    expect(mimeBundle(PNG(new Uint8Array([1, 2]), { width: 30, alt: "dots" }))).toEqual({
      data: { "image/png": "AQI=", "text/plain": "dots" },
      metadata: { "image/png": { width: 30 } },
    });
    expect(mimeBundle(MIME({ "text/plain": "a", "application/json": { b: 1 } }, { c: 2 }))).toEqual({
      data: { "text/plain": "a", "application/json": { b: 1 } },
      metadata: { c: 2 },
    });
  });
});
