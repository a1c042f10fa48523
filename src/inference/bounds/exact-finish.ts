/**
 * The exact end of a recursion (Jaakkola & Jordan 1996, Fig. 1): what elimination by bounds leaves over is handed to a
 * junction tree.
 *
 * An optimiser asks for ln Z, p(S_i = 1) and p(S_i = S_j = 1) of the same graph with ever new parameters, so the
 * cliques are found once and a run allocates nothing. Variable v is summed out over its separator's states s, in the
 * log domain:
 *
 *   m_v(s) = ln(e^{f0(s)} + e^{f1(s)}),   p(S_v = 1 | s) = sigmoid(f1(s) - f0(s)),   f_a = messages from the children
 *   (+ h_v + sum_j J_vj s_j)
 *
 * and the way back multiplies these conditionals, p(s, S_v) = p(s) p(S_v | s), so no division and no difference can go
 * wrong. A rest whose cliques are large but that has at most 25 variables is enumerated instead.
 */
import { toFactorGraph } from "../../graph/convert.ts";
import { boltzmannMachine, type WeightedEdge } from "../../graph/pairwise.ts";
import { eliminationOrder, TreewidthError } from "../exact/elimination-order.ts";
import { addDoubled } from "../exact/enumeration-loops.ts";
import { MAX_ENUMERATION_VARIABLES } from "../exact/enumeration.ts";
import { Enumerator } from "../exact/enumerator.ts";

/** The edges of what is left: Int32Array[numEdges] each, ends in either order, distinct. */
export interface RestGraph {
  readonly numVariables: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
}

export interface ExactFinish {
  /** Induced width of the elimination order that is used. */
  readonly width: number;
  /** Float64Array[numVariables]: p(S_i = 1), overwritten by each run. */
  readonly means: Float64Array;
  /** Float64Array[numEdges]: p(S_i = S_j = 1), overwritten by each run. */
  readonly pairMeans: Float64Array;
  /**
   * ln Z, natural log. Parameters that are not finite give NaN or an infinity, which the caller has to expect.
   * @param biases h_i at first + i.
   * @param weights Float64Array[numEdges].
   */
  run(biases: Float64Array, first: number, weights: Float64Array): number;
}

/**
 * log2 of the entries of all cliques together: beyond it one evaluation takes about a second, and an optimiser wants
 * hundreds.
 */
const LOG2_MAX_CLIQUE_ENTRIES = 23;
/** Rows of a clique that one small index table covers. */
const LOG2_TABLE_ROWS = 10;

/**
 * An evaluator for one graph.
 * @throws RangeError when the graph is too densely connected, saying how much.
 */
export function createExactFinish(rest: RestGraph): ExactFinish {
  const plan = planOf(rest);
  if (plan && plan.log2TotalSize <= LOG2_MAX_CLIQUE_ENTRIES) return cliqueFinish(rest, plan.order, plan.width);
  if (rest.numVariables <= MAX_ENUMERATION_VARIABLES) return enumerated(rest);
  throw new RangeError(
    `${rest.numVariables} variables remain to be finished exactly, but their junction tree would have ` +
      `${plan ? `2^${plan.log2TotalSize.toFixed(1)}` : "more than 2^60"} entries (limit 2^${LOG2_MAX_CLIQUE_ENTRIES}, or ` +
      `${MAX_ENUMERATION_VARIABLES} variables). Eliminate more of them by bounds: eliminate=all leaves none, exactWidth=12 as many as fit`,
  );
}

function planOf({ numVariables, sources, targets }: RestGraph) {
  const edges = Array.from(sources, (source, edge): WeightedEdge => [source, targets[edge], 1]);
  try {
    return eliminationOrder(toFactorGraph(boltzmannMachine(new Float64Array(numVariables), edges)));
  } catch (error) {
    if (error instanceof TreewidthError) return undefined;
    throw error;
  }
}

function enumerated({ numVariables: n, sources, targets }: RestGraph): ExactFinish {
  const enumerator = new Enumerator(n);
  const parameters = new Float64Array(n + n * n);
  const means = new Float64Array(n);
  const pairMeans = new Float64Array(sources.length);
  const index = (edge: number): number =>
    Math.min(sources[edge], targets[edge]) * n + Math.max(sources[edge], targets[edge]);
  return {
    width: n - 1,
    means,
    pairMeans,
    run(biases, first, weights) {
      for (let i = 0; i < n; i++) parameters[i] = biases[first + i];
      for (let edge = 0; edge < weights.length; edge++) parameters[n + index(edge)] = weights[edge];
      const { logZ, joint } = enumerator.run(parameters, 0, n, n);
      for (let i = 0; i < n; i++) means[i] = joint[4 * (i * n + i) + 3];
      for (let edge = 0; edge < weights.length; edge++) pairMeans[edge] = joint[4 * index(edge) + 3];
      return logZ;
    },
  };
}

/**
 * Where a child's message stands in its parent's clique: for row s, at low[s mod 2^log2Low] + high[s div 2^log2Low] (+
 * ofVariable).
 */
interface Child {
  readonly bucket: Bucket;
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** The step of the parent's own variable. */
  readonly ofVariable: number;
}

interface Bucket {
  readonly variable: number;
  /** Bit b of a row is the state of separator[b]. */
  readonly separator: readonly number[];
  /** The edge from the variable to separator[b]; -1 for a fill-in. */
  readonly edges: Int32Array;
  readonly children: Child[];
  /** Float64Array[2^separator] each: the message, p(S_v = 1 | s), p(s). */
  readonly message: Float64Array;
  readonly conditional: Float64Array;
  readonly marginal: Float64Array;
}

