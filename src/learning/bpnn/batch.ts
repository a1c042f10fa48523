/**
 * Packed factor graphs as tensors, and what every layer does with them, all differentiable:
 *
 *   n_{i->a}(x_i) = sum over c in N(i) \ a of m_{c->i}(x_i)                      `variableToFactor`
 *   b_i(x_i) ~ exp sum over a in N(i) of m_{a->i}(x_i)                           `variableBeliefs`
 *   b_a(x_a) ~ exp(ln f_a(x_a) + sum over i in N(a) of n_{i->a}(x_i))            `factorBeliefs`
 *
 * Messages are natural logs, each normalised to log-sum-exp 0 and kept at -99 or above.
 */
import type * as Tf from "@tensorflow/tfjs";
import { beliefsOfFactors, factorToVariable, normaliseLogs, sumOfOthers } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";
import { LOG_ZERO, type FactorGroup, type PackedFactorGraphs, type VariableGroup } from "./packed-factor-graphs.ts";

/** One tensor a factor group: [numFactors, width], natural log. */
export type Messages = readonly Tf.Tensor2D[];

export interface FactorGroupTensors extends Omit<FactorGroup, "tables" | "graphs"> {
  /** [numFactors, numStates], natural log, maximum 0. */
  readonly tables: Tf.Tensor2D;
  readonly graphs: Tf.Tensor1D;
}

export interface VariableGroupTensors extends Omit<VariableGroup, "degrees" | "graphs"> {
  /** [numVariables, 1]: d_i - 1. */
  readonly degreesLessOne: Tf.Tensor2D;
  readonly graphs: Tf.Tensor1D;
  /** Where its states begin among all variable states. */
  readonly firstState: number;
}

export interface FactorGraphBatch {
  readonly numGraphs: number;
  readonly factorGroups: readonly FactorGroupTensors[];
  readonly variableGroups: readonly VariableGroupTensors[];
  readonly numVariableStates: number;
  readonly entryStates: Tf.Tensor1D;
}

/** The tensors of packed graphs; inside tf.tidy, or disposed with tf.dispose. */
export function factorGraphBatch(packed: PackedFactorGraphs): FactorGraphBatch {
  let firstState = 0;
  return {
    numGraphs: packed.numGraphs,
    numVariableStates: packed.numVariableStates,
    entryStates: tf.tensor1d(packed.entryStates, "int32"),
    factorGroups: packed.factorGroups.map(({ tables, graphs, ...group }) => ({
      ...group,
      tables: tf.tensor2d(tables, [group.numFactors, group.numStates]),
      graphs: tf.tensor1d(graphs, "int32"),
    })),
    variableGroups: packed.variableGroups.map(({ degrees, graphs, ...group }) => {
      const start = firstState;
      firstState += group.numVariables * group.cardinality;
      return {
        ...group,
        firstState: start,
        graphs: tf.tensor1d(graphs, "int32"),
        degreesLessOne: tf.tensor2d(
          degrees.map((degree) => degree - 1),
          [group.numVariables, 1],
        ),
      };
    }),
  };
}

/** Frees the tensors of a batch that was not made inside tf.tidy. */
export function disposeBatch({ entryStates, factorGroups, variableGroups }: FactorGraphBatch): void {
  entryStates.dispose();
  for (const { tables, graphs } of factorGroups) tf.dispose([tables, graphs]);
  for (const { degreesLessOne, graphs } of variableGroups) tf.dispose([degreesLessOne, graphs]);
}

/** Where belief propagation starts: uniform messages; a factor over one variable always sends its table. Normalised. */
export function initialMessages(batch: FactorGraphBatch): Tf.Tensor2D[] {
  return batch.factorGroups.map((group) => {
    const { cardinalities, width, numFactors } = group;
    if (cardinalities.length === 1) return normalise(group, group.tables);
    const row = cardinalities.flatMap((cardinality) => new Array<number>(cardinality).fill(-Math.log(cardinality)));
    return tf.tile(tf.tensor2d(row, [1, width]), [numFactors, 1]);
  });
}

/**
 * Applies `work` to the messages of one group axis by axis, as rows [messages, cardinality]: in one call where all axes
 * have the same number of states. Several message tensors of the group may go in side by side.
 */
