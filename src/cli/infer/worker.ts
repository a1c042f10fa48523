/**
 * The thread of `marginalia infer` that reads and computes. The main thread stays free, so that a time limit, Ctrl-C
 * and the live line work in the middle of any loop; it says which method to attempt, this one answers, step by step.
 */
import { parentPort, workerData } from "node:worker_threads";
import { FormatError } from "../../formats/format-error.ts";
import { readEvidence } from "../../formats/evidence.ts";
import type { Model } from "../../formats/model.ts";
import { readModel } from "../../formats/read.ts";
import { condition, type Conditioned } from "../../graph/condition.ts";
import { pairwiseBinaryObstacle, toPairwiseBinary } from "../../graph/convert.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { eliminationOrder, TreewidthError } from "../../inference/exact/elimination-order.ts";
import { simplify } from "../../inference/exact/simplify.ts";
import type { ParsedMethod } from "../../inference/method.ts";
import type { InferenceResult } from "../../inference/result.ts";
import { InputError } from "../../base/input-error.ts";
import { log10Of, numberText } from "../../formats/numbers.ts";
import { answerText, boundOf, fileAnswer, whyNoAnswer, type AnswerFormat } from "./answer.ts";
import { defaultMethods, loadLearnedMethods, methodFor, type Task } from "./methods.ts";

export interface InferRequest {
  readonly model: string;
  readonly evidence?: string;
  readonly task: Task;
  readonly format: AnswerFormat;
  readonly seed: number;
  /** A method string; absent: the defaults. */
  readonly method?: string;
}

export interface Attempt {
  /** Which of the defaults; a method that the user named is the one attempt there is. */
  readonly kind: "exact" | "approximate";
  /**
   * Until when an answer is wanted, Unix time in milliseconds; methods that can stop by themselves do so a little
   * before.
   */
  readonly deadline: number | undefined;
}

/**
 * "usage": the input or the method string has to be mended. "size": a cheaper method might do. "none": there is no
 * answer.
 */
export type Refusal = "usage" | "size" | "none";

export type FromInferWorker =
  /** What is being done now. */
  | { readonly type: "step"; readonly text: string }
  /** What has been found out. */
  | { readonly type: "fact" | "warning"; readonly text: string }
  /** An answer that can be given if there is no better one in time; `quality` says what it is worth. */
  | { readonly type: "so far"; readonly text: string; readonly quality: string }
  /** `text` is for stdout and may be there even if `failure` says what is missing. */
  | { readonly type: "answer"; readonly text: string; readonly failure?: string }
  | { readonly type: "refused"; readonly why: Refusal; readonly message: string };

const MS_BETWEEN_ANSWERS_SO_FAR = 200;

/** The rest is for what the estimate does not count: the model, orders, small tables. */
const SHARE_OF_FREE_MEMORY = 0.7;

interface Problem {
  readonly model: Model;
  readonly conditioned: Conditioned;
}

const request = workerData as InferRequest;
let problem: Problem | undefined;

const post = (message: FromInferWorker): void => parentPort!.postMessage(message);
const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;

if (request.method !== undefined) await loadLearnedMethods(request.method);
parentPort!.on("message", (attempt: Attempt) => {
  try {
    answer(attempt);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    post({ type: "refused", ...refusal });
  }
});

function answer({ kind, deadline }: Attempt): void {
  const { task, seed, format } = request;
  const method = request.method === undefined ? defaultMethods(task)[kind] : methodFor(request.method, task);
  problem ??= read();
  const { model, conditioned } = problem;
  if (method.method.name === "variable-elimination" || method.method.name === "junction-tree")
    tellWidth(conditioned.graph);
  post({ type: "step", text: method.text });
  const result = run(conditioned.graph, method, Random.fromSeed(seed), deadline, soFar(model, conditioned));
  const answer = fileAnswer(task, model, conditioned, result);
  post({ type: "fact", text: `${result.method}: ${seconds(result.seconds)}, ${quality(task, result)}` });
  for (const text of worthSaying(task, result)) post({ type: "warning", text });
  const failure = whyNoAnswer(answer, format);
  const text = failure === undefined || format === "json" ? answerText(answer, format) : "";
  post({ type: "answer", text, ...(failure && { failure }) });
}

/** Passes on what a method knows by now, now and then: writing it down takes time, too. */
function soFar(model: Model, conditioned: Conditioned): (result: InferenceResult) => void {
  const { task, format } = request;
  let next = 0;
  return (result) => {
    const now = performance.now();
    if (now < next) return;
    const answer = fileAnswer(task, model, conditioned, result);
    if (whyNoAnswer(answer, format) !== undefined) return;
    post({
      type: "so far",
      text: answerText(answer, format),
      quality: [quality(task, result), ...worthSaying(task, result)].join("; "),
    });
    next = performance.now() + MS_BETWEEN_ANSWERS_SO_FAR;
  };
}

function read(): Problem {
  post({ type: "step", text: `reading ${request.model}` });
  const started = performance.now();
  const model = readModel(request.model);
  const { graph, warnings } = model;
  for (const text of warnings) post({ type: "warning", text });
  const added = graph.numVariables - (model.firstAuxiliaryVariable ?? graph.numVariables);
  post({
    type: "fact",
    text:
      `${request.model}: ${count(graph.numVariables - added, "variable")}${added > 0 ? ` (and ${added} to split wide clauses)` : ""}, ` +
      `${count(graph.numFactors, "factor")}, ${seconds((performance.now() - started) / 1000)}`,
  });
  if (request.evidence === undefined) return { model, conditioned: condition(graph, new Map()) };
  post({ type: "step", text: `reading and conditioning on ${request.evidence}` });
  const evidence = readEvidence(request.evidence, model);
  const conditioned = condition(graph, evidence);
  post({
    type: "fact",
    text: `${request.evidence}: ${count(evidence.size, "variable")} observed, ${conditioned.graph.numVariables - added} left`,
  });
  return { model, conditioned };
}

