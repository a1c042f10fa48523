/**
 * Sum-product on a bucket tree: ln Z on the way up, all marginals on the way down.
 *
 * Up, children before parents:   m_v(x_S) = sum_{x_v} t_v(x_v, x_S),  t_v = product of v's factors and its children's
 * messages Down, parents before children: p(x_v, x_S) = p(x_S) t_v(x_v, x_S) / sum_{x_v} t_v(x_v, x_S), and from it
 * each child's p(x_S).
 *
 * The way down is Hugin's, a division by the message; but the divisor is summed afresh from the same products, so that
 * p(x_v | x_S) is normalised to the last digit and 0/0 arises only where p(x_S) = 0.
 *
 * Numbers are kept as plain products where that is exact: only positive numbers are multiplied and added, so every
 * entry keeps a relative error of about 1e-16 an operation, at a tenth of the cost of logarithms. What can go wrong is
 * underflow, which would turn possible states into impossible ones. So each table carries bounds on ln of its positive
 * entries; before a product could leave 1e-300 ... 1e300, its tables are rescaled (by powers of two, exactly) and
 * measured, and if that is not enough the whole tree is done in natural logarithms, with a log-sum-exp for each row.
 */
import { rowOf, type Bucket, type BucketTree } from "./bucket-tree.ts";
import { CompensatedSum } from "../compensated-sum.ts";
import { CliqueLoop, logSumExp, type CliqueTable } from "./clique-loop.ts";

type Domain = "linear" | "log";

/** Products beyond exp(+-this) are not trusted to a float64, whose range is exp(-708) ... exp(709). */
const MAX_LOG_MAGNITUDE = 690;

interface BoundedTable extends CliqueTable {
  /** Lower bound on ln of the positive entries; 0 and unused in the log domain. */
  logLow: number;
  /** Upper bound on ln of the entries. */
  logHigh: number;
  /** Whether the bounds are attained. */
  isMeasured: boolean;
}

/** Thrown inside this file to start again in the log domain. */
class OutOfRange extends Error {}

/** A bucket tree whose messages towards the roots have been computed. */
export class SumElimination {
  readonly tree: BucketTree;
  /** Natural log, of everything in the tree; -Infinity when no state is possible. */
  readonly logZ: number;
  readonly domain: Domain;
  readonly #loop: CliqueLoop;
  readonly #messages: (BoundedTable | undefined)[] = [];
  readonly #locals: BoundedTable[][] = [];
  #logShift = new CompensatedSum();

  /**
   * Passes messages to the roots.
   * @param keepMessages needed for `distribute` and `conditional`; else each message is dropped after its use.
   */
  constructor(tree: BucketTree, keepMessages: boolean, domain: Domain = "linear") {
    this.tree = tree;
    this.#loop = new CliqueLoop(tree.cardinalities);
    try {
      this.logZ = this.#collect(keepMessages, domain);
      this.domain = domain;
    } catch (error) {
      if (!(error instanceof OutOfRange)) throw error;
      const again = new SumElimination(tree, keepMessages, "log");
      this.logZ = again.logZ;
      this.domain = "log";
      this.#messages = again.#messages;
      this.#locals = again.#locals;
    }
  }

