/**
 * What every exact method on a tree of cliques begins with: simplify, order, estimate the memory, refuse or go on.
 */
import { z } from "zod";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";
import { fillBuckets, treeShape, type BucketTree, type TreeShape } from "./bucket-tree.ts";
import { eliminationOrder, orderHeuristics, TreewidthError, type EliminationOrder } from "./elimination-order.ts";
import { argmaxBytes } from "./max-elimination.ts";
import { simplify, type SimplifiedGraph } from "./simplify.ts";

/** The options that all of them share. */
export const planOptions = {
  order: z.enum(orderHeuristics).default("best").describe("greedy heuristic of the elimination order"),
  orderings: z.number().int().min(1).default(200).describe("orders to try at most"),
  memory: z.number().positive().default(4).describe("limit on the tables, in GB; beyond it the method refuses"),
};
export const planOptionsSchema = z.object(planOptions);
export type PlanOptions = z.output<typeof planOptionsSchema>;
export type PlanOptionsInput = z.input<typeof planOptionsSchema>;

/** What is to be kept in memory: nothing but waiting messages, or also what the way back needs. */
export type Keeps = "nothing" | "argmaxes" | "messages";

export interface ExactPlan {
  readonly simplified: SimplifiedGraph;
  readonly order: EliminationOrder;
  readonly tree: BucketTree;
  /** Bytes of the tables that the method will hold at once, at most. */
  readonly bytes: number;
}

/** Bytes that elimination in the given order holds at once, at most. */
export function estimateBytes(shape: TreeShape, keeps: Keeps): number {
  if (keeps === "messages") return 8 * (shape.totalMessageSize + shape.peakMessageSize);
  let bytes = 8 * shape.peakMessageSize;
  if (keeps === "argmaxes")
    for (const { messageSize, cardinality } of shape.buckets) bytes += messageSize * argmaxBytes(cardinality);
  return bytes;
}

/**
 * Everything up to the first large table; undefined when the zeros of the factors alone show that Z = 0.
 * @throws TreewidthError when the tables would not fit into options.memory, saying how much it would take and what else to do.
 */
export function planElimination(
  graph: FactorGraph,
  keeps: Keeps,
  options: PlanOptions,
  random: Random,
): ExactPlan | undefined {
  const simplified = simplify(graph);
  if (!simplified.possible) return undefined;
  const order = eliminationOrder(simplified.graph, { heuristic: options.order, orderings: options.orderings, random });
  const shape = treeShape(simplified.graph, order.order);
  const bytes = estimateBytes(shape, keeps);
  if (bytes > options.memory * 2 ** 30 || order.log2LargestSize > 32) {
    const gigabytes = (bytes / 2 ** 30).toPrecision(2);
    throw new TreewidthError(
      `exact inference would hold ${gigabytes} GB of tables (induced width ${order.width}, largest clique 2^${order.log2LargestSize.toFixed(1)} entries, ` +
        `${order.heuristic} order), more than the limit of ${options.memory} GB. Raise memory=${options.memory}, try more orders with ` +
        `orderings=${options.orderings}, or use an approximation (bp, trbp) or a bound`,
      Math.log2(bytes / 8),
    );
  }
  return { simplified, order, tree: fillBuckets(simplified.graph, shape), bytes };
}
