/**
 * The k most probable states, best first (Nilsson 1998 finds the same by partitioning).
 *
 * States are built variable by variable, from the roots of the bucket tree, best first. After a partial state the
 * messages of max-product elimination tell exactly how good its best completion is, so the search never looks at a
 * partial state that does not lead to an answer: at most k n of them are extended.
 */
import { logScore } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { parseOptions } from "../method.ts";
import type { MapAnswer } from "../result.ts";
import { rowOf } from "./bucket-tree.ts";
import { maxElimination } from "./max-elimination.ts";
import { asFactorGraph, type AnyModel } from "./model.ts";
import { plannedTree, planOptionsSchema, type PlanOptionsInput } from "./plan.ts";
import { originalStates } from "./simplify.ts";

/** The first `depth` variables from the roots are set, this one last. */
interface PartialState {
  readonly before: PartialState | undefined;
  readonly state: number;
  readonly depth: number;
  /** The score of the best completion, up to a constant. */
  readonly best: number;
}

/**
 * The `count` best states by score, or all possible ones if there are fewer. States of equal score come in no
 * particular order.
 * @throws TreewidthError when the tables would not fit into options.memory; RangeError unless count is a positive
 *   integer.
 */
export function bestStates(
  model: AnyModel,
  count: number,
  options: PlanOptionsInput = {},
  { random = Random.fromSeed(0) }: { random?: Random } = {},
): Required<Omit<MapAnswer, "upperBound">>[] {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer, got ${count}`);
  const graph = asFactorGraph(model);
  const parsed = parseOptions("k-best", planOptionsSchema, options);
  const plan = plannedTree(graph, "messages", parsed, random);
  if (!plan) return [];
  const { simplified, tree } = plan;
  const { logMax, messages } = maxElimination(tree, true);
  if (logMax === -Infinity) return [];

  const { sequence, buckets, cardinalities } = tree;
  const variableAt = (depth: number): number => sequence[sequence.length - 1 - depth];
  const states = new Int32Array(sequence.length);
  const open = new BestFirst();
  open.push({ before: undefined, state: 0, depth: 0, best: logMax });
  const found: { states: Int32Array; score: number }[] = [];
  while (found.length < count) {
    const next = open.pop();
    if (!next) break;
    for (let partial = next; partial.before; partial = partial.before)
      states[variableAt(partial.depth - 1)] = partial.state;
    if (next.depth === sequence.length) {
      const answer = originalStates(simplified, states);
      found.push({ states: answer, score: logScore(graph, answer) });
      continue;
    }
    const { cardinality, children, locals } = buckets[variableAt(next.depth)];
    const scores = new Float64Array(cardinality);
    const add = (scope: Int32Array, values: Float64Array): void => {
      const start = rowOf(scope, scope.length - 1, states, cardinalities) * cardinality;
      for (let state = 0; state < cardinality; state++) scores[state] += values[start + state];
    };
    for (const child of children) add(messages[child]!.scope, messages[child]!.values);
    for (const { scope, logValues } of locals) add(scope, logValues);
    let largest = -Infinity;
    for (const score of scores) largest = Math.max(largest, score);
    for (let state = 0; state < cardinality; state++)
      if (scores[state] > -Infinity)
        open.push({ before: next, state, depth: next.depth + 1, best: next.best + (scores[state] - largest) });
  }
  return found.sort((a, b) => b.score - a.score);
}

/** A binary heap, highest `best` first; among equals the deepest, so that ties do not widen the search. */
class BestFirst {
  readonly #items: PartialState[] = [];

  push(item: PartialState): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop(): PartialState | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (!last || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1], items[child])) child++;
      if (!isBefore(items[child], last)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return first;
  }
}

function isBefore(a: PartialState, b: PartialState): boolean {
  return a.best > b.best || (a.best === b.best && a.depth > b.depth);
}
