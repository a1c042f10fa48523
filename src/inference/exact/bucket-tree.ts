/**
 * The tree of tables that an elimination order makes, without the numbers: what to multiply where, how large it gets,
 * and in which sequence.
 *
 * Eliminating v multiplies every factor and message on v and sums (or maximises) v out:
 *   m_v(x_S) = sum_{x_v} prod_f psi_f(x_f) prod_{c child of v} m_c(x_{S_c}),   S = S_v, the separator
 * m_v goes to the bucket of the variable of S_v that is eliminated first, v's parent. Buckets are the cliques {v} + S_v
 * of a junction tree (Kask, Dechter, Larrosa & Dechter 2005, "bucket tree"); those inside a larger clique are not
 * merged into it, as each table is then one variable smaller than its clique and the sum over all is smaller too.
 *
 * Every table here lists its variables from the last eliminated to the first, last variable fastest. So in v's bucket v
 * is the fastest variable of every table, and summing v out reads neighbouring entries.
 */
import { scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";

/** Factors of one bucket multiplied into one table. */
export interface LocalTable {
  /** Variables, last eliminated first; ends with the bucket's variable. */
  readonly scope: Int32Array;
  /**
   * Float64Array, natural log, shifted so that the largest entry is 0 (all -Infinity when every state is forbidden).
   */
  readonly logValues: Float64Array;
  /** The shift: to be added to ln Z and to scores. */
  readonly logShift: number;
  /** The factors that went in. */
  readonly factors: readonly number[];
}

export interface Bucket {
  readonly variable: number;
  readonly cardinality: number;
  /** The separator's variables, last eliminated first; the last one is the parent. */
  readonly separator: Int32Array;
  /** Number of entries of a table over the separator. */
  readonly messageSize: number;
  /** The variable whose bucket takes the message; -1 at a root. */
  readonly parent: number;
  readonly children: readonly number[];
  readonly locals: readonly LocalTable[];
}

export interface BucketTree {
  readonly cardinalities: Int32Array;
  /** One bucket a variable. */
  readonly buckets: readonly Bucket[];
  /**
   * Int32Array[numVariables]: variables, children before parents, subtree by subtree, so that few messages wait at a
   * time.
   */
  readonly sequence: Int32Array;
  /** Sum of the sizes of all cliques: the cost of one pass. */
  readonly totalSize: number;
  /** Sum of the sizes of all messages. */
  readonly totalMessageSize: number;
  /** Messages kept at once, at most, when each is dropped after its use. */
  readonly peakMessageSize: number;
}

/** Only the shape: enough to estimate memory before anything large is made. */
export type TreeShape = Omit<BucketTree, "buckets"> & { readonly buckets: readonly Omit<Bucket, "locals">[] };

/** Cliques, separators and sizes of an elimination order. */
export function treeShape(graph: FactorGraph, order: ArrayLike<number>): TreeShape {
  const { numVariables, numFactors, cardinalities } = graph;
  const positions = new Int32Array(numVariables);
  for (let position = 0; position < numVariables; position++) positions[order[position]] = position;
  const lastFirst = (a: number, b: number): number => positions[b] - positions[a];
  const factorsOf = Array.from({ length: numVariables }, (): number[] => []);
  for (let factor = 0; factor < numFactors; factor++) {
    const first = firstEliminated(scopeOf(graph, factor), positions);
    if (first >= 0) factorsOf[first].push(factor);
  }
  const separators: Int32Array[] = new Array<Int32Array>(numVariables);
  const children = Array.from({ length: numVariables }, (): number[] => []);
  const seenBy = new Int32Array(numVariables).fill(-1);
  let totalSize = 0;
  let totalMessageSize = 0;
  const messageSizes = new Float64Array(numVariables);
  for (let position = 0; position < numVariables; position++) {
    const variable = order[position];
    seenBy[variable] = variable;
    const separator: number[] = [];
    const add = (scope: Int32Array): void => {
      for (const other of scope) {
        if (seenBy[other] === variable) continue;
        seenBy[other] = variable;
        separator.push(other);
      }
    };
    for (const factor of factorsOf[variable]) add(scopeOf(graph, factor));
    for (const child of children[variable]) add(separators[child]);
    separators[variable] = Int32Array.from(separator).sort(lastFirst);
    if (separator.length) children[separators[variable][separator.length - 1]].push(variable);
    messageSizes[variable] = separator.reduce((size, other) => size * cardinalities[other], 1);
    totalMessageSize += messageSizes[variable];
    totalSize += messageSizes[variable] * cardinalities[variable];
  }
  const buckets = Array.from({ length: numVariables }, (_, variable) => {
    const separator = separators[variable];
    return {
      variable,
      cardinality: cardinalities[variable],
      separator,
      messageSize: messageSizes[variable],
      parent: separator.length ? separator[separator.length - 1] : -1,
      children: children[variable],
    };
  });
  return { cardinalities, buckets, totalSize, totalMessageSize, ...sequenceOf(buckets, order) };
}

/**
 * Children before parents, one subtree after the other. The child whose subtree needs the most room beyond the message
 * that it leaves goes first, which is the sequence with the fewest waiting messages (Liu 1987, for the same problem in
 * sparse factorisation).
 */
function sequenceOf(
  buckets: TreeShape["buckets"],
  order: ArrayLike<number>,
): Pick<TreeShape, "sequence" | "peakMessageSize"> {
  const peaks = new Float64Array(buckets.length);
  const sortedChildren: number[][] = new Array<number[]>(buckets.length);
  const room = (variable: number): number => peaks[variable] - buckets[variable].messageSize;
  let largestRootPeak = 0;
  for (let position = 0; position < buckets.length; position++) {
    const { variable, children, messageSize, parent } = buckets[order[position]];
    const sorted = [...children].sort((a, b) => room(b) - room(a) || a - b);
    sortedChildren[variable] = sorted;
    let waiting = 0;
    let peak = 0;
    for (const child of sorted) {
      peak = Math.max(peak, waiting + peaks[child]);
      waiting += buckets[child].messageSize;
    }
    peaks[variable] = Math.max(peak, waiting + messageSize);
    if (parent < 0) largestRootPeak = Math.max(largestRootPeak, peaks[variable]);
  }
  // Parents before children with the children in reverse, written from the back.
  const sequence = new Int32Array(buckets.length);
  let at = buckets.length;
  const stack: number[] = [];
  for (const { variable, parent } of buckets) {
    if (parent >= 0) continue;
    stack.push(variable);
    while (stack.length) {
      const next = stack.pop()!;
      sequence[--at] = next;
      for (const child of sortedChildren[next]) stack.push(child);
    }
  }
  return { sequence, peakMessageSize: largestRootPeak };
}

function firstEliminated(scope: Int32Array, positions: Int32Array): number {
  let first = -1;
  for (const variable of scope) if (first < 0 || positions[variable] < positions[first]) first = variable;
  return first;
}

/**
 * Puts the factors into their buckets. Few large tables multiply faster than many small ones, so small ones are joined
 * while that stays cheap.
 */
export function fillBuckets(graph: FactorGraph, shape: TreeShape): BucketTree {
  const positions = new Int32Array(graph.numVariables);
  shape.sequence.forEach((variable, position) => (positions[variable] = position));
  const groups = Array.from({ length: graph.numVariables }, (): FactorGroup[] => []);
  for (let factor = 0; factor < graph.numFactors; factor++) {
    // Along a path of the tree, `sequence` goes the same way as the elimination order.
    const scope = scopeOf(graph, factor)
      .slice()
      .sort((a, b) => positions[b] - positions[a]);
    const size = graph.tableOffsets[factor + 1] - graph.tableOffsets[factor];
    groups[scope[scope.length - 1]].push({ scope, size, factors: [factor] });
  }
  const buckets = shape.buckets.map((bucket): Bucket => {
    const cliqueSize = bucket.messageSize * bucket.cardinality;
    const joined = joinGroups(groups[bucket.variable], cliqueSize, graph.cardinalities, positions);
    return { ...bucket, locals: joined.map((group) => localTable(graph, group)) };
  });
  return { ...shape, buckets };
}

interface FactorGroup {
  scope: Int32Array;
  size: number;
  factors: number[];
}

function joinGroups(
  groups: readonly FactorGroup[],
  cliqueSize: number,
  cardinalities: Int32Array,
  positions: Int32Array,
): FactorGroup[] {
  const joined: FactorGroup[] = [];
  for (const group of [...groups].sort((a, b) => b.size - a.size)) {
    const allowed = Math.max(16, cliqueSize / 16);
    const host = joined.find((candidate) => {
      const scope = Int32Array.from(new Set([...candidate.scope, ...group.scope])).sort(
        (a, b) => positions[b] - positions[a],
      );
      const size = scope.reduce((product, variable) => product * cardinalities[variable], 1);
      if (size > Math.max(allowed, candidate.size)) return false;
      candidate.scope = scope;
      candidate.size = size;
      candidate.factors.push(...group.factors);
      return true;
    });
    if (!host) joined.push({ ...group, factors: [...group.factors] });
  }
  return joined;
}

function localTable(graph: FactorGraph, { scope, size, factors }: FactorGroup): LocalTable {
  const logValues = new Float64Array(size);
  for (const factor of factors) {
    const table = tableOf(graph, factor);
    const indices = restrictionIndices(scope, scopeOf(graph, factor), graph.cardinalities);
    for (let index = 0; index < size; index++) logValues[index] += table[indices[index]];
  }
  let largest = -Infinity;
  for (const value of logValues) if (value > largest) largest = value;
  const logShift = largest === -Infinity ? 0 : largest;
  for (let index = 0; index < size; index++) logValues[index] -= logShift;
  return { scope, logValues, logShift, factors };
}

/**
 * Where the first `length` variables of `scope`, in the given states, stand in a table over just these: the row of a
 * table over all of `scope`.
 */
export function rowOf(
  scope: Int32Array,
  length: number,
  states: ArrayLike<number>,
  cardinalities: ArrayLike<number>,
): number {
  let row = 0;
  for (let position = 0; position < length; position++)
    row = row * cardinalities[scope[position]] + states[scope[position]];
  return row;
}

/**
 * Int32Array[product of the cardinalities]: for each joint state of `scope`, where its restriction to `part` stands in
 * a table over `part`. Both list the last variable fastest; `part` is any part of `scope`, in any order.
 */
export function restrictionIndices(
  scope: Int32Array,
  part: ArrayLike<number>,
  cardinalities: ArrayLike<number>,
): Int32Array {
  const strides = new Int32Array(scope.length);
  for (let stride = 1, at = part.length - 1; at >= 0; at--) {
    strides[scope.indexOf(part[at])] = stride;
    stride *= cardinalities[part[at]];
  }
  const size = scope.reduce((product, variable) => product * cardinalities[variable], 1);
  const indices = new Int32Array(size);
  for (let filled = 1, position = scope.length - 1; position >= 0; position--) {
    const length = filled;
    for (let state = 1; state < cardinalities[scope[position]]; state++)
      for (let index = 0; index < length; index++) indices[filled++] = indices[index] + state * strides[position];
  }
  return indices;
}
