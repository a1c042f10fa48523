/**
 * Belief propagation beside libDAI: message updates per second (both directions of every variable-factor edge count one
 * each, biases and constants included, as libDAI counts), memory per edge, cost against size, and a million-variable
 * grid solved whole.
 *
 * Rates are of whole iterations through the library's schedules, by processor time, the best of several runs, so that
 * other work on the machine does not count. The pairwise form computes fewer, larger things than libDAI's messages; a
 * rate counts the messages that an iteration replaces.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "../../src/graph/random.ts";
import { toFactorGraph } from "../../src/graph/convert.ts";
import { factorGraph, type FactorGraph } from "../../src/graph/factor-graph.ts";
import { openGrid } from "../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../src/graph/generators/ising.ts";
import type { IsingModel } from "../../src/graph/pairwise.ts";
import { beliefPropagation, sumProductKernel } from "../../src/inference/messages/belief-propagation.ts";
import { PairwiseRatioMessages } from "../../src/inference/messages/pairwise-ratio-messages.ts";
import { runSchedule, type MessageKernel, type Schedule } from "../../src/inference/messages/schedule.ts";
import type { Row } from "../harness.ts";
import type { Libdai, LibdaiUpdates } from "./libdai.ts";

const root = Random.fromSeed(7);
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const undamped = { damping: 0, dampingDomain: "log" } as const;
const libdaiUpdates: Partial<Record<Schedule, LibdaiUpdates>> = {
  parallel: "PARALL",
  sequential: "SEQFIX",
  residual: "SEQMAX",
};
const REPEATS = 7;
/** Updates that one timed run shall make about. */
const UPDATES_PER_RUN = 2e7;
/** libDAI's models of this many edges would need gigabytes. */
const MAX_EDGES_FOR_LIBDAI = 2e5;

function grid(side: number): IsingModel {
  return gaussianIsing(openGrid(side, side), root.split("grid", side), { biasDeviation: 0.3, couplingDeviation: 0.3 });
}

/**
 * Random factors of one arity, as many as variables; factor i holds variable i, since a .fg file has no isolated
 * variables.
 */
function factors(arity: number, cardinality: number, size: number): FactorGraph {
  const random = root.split("factors", arity, cardinality, size);
  return factorGraph(
    new Int32Array(size).fill(cardinality),
    Array.from({ length: size }, (_, factor) => {
      const variables = new Set([factor]);
      while (variables.size < arity) variables.add(random.integer(size));
      const logPotentials = Float64Array.from({ length: cardinality ** arity }, () => random.normal(0, 0.5));
      return { variables: [...variables], logPotentials };
    }),
  );
}

/** Updates per second of `kernel` under `schedule`. */
function rate(kernel: MessageKernel, schedule: Schedule, numEdges: number): number {
  const iterations = Math.max(1, Math.round(UPDATES_PER_RUN / (2 * numEdges)));
  let best = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = process.cpuUsage();
    // A negative tolerance is never met: all iterations run.
    const { iterations: done } = runSchedule(kernel, { schedule, tolerance: -1, maxIterations: iterations }, root);
    const { user, system } = process.cpuUsage(started);
    best = Math.max(best, (2e6 * numEdges * done) / (user + system));
  }
  return best;
}

function rateRow(
  name: string,
  schedule: Schedule,
  kernel: MessageKernel,
  graph: () => FactorGraph,
  numEdges: number,
  libdai: Libdai,
): Row {
  const ours = rate(kernel, schedule, numEdges);
  const updates = libdaiUpdates[schedule];
  const fits = numEdges <= MAX_EDGES_FOR_LIBDAI;
  let peer: number | null = null;
  if (libdai.run && updates && fits)
    peer = libdai.run(graph(), updates, Math.max(2, Math.round(4e5 / numEdges)), REPEATS).updatesPerSecond;
  const peerName = libdai.run && !fits ? `${libdai.name} (not run: too much memory)` : libdai.name;
  return { case: `${name}, ${schedule}`, ours, peer, peerName, unit: "updates/s", ratio: peer && ours / peer };
}

/** Bytes of typed arrays per edge that building a kernel takes, the model not counted. */
function memoryRow(
  name: string,
  build: () => unknown,
  numEdges: number,
  graph: (() => FactorGraph) | undefined,
  libdai: Libdai,
): Row {
  // Arrays of earlier rows must be gone before, or they would be counted as they go.
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const held = build();
  collectGarbage();
  const ours = (process.memoryUsage().arrayBuffers - before) / numEdges;
  const peer = graph && libdai.run ? libdai.run(graph(), "PARALL", 1, 1).bytesPerEdge : null;
  return {
    case: `${name}, memory${held ? "" : "?"}`,
    ours,
    peer,
    peerName: libdai.name,
    unit: "bytes/edge",
    ratio: peer && peer / ours,
  };
}

/** All rows of message passing. */
export function messageRows(libdai: Libdai): Row[] {
  const rows: Row[] = [];
  for (const side of [10, 100, 1000]) {
    const model = grid(side);
    const numEdges = 2 * model.numEdges + model.numVariables;
    for (const schedule of ["parallel", "sequential", ...(side < 1000 ? (["residual"] as const) : [])] as const)
      rows.push(rateRow(`Ising grid ${side}x${side}`, schedule, new PairwiseRatioMessages(model, undamped), () => toFactorGraph(model), numEdges, libdai)); // prettier-ignore
    rows.push(memoryRow(`Ising grid ${side}x${side}`, () => new PairwiseRatioMessages(model, undamped), numEdges, side === 100 ? () => toFactorGraph(model) : undefined, libdai)); // prettier-ignore
  }
  const asFactors = toFactorGraph(grid(100));
  for (const schedule of ["parallel", "sequential"] as const)
    rows.push(rateRow("Ising grid 100x100 as a factor graph", schedule, sumProductKernel(asFactors, undamped), () => asFactors, asFactors.scopes.length, libdai)); // prettier-ignore
  for (const [arity, cardinality] of [[3, 2], [4, 2], [5, 2], [3, 4]]) {
    const graph = factors(arity, cardinality, 10_000);
    const name = `random factors of arity ${arity}, ${cardinality} states`;
    for (const schedule of ["parallel", "sequential"] as const)
      rows.push(rateRow(name, schedule, sumProductKernel(graph, undamped), () => graph, graph.scopes.length, libdai));
    rows.push(memoryRow(name, () => sumProductKernel(graph, undamped), graph.scopes.length, () => graph, libdai));
  } // prettier-ignore
  for (const size of [1_000, 100_000]) {
    const graph = factors(3, 2, size);
    rows.push(rateRow(`random factors of arity 3, 2 states, ${size} of them`, "sequential", sumProductKernel(graph, undamped), () => graph, graph.scopes.length, { ...libdai, ...(size > 10_000 && { run: undefined }) })); // prettier-ignore
  }
  rows.push(...millionRows());
  return rows;
}

/** A 1000 x 1000 grid from model to marginals. */
function millionRows(): Row[] {
  const model = grid(1000);
  const started = process.cpuUsage();
  const { converged, iterations } = beliefPropagation(model, { tolerance: 1e-6 });
  const { user, system } = process.cpuUsage(started);
  const common = { peer: null, peerName: "libDAI (not run: too much memory)", ratio: null };
  const name = `Ising grid 1000x1000 to 1e-6 (${converged ? "converged" : "not converged"}, ${iterations} iterations)`;
  return [
    { case: name, ours: (user + system) / 1e6, unit: "s", ...common },
    { case: `${name}, peak memory of the process`, ours: process.resourceUsage().maxRSS / 1024, unit: "MB", ...common },
  ];
}
