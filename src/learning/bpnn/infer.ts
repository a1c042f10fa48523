/**
 * Inference by a trained belief propagation neural network, as a method like any other:
 * `bpnn[weights=kuck2020/bpnn-d-invertible]`.
 *
 * A tied BPNN-D network runs to convergence in float64: marginals are BP's at a fixed point, and `bound` is what
 * Theorem 3 grants: "exact" on forests, "lower" for binary log-supermodular models, if the network converged and zero
 * is the only fixed point of its H. Every other network runs its layers once and is an estimate without a bound; its
 * marginals are the beliefs after its last layer.
 */
import { z } from "zod";
import { toFactorGraph } from "../../graph/convert.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { defineMethod, formatMethod, parseOptions, type Method } from "../../inference/method.ts";
import { DISCRETE_MODELS, isDiscreteModel, isFactorGraph } from "../../inference/messages/belief-propagation.ts";
import { variableOffsetsOf } from "../../inference/messages/free-energy.ts";
import { Marginals, secondsSince, type InferenceResult } from "../../inference/result.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { tf } from "../../tensor/tf.ts";
import { factorGraphBatch } from "./batch.ts";
import { runToFixedPoint } from "./fixed-point.ts";
import type { BeliefPropagationNetwork } from "./network.ts";
import { packFactorGraphs } from "./packed-factor-graphs.ts";
import { bpnnFamily, operatorsOf } from "./weights.ts";

const DEFAULT_BPNN = "kuck2020/bpnn-d-invertible";

const schema = z.object({
  weights: z
    .string()
    .default(DEFAULT_BPNN)
    .describe("a committed model or a .json file; by default BPNN-D trained on Ising models, with bounds"),
  tolerance: z.number().min(0).default(1e-9).describe("BPNN-D: converged when no log message changes by more"),
  maxIterations: z.int().min(1).default(1000).describe("BPNN-D: iterations at most"),
});
export type BpnnOptions = z.input<typeof schema>;

/**
 * @throws RangeError for weights that are not there, or a model with shapes of tables that the network has no weights
 *   for.
 */
export function bpnnInference(model: FactorGraph | PairwiseBinaryModel, options: BpnnOptions = {}): InferenceResult {
  const settings = parseOptions("bpnn", schema, options);
  const { weights, ...fixedPoint } = settings;
  const { network } = bpnnFamily.named(weights);
  const graph = isFactorGraph(model) ? model : toFactorGraph(model);
  const method = formatMethod("bpnn", schema, settings);
  const operators = operatorsOf(network);
  if (!operators) return { ...bpnnBatch([graph], network)[0], method };
  const started = performance.now();
  const { logZ, bound, marginals, factorMarginals, ...convergence } = runToFixedPoint(graph, operators, fixedPoint);
  const { converged, iterations, maxDelta } = convergence;
  const seconds = secondsSince(started);
  return { method, logZ, bound, marginals, factorMarginals, converged, iterations, maxDelta, seconds };
}

/** Many graphs in one run of a network's layers; `seconds` of each is its share of the whole by numbers of graphs. */
export function bpnnBatch(graphs: readonly FactorGraph[], network: BeliefPropagationNetwork): InferenceResult[] {
  const started = performance.now();
  const packed = packFactorGraphs(graphs);
  const { logZ, beliefs } = tf.tidy(() => {
    const output = network.run(factorGraphBatch(packed));
    return {
      logZ: output.logZ.dataSync(),
      beliefs: output.beliefs.variables.map((tensor) => tensor.dataSync() as Float32Array),
    };
  });
  const offsets = graphs.map(({ cardinalities }) => variableOffsetsOf(cardinalities));
  const marginals = offsets.map((own) => new Float64Array(own[own.length - 1]));
  packed.variableGroups.forEach(({ cardinality, graphs: owners, variables }, g) =>
    owners.forEach((graph, at) => {
      const start = offsets[graph][variables[at]];
      let sum = 0;
      for (let state = 0; state < cardinality; state++)
        sum += marginals[graph][start + state] = Math.exp(beliefs[g][at * cardinality + state]);
      for (let state = 0; state < cardinality; state++) marginals[graph][start + state] /= sum; // float32's rounding
    }),
  );
  if (!logZ.every((value) => Number.isFinite(value)))
    throw new RangeError("bpnn: the network's output is not a number: potentials are too large for its weights");
  const seconds = secondsSince(started) / graphs.length;
  return graphs.map((_, graph): InferenceResult => {
    const scale = packed.logScales[graph];
    const common = { method: "bpnn", converged: true, iterations: network.shape.numLayers, maxDelta: [], seconds };
    if (scale === -Infinity) return { ...common, logZ: -Infinity, bound: "exact" }; // a table of zeros alone
    return {
      ...common,
      logZ: scale + logZ[graph],
      bound: "none",
      marginals: new Marginals(marginals[graph], offsets[graph]),
    };
  });
}

export const bpnn: Method = defineMethod({
  name: "bpnn",
  summary:
    "a trained belief propagation neural network (Kuck et al. 2020): ln Z and marginals, a bound where BPNN-D gives one",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options) => bpnnInference(model, options),
});
