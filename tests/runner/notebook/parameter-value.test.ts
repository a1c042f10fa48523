import vm from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decoded, encoded, literalText, parseValue, recordable, type ParameterValue } from "../../../src/runner/notebook/parameter-value.ts"; // prettier-ignore

const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "a b", "toString"));
const { value } = fc.letrec<{ value: ParameterValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.constantFrom("$", "$-0", "$$", "$5n", "NaN"),
    fc.double(),
    fc.constantFrom(-0, NaN, Infinity, -Infinity),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.date({ noInvalidDate: true }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
/** Keys by name, whatever the prototype, so that "__proto__" counts; -0 told from 0. */
const told = (each: unknown): unknown => {
  if (typeof each !== "object" || each === null) return Object.is(each, -0) ? "-0" : [typeof each, String(each)];
  if (Object.prototype.toString.call(each) === "[object Date]") return ["date", (each as Date).toISOString()];
  return Array.isArray(each) ? each.map(told) : Object.entries(each).map(([name, item]) => [name, told(item)]);
};

test("every value is the same again after its source has been evaluated: no key, sign or digit is lost", () => {
  fc.assert(fc.property(value, (each) => {
    expect(told(vm.runInNewContext(`(${literalText(each)})`))).toEqual(told(each));
  })); // prettier-ignore
});

test("every value comes back from the JSON that a sweep's workers get", () => {
  fc.assert(fc.property(value, (each) => {
    expect(told(decoded(JSON.parse(JSON.stringify(encoded(each)))))).toEqual(told(each));
  })); // prettier-ignore
});

test("records are JSON, in which what JSON lacks has a name", () => {
  const given = { a: -0, b: [NaN, Infinity], c: 5n, d: new Date(0), e: undefined, f: "$x" };
  expect(JSON.parse(JSON.stringify(recordable(given)))).toEqual({ a: "-0", b: ["NaN", "Infinity"], c: "5", d: "1970-01-01T00:00:00.000Z", e: "undefined", f: "$x" }); // prettier-ignore
});

describe("parseValue(text)", () => {
  test.each([
    ["8", 8],
    ["-1.5e-3", -0.0015],
    [".5", 0.5],
    ["+2.", 2],
    ["1e5", 100000],
    ["true", true],
    ["false", false],
    ["null", null],
    ["[1, 2]", [1, 2]],
    ['{"a": 1}', { a: 1 }],
    ['"8"', "8"],
    ["quick", "quick"],
    ["", ""],
    ["[1, 2", "[1, 2"],
    ["007", "007"],
    ["1.2.3", "1.2.3"],
    [".", "."],
    ["e5", "e5"],
    ["-0", -0],
    ["[-0]", [-0]],
    ["NaN", NaN],
    ["-Infinity", -Infinity],
    [".inf", Infinity],
    ["-.Inf", -Infinity],
    [".nan", NaN],
  ])("%s", (text, expected) => expect(parseValue(text)).toEqual(expected));

  test("keeps every key", () => {
    expect(Object.keys(parseValue('{"a b":1,"__proto__":2}') as object)).toEqual(["a b", "__proto__"]);
  });

  test("refuses a number that would silently change, also inside JSON", () => {
    for (const text of ["12345678901234567890", "1e999", "[12345678901234567890]", '{"a":[-1e400]}'])
      expect(() => parseValue(text)).toThrow("beyond what a number holds exactly");
    expect(parseValue('"12345678901234567890"')).toBe("12345678901234567890");
    expect(parseValue('["\\"12345678901234567890"]')).toEqual(['"12345678901234567890']);
  });

  test("reads back every JSON value but whole numbers beyond 2^53, which it refuses", () => {
    const numbers = (each: unknown): unknown[] =>
      typeof each === "number" ? [each] : typeof each === "object" && each !== null ? Object.values(each).flatMap(numbers) : []; // prettier-ignore
    const isBeyond = (each: unknown) => /^-?\d+$/.test(JSON.stringify(each)) && !Number.isSafeInteger(each);
    const check = (each: unknown) => {
      const text = JSON.stringify(each);
      if (numbers(each).some(isBeyond)) expect(() => parseValue(text)).toThrow("beyond what a number holds exactly");
      else expect(parseValue(text)).toEqual(JSON.parse(text));
    };
    check(2 ** 53);
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 2 }), check));
  });
});
