import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { methodStyle } from "../../src/report/style.ts";
import { dictionary, dictionarySchema } from "../../src/base/dictionary.ts";

const name = fc.oneof(
  fc.string(),
  fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"),
);

test("a dictionary has the names that were put there, whatever these are, and no others", () => {
  fc.assert(fc.property(fc.uniqueArray(name), name, (names, other) => {
    const read = dictionarySchema(z.number()).parse(JSON.parse(`{${names.map((each, i) => `${JSON.stringify(each)}:${i}`).join(",")}}`)); // prettier-ignore
    for (const [i, each] of names.entries()) expect(read[each]).toBe(i);
    if (!names.includes(other)) expect(read[other]).toBeUndefined();
    expect(Object.keys(read).sort()).toEqual([...names].sort());
  })); // prettier-ignore
  expect(dictionary<number>().constructor).toBeUndefined();
});

test("what is no dictionary, or holds another value, is refused with the place", () => {
  for (const each of [null, 1, "a", []]) expect(dictionarySchema(z.number()).safeParse(each).success).toBe(false);
  const { error } = z.object({ values: dictionarySchema(z.number()) }).safeParse({ values: { a: 1, b: "x" } });
  expect(error!.issues.map(({ path }) => path)).toEqual([["values", "b"]]);
});

test("a method may have the name of what every object has", () => {
  for (const each of ["constructor", "__proto__", "toString"]) expect(methodStyle(each).color).toMatch(/^#/);
});
