/**
 * Dictionaries whose keys are other people's names. They have no prototype: "constructor" is not there unless somebody
 * has put it there, and "__proto__" is a key like another.
 */
import { z } from "zod";

export function dictionary<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** As z.record, which leaves out the key "__proto__" and gives an object that knows "constructor". */
export function dictionarySchema<Schema extends z.ZodType>(valueSchema: Schema) {
  return z.unknown().transform((given: unknown, context): Record<string, z.output<Schema>> => {
    const found = dictionary<z.output<Schema>>();
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      context.issues.push({ code: "custom", message: "expected an object", input: given });
      return z.NEVER;
    }
    for (const [name, value] of Object.entries(given)) {
      const checked = valueSchema.safeParse(value);
      if (checked.success) found[name] = checked.data;
      else context.issues.push(...checked.error.issues.map((issue) => ({ code: "custom" as const, message: issue.message, path: [name, ...issue.path], input: value as unknown }))); // prettier-ignore
    }
    return found;
  });
}