export function onRows(
  { cardinalities, numFactors, width }: Pick<FactorGroup, "cardinalities" | "numFactors" | "width">,
  messages: readonly Tf.Tensor2D[],
  work: (...rows: Tf.Tensor2D[]) => Tf.Tensor2D,
): Tf.Tensor2D {
  const [cardinality] = cardinalities;
  if (cardinalities.every((other) => other === cardinality)) {
    const rows = messages.map((tensor) => tf.reshape<Tf.Rank.R2>(tensor, [-1, cardinality]));
    return tf.reshape(work(...rows), [numFactors, width]);
  }
  const parts = messages.map((tensor) => tf.split<Tf.Tensor2D>(tensor, [...cardinalities], 1));
  return tf.concat2d(
    cardinalities.map((_, axis) => work(...parts.map((part) => part[axis]))),
    1,
  );
}

/** Every message of a group shifted to log-sum-exp 0, then kept at -99 or above. */
export function normalise(group: FactorGroupTensors, messages: Tf.Tensor2D): Tf.Tensor2D {
  const [cardinality, ...others] = group.cardinalities;
  // saves two reshapes
  if (others.every((other) => other === cardinality)) return normaliseLogs(messages, LOG_ZERO, cardinality);
  return onRows(group, [messages], (rows) => normaliseLogs(rows, LOG_ZERO));
}

/** Tables as [numFactors, c_1, ..., c_d]. */
const shaped = ({ tables, numFactors, cardinalities }: FactorGroupTensors): Tf.Tensor =>
  tf.reshape(tables, [numFactors, ...cardinalities]);

/** Belief propagation's own messages from the factors of one group to variables (Eq. 2 of the paper), normalised. */
export function propagate(group: FactorGroupTensors, incoming: Tf.Tensor2D): Tf.Tensor2D {
  return factorToVariable(shaped(group), incoming, LOG_ZERO);
}

const flatten = (messages: Messages): Tf.Tensor1D =>
  tf.concat1d(messages.map((tensor) => tf.reshape<Tf.Rank.R1>(tensor, [-1])));

/** Messages from variables to factors, normalised. */
export function variableToFactor(batch: FactorGraphBatch, messages: Messages): Tf.Tensor2D[] {
  if (messages.length === 0) return [];
  const { entryStates, numVariableStates } = batch;
  const sums = tf.split(
    sumOfOthers(flatten(messages), entryStates, numVariableStates),
    batch.factorGroups.map(({ numFactors, width }) => numFactors * width),
  );
  return batch.factorGroups.map((group, g) => normalise(group, tf.reshape(sums[g], [group.numFactors, group.width])));
}

/** ln b_i, one tensor a variable group: [numVariables, cardinality]. */
export function variableBeliefs(batch: FactorGraphBatch, messages: Messages): Tf.Tensor2D[] {
  const { entryStates, numVariableStates, variableGroups } = batch;
  const sums = messages.length
    ? tf.unsortedSegmentSum(flatten(messages), entryStates, numVariableStates)
    : tf.zeros<Tf.Rank.R1>([numVariableStates]);
  return variableGroups.map(({ numVariables, cardinality, firstState }) => {
    const own = tf.slice(sums, firstState, numVariables * cardinality);
    return normaliseLogs(tf.reshape(own, [numVariables, cardinality]), LOG_ZERO);
  });
}

/** ln b_a of one group: [numFactors, numStates]. */
export function beliefsOf(group: FactorGroupTensors, incoming: Tf.Tensor2D): Tf.Tensor2D {
  return beliefsOfFactors(shaped(group), incoming, LOG_ZERO);
}

/** ln b_a, one tensor a factor group. */
export function factorBeliefs(batch: FactorGraphBatch, incoming: Messages): Tf.Tensor2D[] {
  return batch.factorGroups.map((group, g) => beliefsOf(group, incoming[g]));
}

/** Sums of rows [count, 1] over each graph: [numGraphs]. */
export function sumByGraph(rows: Tf.Tensor2D, graphs: Tf.Tensor1D, numGraphs: number): Tf.Tensor1D {
  return tf.reshape(tf.unsortedSegmentSum(rows, graphs, numGraphs), [numGraphs]);
}
