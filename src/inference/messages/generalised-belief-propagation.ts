/**
 * Generalised belief propagation, and its convergent double loop, on two-level region graphs (Heskes, Albers & Kappen
 * 2003).
 *
 *   ln Z ~ sum_alpha [ <ln psi_alpha> + H(Q_alpha) ] + sum_beta c_beta H(Q_beta),    Q_alpha(x_beta) = Q_beta(x_beta)
 *          (Kikuchi's free energy)
 *
 * Single loop ("gbp"), for each inner region beta in turn, n_beta the number of outer regions alpha that hold it:
 *
 *   mu_{alpha->beta} = Q_alpha(x_beta) / mu_{beta->alpha},     Q_beta ~ prod_alpha mu_{alpha->beta}^{1 / (n_beta +
 *   c_beta)},
 *   mu_{beta->alpha} = Q_beta / mu_{alpha->beta},              Q_alpha ~ psi_alpha prod_beta mu_{beta->alpha}
 *
 * Double loop ("hak"): the concave part, c_beta < 0, is bounded by its tangent at the present Q_beta, which moves
 * Q_beta^{-c_beta / n_beta} into each psi_alpha and puts c_beta = 0; single-loop iterations minimise that convex bound,
 * and the tangent is taken anew: the free energy falls until it converges. One difference: only `innerIterations` of
 * them are run (five, as libDAI does), which is quicker and no longer guaranteed; more restore it. All in the log
 * domain; forbidden states stay forbidden.
 */
