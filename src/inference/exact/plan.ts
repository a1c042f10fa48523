/**
 * What every exact method on a tree of cliques begins with: an order, its tables' sizes, the memory that they take.
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
  memory: z.number().positive().default(4).describe("limit on the tables, in GB"),
};
export const planOptionsSchema = z.object(planOptions);
export type PlanOptions = z.output<typeof planOptionsSchema>;
export type PlanOptionsInput = z.input<typeof planOptionsSchema>;

/** What is to be kept in memory: nothing but waiting messages, or also what the way back needs. */
export type Keeps = "nothing" | "argmaxes" | "messages";

export interface ExactPlan {
  readonly order: EliminationOrder;
  readonly shape: TreeShape;
  /** Bytes of the tables that will be held at once, at most. */
  readonly bytes: number;
  /** Whether that is within the limit. */
  readonly fits: boolean;
}

/** No typed array is longer. */
const LOG2_MAX_TABLE_ENTRIES = 32;

/** Bytes that elimination in the given order holds at once, at most. */
export function estimateBytes(shape: TreeShape, keeps: Keeps): number {
  if (keeps === "messages") return 8 * (shape.totalMessageSize + shape.peakMessageSize);
  let bytes = 8 * shape.peakMessageSize;
  if (keeps === "argmaxes")
    for (const { messageSize, cardinality } of shape.buckets) bytes += messageSize * argmaxBytes(cardinality);
  return bytes;
}

/**
 * An order for a simplified graph, and whether its tables fit.
 * @throws TreewidthError when every order tried is out of reach.
 */
export function planElimination(graph: FactorGraph, keeps: Keeps, options: PlanOptions, random: Random): ExactPlan {
  const order = eliminationOrder(graph, { heuristic: options.order, orderings: options.orderings, random });
  const shape = treeShape(graph, order.order);
  const bytes = estimateBytes(shape, keeps);
  const fits = bytes <= options.memory * 2 ** 30 && order.log2LargestSize <= LOG2_MAX_TABLE_ENTRIES;
  return { order, shape, bytes, fits };
}

/**
 * The refusal: how much it would take, and what else to do. `more` says what has been tried beyond plain elimination.
 */
export function refusal({ order, bytes }: ExactPlan, options: PlanOptions, more = ""): TreewidthError {
  return new TreewidthError(
    `exact inference would hold ${(bytes / 2 ** 30).toPrecision(2)} GB of tables (induced width ${order.width}, ` +
      `largest clique 2^${order.log2LargestSize.toFixed(1)} entries, all 2^${order.log2TotalSize.toFixed(1)}), more than ` +
      `the limit of ${options.memory} GB${more}. Raise memory=${options.memory}, try more orders with ` +
      `orderings=${options.orderings}, or use an approximation (bp, trbp) or a bound`,
    Math.log2(bytes / 8),
  );
}

/**
 * A simplified graph with its tree, ready to be eliminated; undefined when the zeros of the factors alone show that Z =
 * 0.
 * @throws TreewidthError when the tables would not fit into options.memory.
 */
export function plannedTree(
  original: FactorGraph,
  keeps: Keeps,
  options: PlanOptions,
  random: Random,
): { simplified: SimplifiedGraph; tree: BucketTree } | undefined {
  const simplified = simplify(original);
  if (!simplified.possible) return undefined;
  const plan = planElimination(simplified.graph, keeps, options, random);
  if (!plan.fits) throw refusal(plan, options);
  return { simplified, tree: fillBuckets(simplified.graph, plan.shape) };
}
