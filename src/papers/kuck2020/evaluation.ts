/**
 * How BPNN-D compares with belief propagation on the same graphs (Kuck et al. 2020, section 4.1), both parallel, in
 * float64.
 */
import {
  runToFixedPoint,
  undamped,
  type DampingOperators,
  type FixedPointOptions,
} from "../../learning/bpnn/fixed-point.ts";
import type { PartitionExample } from "../../learning/bpnn/examples.ts";

/** One graph. */
export interface ConvergenceRow {
  readonly logZ: number;
  readonly bp: Run;
  readonly bpnn: Run;
}

interface Run {
  readonly logZ: number;
  readonly converged: boolean;
  readonly iterations: number;
  readonly maxDelta: readonly number[];
  readonly bound: string;
}

export interface ConvergenceComparison {
  readonly rows: readonly ConvergenceRow[];
  readonly bpConverged: number;
  readonly bpnnConverged: number;
  /** Median over graphs where both converged of BP's iterations over BPNN-D's. */
  readonly medianRatio: number;
  /** Root mean squared errors of ln Z on the graphs where BP converged. */
  readonly bpError: number;
  readonly bpnnError: number;
  /** The same of BPNN-D on all graphs. */
  readonly bpnnErrorOnAll: number;
  /** ln Z of BPNN-D less that of BP where both converged: how much tighter a bound is. */
  readonly gains: readonly number[];
}

/** @throws RangeError if there is no graph. */
export function compareConvergence(
  examples: readonly PartitionExample[],
  operators: DampingOperators,
  options: FixedPointOptions = {},
): ConvergenceComparison {
  if (!examples.length) throw new RangeError("a comparison needs at least one graph");
  const run = (graph: PartitionExample["graph"], which: DampingOperators): Run => {
    const { logZ, converged, iterations, maxDelta, bound } = runToFixedPoint(graph, which, options);
    return { logZ: logZ!, converged, iterations, maxDelta, bound };
  };
  const rows = examples.map(({ graph, logZ }) => ({ logZ, bp: run(graph, undamped), bpnn: run(graph, operators) }));
  const converged = rows.filter(({ bp }) => bp.converged);
  const both = converged.filter(({ bpnn }) => bpnn.converged);
  return {
    rows,
    bpConverged: converged.length,
    bpnnConverged: rows.filter(({ bpnn }) => bpnn.converged).length,
    medianRatio: median(both.map(({ bp, bpnn }) => bp.iterations / bpnn.iterations)),
    bpError: rootMeanSquare(converged.map(({ logZ, bp }) => bp.logZ - logZ)),
    bpnnError: rootMeanSquare(converged.map(({ logZ, bpnn }) => bpnn.logZ - logZ)),
    bpnnErrorOnAll: rootMeanSquare(rows.map(({ logZ, bpnn }) => bpnn.logZ - logZ)),
    gains: both.map(({ bp, bpnn }) => bpnn.logZ - bp.logZ),
  };
}

/** NaN for no number. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (!sorted.length) return NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** sqrt of the mean square; NaN for no number. */
export function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at] * values[at];
  return Math.sqrt(sum / values.length);
}
