/** What a network that estimates ln Z is trained and tested on. */
import type { FactorGraph } from "../../graph/factor-graph.ts";

export interface PartitionExample {
  readonly graph: FactorGraph;
  /** Exact ln Z, natural log. */
  readonly logZ: number;
}
