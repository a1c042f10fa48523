/**
 * Every method that a method string can name. A new algorithm of this room adds its definition to the list, nothing
 * else; a room above registers its methods when it is loaded.
 */
import {
  condition,
  liftFactorMarginals,
  liftMarginals,
  liftStates,
  type Conditioned,
  type EvidenceInput,
} from "../graph/condition.ts";
import { pairwiseBinaryObstacle, toPairwiseBinary } from "../graph/convert.ts";
import { boundsMethod } from "./bounds/method.ts";
import { recursiveBounds } from "./bounds/recursion.ts";
import { branchAndBoundMethod } from "./exact/branch-and-bound.ts";
import { enumeration } from "./exact/enumeration.ts";
import { estimateMethod } from "./estimate.ts";
import { exactMapMethod } from "./exact/exact-map.ts";
import { ANY_MODEL_IN_WORDS, asFactorGraph, canBeFactorGraph, isFactorGraph } from "./exact/model.ts";
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
import { Marginals, type InferenceResult } from "./result.ts";
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

/** The field's American spelling of a name, as this library spells it: "factorized-lower" is "factorised-lower". */
const british = (name: string) => name.replaceAll("ized", "ised");

/**
 * Reads a method string, e.g. "refined-upper[order=strongest-first]"; American spellings of names are taken, too.
 * @throws RangeError for an unknown method or option, with the accepted list.
 */
export function parseMethod(text: string): ParsedMethod {
  const { name: given, options: raw } = splitMethod(text);
  const name = british(given);
  const method = methods.find((candidate) => candidate.name === name);
  if (!method)
    throw new RangeError(`unknown method "${given}". Accepted methods: ${methods.map((one) => one.name).join(", ")}`);
  const options = parseOptions(name, method.options, raw);
  return { method, options, text: formatMethod(name, method.options, options) };
}

/** Help text: every method with its options. */
export function describeMethods(): string {
  return methods.map(describeMethod).join("\n");
}

export interface InferOptions extends InferenceContext {
  /**
   * Observed states of a factor graph's variables, { variable: state }: the answer is about all its variables, given
   * these.
   */
  readonly evidence?: EvidenceInput;
}

/**
 * Runs the method that `spec` names on `model`, and with evidence on what it leaves of a factor graph. Then ln Z is
 * that of the states that agree; marginals (of variables and factors) and the MAP state are the whole graph's, observed
 * states filled in.
 * @param spec a method string such as "enumeration" or "refined-upper[order=strongest-first]", or what `parseMethod`
 *   made of one.
 * @throws RangeError for an unknown method or option, a model that the method does not take, or evidence that the model
 *   does not have.
 */
export function infer(model: unknown, spec: string | ParsedMethod, options: InferOptions = {}): InferenceResult {
  const { method, options: settings } = typeof spec === "string" ? parseMethod(spec) : spec;
  const { evidence, ...context } = options;
  if (evidence === undefined) return method.run(model, settings, context);
  if (!canBeFactorGraph(model))
    throw new RangeError(`evidence goes with ${ANY_MODEL_IN_WORDS}; this model is something else`);
  const conditioned = condition(asFactorGraph(model), evidence);
  const { graph } = conditioned;
  const left = method.accepts(graph) ? graph : toPairwiseBinary(graph);
  if (left === undefined)
    throw new RangeError(
      `${method.name} takes ${method.accepted}, and with this evidence ${pairwiseBinaryObstacle(graph)}`,
    );
  const { report } = context;
  const lift = (result: InferenceResult): InferenceResult =>
    withEvidence(conditioned, result, left === graph && isFactorGraph(model));
  return lift(method.run(left, settings, { ...context, ...(report && { report: (soFar) => report(lift(soFar)) }) }));
}

/**
 * A result about the variables left as one about all. Factor marginals are kept where the factors are the user's own.
 */
function withEvidence(conditioned: Conditioned, result: InferenceResult, areFactorsTheUsers: boolean): InferenceResult {
  const variables = (found: Marginals): Marginals => {
    const { values, offsets } = liftMarginals(conditioned, found);
    return new Marginals(values, offsets);
  };
  const factors = (found: Marginals): Marginals => {
    const { values, offsets } = liftFactorMarginals(conditioned, found);
    return new Marginals(values, offsets);
  };
  const { marginals, marginalIntervals, factorMarginals, map, ...rest } = result;
  return {
    ...rest,
    ...(marginals && { marginals: variables(marginals) }),
    ...(marginalIntervals && {
      marginalIntervals: { lower: variables(marginalIntervals.lower), upper: variables(marginalIntervals.upper) },
    }),
    ...(factorMarginals && areFactorsTheUsers && { factorMarginals: factors(factorMarginals) }),
    ...(map && { map: { ...map, states: liftStates(conditioned, map.states) } }),
  };
}
