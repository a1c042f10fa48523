import * as arquero from "arquero";
import { csvParseRows } from "d3-dsv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { table, tableCsv, tableOfCsv, type Columns } from "../../src/report/table.ts";
import { runElsewhere } from "./child.ts";

const bundle = (frame: object) =>
  (frame as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]();
const html = (columns: Columns, options?: Parameters<typeof table>[1]) => bundle(table(columns, options))["text/html"];

describe("table", () => {
  test("is a Danfo data frame with the columns in the order given; typed arrays are copied", () => {
    const source = Float64Array.of(0.1, 0.2);
    const frame = table({ x: source, name: ["a", "b"] });
    source[0] = 9;
    expect(frame.columns).toEqual(["x", "name"]);
    expect(frame.shape).toEqual([2, 2]);
    expect(frame.column("x").values).toEqual([0.1, 0.2]);
  });

  test("is made from an arquero table with its computed columns", () => {
    const runs = arquero.table({ n: [8, 8, 64], error: [0.1, 0.3, 0.5] });
    const means = runs.groupby("n").rollup({ mean: arquero.op.mean("error") });
    expect(tableCsv(table(means))).toBe("n,mean\n8,0.2\n64,0.5\n");
  });

  test("refuses no columns, no rows, unequal lengths and cells that are no scalars, naming the column", () => {
    expect(() => table({})).toThrow(/at least one column/);
    expect(() => table({ x: [], y: [] })).toThrow(/at least one row.*x, y/);
    expect(() => table({ x: [1, 2], y: [1] })).toThrow("columns of different lengths (x: 2, y: 1)");
    expect(() => table({ x: [{}] } as unknown as Columns)).toThrow(/"x" holds \[object Object\]/);
  });
});

describe("a table's html", () => {
  test("is escaped everywhere: names, units, caption and cells", () => {
    const bad = `<img src=x onerror="alert('1')">&`;
    const text = html({ [bad]: [bad] }, { caption: bad, units: { [bad]: bad } });
    expect(text).not.toContain("<img");
    expect(text.match(/&lt;img src=x onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt;&amp;/g)).toHaveLength(4);
  });

  test("has caption, units, numbers to the right and words to the left", () => {
    const text = html({ method: ["bp"], error: [0.125] }, { caption: "Errors", units: { error: "nats" } });
    expect(text).toContain("<caption>Errors</caption>");
    expect(text).toMatch(
      /<th scope="col" align="left"[^>]*>method<\/th><th scope="col" align="right"[^>]*>error \[nats\]<\/th>/,
    );
    expect(text).toMatch(/<td align="left"[^>]*>bp<\/td><td align="right"[^>]*>0\.125<\/td>/);
  });

  test("rounds to the digits asked for, and shows null as an empty cell", () => {
    expect(html({ x: [Math.PI, null] }, { digits: 3 })).toMatch(/>3\.14<[\s\S]*><\/td>/);
  });

  test("shows a long table's first and last rows and says how many there are", () => {
    const x = Int32Array.from({ length: 1000 }, (_, i) => i);
    const text = html({ x }, { maximumRows: 5 });
    expect([...text.matchAll(/<td[^>]*>([^<]*)</g)].map(([, cell]) => cell)).toEqual([
      "0",
      "1",
      "2",
      "…",
      "998",
      "999",
    ]);
    expect(text).toContain("1000 rows; the first 3 and the last 2 are shown.");
    expect(html({ x }, { maximumRows: 1000 })).not.toContain("…");
  });

  test("is there for frames that Danfo itself makes from ours", () => {
    const frame = table({ x: [3, 1, 2] }).sortValues("x") as object;
    expect(bundle(frame)["text/html"]).toContain("<td");
  });

  test("has a plain text beside it whose columns stand one under another", () => {
    const text = bundle(table({ name: ["a", "bcd"], x: [1, -20] }))["text/plain"];
    expect(text.split("\n")).toEqual(["name    x", "a       1", "bcd   -20"]);
  });
});

