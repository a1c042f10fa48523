/**
 * Every method that a method string can name. A new algorithm of this room adds its definition to the list, nothing else; a room
 * above registers its methods when it is loaded.
 */
import { boundsMethod } from "./bounds/method.ts";
import { recursiveBounds } from "./bounds/recursion.ts";
import { branchAndBoundMethod } from "./exact/branch-and-bound.ts";
import { enumeration } from "./exact/enumeration.ts";
import { estimateMethod } from "./estimate.ts";
import { exactMapMethod } from "./exact/exact-map.ts";
import { junctionTreeMethod } from "./exact/junction-tree.ts";
import { variableElimination } from "./exact/variable-elimination.ts";
import {
  describeMethod,
  formatMethod,
  parseOptions,
  splitMethod,
  type InferenceContext,
  type Method,
  type ParsedMethod,
} from "./method.ts";
import { messageMethods } from "./messages/methods.ts";
import type { InferenceResult } from "./result.ts";
import { variationalMethods } from "./variational/methods.ts";

const registered: Method[] = [
  enumeration,
  ...recursiveBounds,
  boundsMethod,
  junctionTreeMethod,
  variableElimination,
  branchAndBoundMethod,
  exactMapMethod,
  ...messageMethods,
  ...variationalMethods,
  estimateMethod,
];

/** In the order of help texts: exact methods, then bounds, then approximations, then those of rooms above. */
export const methods: readonly Method[] = registered;

/** Adds a method of a room above. One of the same name takes its place, so that a module can be loaded anew. */
export function registerMethod(method: Method): void {
  const at = registered.findIndex(({ name }) => name === method.name);
  if (at >= 0) registered[at] = method;
  else registered.push(method);
}

/**
 * Reads a method string, e.g. "refined-upper[order=strongest-first]".
 * @throws RangeError for an unknown method or option, with the accepted list.
 */
export function parseMethod(text: string): ParsedMethod {
  const { name, options: raw } = splitMethod(text);
  const method = methods.find((candidate) => candidate.name === name);
  if (!method)
    throw new RangeError(`unknown method "${name}". Accepted methods: ${methods.map((one) => one.name).join(", ")}`);
  const options = parseOptions(name, method.options, raw);
  return { method, options, text: formatMethod(name, method.options, options) };
}

/** Help text: every method with its options. */
export function describeMethods(): string {
  return methods.map(describeMethod).join("\n");
}

/**
 * Runs the method that `spec` names on `model`.
 * @param spec a method string such as "enumeration" or "refined-upper[order=strongest-first]", or what `parseMethod` made of one.
 * @throws RangeError for an unknown method or option, or a model that the method does not take, saying what it would take.
 */
export function infer(model: unknown, spec: string | ParsedMethod, context: InferenceContext = {}): InferenceResult {
  const { method, options } = typeof spec === "string" ? parseMethod(spec) : spec;
  return method.run(model, options, context);
}
