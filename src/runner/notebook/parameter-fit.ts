/**
 * What text and JSON cannot say by themselves, made by the parameter's type: "2020-12-31" a Date, 5 or "5n" a bigint,
 * "Infinity" a number inside a list, "undefined" nothing. Only where the type takes nothing that the value is already.
 * Lists and objects are walked with their types.
 */
import type { Type, TypeChecker } from "typescript";
import { namedNumber, type ParameterValue } from "./parameter-value.ts";

type TypeScript = typeof import("typescript");

export function fitted(
  ts: TypeScript,
  checker: TypeChecker,
  type: Type | undefined,
  value: ParameterValue,
): ParameterValue {
  // prettier-ignore
  if (!type) return value;
  const members = membersOf(type);
  const takes = (flags: number) => members.some((member) => member.flags & flags);
  if (takes(ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return value;
  if (typeof value === "number")
    return Number.isInteger(value) && !takes(ts.TypeFlags.NumberLike) && takes(ts.TypeFlags.BigIntLike) ? BigInt(value) : value; // prettier-ignore
  if (typeof value === "string") {
    if (takes(ts.TypeFlags.StringLike)) return value;
    const text = value.trim();
    if (takes(ts.TypeFlags.NumberLike) && namedNumber(text) !== undefined) return namedNumber(text);
    if (takes(ts.TypeFlags.BigIntLike) && /^[+-]?\d+n?$/.test(text)) return BigInt(text.replace(/^\+|n$/g, ""));
    if (takes(ts.TypeFlags.Undefined) && text === "undefined") return undefined;
    return members.some(isDate) ? (dateOf(text) ?? value) : value;
  }
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const partOf = (key: string) => members.map((member) => partType(checker, member, key)).find((part) => part !== undefined); // prettier-ignore
  if (Array.isArray(value)) return (value as ParameterValue[]).map((item, i) => fitted(ts, checker, partOf(String(i)), item)); // prettier-ignore
  const entries = Object.entries(value).map(([key, item]) => [key, fitted(ts, checker, partOf(key), item)] as const);
  return Object.fromEntries(entries);
}

function membersOf(type: Type): readonly Type[] {
  return type.isUnion() ? type.types : [type];
}

function partType(checker: TypeChecker, type: Type, key: string): Type | undefined {
  const property = checker.getPropertyOfType(type, key);
  return property ? checker.getTypeOfSymbol(property) : (/^\d+$/.test(key) ? type.getNumberIndexType() : undefined) ?? type.getStringIndexType(); // prettier-ignore
}

function isDate(type: Type): boolean {
  return type.getSymbol()?.name === "Date";
}

/**
 * 2020-12-31, 2020-12-31T23:59, with seconds, and with Z or an offset; UTC without. Undefined for days that are none.
 */
function dateOf(text: string): Date | undefined {
  const match = /^(\d{4}-\d\d-(\d\d))(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (!match) return undefined;
  const [, day, number, zone] = match;
  // JavaScript takes February 30 for March 1.
  if (new Date(day).getUTCDate() !== Number(number)) return undefined;
  const date = new Date(text === day || zone ? text.replace(" ", "T") : `${text.replace(" ", "T")}Z`);
  return Number.isNaN(date.valueOf()) ? undefined : date;
}

/**
 * What a refusal adds: how values of the type are written, or that nothing from outside can be one. Begins with "; ",
 * or is empty.
 */
export function howToWrite(ts: TypeScript, checker: TypeChecker, type: Type | undefined): string {
  if (!type) return "";
  if (!canBeGiven(ts, checker, type, new Set()))
    return "; no value from outside can be one: declare text, numbers, lists or objects, and make it of these in a later cell"; // prettier-ignore
  const members = membersOf(type);
  if (members.some((member) => member.flags & ts.TypeFlags.BigIntLike)) return "; a bigint is written 5 or 5n";
  return members.some(isDate) ? "; a Date is written 2020-12-31 or 2020-12-31T23:59:00Z (UTC without an offset)" : "";
}

/**
 * Whether some value that can be written is of the type: everything that JSON has, bigints and Dates; no functions, no
 * classes.
 */
function canBeGiven(ts: TypeScript, checker: TypeChecker, type: Type, seen: Set<Type>): boolean {
  if (seen.has(type)) return true; // a tree of itself: what else it has decides
  seen.add(type);
  return membersOf(type).some((member) => {
    if (member.flags & (ts.TypeFlags.Never | ts.TypeFlags.ESSymbolLike)) return false;
    if (!(member.flags & ts.TypeFlags.Object) || isDate(member)) return true;
    const parts = checker.isTupleType(member) || checker.isArrayType(member) ? checker.getTypeArguments(member as import("typescript").TypeReference) : undefined; // prettier-ignore
    if (parts) return parts.every((part) => canBeGiven(ts, checker, part, seen));
    if (member.getCallSignatures().length > 0 || member.getConstructSignatures().length > 0) return false;
    return checker.getPropertiesOfType(member).every((property) => canBeGiven(ts, checker, checker.getTypeOfSymbol(property), seen)); // prettier-ignore
  });
}
