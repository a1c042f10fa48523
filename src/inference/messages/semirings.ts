/**
 * The three semirings in which messages are computed, as the inner loops of contraction.ts: sum-product, max-product
 * of logs, sum-product of logs. Functions of their own, so that V8 compiles each by itself; binary variables, the usual
 * case, have sums without a loop over states in sum-product, whose rows are cheap enough to notice one.
 */

/**
 * A factor's walk is written in these steps; tables are row-major, `width` is the number of states of the last axis.
 */
export interface Semiring {
  /** The neutral element of the product. */
  readonly one: number;
  /** out[top + row] = the sum over states of source[row, state] * incoming[start + state]. */
  sumRows(
    source: Float64Array,
    sourceStart: number,
    numRows: number,
    width: number,
    incoming: Float64Array,
    start: number,
    out: Float64Array,
    top: number,
  ): void;
  /** products[row, state] = products[row] * incoming[start + state], in place. */
  extend(products: Float64Array, numRows: number, width: number, incoming: Float64Array, start: number): void;
  /** outgoing[start + state] = the sum over rows of products[row] * source[at + row, state]. */
  sumColumns(
    products: Float64Array,
    numRows: number,
    width: number,
    source: Float64Array,
    at: number,
    outgoing: Float64Array,
    start: number,
  ): void;
}

/** (+, *) on potentials. */
export const sumProduct: Semiring = {
  one: 1,
  sumRows(source, sourceStart, numRows, width, incoming, start, out, top) {
    if (width === 2) {
      const incoming0 = incoming[start];
      const incoming1 = incoming[start + 1];
      for (let row = 0, at = sourceStart; row < numRows; row++, at += 2)
        out[top + row] = source[at] * incoming0 + source[at + 1] * incoming1;
      return;
    }
    const end = start + width;
    for (let row = 0, at = sourceStart; row < numRows; row++) {
      let sum = 0;
      for (let state = start; state < end; state++) sum += source[at++] * incoming[state];
      out[top + row] = sum;
    }
  },
  extend(products, numRows, width, incoming, start) {
    if (width === 2) {
      const incoming0 = incoming[start];
      const incoming1 = incoming[start + 1];
      for (let row = numRows - 1; row >= 0; row--) {
        const product = products[row];
        products[2 * row + 1] = product * incoming1;
        products[2 * row] = product * incoming0;
      }
      return;
    }
    for (let row = numRows - 1; row >= 0; row--) {
      const product = products[row];
      for (let state = width - 1; state >= 0; state--)
        products[row * width + state] = product * incoming[start + state];
    }
  },
  sumColumns(products, numRows, width, source, at, outgoing, start) {
    if (width === 2) {
      let outgoing0 = 0;
      let outgoing1 = 0;
      for (let row = 0; row < numRows; row++, at += 2) {
        const product = products[row];
        outgoing0 += product * source[at];
        outgoing1 += product * source[at + 1];
      }
      outgoing[start] = outgoing0;
      outgoing[start + 1] = outgoing1;
      return;
    }
    const end = start + width;
    for (let state = start; state < end; state++) outgoing[state] = 0;
    for (let row = 0; row < numRows; row++) {
      const product = products[row];
      for (let state = start; state < end; state++) outgoing[state] += product * source[at++];
    }
  },
};

/** (max, +) on logs. */
export const maxSum: Semiring = {
  one: 0,
  sumRows(source, sourceStart, numRows, width, incoming, start, out, top) {
    const end = start + width;
    for (let row = 0, at = sourceStart; row < numRows; row++) {
      let largest = -Infinity;
      for (let state = start; state < end; state++) {
        const term = source[at++] + incoming[state];
        if (term > largest) largest = term;
      }
      out[top + row] = largest;
    }
  },
  extend: extendLogs,
  sumColumns(products, numRows, width, source, at, outgoing, start) {
    const end = start + width;
    for (let state = start; state < end; state++) outgoing[state] = -Infinity;
    for (let row = 0; row < numRows; row++) {
      const product = products[row];
      for (let state = start; state < end; state++) {
        const term = product + source[at++];
        if (term > outgoing[state]) outgoing[state] = term;
      }
    }
  },
};

/**
 * (log-sum-exp, +) on logs, for tables and messages of any range.
 * @param maxWidth the most states of a variable.
 */
export function logSumProduct(maxWidth: number): Semiring {
  /** The largest term of each state's sum. */
  const largest = new Float64Array(maxWidth);
  return {
    one: 0,
    sumRows(source, sourceStart, numRows, width, incoming, start, out, top) {
      for (let row = 0; row < numRows; row++) {
        const at = sourceStart + row * width;
        let most = -Infinity;
        for (let state = 0; state < width; state++) most = Math.max(most, source[at + state] + incoming[start + state]);
        let sum = 0;
        if (most > -Infinity)
          for (let state = 0; state < width; state++)
            sum += Math.exp(source[at + state] + incoming[start + state] - most);
        out[top + row] = most + Math.log(sum);
      }
    },
    extend: extendLogs,
    sumColumns(products, numRows, width, source, from, outgoing, start) {
      largest.fill(-Infinity, 0, width);
      for (let row = 0, at = from; row < numRows; row++)
        for (let state = 0; state < width; state++)
          largest[state] = Math.max(largest[state], products[row] + source[at++]);
      for (let state = 0; state < width; state++) outgoing[start + state] = 0;
      for (let row = 0, at = from; row < numRows; row++)
        for (let state = 0; state < width; state++, at++)
          if (largest[state] > -Infinity)
            outgoing[start + state] += Math.exp(products[row] + source[at] - largest[state]);
      for (let state = 0; state < width; state++)
        outgoing[start + state] = largest[state] + Math.log(outgoing[start + state]);
    },
  };
}

function extendLogs(
  products: Float64Array,
  numRows: number,
  width: number,
  incoming: Float64Array,
  start: number,
): void {
  for (let row = numRows - 1; row >= 0; row--) {
    const product = products[row];
    for (let state = width - 1; state >= 0; state--) products[row * width + state] = product + incoming[start + state];
  }
}