describe("a column named as a member of data frames", () => {
  const members = new Set<string>();
  for (let holder = table({ q: [1] }) as object; holder; holder = Object.getPrototypeOf(holder) as object)
    for (const name of Object.getOwnPropertyNames(holder)) members.add(name);

  test("leaves the frame's members as they are, and is read, shown, written and used like any other", () => {
    expect(members.size).toBeGreaterThan(100);
    for (const name of ["columns", "values", "constructor", "__proto__", "toString"]) expect(members).toContain(name);
    for (const name of members) {
      const frame = table(Object.fromEntries([[name, [2, 1]], ["z", [3, 4]]]), { units: {} }); // prettier-ignore
      expect(frame.columns, name).toEqual([name, "z"]);
      expect(frame.values, name).toEqual([[2, 3], [1, 4]]); // prettier-ignore
      expect(frame.column(name).values, name).toEqual([2, 1]);
      expect(bundle(frame)["text/html"], name).toContain(`>${name}</th>`);
      expect(tableCsv(frame), name).toBe(`${name},z\n2,3\n1,4\n`);
      expect(tableCsv(frame.sortValues(name)), name).toBe(`${name},z\n1,4\n2,3\n`);
      expect(tableCsv(frame.query(frame.column(name).gt(1))), name).toBe(`${name},z\n2,3\n`);
      expect(tableCsv(table({ y: [5] }).rename({ y: name })), name).toBe(`${name}\n5\n`);
      expect(tableCsv(frame.drop({ columns: [name] })), name).toBe("z\n3\n4\n");
      expect(tableCsv(tableOfCsv(tableCsv(frame))), name).toBe(tableCsv(frame));
    }
  });

  test("is an ordinary property of the frame otherwise, by which it can be read and set", () => {
    const frame = table({ x: [1, 2], values: [3, 4] }) as unknown as Record<string, unknown>;
    expect((frame.x as { values: unknown }).values).toEqual([1, 2]);
    frame.x = [7, 8];
    expect(frame.values).toEqual([[7, 3], [8, 4]]); // prettier-ignore
  });
});

describe("tableCsv", () => {
  test("gives every float64 back bit for bit", () => {
    fc.assert(
      fc.property(fc.array(fc.double(), { minLength: 1, maxLength: 20 }), (numbers) => {
        const [, ...rows] = csvParseRows(tableCsv(table({ x: numbers })));
        expect(rows.map(([cell]) => Number(cell))).toEqual(numbers);
      }),
    );
  });

  test("gives every string back, with quotes, commas and line ends", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 10 }), (strings) => {
        const given = [...strings, 'say "a", b', "two\nlines", "cr\rlf\r\n", " space "];
        const [, ...rows] = csvParseRows(tableCsv(table({ n: given.map((_, i) => i), s: given })));
        expect(rows.map(([, cell]) => cell)).toEqual(given);
      }),
    );
  });

  test("names numbers that are not finite, keeps minus zero, and leaves null empty", () => {
    expect(
      tableCsv(table({ x: [Number.NaN, Infinity, -Infinity, -0, null], b: [true, false, true, false, null] })),
    ).toBe("x,b\nNaN,true\nInfinity,false\n-Infinity,true\n-0,false\n,\n");
  });
});

describe("tableOfCsv", () => {
  test("gives columns of numbers, truth values, strings and gaps back as they were", () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, 0, 1e300, 5e-324));
    const word = fc.string({ unit: "grapheme", minLength: 1 }).map((text) => `w${text}`);
    const row = fc.tuple(fc.option(number), fc.option(word), fc.option(fc.boolean()));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (rows) => {
        const [x, s, b] = [0, 1, 2].map((column) => rows.map((cells) => cells[column]));
        expect(tableOfCsv(tableCsv(table({ x, s, b }))).values).toEqual(rows);
      }),
    );
  });

  test("makes numbers of a column only if all of its cells are", () => {
    const frame = tableOfCsv("a,b,c,d,e\r\n1,1,true,0x10,1e3\r\n-.5,x,1,2,+Infinity\r\n");
    expect(frame.values).toEqual([[1, "1", "true", "0x10", 1000], [-0.5, "x", "1", "2", Infinity]]); // prettier-ignore
  });

  test("refuses rows of another length, columns of one name, and a csv without rows", () => {
    expect(() => tableOfCsv("a,b\n1,2\n3\n")).toThrow("row 2 of the csv has 1 cells, its header 2");
    expect(() => tableOfCsv("a,a\n1,2\n")).toThrow(/names of their own, got a, a/);
    expect(() => tableOfCsv("a,b\n")).toThrow(/at least one row/);
    expect(() => tableOfCsv("")).toThrow(/header line/);
  });
});

test("the frames' own toCSV quotes as tableCsv does, with Danfo's options, also for frames that Danfo makes", () => {
  const frame = table({ 'a "b"': ["x,y", "two\nlines"], n: [Number.NaN, 1] });
  expect(frame.toCSV()).toBe(tableCsv(frame));
  expect(frame.head(1).toCSV()).toBe('"a ""b""",n\n"x,y",NaN\n');
  expect(frame.toCSV({ sep: ";", header: false })).toBe('x,y;NaN\n"two\nlines";1\n');
});

test("Danfo loads and computes without a word on standard error", () => {
  const code = `
    import { table } from "../../src/report/table.ts";
    const frame = table({ a: [1, 2], b: [3, 4] });
    console.log(frame.add(1).values.join(), frame.column("a").mean());`;
  expect(runElsewhere(code)).toEqual({ stdout: "2,4,3,5 1.5\n", stderr: "" });
});