  #collect(keepMessages: boolean, domain: Domain): number {
    const loop = this.#loop;
    this.#logShift = new CompensatedSum();
    const logZ = new CompensatedSum();
    for (const variable of this.tree.sequence) {
      const bucket = this.tree.buckets[variable];
      this.#locals[variable] = bucket.locals.map(({ scope, logValues, logShift }) => {
        logZ.add(logShift);
        return domain === "log"
          ? { scope, values: logValues, logLow: 0, logHigh: 0, isMeasured: true }
          : exponentiated(scope, logValues);
      });
      const tables = this.#tablesOf(bucket);
      const values = new Float64Array(bucket.messageSize);
      const message: BoundedTable = { scope: bucket.separator, values, logLow: 0, logHigh: 0, isMeasured: false };
      if (domain === "linear") {
        if (!this.#bringIntoRange(tables)) return -Infinity;
        for (const { logLow, logHigh } of tables) {
          message.logLow += logLow;
          message.logHigh += logHigh;
        }
        message.logHigh += Math.log(bucket.cardinality);
      }
      loop.run(bucket.separator, variable, tables, (firstRow) => {
        if (domain === "linear") loop.multiplyAndSumRows(values, firstRow);
        else {
          loop.add();
          loop.logSumRows(values, firstRow);
        }
      });
      if (!keepMessages) for (const child of bucket.children) this.#messages[child] = undefined;
      if (bucket.parent >= 0) this.#messages[variable] = message;
      else logZ.add(domain === "linear" ? Math.log(values[0]) : values[0]);
      if (logZ.value === -Infinity) return -Infinity;
    }
    logZ.add(this.#logShift.value);
    return logZ.value;
  }

  #tablesOf(bucket: Bucket): BoundedTable[] {
    return [...bucket.children.map((child) => this.#messages[child]!), ...this.#locals[bucket.variable]];
  }

  /**
   * Makes every product of entries, and every partial product, representable; false when a table is all 0, so that Z =
   * 0.
   */
  #bringIntoRange(tables: readonly BoundedTable[]): boolean {
    if (isInRange(tables)) return true;
    for (const table of tables) {
      if (table.isMeasured) continue;
      const logFactor = normalise(table);
      if (logFactor === -Infinity) return false;
      this.#logShift.add(logFactor);
    }
    if (!isInRange(tables)) throw new OutOfRange();
    return true;
  }

  /**
   * Passes marginals from the roots to the leaves. Not to be called when logZ is -Infinity.
   * @param visit called for each variable with p(x_v), and for each local table with its joint distribution (both sum
   *   to 1, up to
   * rounding).
   */
  distribute(visit: (variable: number, marginal: Float64Array, localMarginals: readonly Float64Array[]) => void): void {
    const loop = this.#loop;
    const { buckets, sequence } = this.tree;
    const separatorMarginals: (Float64Array | undefined)[] = [];
    for (let at = sequence.length - 1; at >= 0; at--) {
      const bucket = buckets[sequence[at]];
      const { variable, separator, children } = bucket;
      const tables = this.#tablesOf(bucket);
      const marginals = tables.map(({ values }) => new Float64Array(values.length));
      const ofSeparator = separatorMarginals[variable] ?? Float64Array.of(1);
      separatorMarginals[variable] = undefined;
      loop.run(separator, variable, tables, (firstRow) => {
        if (this.domain === "linear") {
          loop.multiply();
          conditionRows(loop, ofSeparator, firstRow);
        } else {
          loop.add();
          conditionLogRows(loop, ofSeparator, firstRow);
        }
        for (let k = 0; k < marginals.length; k++) loop.scatter(k, marginals[k]);
      });
      children.forEach((child, k) => {
        separatorMarginals[child] = marginals[k];
        this.#messages[child] = undefined;
      });
      visit(variable, marginalOfLast(marginals, bucket.cardinality), marginals.slice(children.length));
    }
  }

  /**
   * p(x_v | x_S), unnormalised: into[state], scaled so that the largest is 1.
   * @param states the separator's variables are set.
   */
  conditional(variable: number, states: ArrayLike<number>, into: Float64Array): void {
    const bucket = this.tree.buckets[variable];
    const { cardinalities } = this.tree;
    const isLinear = this.domain === "linear";
    into.fill(isLinear ? 1 : 0, 0, bucket.cardinality);
    for (const { scope, values } of this.#tablesOf(bucket)) {
      const start = rowOf(scope, scope.length - 1, states, cardinalities) * bucket.cardinality;
      for (let state = 0; state < bucket.cardinality; state++)
        if (isLinear) into[state] *= values[start + state];
        else into[state] += values[start + state];
    }
    let largest = -Infinity;
    for (let state = 0; state < bucket.cardinality; state++) largest = Math.max(largest, into[state]);
    for (let state = 0; state < bucket.cardinality; state++)
      into[state] = isLinear ? into[state] / largest : Math.exp(into[state] - largest);
  }
}

