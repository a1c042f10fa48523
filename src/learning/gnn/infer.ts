/**
 * Inference by a trained graph neural network, as a method like any other: `gnn[weights=yoon2018/msg-marginals]`. There
 * is no ln Z, and nothing is guaranteed: a network knows the kind of models it was trained on.
 *
 * A variable without neighbours gets no message, so the network cannot see its bias; it is answered exactly, p(+1) =
 * sigmoid(2 b).
 */
import { z } from "zod";
import { logPotential, toIsing, type IsingModel, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import {
  defineMethod,
  formatMethod,
  isPairwiseBinaryModel,
  parseOptions,
  type Method,
} from "../../inference/method.ts";
import { Marginals, secondsSince, type InferenceResult } from "../../inference/result.ts";
import { packGraphs } from "./packed-graphs.ts";
import type { GnnTarget } from "./train-gnn.ts";
import { gnnFamily, type TrainedGnn } from "./weights.ts";

const schema = z.object({
  weights: z
    .string()
    .optional()
    .describe("a committed model or a .json file; by default Yoon et al.'s node-GNN for the task"),
  task: z.enum(["sum", "max"]).optional().describe("marginals or a MAP state; by default what the weights are for"),
  steps: z.int().min(1).optional().describe("updates of the states; by default as trained"),
});
export type GnnOptions = z.input<typeof schema>;

const targetOf = { sum: "marginals", max: "map" } as const satisfies Record<string, GnnTarget>;

/**
 * Marginals, or a MAP answer with the score of the state, by the network that the options name. `maxDelta` holds the
 * largest distance that a state moved in each update; the updates are counted, not run to convergence.
 * @throws RangeError for weights that are not there, or that were trained for the other task.
 */
export function gnnInference(model: PairwiseBinaryModel, options: GnnOptions = {}): InferenceResult {
  const { weights, task, steps } = parseOptions("gnn", schema, options);
  const wanted = task && targetOf[task];
  const trained = gnnFamily.named(weights ?? `yoon2018/node-${wanted ?? "marginals"}`);
  if (wanted && trained.configuration.target !== wanted)
    throw new RangeError(
      `gnn: the weights ${weights} were trained for ${trained.configuration.target}, task=${task} needs ${wanted}`,
    );
  const [result] = gnnBatch([model], trained, steps);
  return { ...result, method: formatMethod("gnn", schema, { weights, task, steps }) };
}

/**
 * Many models in one run of the network; `seconds` of each is its share of the whole by numbers of models.
 * @param steps updates, by default those that the network was trained with.
 */
export function gnnBatch(
  models: readonly PairwiseBinaryModel[],
  { network, configuration: { target } }: Pick<TrainedGnn, "network" | "configuration">,
  steps = network.shape.steps,
): InferenceResult[] {
  const started = performance.now();
  const isings = models.map(toIsing);
  const packed = packGraphs(isings);
  const { probabilities, distances } = network.predict(packed, steps);
  if (!probabilities.every((p) => p >= 0 && p <= 1))
    throw new RangeError(
      "gnn: the network's output is not a number: couplings or biases are too large for its weights",
    );
  const answers = isings.map((ising, g) => {
    const own = probabilities.slice(packed.nodeOffsets[g], packed.nodeOffsets[g + 1]);
    answerIsolated(ising, own);
    return answerOf(ising, own, target);
  });
  const seconds = secondsSince(started) / models.length;
  const maxDelta = distances.map((moved) => moved.reduce((most, distance) => Math.max(most, distance), 0));
  return answers.map((answer) => ({
    method: `gnn (${network.shape.architecture}-GNN for ${target})`,
    bound: "none",
    ...answer,
    converged: true,
    iterations: steps,
    maxDelta,
    seconds,
  }));
}

function answerIsolated({ numVariables, neighbourOffsets, biases }: IsingModel, probabilities: Float64Array): void {
  for (let i = 0; i < numVariables; i++)
    if (neighbourOffsets[i] === neighbourOffsets[i + 1]) probabilities[i] = 1 / (1 + Math.exp(-2 * biases[i]));
}

function answerOf(
  model: IsingModel,
  probabilities: Float64Array,
  target: GnnTarget,
): Pick<InferenceResult, "marginals" | "map"> {
  if (target === "marginals") return { marginals: Marginals.binary(probabilities) };
  const states = Int32Array.from(probabilities, (p) => (p > 0.5 ? 1 : 0));
  return { map: { states, score: logPotential(model, states) } };
}

export const gnn: Method = defineMethod({
  name: "gnn",
  summary: "a trained graph neural network (Yoon et al. 2018): marginals or a MAP state, no guarantee",
  options: schema,
  accepts: isPairwiseBinaryModel,
  accepted: "a Boltzmann machine or an Ising model",
  infer: (model, options) => gnnInference(model, options),
});