import { z } from "zod";
import { isForest } from "../../graph/components.ts";
import { toFactorGraph } from "../../graph/convert.ts";
import { scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { CompensatedSum } from "../compensated-sum.ts";
import { defineMethod, formatMethod, parseOptions } from "../method.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { DISCRETE_MODELS, impossible, isDiscreteModel, isFactorGraph, type Answer } from "./belief-propagation.ts";
import { entropy, evenOffsets, expectation, normaliseLogs, variableOffsetsOf } from "./free-energy.ts";
import { clusterKinds, isJunctionTree, regionGraph, type ClusterKind, type RegionGraph } from "./region-graph.ts";
import { RegionMessages, statesOf } from "./region-messages.ts";
import { messageOptions, type Convergence } from "./schedule.ts";

const { damping, tolerance, maxIterations, timeLimit } = messageOptions;
const gbpSchema = z.object({
  clusters: z.enum(clusterKinds).default("min").describe("outer regions"),
  loopDepth: z.int().min(3).default(4).describe("variables in a loop at most, for clusters=loop"),
  damping,
  tolerance: tolerance.describe("converged when no message changes by a larger fraction, and regions agree to it"),
  maxIterations,
  timeLimit,
});
const hakSchema = gbpSchema.omit({ damping: true }).extend({
  innerIterations: z.int().min(1).default(5).describe("single-loop iterations for each tangent"),
});

export type GeneralisedOptions = z.input<typeof gbpSchema>;
export type DoubleLoopOptions = z.input<typeof hakSchema>;

/**
 * Generalised belief propagation (single loop). Kikuchi's estimate of ln Z; exact where the clusters form a junction
 * tree.
 * @throws RangeError when clusters are too large, or a region's n + c is 0, where the single loop is undefined.
 */
export function generalisedBeliefPropagation(
  model: FactorGraph | PairwiseBinaryModel,
  options: GeneralisedOptions = {},
): InferenceResult {
  const settings = parseOptions("gbp", gbpSchema, options);
  const method = formatMethod("gbp", gbpSchema, settings);
  return run(model, settings, method, (messages, regions) => singleLoop(messages, regions, settings.damping));
}

/** The double loop: as `generalisedBeliefPropagation`, slower, and converging where that does not. */
export function doubleLoop(model: FactorGraph | PairwiseBinaryModel, options: DoubleLoopOptions = {}): InferenceResult {
  const settings = parseOptions("hak", hakSchema, options);
  return run(model, settings, formatMethod("hak", hakSchema, settings), (messages, regions) =>
    tangents(messages, regions, settings),
  );
}

/** Makes an iteration, which returns its largest change. */
type Loop = (messages: RegionMessages, regions: RegionGraph) => () => number;
/** Relative changes of messages that are nothing but rounding, and at which they may stop to fall. */
const ROUNDING = 1e-14;
const NEARLY_ROUNDING = 1e-12;

interface LoopOptions {
  readonly clusters: ClusterKind;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly timeLimit?: number | undefined;
}

function run(
  model: FactorGraph | PairwiseBinaryModel,
  settings: z.output<typeof hakSchema> | z.output<typeof gbpSchema>,
  method: string,
  loop: Loop,
): InferenceResult {
  const started = performance.now();
  const graph = isFactorGraph(model) ? model : toFactorGraph(model);
  const regions = regionGraph(graph, settings.clusters, settings.loopDepth);
  const messages = new RegionMessages(graph, regions);
  let logConstant = 0;
  regions.outerOfFactor.forEach((outer, factor) => {
    if (outer < 0) logConstant += tableOf(graph, factor)[0];
  });
  const answer =
    messages.contradiction || logConstant === -Infinity
      ? impossible(0, [])
      : iterated(graph, regions, messages, logConstant, loop(messages, regions), settings);
  const seconds = (performance.now() - started) / 1000;
  if (graph === model || !answer.factorMarginals) return { method, ...answer, seconds };
  // A pairwise model's factors are its edges, which toFactorGraph puts behind the biases.
  const { numVariables, numEdges } = model as PairwiseBinaryModel;
  const edges = answer.factorMarginals.values.slice(2 * numVariables, 2 * numVariables + 4 * numEdges);
  return { method, ...answer, factorMarginals: new Marginals(edges, evenOffsets(numEdges, 4)), seconds };
}

function iterated(
  graph: FactorGraph,
  regions: RegionGraph,
  messages: RegionMessages,
  logConstant: number,
  iterate: () => number,
  settings: LoopOptions,
): Answer {
  const convergence = iterateUntil(messages, settings, iterate);
  const isExact =
    convergence.converged &&
    (settings.clusters === "bethe" ? isForest(graph) : isJunctionTree(regions, graph.numVariables)) &&
    settle(iterate, settings.maxIterations);
  return answerOf(graph, regions, messages, logConstant, convergence, isExact);
}

/**
 * Iterates until rounding alone is left, as an exact answer needs, whatever the tolerance was. @returns whether that
 * was reached.
 */
function settle(iterate: () => number, maxIterations: number): boolean {
  let delta = Infinity;
  for (let iteration = 0; iteration < maxIterations && delta > ROUNDING; iteration++) {
    const before = delta;
    delta = iterate();
    if (delta >= before && delta <= NEARLY_ROUNDING) break;
  }
  return delta <= NEARLY_ROUNDING;
}

/** Runs `iterate` until its change is within the tolerance. */
function iterateUntil(messages: RegionMessages, options: LoopOptions, iterate: () => number): Convergence {
  const deadline = performance.now() + 1000 * (options.timeLimit ?? Infinity);
  const maxDelta: number[] = [];
  while (maxDelta.length < options.maxIterations && !messages.stopped) {
    maxDelta.push(iterate());
    if (maxDelta[maxDelta.length - 1] <= options.tolerance)
      return { converged: true, iterations: maxDelta.length, maxDelta };
    if (performance.now() > deadline) break;
  }
  return { converged: false, iterations: maxDelta.length, maxDelta };
}

function singleLoop(messages: RegionMessages, regions: RegionGraph, damping: number): () => number {
  for (const { variables, countingNumber, outer } of regions.inner)
    if (outer.length + countingNumber === 0)
      throw new RangeError(
        `gbp is undefined for the region over variables (${variables.join(", ")}): its counting number ${countingNumber} and its ` +
          `${outer.length} outer regions add up to 0. Use hak, the double loop`,
      );
  const countingNumbers = Float64Array.from(regions.inner, ({ countingNumber }) => countingNumber);
  return () => messages.iterate(countingNumbers, damping);
}

/** One iteration is one tangent; its change is the largest of all messages and inner beliefs. */
function tangents(
  messages: RegionMessages,
  regions: RegionGraph,
  { innerIterations, tolerance }: z.output<typeof hakSchema>,
): () => number {
  const convex = Float64Array.from(regions.inner, ({ countingNumber }) => Math.max(countingNumber, 0));
  const share = (beta: number, numOuter: number): number =>
    (convex[beta] - regions.inner[beta].countingNumber) / numOuter;
  return () => {
    const before = messages.inner.map((belief) => belief.slice());
    messages.takePotentials(messages.shiftedPotentials(share));
    let delta = Infinity;
    for (let inner = 0; inner < innerIterations && delta > tolerance && !messages.stopped; inner++)
      delta = messages.iterate(convex, 0);
    messages.inner.forEach((belief, beta) =>
      belief.forEach(
        (entry, state) => (delta = Math.max(delta, Math.abs(Math.exp(entry) - Math.exp(before[beta][state])))),
      ),
    );
    return messages.stopped ? 1 : delta;
  };
}

function answerOf(
  graph: FactorGraph,
  regions: RegionGraph,
  messages: RegionMessages,
  logConstant: number,
  convergence: Convergence,
  isExact: boolean,
): Answer {
  const outer = messages.outer.map((logs) => probabilities(logs));
  const inner = messages.inner.map((logs) => probabilities(logs));
  if (messages.diverged || outer.includes(undefined) || inner.includes(undefined)) return diverged(convergence);
  const [outerBeliefs, innerBeliefs] = [outer as Float64Array[], inner as Float64Array[]];
  const sum = new CompensatedSum();
  sum.add(logConstant);
  outerBeliefs.forEach((belief, at) => {
    sum.add(expectation(belief, messages.potentials[at], 0, belief.length));
    sum.add(entropy(belief, 0, belief.length));
  });
  innerBeliefs.forEach((belief, at) => sum.add(regions.inner[at].countingNumber * entropy(belief, 0, belief.length)));
  const logZ = sum.value;
  if (!Number.isFinite(logZ)) return diverged(convergence);

  // Each variable is read from the smallest region that holds it; inner regions stand largest first.
  const { numVariables, numFactors, cardinalities } = graph;
  const source = new Map<number, readonly [readonly number[], Float64Array]>();
  regions.outer.forEach(({ variables }, at) =>
    variables.forEach((variable) => source.set(variable, [variables, outerBeliefs[at]])),
  );
  regions.inner.forEach(({ variables }, at) =>
    variables.forEach((variable) => source.set(variable, [variables, innerBeliefs[at]])),
  );
  const offsets = variableOffsetsOf(cardinalities);
  const marginals = new Float64Array(offsets[numVariables]);
  for (const [variable, [variables, belief]] of source)
    addMarginal(belief, statesOf(variables, [variable], cardinalities), marginals, offsets[variable]);
  const factorMarginals = new Float64Array(graph.logPotentials.length);
  for (let factor = 0; factor < numFactors; factor++) {
    const at = regions.outerOfFactor[factor];
    const start = graph.tableOffsets[factor];
    if (at < 0) factorMarginals[start] = 1;
    else {
      const states = statesOf(regions.outer[at].variables, Array.from(scopeOf(graph, factor)), cardinalities);
      addMarginal(outerBeliefs[at], states, factorMarginals, start);
    }
  }
  return {
    logZ,
    bound: isExact ? "exact" : "none",
    marginals: new Marginals(marginals, offsets),
    factorMarginals: new Marginals(factorMarginals, Int32Array.from(graph.tableOffsets)),
    ...convergence,
  };
}

/** Regions settle what zeros prove before they begin, so numbers out of range prove nothing. */
function diverged({ iterations, maxDelta }: Convergence): Answer {
  return { bound: "none", converged: false, iterations, maxDelta };
}

function probabilities(logs: Float64Array): Float64Array | undefined {
  const values = logs.slice();
  return normaliseLogs(values, 0, values.length) ? values : undefined;
}

function addMarginal(belief: Float64Array, states: Int32Array, into: Float64Array, start: number): void {
  for (let at = 0; at < belief.length; at++) into[start + states[at]] += belief[at];
}

export const gbp = defineMethod({
  name: "gbp",
  summary: "generalised belief propagation on clusters: Kikuchi's ln Z and marginals",
  options: gbpSchema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options) => generalisedBeliefPropagation(model, options),
});

export const hak = defineMethod({
  name: "hak",
  summary: "the double loop for Kikuchi's free energy: slower than gbp, converges where that does not",
  options: hakSchema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options) => doubleLoop(model, options),
});
