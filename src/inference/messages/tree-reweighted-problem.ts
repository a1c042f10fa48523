/**
 * Tree-reweighted messages for given rho, on both forms of a model, and the dual value that they prove (see
 * tree-reweighted.ts).
 */
import { isForest } from "../../graph/components.ts";
import { logScore, type FactorGraph } from "../../graph/factor-graph.ts";
import { toIsing, type IsingModel, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import { topologyOf, type Topology } from "../../graph/topology.ts";
import { CompensatedSum } from "../compensated-sum.ts";
import { Marginals, type MapAnswer } from "../result.ts";
import { atTemperature, isFactorGraph } from "./belief-propagation.ts";
import { messageOffsetsOf } from "./contraction.ts";
import { decodePairwiseStates, decodeStates } from "./decode.ts";
import { beliefsOf, entropy, evenOffsets, variableOffsetsOf } from "./free-energy.ts";
import { LogMessages } from "./log-messages.ts";
import { edgeLogBelief, logRatiosOfBeliefs, pairwiseBeliefs } from "./pairwise-free-energy.ts";
import { PairwiseLogMessages } from "./pairwise-log-messages.ts";
import { beliefsOfOriginal, pairwiseMarkovNetwork } from "./pairwise-markov-network.ts";
import {
  atFixedPoint,
  onForest,
  runSchedule,
  type Convergence,
  type DampingOptions,
  type ScheduleOptions,
} from "./schedule.ts";

export type ProblemOptions = ScheduleOptions & DampingOptions & { readonly temperature: number };

/** A model whose messages stay warm between runs. */
export interface Problem {
  readonly topology: Topology;
  /** @param edgeProbabilities Float64Array[numEdges of the topology]: rho. */
  readonly run: (edgeProbabilities: Float64Array) => Solution;
}

export interface Solution {
  readonly convergence: Convergence;
  readonly edgeProbabilities: Float64Array;
  /**
   * The dual's value, natural log, of the model at its temperature: a bound if rho is in the spanning-tree polytope.
   */
  readonly value: number;
  /** Undefined when Z = 0, or numbers left float64's range. */
  readonly beliefs?: {
    readonly marginals: Marginals;
    readonly factorMarginals: Marginals;
    /** Float64Array[numEdges]: I(tau_ij), natural log. */
    readonly mutualInformation: () => Float64Array;
  };
  readonly decode: () => MapAnswer;
}

export function treeReweightedProblem(
  model: FactorGraph | PairwiseBinaryModel,
  options: ProblemOptions,
  random: Random,
): Problem {
  return isFactorGraph(model) ? networkProblem(model, options, random) : isingProblem(toIsing(model), options, random);
}

function isingProblem(original: IsingModel, options: ProblemOptions, random: Random): Problem {
  const semiring = options.temperature === 0 ? "max" : "sum";
  const model = atTemperature(original, options.temperature);
  const topology = topologyOf(model);
  const nodeOffsets = evenOffsets(model.numVariables, 2);
  let warm: Float64Array | undefined;
  function run(edgeProbabilities: Float64Array): Solution {
    const isExact = isForest(topology) && edgeProbabilities.every((probability) => probability === 1);
    const schedule = onForest(options, isExact);
    let kernel = new PairwiseLogMessages(model, { ...options, semiring, countingNumbers: edgeProbabilities });
    if (warm) kernel.logRatios().set(warm);
    const convergence = runSchedule(kernel, schedule, random);
    if (isExact && convergence.converged)
      kernel = atFixedPoint(
        kernel,
        schedule,
        () => new PairwiseLogMessages(model, { ...options, semiring, damping: 0 }),
      );
    const messages = (warm = kernel.logRatios());
    const fields = logRatiosOfBeliefs(model, messages, edgeProbabilities);
    const nodeLogs = new Float64Array(2 * model.numVariables);
    fields.forEach((field, i) => {
      nodeLogs[2 * i] = -field / 2;
      nodeLogs[2 * i + 1] = field / 2;
    });
    const fillEdge = (edge: number, into: Float64Array): void =>
      edgeLogBelief(model, edge, fields, messages, edgeProbabilities[edge], into, 0);
    const dual = dualValue(topology, nodeLogs, nodeOffsets, edgeProbabilities, fillEdge, semiring === "max");
    const { variables, edges } = pairwiseBeliefs(model, messages, edgeProbabilities);
    return {
      convergence,
      edgeProbabilities,
      value: model.logConstant + dual,
      beliefs: {
        marginals: new Marginals(variables, nodeOffsets),
        factorMarginals: new Marginals(edges, evenOffsets(model.numEdges, 4)),
        mutualInformation: () =>
          edgeProbabilities.map((_, edge) => mutualInformation(edges.subarray(4 * edge, 4 * edge + 4), 2)),
      },
      decode: () => decodePairwiseStates(original, kernel.poweredMessages(), false),
    };
  }
  return { topology, run };
}

function networkProblem(original: FactorGraph, options: ProblemOptions, random: Random): Problem {
  const isMax = options.temperature === 0;
  const network = pairwiseMarkovNetwork(original, "trbp");
  const { topology } = network;
  const graph = atTemperature(network.graph, options.temperature);
  const { numVariables, cardinalities, scopes, tableOffsets, logPotentials } = graph;
  const messageOffsets = messageOffsetsOf(graph);
  const nodeOffsets = variableOffsetsOf(cardinalities);
  let warm: Float64Array | undefined;

  function run(edgeProbabilities: Float64Array): Solution {
    const countingNumbers = new Float64Array(graph.numFactors).fill(1);
    countingNumbers.set(edgeProbabilities, numVariables);
    const semiring = isMax ? "max" : "sum";
    const isExact = isForest(topology) && edgeProbabilities.every((probability) => probability === 1);
    const schedule = onForest(options, isExact);
    let kernel = new LogMessages(graph, { ...options, semiring, countingNumbers });
    if (warm) kernel.takeMessages(warm);
    const convergence = runSchedule(kernel, schedule, random);
    if (isExact && convergence.converged)
      kernel = atFixedPoint(kernel, schedule, () => new LogMessages(graph, { ...options, semiring, damping: 0 }));
    const messages = (warm = kernel.factorToVariable);
    const decode = (): MapAnswer => {
      const { states } = decodeStates(network.graph, kernel.poweredMessages(), false);
      return { states, score: logScore(original, states) };
    };
    const beliefs =
      kernel.stopped || network.logConstant === -Infinity ? undefined : beliefsOf(graph, messages, countingNumbers);
    if (!beliefs) return { convergence, edgeProbabilities, value: NaN, decode };

    const nodeLogs = logPotentials.slice(0, nodeOffsets[numVariables]);
    for (let edge = numVariables; edge < scopes.length; edge++) {
      const weight = edgeProbabilities[(edge - numVariables) >> 1];
      for (let state = 0; state < cardinalities[scopes[edge]]; state++)
        nodeLogs[nodeOffsets[scopes[edge]] + state] += weight * messages[messageOffsets[edge] + state];
    }
    const fillEdge = (edge: number, into: Float64Array): void => {
      const [atSource, atTarget] = [numVariables + 2 * edge, numVariables + 2 * edge + 1];
      const [source, target] = [scopes[atSource], scopes[atTarget]];
      let at = 0;
      for (let a = 0; a < cardinalities[source]; a++) {
        const left = without(nodeLogs[nodeOffsets[source] + a], messages[messageOffsets[atSource] + a]);
        for (let b = 0; b < cardinalities[target]; b++, at++) {
          const right = without(nodeLogs[nodeOffsets[target] + b], messages[messageOffsets[atTarget] + b]);
          into[at] = logPotentials[tableOffsets[numVariables + edge] + at] / edgeProbabilities[edge] + left + right;
        }
      }
    };
    const dual = dualValue(topology, nodeLogs, nodeOffsets, edgeProbabilities, fillEdge, isMax);
    const factors = beliefsOfOriginal(original, network, beliefs.factors);
    return {
      convergence,
      edgeProbabilities,
      value: network.logConstant / (options.temperature || 1) + dual,
      beliefs: {
        marginals: new Marginals(beliefs.variables, nodeOffsets),
        factorMarginals: new Marginals(factors, Int32Array.from(original.tableOffsets)),
        mutualInformation: () =>
          edgeProbabilities.map((_, edge) => {
            const [start, end] = [tableOffsets[numVariables + edge], tableOffsets[numVariables + edge + 1]];
            return mutualInformation(beliefs.factors.subarray(start, end), cardinalities[topology.edges[2 * edge + 1]]);
          }),
      },
      decode,
    };
  }
  return { topology, run };
}

/** A log belief with one message taken out; what is forbidden stays so. */
function without(logBelief: number, logMessage: number): number {
  return logBelief === -Infinity ? -Infinity : logBelief - logMessage;
}

/**
 * C + sum_ij rho_ij delta_ij of tree-reweighted.ts, natural log.
 * @param nodeLogs ln tau_i + ln Z_i, node i's states at nodeOffsets[i] ...
 * @param fillEdge writes ln tau_ij + ln Z_ij of an edge, states of its larger node changing fastest.
 */
function dualValue(
  { edges }: Topology,
  nodeLogs: Float64Array,
  nodeOffsets: Int32Array,
  edgeProbabilities: Float64Array,
  fillEdge: (edge: number, into: Float64Array) => void,
  isMax: boolean,
): number {
  const total = isMax ? largest : logSumExp;
  const numNodes = nodeOffsets.length - 1;
  const nodeLogZ = Float64Array.from({ length: numNodes }, (_, node) =>
    total(nodeLogs, nodeOffsets[node], nodeOffsets[node + 1], 1),
  );
  const value = new CompensatedSum();
  for (const logZ of nodeLogZ) value.add(logZ);
  let widest = 0;
  for (let node = 0; node < numNodes; node++) widest = Math.max(widest, nodeOffsets[node + 1] - nodeOffsets[node]);
  const table = new Float64Array(widest * widest);
  for (let edge = 0; edge < edgeProbabilities.length; edge++) {
    const [source, target] = [edges[2 * edge], edges[2 * edge + 1]];
    const rows = nodeOffsets[source + 1] - nodeOffsets[source];
    const columns = nodeOffsets[target + 1] - nodeOffsets[target];
    fillEdge(edge, table);
    const edgeLogZ = total(table, 0, rows * columns, 1);
    // States that a node's own belief forbids are impossible, so trees need not count them.
    let delta = 0;
    for (let a = 0; a < rows; a++) {
      const node = nodeLogs[nodeOffsets[source] + a] - nodeLogZ[source];
      if (node > -Infinity) delta = Math.max(delta, total(table, a * columns, (a + 1) * columns, 1) - edgeLogZ - node);
    }
    for (let b = 0; b < columns; b++) {
      const node = nodeLogs[nodeOffsets[target] + b] - nodeLogZ[target];
      if (node > -Infinity) delta = Math.max(delta, total(table, b, rows * columns, columns) - edgeLogZ - node);
    }
    value.add(edgeProbabilities[edge] * (edgeLogZ - nodeLogZ[source] - nodeLogZ[target] + delta));
  }
  return value.value;
}

function largest(values: Float64Array, start: number, end: number, stride: number): number {
  let most = -Infinity;
  for (let at = start; at < end; at += stride) if (values[at] > most) most = values[at];
  return most;
}

function logSumExp(values: Float64Array, start: number, end: number, stride: number): number {
  const most = largest(values, start, end, stride);
  if (most === -Infinity) return -Infinity;
  let sum = 0;
  for (let at = start; at < end; at += stride) sum += Math.exp(values[at] - most);
  return most + Math.log(sum);
}

/** I of a joint distribution given row by row, natural log. */
function mutualInformation(table: Float64Array, columns: number): number {
  const rows = new Float64Array(table.length / columns);
  const sums = new Float64Array(columns);
  table.forEach((probability, at) => {
    rows[Math.floor(at / columns)] += probability;
    sums[at % columns] += probability;
  });
  return entropy(rows, 0, rows.length) + entropy(sums, 0, columns) - entropy(table, 0, table.length);
}
