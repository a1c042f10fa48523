/**
 * Which methods answer which task. Nothing is listed by hand: each method is asked about two variables, and what its
 * answer holds is what it can give. So a method that joins the registry is known here at once.
 */
import { factorGraph } from "../../graph/factor-graph.ts";
import { toPairwiseBinary } from "../../graph/convert.ts";
import { describeMethod, splitMethod, type Method, type ParsedMethod } from "../../inference/method.ts";
import { methods, parseMethod } from "../../inference/registry.ts";
import type { InferenceResult } from "../../inference/result.ts";
import { InputError } from "../../base/input-error.ts";

export const tasks = ["PR", "MAR", "MAP"] as const;
export type Task = (typeof tasks)[number];

const inWords: Readonly<Record<Task, string>> = {
  PR: "ln Z",
  MAR: "marginals of the variables",
  MAP: "a most probable state",
};

/** Two binary variables that like to agree: every method takes them. */
const twoVariables = factorGraph([2, 2], [{ variables: [0, 1], potentials: [2, 1, 1, 2] }]);

/** Options that turn a method to a task, tried in this order where it has them. */
const turns: readonly Readonly<Record<string, unknown>>[] = [{}, { task: "max" }, { map: true }, { temperature: 0 }];

/**
 * Whether a result answers a task. What stands beside a MAP answer without ln Z are max-marginals, which are no answer
 * to MAR.
 */
function answers(result: InferenceResult, task: Task): boolean {
  const { logZ, logZInterval, marginals, marginalIntervals, map } = result;
  switch (task) {
    case "PR":
      return (logZ ?? logZInterval) !== undefined;
    case "MAR":
      return (marginals ?? marginalIntervals) !== undefined && !(map && logZ === undefined);
    case "MAP":
      return map !== undefined;
  }
}

function canAnswer(method: Method, options: Readonly<Record<string, unknown>>, task: Task): boolean {
  const model = method.accepts(twoVariables) ? twoVariables : toPairwiseBinary(twoVariables);
  return answers(method.run(model, options), task);
}

/**
 * The method string that makes `method` answer the task: its bare name, or with one option; undefined if there is none.
 */
function specFor(method: Method, task: Task): string | undefined {
  const turn = turns.find(
    (options) => Object.keys(options).every((key) => key in method.options.shape) && canAnswer(method, options, task),
  );
  if (turn === undefined) return undefined;
  const [option] = Object.entries(turn);
  return option === undefined ? method.name : `${method.name}[${option.join("=")}]`;
}

/**
 * Reads a user's method string for a task. A bare name gets the option that its task needs: variable-elimination for
 * MAP is variable-elimination[task=max].
 * @throws InputError for an unknown method or option, or a method that cannot answer the task, with the accepted list.
 */
export function methodFor(text: string, task: Task): ParsedMethod {
  const parsed = parsedOrRefused(text);
  const given = splitMethod(text).options;
  if (Object.keys(given).length === 0) {
    const spec = specFor(parsed.method, task);
    if (spec !== undefined) return parseMethod(spec);
  } else {
    try {
      if (canAnswer(parsed.method, given, task)) return parsed;
    } catch {
      return parsed; // options made for the user's own model, e.g. a list of its variables: the run will show
    }
  }
  throw new InputError(
    `${parsed.text} does not give ${inWords[task]}; methods that answer ${task}: ${methodsFor(task).join(", ")}`,
  );
}

function parsedOrRefused(text: string): ParsedMethod {
  try {
    return parseMethod(text);
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(`--method: ${error.message}`);
    throw error;
  }
}

function methodsFor(task: Task): string[] {
  return methods.map((method) => specFor(method, task)).filter((spec) => spec !== undefined);
}

/**
 * Learned methods bring the tensor engine along, so they are loaded only where all methods are to be listed, or where
 * `text` names one that the registry does not know yet: learned, or misspelt, and then they belong to the list that
 * refuses it.
 */
export async function loadLearnedMethods(text?: string): Promise<void> {
  if (text === undefined || !methods.some(({ name }) => name === methodName(text)))
    await import("../../learning/methods.ts");
}

/** Undefined for what is no method string, which `methodFor` refuses. */
function methodName(text: string): string | undefined {
  return /^\s*([A-Za-z][\w-]*)/.exec(text)?.[1];
}

/** Seconds that the search for a most probable state may take; --time-limit replaces it. */
const SEARCH_SECONDS = 60;

/**
 * What answers when no method was named: exactly if the graph allows it, else by an approximation. That for MAP turns
 * from one into the other by itself, so its approximation stands in only where memory does not suffice.
 */
export function defaultMethods(task: Task): { readonly exact: ParsedMethod; readonly approximate: ParsedMethod } {
  const exact = {
    PR: "variable-elimination",
    MAR: "junction-tree[map=false]",
    MAP: `exact-map[seconds=${SEARCH_SECONDS}]`,
  };
  const approximate = { PR: "estimate", MAR: "estimate", MAP: "max-product[schedule=residual]" };
  return { exact: parseMethod(exact[task]), approximate: parseMethod(approximate[task]) };
}

/** The help of --methods: every method with its options and the tasks that it answers. */
export function methodsHelp(): string {
  return methods
    .map((method) => {
      const [head, ...options] = describeMethod(method).split("\n");
      const answered = tasks.filter((task) => specFor(method, task) !== undefined);
      return [head, `    answers ${answered.join(", ")}`, ...options].join("\n");
    })
    .join("\n\n");
}
