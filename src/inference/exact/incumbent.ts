/**
 * A good state for MAP before any search: what max-product decodes, and local search from there and from the variables'
 * own best states. A search for the best state starts from it, so that one that is broken off never has less to show.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";
import { maxProduct } from "../messages/belief-propagation.ts";
import { localSearch } from "./local-search.ts";

const MOST_MESSAGE_ITERATIONS = 50;
/** Residual and parallel schedules cost more an iteration; damping keeps messages on dense graphs from swinging. */
const DAMPING = 0.3;
/** Of the time left, for messages; as much again for the shakes. */
const SHARE_OF_MESSAGES = 0.1;
const SECONDS_OF_MESSAGES = 10;
const SHAKES = 200;

export interface IncumbentOptions {
  readonly random: Random;
  /** As of performance.now(); Infinity for none. */
  readonly deadline: number;
}

/** A descent from the state 0 of every variable: costs little more than reading the tables. */
export function firstIncumbent(graph: FactorGraph, { random, deadline }: IncumbentOptions) {
  return localSearch(graph, new Int32Array(graph.numVariables), { shakes: 0, random, deadline });
}

/**
 * The best state that messages and local search find in a tenth or two of the time. `score` is ln p~, -Infinity for an
 * impossible state.
 */
export function incumbent(
  graph: FactorGraph,
  { random, deadline }: IncumbentOptions,
): { states: Int32Array; score: number } {
  const seconds = Math.min(SECONDS_OF_MESSAGES, SHARE_OF_MESSAGES * Math.max(0, (deadline - performance.now()) / 1000));
  const options = { random: random.split("local search"), shakes: SHAKES };
  const until = () => Math.min(deadline, performance.now() + 1000 * seconds);
  let best = firstIncumbent(graph, { ...options, deadline: until() });
  const messages = { damping: DAMPING, maxIterations: MOST_MESSAGE_ITERATIONS, timeLimit: seconds };
  const { map } = maxProduct(graph, messages, { random: random.split("messages") });
  for (const start of [best.states, ...(map ? [map.states] : [])]) {
    const found = localSearch(graph, start, { ...options, deadline: until() });
    if (found.score >= best.score) best = found;
  }
  return best;
}