function cliqueFinish(rest: RestGraph, order: Int32Array, width: number): ExactFinish {
  const buckets = bucketsOf(rest, order);
  const means = new Float64Array(rest.numVariables);
  const pairMeans = new Float64Array(rest.sources.length);
  const largest = 2 ** buckets.reduce((most, { separator }) => Math.max(most, separator.length), 0);
  const ifZero = new Float64Array(largest);
  const ifOne = new Float64Array(largest);

  function run(biases: Float64Array, first: number, weights: Float64Array): number {
    let logZ = 0;
    for (const { variable, separator, edges, children, message, conditional } of buckets) {
      const size = message.length;
      ifZero.fill(0, 0, size);
      ifOne[0] = biases[first + variable];
      for (let b = 0; b < edges.length; b++) addDoubled(ifOne, 1 << b, edges[b] < 0 ? 0 : weights[edges[b]]);
      for (const { bucket, low, high, ofVariable } of children) {
        gather(ifZero, bucket.message, low, high, 0);
        gather(ifOne, bucket.message, low, high, ofVariable);
      }
      sumOut(ifZero, ifOne, message, conditional);
      if (separator.length === 0) logZ += message[0];
    }
    for (let at = buckets.length - 1; at >= 0; at--) {
      const { variable, edges, children, conditional, marginal } = buckets[at];
      const size = marginal.length;
      for (let s = 0; s < size; s++) {
        ifOne[s] = marginal[s] * conditional[s];
        ifZero[s] = marginal[s] - ifOne[s];
      }
      for (const { bucket, low, high, ofVariable } of children) {
        bucket.marginal.fill(0);
        scatter(ifZero, bucket.marginal, low, high, 0);
        scatter(ifOne, bucket.marginal, low, high, ofVariable);
      }
      // Folding the table in halves gives the sum of the rows with each bit set.
      for (let b = edges.length - 1; b >= 0; b--) {
        const together = foldUpperHalf(ifOne, 1 << b);
        if (edges[b] >= 0) pairMeans[edges[b]] = together;
      }
      means[variable] = ifOne[0];
    }
    return logZ;
  }
  return { width, means, pairMeans, run };
}

function bucketsOf({ numVariables, sources, targets }: RestGraph, order: Int32Array): Bucket[] {
  const positions = new Int32Array(numVariables);
  order.forEach((variable, position) => (positions[variable] = position));
  // later neighbour -> edge, -1 a fill-in
  const edgesOf = Array.from({ length: numVariables }, () => new Map<number, number>());
  const isLater = (a: number, b: number): boolean => positions[a] > positions[b];
  sources.forEach((source, edge) => {
    const target = targets[edge];
    if (isLater(target, source)) edgesOf[source].set(target, edge);
    else edgesOf[target].set(source, edge);
  });
  const buckets: Bucket[] = [];
  const childrenOf = Array.from({ length: numVariables }, (): Bucket[] => []);
  for (const variable of order) {
    for (const child of childrenOf[variable])
      for (const other of child.separator)
        if (other !== variable && !edgesOf[variable].has(other)) edgesOf[variable].set(other, -1);
    const separator = [...edgesOf[variable].keys()];
    const size = 2 ** separator.length;
    const bucket: Bucket = {
      variable,
      separator,
      edges: Int32Array.from(edgesOf[variable].values()),
      children: childrenOf[variable].map((child) => childIn(child, variable, separator)),
      message: new Float64Array(size),
      conditional: new Float64Array(size),
      marginal: new Float64Array(size).fill(1),
    };
    buckets.push(bucket);
    if (separator.length > 0) childrenOf[separator.reduce((a, b) => (isLater(a, b) ? b : a))].push(bucket);
  }
  return buckets;
}

function childIn(bucket: Bucket, variable: number, separator: readonly number[]): Child {
  const step = (other: number): number => {
    const bit = bucket.separator.indexOf(other);
    return bit < 0 ? 0 : 2 ** bit;
  };
  const table = (variables: readonly number[]): Int32Array => {
    const indices = new Int32Array(2 ** variables.length);
    variables.forEach((other, bit) => {
      for (let s = 0; s < 1 << bit; s++) indices[(1 << bit) + s] = indices[s] + step(other);
    });
    return indices;
  };
  return {
    bucket,
    low: table(separator.slice(0, LOG2_TABLE_ROWS)),
    high: table(separator.slice(LOG2_TABLE_ROWS)),
    ofVariable: step(variable),
  };
}

// The inner loops, functions of their own so that V8 compiles each after a few cliques.

/** The sum of table[half ...], which is also added to the lower half. */
function foldUpperHalf(table: Float64Array, half: number): number {
  let total = 0;
  for (let s = 0; s < half; s++) {
    const value = table[half + s];
    total += value;
    table[s] += value;
  }
  return total;
}

function gather(table: Float64Array, message: Float64Array, low: Int32Array, high: Int32Array, start: number): void {
  for (let block = 0, row = 0; block < high.length; block++) {
    const base = start + high[block];
    for (let s = 0; s < low.length; s++, row++) table[row] += message[base + low[s]];
  }
}

function scatter(table: Float64Array, marginal: Float64Array, low: Int32Array, high: Int32Array, start: number): void {
  for (let block = 0, row = 0; block < high.length; block++) {
    const base = start + high[block];
    for (let s = 0; s < low.length; s++, row++) marginal[base + low[s]] += table[row];
  }
}

function sumOut(ifZero: Float64Array, ifOne: Float64Array, message: Float64Array, conditional: Float64Array): void {
  for (let s = 0; s < message.length; s++) {
    const difference = ifOne[s] - ifZero[s];
    const e = Math.exp(-Math.abs(difference));
    conditional[s] = (difference >= 0 ? 1 : e) / (1 + e);
    message[s] = (difference >= 0 ? ifOne[s] : ifZero[s]) + Math.log1p(e);
  }
}
