/**
 * Exact inference: the junction tree on grids beside libDAI's, and enumeration. Milliseconds of processor time (what V8
 * compiles beside the calculation included, so an idle machine answers sooner): of the first call of a fresh process,
 * when nothing is compiled yet, and of later ones, the median of the second half of 41. Loading the library is not
 * counted.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { toFactorGraph } from "../../src/graph/convert.ts";
import { fullyConnectedBoltzmann } from "../../src/graph/generators/boltzmann.ts";
import { openGrid } from "../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../src/graph/generators/ising.ts";
import type { PairwiseBinaryModel } from "../../src/graph/pairwise.ts";
import { Random } from "../../src/graph/random.ts";
import { infer } from "../../src/inference/registry.ts";
import { medianOf, processorMilliseconds, type Row } from "../harness.ts";
import type { Libdai } from "./libdai.ts";

const WARM_CALLS = 41;
const COLD_PROCESSES = 5;

function grid(side: number): PairwiseBinaryModel {
  return gaussianIsing(openGrid(side, side), Random.fromSeed(7).split("grid", side), { couplingDeviation: 0.5 });
}

const cases: readonly { name: string; model: () => PairwiseBinaryModel; method: string; hasPeer: boolean }[] = [
  { name: "enumeration, n = 20", model: () => fullyConnectedBoltzmann(20, 1, Random.fromSeed(7)), method: "enumeration", hasPeer: false }, // prettier-ignore
  { name: "junction tree, Ising grid 10x10", model: () => grid(10), method: "junction-tree[map=false]", hasPeer: true },
  { name: "junction tree, Ising grid 14x14", model: () => grid(14), method: "junction-tree[map=false]", hasPeer: true },
];

/** Milliseconds of processor time of each of several calls, the first one cold. */
function timed(at: number, calls: number): number[] {
  const { model, method } = cases[at];
  const built = model();
  return Array.from({ length: calls }, () => processorMilliseconds(() => infer(built, method)));
}

/** All rows of exact inference. */
export function exactRows(libdai: Libdai): Row[] {
  return cases.flatMap(({ name, model, hasPeer }, at) => {
    const runs = Array.from(
      { length: COLD_PROCESSES },
      () =>
        JSON.parse(
          execFileSync(
            process.execPath,
            ["--import", "tsx", fileURLToPath(import.meta.url), String(at), String(WARM_CALLS)],
            { encoding: "utf8" },
          ),
        ) as number[],
    );
    const peer = hasPeer && libdai.junctionTree ? libdai.junctionTree(toFactorGraph(model())) : null;
    const peerName = hasPeer ? libdai.name : "libDAI has none for it";
    const row = (kind: string, ours: number): Row => ({
      case: `${name}, ${kind}`,
      ours,
      peer,
      peerName,
      unit: "ms",
      ratio: peer && peer / ours,
    });
    return [
      row("first call of a process", medianOf(runs.map(([cold]) => cold))),
      row("later calls", medianOf(runs.map((calls) => medianOf(calls.slice(calls.length >> 1))))),
    ];
  });
}

// Run by itself, this file times one case: node exact.ts <case> <calls>.
if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(timed(Number(process.argv[2]), Number(process.argv[3]))));
