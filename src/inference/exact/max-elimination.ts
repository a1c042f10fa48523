/**
 * Max-product on a bucket tree: the best score on the way up, a best state on the way down.
 *
 *   m_v(x_S) = max_{x_v} [ ln psi of v's factors + children's messages ],   x*_v = argmax at x*_S
 *
 * In natural log, where a product is a sum and nothing can underflow. What is kept for the way down is the argmax of
 * each row, one byte up to 256 states, not the messages.
 */
import { rowOf, type BucketTree } from "./bucket-tree.ts";
import { CliqueLoop, type CliqueTable } from "./clique-loop.ts";

export interface MaxElimination {
  /** max ln p~ of everything in the tree, natural log; -Infinity when no state is possible. */
  readonly logMax: number;
  /** Int32Array[numVariables]: a state that attains it; absent when logMax is -Infinity. */
  readonly states?: Int32Array;
  /** One message a variable that has a parent, if they were to be kept. */
  readonly messages: readonly (CliqueTable | undefined)[];
}

/** Bytes of one row's argmax. */
export function argmaxBytes(cardinality: number): number {
  return cardinality <= 0x100 ? 1 : cardinality <= 0x10000 ? 2 : 4;
}

export function maxElimination(tree: BucketTree, keepMessages = false): MaxElimination {
  const loop = new CliqueLoop(tree.cardinalities);
  const messages: (CliqueTable | undefined)[] = [];
  const argmaxes: (Uint8Array | Uint16Array | Int32Array)[] = [];
  let logMax = 0;
  for (const variable of tree.sequence) {
    const { separator, children, locals, parent, messageSize, cardinality } = tree.buckets[variable];
    const tables: CliqueTable[] = children.map((child) => messages[child]!);
    for (const { scope, logValues, logShift } of locals) {
      tables.push({ scope, values: logValues });
      logMax += logShift;
    }
    const values = new Float64Array(messageSize);
    const argmax = new { 1: Uint8Array, 2: Uint16Array, 4: Int32Array }[argmaxBytes(cardinality) as 1 | 2 | 4](
      messageSize,
    );
    loop.run(separator, variable, tables, (firstRow) => loop.addAndMaximiseRows(values, argmax, firstRow));
    argmaxes[variable] = argmax;
    if (!keepMessages) for (const child of children) messages[child] = undefined;
    if (parent >= 0) messages[variable] = { scope: separator, values };
    else logMax += values[0];
    if (logMax === -Infinity) return { logMax, messages };
  }
  const states = new Int32Array(tree.cardinalities.length);
  for (let at = tree.sequence.length - 1; at >= 0; at--) {
    const { variable, separator } = tree.buckets[tree.sequence[at]];
    states[variable] = argmaxes[variable][rowOf(separator, separator.length, states, tree.cardinalities)];
  }
  return { logMax, states, messages };
}
