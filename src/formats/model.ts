/** What every model reader returns. */
import type { FactorGraph } from "../graph/factor-graph.ts";

export interface Model {
  readonly graph: FactorGraph;
  /** What the file's first word says (.uai); absent in the other formats. */
  readonly network?: "MARKOV" | "BAYES";
  /**
   * Int32Array[numVariables], increasing: the file's own numbers of the variables, where they are not 0, 1, 2, ...
   * (.fg, .cnf).
   */
  readonly variableLabels?: Int32Array;
  /**
   * Variables from this one on are not the file's: they were added to split wide clauses exactly (.cnf). Absent: there
   * are none.
   */
  readonly firstAuxiliaryVariable?: number;
  /** What is odd in the file but harmless, e.g. a header with a wrong count. */
  readonly warnings: readonly string[];
}

/**
 * Limits on what a small file may ask for; counts that the file itself must spell out are limited by its length anyway.
 */
export interface ReadLimits {
  /**
   * Most states of all variables together, and most table entries of all factors together where a file may leave
   * entries out.
   */
  readonly maxEntries: number;
}

/** 2^27 doubles are 1 GiB. */
export const defaultReadLimits: ReadLimits = { maxEntries: 2 ** 27 };
