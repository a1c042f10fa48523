/**
 * Bethe's estimate of ln Z from beliefs (section 2 of Kuck et al. 2020; Yedidia, Freeman & Weiss 2005), for each graph
 * of a batch:
 *
 *   ln Z ~ sum_a sum_{x_a} b_a (ln f_a - ln b_a) + sum_i (d_i - 1) sum_{x_i} b_i ln b_i
 */
import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../tensor/tf.ts";
import { sumByGraph, type FactorGraphBatch } from "./batch.ts";

/** Beliefs after one layer, natural log, normalised. */
export interface LogBeliefs {
  /** One tensor a factor group: [numFactors, numStates]. */
  readonly factors: readonly Tf.Tensor2D[];
  /** One tensor a variable group: [numVariables, cardinality]. */
  readonly variables: readonly Tf.Tensor2D[];
}

/** [numGraphs], natural log, of the shifted tables. */
export function betheLogZ(
  { numGraphs, factorGroups, variableGroups }: FactorGraphBatch,
  beliefs: LogBeliefs,
): Tf.Tensor1D {
  const ofFactors = factorGroups.map(({ tables, graphs }, g) => {
    const logs = beliefs.factors[g];
    const own = tf.sum<Tf.Tensor2D>(tf.mul(tf.exp(logs), tf.sub(tables, logs)), 1, true);
    return sumByGraph(own, graphs, numGraphs);
  });
  const ofVariables = variableGroups.map(({ degreesLessOne, graphs }, g) => {
    const logs = beliefs.variables[g];
    const own = tf.sum<Tf.Tensor2D>(tf.mul(tf.exp(logs), logs), 1, true);
    return sumByGraph(tf.mul(own, degreesLessOne), graphs, numGraphs);
  });
  return [...ofFactors, ...ofVariables].reduce((sum, part) => tf.add(sum, part), tf.zeros<Tf.Rank.R1>([numGraphs]));
}
