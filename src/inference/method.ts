/**
 * One way to name a method: `name[option=value,...]`, the same string in tables, tests, sweeps and on the command line.
 *
 *   spec    := name | name "[" option ("," option)* "]"
 *   option  := key "=" value
 *   value   := number | true | false | word | "[" value ("," value)* "]"      e.g. eliminate=[0,3,5]
 *
 * An algorithm's file exports its definition, made by `defineMethod`; registry.ts lists the definitions. The zod schema
 * of the options is the single source of their names, types, defaults and help. Options that equal their defaults are
 * left out of the canonical string, so two strings that mean the same print the same.
 */
import { z } from "zod";
import type { PairwiseBinaryModel } from "../graph/pairwise.ts";
import { Random } from "../graph/random.ts";
import type { InferenceResult } from "./result.ts";

/** What an inference may need besides model and options. */
export interface InferenceContext {
  /** Where a method that draws takes its numbers from. Default: `Random.fromSeed(0)`, so that a call repeats itself. */
  readonly random?: Random;
  /**
   * Told of what is known by now, each time that it is better than before, by methods that can; the answer itself is
   * the last.
   */
  readonly report?: (soFar: InferenceResult) => void;
}

export interface MethodDefinition<Schema extends z.ZodObject = z.ZodObject, Model = PairwiseBinaryModel> {
  readonly name: string;
  /** One line for help texts. */
  readonly summary: string;
  /** A strict object; every option has a default or is optional, so that the bare name is a valid method. */
  readonly options: Schema;
  /** Whether this method takes `model`; `accepted` says in words what it takes. */
  readonly accepts: (model: unknown) => model is Model;
  readonly accepted: string;
  readonly infer: (
    model: Model,
    options: z.output<Schema>,
    context: InferenceContext & { readonly random: Random },
  ) => InferenceResult;
}

/** A definition whose model and option types are forgotten: what a registry holds. */
export interface Method {
  readonly name: string;
  readonly summary: string;
  readonly options: z.ZodObject;
  readonly accepted: string;
  readonly accepts: (model: unknown) => boolean;
  /**
   * Runs the method with raw options (as a user writes them in code, or parsed from a string).
   * @throws RangeError when an option or the model is refused.
   */
  readonly run: (
    model: unknown,
    options?: Readonly<Record<string, unknown>>,
    context?: InferenceContext,
  ) => InferenceResult;
}

/** A method with its validated options. */
export interface ParsedMethod {
  readonly method: Method;
  /** Every option, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The canonical string. */
  readonly text: string;
}

export function isPairwiseBinaryModel(model: unknown): model is PairwiseBinaryModel {
  const kind = (model as { kind?: unknown } | null | undefined)?.kind;
  return kind === "boltzmann" || kind === "ising";
}

/**
 * Validates raw options against a schema, defaults filled in.
 * @throws RangeError naming the option, what was got and every accepted option.
 */
export function parseOptions<Schema extends z.ZodObject>(name: string, schema: Schema, raw: unknown): z.output<Schema> {
  const parsed = schema.strict().safeParse(raw);
  if (parsed.success) return parsed.data as z.output<Schema>;
  const complaints = parsed.error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `unknown option ${issue.keys.join(", ")}`
      : `option ${issue.path.join(".") || "?"}: ${issue.message}`,
  );
  throw new RangeError(`${name}: ${complaints.join("; ")}. Accepted options: ${describeOptions(schema)}`);
}

/** One option of a method, as help texts print it. */
interface OptionHelp {
  /** "order=least-slack|random" or "tolerance=number (default 1e-7)". */
  readonly usage: string;
  readonly description: string | undefined;
}

function optionHelp(schema: z.ZodObject): OptionHelp[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([key, property]) => {
    if (typeof property === "boolean") return { usage: key, description: undefined };
    const kind = (part: typeof property): string =>
      part.enum?.map(String).join("|") ??
      (part.const !== undefined ? String(part.const) : undefined) ??
      part.anyOf?.map((choice) => (typeof choice === "boolean" ? "any" : kind(choice))).join("|") ??
      (part.type === "array" ? "[...]" : String(part.type ?? "any"));
    const standard = property.default === undefined ? "" : ` (default ${formatValue(property.default)})`;
    return { usage: `${key}=${kind(property)}${standard}`, description: property.description };
  });
}