/**
 * One greedy order tells beforehand what an exact method has before it; the method itself tries more.
 * @throws TreewidthError when that order is out of reach and the choice of the method ours: on large graphs more of
 *   them cost minutes.
 */
function tellWidth(graph: FactorGraph): void {
  post({ type: "step", text: "planning" });
  const simplified = simplify(graph);
  if (!simplified.possible) return;
  try {
    const { width, log2LargestSize } = eliminationOrder(simplified.graph, { heuristic: "min-fill", orderings: 1 });
    const text = `a first elimination order has width ${width}, its largest table 2^${log2LargestSize.toFixed(1)} entries`;
    post({ type: "fact", text });
  } catch (error) {
    if (request.method === undefined || !(error instanceof TreewidthError)) throw error;
  }
}

function run(
  graph: FactorGraph,
  spec: ParsedMethod,
  random: Random,
  deadline: number | undefined,
  report: (soFar: InferenceResult) => void,
): InferenceResult {
  const { method, options, text } = spec;
  let model: unknown = graph;
  if (!method.accepts(graph)) {
    model = toPairwiseBinary(graph);
    if (model === undefined)
      throw new InputError(`${method.name} takes ${method.accepted}, and here ${pairwiseBinaryObstacle(graph)}`);
  }
  // A method that can stop by itself is told to, so that its answer so far is not lost.
  const limit = ["timeLimit", "seconds"].find((option) => option in method.options.shape);
  const isOpen = limit !== undefined && (options[limit] === undefined || request.method === undefined);
  const added = {
    ...(deadline !== undefined && isOpen && { [limit]: Math.max(0, (0.9 * (deadline - Date.now())) / 1000) }),
    // Tables that this machine has no room for would end the process.
    ...(request.method === undefined && "memory" in method.options.shape && memoryHere(options.memory as number)),
    // What nobody will read need not be computed.
    ...(request.task === "PR" && "marginals" in method.options.shape && { marginals: false }),
  };
  const isChanged = Object.keys(added).length > 0;
  const result = method.run(model, isChanged ? { ...options, ...added } : options, { random, report });
  return isChanged ? { ...result, method: text } : result;
}

/** The standard limit on tables, in GB, or less where less is free. */
function memoryHere(standard: number): { memory?: number } {
  const free = (SHARE_OF_FREE_MEMORY * process.availableMemory()) / 2 ** 30;
  return free < standard ? { memory: free } : {};
}

function quality(task: Task, result: InferenceResult): string {
  const bound = boundOf(task, result);
  const known = {
    exact: "exact",
    lower: task === "MAP" ? "not proven to be the best state" : "a lower bound on ln Z",
    upper: "an upper bound on ln Z",
    interval: "guaranteed intervals",
    none: "an approximation",
  }[bound];
  return `${known}${result.converged ? "" : `, NOT converged after ${count(result.iterations, "iteration")}`}`;
}

/**
 * What must be known of an answer beside itself: how good a state is that is not proven, what bounds say of an
 * estimate.
 */
function worthSaying(
  task: Task,
  { map, logZ, logZInterval, bound, seconds: spent, method }: InferenceResult,
): string[] {
  if (task === "MAP" && map && boundOf(task, { map, bound }) !== "exact") {
    const { score, upperBound = Infinity } = map;
    const best =
      upperBound === Infinity
        ? "no upper bound on the best is known"
        : `the best is at most ${numberText(upperBound)} (gap ${(upperBound - score).toPrecision(3)})`;
    return [
      `no state is proven to be the best in ${seconds(spent)}; this is the best one found, it is NOT exact: ` +
        `its ln score is ${numberText(score)}, ${best}`,
    ];
  }
  if (logZInterval && bound === "none" && logZ !== undefined) {
    const [lower, upper] = logZInterval.map((end) => numberText(log10Of(end)));
    return [`${method} is an estimate; what is proven: ${lower} <= log10 Z <= ${upper}`];
  }
  return [];
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

/** What the user can mend or has to know; undefined for what is a mistake of ours. */
function refusalOf(error: unknown): { why: Refusal; message: string } | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  if (error instanceof FormatError || error instanceof InputError) return { why: "usage", message };
  if (isSystemError(error)) return { why: "usage", message: `${error.path ?? request.model}: ${systemProblem(error)}` };
  if (error instanceof TreewidthError) return { why: "size", message };
  if (error instanceof RangeError && /allocation failed|Invalid (typed )?array( buffer)? length/i.test(message))
    return { why: "size", message: "there is not enough memory for its tables" };
  if (error instanceof RangeError && problem) return { why: "none", message };
  return undefined;
}

function isSystemError(error: Error): error is NodeJS.ErrnoException {
  return typeof (error as NodeJS.ErrnoException).syscall === "string";
}

function systemProblem({ code, message }: NodeJS.ErrnoException): string {
  const known: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    EISDIR: "is a folder, expected a file",
    EACCES: "may not be read",
  };
  return known[code ?? ""] ?? message;
}