function exponentiated(scope: Int32Array, logValues: Float64Array): BoundedTable {
  let logLow = 0;
  for (const value of logValues) if (value > -Infinity && value < logLow) logLow = value;
  if (logLow < -MAX_LOG_MAGNITUDE) throw new OutOfRange();
  return { scope, values: logValues.map(Math.exp), logLow, logHigh: 0, isMeasured: true };
}

function isInRange(tables: readonly BoundedTable[]): boolean {
  let low = 0;
  let high = 0;
  for (const { logLow, logHigh } of tables) {
    low += Math.min(0, logLow);
    high += Math.max(0, logHigh);
  }
  return low >= -MAX_LOG_MAGNITUDE && high <= MAX_LOG_MAGNITUDE;
}

/**
 * Scales the largest entry into [1, 2) and measures the bounds; returns ln of what was divided out, -Infinity for a
 * table of zeros.
 */
function normalise(table: BoundedTable): number {
  const { values } = table;
  let largest = 0;
  let smallest = Infinity;
  for (const value of values) {
    if (value > largest) largest = value;
    if (value < smallest && value > 0) smallest = value;
  }
  if (largest === 0) return -Infinity;
  const exponent = Math.floor(Math.log2(largest));
  const scale = 2 ** -exponent;
  for (let index = 0; index < values.length; index++) values[index] *= scale;
  table.logLow = Math.log(smallest) - exponent * Math.LN2;
  table.logHigh = Math.log(largest) - exponent * Math.LN2;
  table.isMeasured = true;
  return exponent * Math.LN2;
}

/** Turns each row t(x_v, x_S) of the buffer into p(x_v, x_S). */
function conditionRows(
  { buffer, numRows, cardinality }: CliqueLoop,
  ofSeparator: Float64Array,
  firstRow: number,
): void {
  if (cardinality === 2) {
    for (let row = 0, at = 0; row < numRows; row++, at += 2) {
      const sum = buffer[at] + buffer[at + 1];
      const scale = sum > 0 ? ofSeparator[firstRow + row] / sum : 0;
      buffer[at] *= scale;
      buffer[at + 1] *= scale;
    }
    return;
  }
  for (let row = 0, at = 0; row < numRows; row++) {
    let sum = 0;
    for (let state = 0; state < cardinality; state++) sum += buffer[at + state];
    const scale = sum > 0 ? ofSeparator[firstRow + row] / sum : 0;
    for (let state = 0; state < cardinality; state++) buffer[at++] *= scale;
  }
}

/** The same for rows in natural log. */
function conditionLogRows(
  { buffer, numRows, cardinality }: CliqueLoop,
  ofSeparator: Float64Array,
  firstRow: number,
): void {
  for (let row = 0, at = 0; row < numRows; row++) {
    const logSum = logSumExp(buffer, at, cardinality);
    const probability = logSum > -Infinity ? ofSeparator[firstRow + row] : 0;
    for (let state = 0; state < cardinality; state++, at++)
      buffer[at] = probability > 0 ? probability * Math.exp(buffer[at] - logSum) : 0;
  }
}

/** p(x_v) from the smallest of the joint distributions that end with v, normalised; uniform when v is in no table. */
function marginalOfLast(joints: readonly Float64Array[], cardinality: number): Float64Array {
  const marginal = new Float64Array(cardinality);
  if (joints.length === 0) return marginal.fill(1 / cardinality);
  const smallest = joints.reduce((a, b) => (b.length < a.length ? b : a));
  for (let index = 0; index < smallest.length; index++) marginal[index % cardinality] += smallest[index];
  const total = marginal.reduce((sum, value) => sum + value, 0);
  return marginal.map((value) => value / total);
}