/** All options on one line, for error messages: "pairs=edges|all (default edges)"; "none" without options. */
function describeOptions(schema: z.ZodObject): string {
  return (
    optionHelp(schema)
      .map(({ usage }) => usage)
      .join(", ") || "none"
  );
}

/** A method's help: its summary, then one indented line an option. */
export function describeMethod(method: Method): string {
  const lines = optionHelp(method.options).map(
    ({ usage, description }) => `    ${usage}${description ? `: ${description}` : ""}`,
  );
  return [`${method.name}: ${method.summary}`, ...lines].join("\n");
}

/**
 * The canonical string of a method: options that equal their defaults, or are absent, left out, the rest in schema
 * order.
 */
export function formatMethod(name: string, schema: z.ZodObject, options: Readonly<Record<string, unknown>>): string {
  const standard = schema.parse({});
  const given = Object.keys(schema.shape)
    .filter((key) => options[key] !== undefined && formatValue(options[key]) !== formatValue(standard[key]))
    .map((key) => `${key}=${formatValue(options[key])}`);
  return given.length ? `${name}[${given.join(",")}]` : name;
}

function formatValue(value: unknown): string {
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return `[${Array.from(value as unknown as ArrayLike<unknown>, formatValue).join(",")}]`;
  return String(value);
}

/** Turns a definition into a method: validation in front, the canonical method string on the result. */
export function defineMethod<Schema extends z.ZodObject, Model>(definition: MethodDefinition<Schema, Model>): Method {
  const { name, summary, options: schema, accepts, accepted, infer } = definition;
  return {
    name,
    summary,
    options: schema,
    accepts,
    accepted,
    run(model, raw = {}, context = {}) {
      const options = parseOptions(name, schema, raw);
      if (!accepts(model)) throw new RangeError(`${name} takes ${accepted}; this model is something else`);
      const method = formatMethod(name, schema, options);
      const { random = Random.fromSeed(0), report } = context;
      const result = infer(model, options, {
        random,
        ...(report && { report: (soFar) => report({ ...soFar, method }) }),
      });
      return { ...result, method };
    },
  };
}

/**
 * Splits `name[key=value,...]` into its name and raw options.
 * @throws RangeError saying where the string stops making sense.
 */
export function splitMethod(text: string): { name: string; options: Record<string, unknown> } {
  const match = /^\s*([A-Za-z][\w-]*)\s*(?:\[(.*)\])?\s*$/s.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a method, expected name or name[option=value,...]`);
  const options: Record<string, unknown> = {};
  for (const part of splitAtCommas(match[2] ?? "", text)) {
    const equals = part.indexOf("=");
    if (equals < 1) throw new RangeError(`"${part}" in "${text}" is not an option, expected option=value`);
    const key = part.slice(0, equals).trim();
    if (Object.hasOwn(options, key)) throw new RangeError(`option ${key} stands twice in "${text}"`);
    const value = parseValue(part.slice(equals + 1).trim(), text);
    // Defined, not assigned: a user's `__proto__` is an option like any other, to be refused by its name.
    Object.defineProperty(options, key, { value, enumerable: true });
  }
  return { name: match[1], options };
}

function splitAtCommas(list: string, text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= list.length; at++) {
    if (list[at] === "[") depth++;
    else if (list[at] === "]" && --depth < 0) break;
    else if (at === list.length || (list[at] === "," && depth === 0)) {
      parts.push(list.slice(start, at).trim());
      start = at + 1;
    }
  }
  if (depth !== 0) throw new RangeError(`the brackets of "${text}" do not match`);
  return parts.length === 1 && parts[0] === "" ? [] : parts;
}

function parseValue(value: string, text: string): unknown {
  if (value.startsWith("[") && value.endsWith("]"))
    return splitAtCommas(value.slice(1, -1), text).map((item) => parseValue(item, text));
  if (value === "true" || value === "false") return value === "true";
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
}
