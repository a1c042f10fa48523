/**
 * The hot loop: multiplies the tables of one bucket over all joint states of its clique, block by block.
 *
 * A row is one state of the separator; it has one entry for each state of the bucket's variable v, side by side in
 * every table, as v is the fastest variable of each. The fastest variables of the separator make up a block of rows
 * that fits the first-level cache; where a table's row stands is the sum of an offset within the block (listed once)
 * and a base (one step of an odometer a block). So any number of variables, in any pattern, costs one indexed load a
 * row and table, nothing is allocated, and the products stay in cache until they are summed.
 */

/** A table over part of a clique: last eliminated variable first, the bucket's variable last. */
export interface CliqueTable {
  readonly scope: Int32Array;
  readonly values: Float64Array;
}

/** Entries of a block: 16 KB, half of a usual first-level data cache. */
const BLOCK_ENTRIES = 2048;

export class CliqueLoop {
  readonly #cardinalities: ArrayLike<number>;
  readonly #strideOf: Int32Array;
  /** Float64Array[numRows * cardinality] of the current block, at least. */
  buffer = new Float64Array(BLOCK_ENTRIES);
  /** Rows of a block; all blocks have the same number. */
  numRows = 0;
  cardinality = 0;
  /** Table k's row i of the block starts at bases[k] + offsets[k][i]. */
  readonly offsets: Int32Array[] = [];
  bases = new Int32Array(8);
  #tables: readonly CliqueTable[] = [];
  #slow: Int32Array = new Int32Array(0);
  #slowStates = new Int32Array(0);
  /** #slowStrides[k * #slow.length + d]: table k's stride of slow variable d. */
  #slowStrides = new Int32Array(0);

  /** @param cardinalities one a variable. */
  constructor(cardinalities: ArrayLike<number>) {
    this.#cardinalities = cardinalities;
    this.#strideOf = new Int32Array(cardinalities.length);
  }

  /**
   * Runs `visit(firstRow)` for each block, in increasing order of rows.
   * @param separator variables of the rows, last one fastest.
   * @param variable the bucket's variable; every table contains it, and ends with it.
   */
  run(
    separator: Int32Array,
    variable: number,
    tables: readonly CliqueTable[],
    visit: (firstRow: number) => void,
  ): void {
    this.#prepare(separator, variable, tables);
    const numSlow = this.#slow.length;
    for (let firstRow = 0; ; firstRow += this.numRows) {
      visit(firstRow);
      let digit = numSlow - 1;
      for (; digit >= 0; digit--) {
        const cardinality = this.#cardinalities[this.#slow[digit]];
        const wraps = ++this.#slowStates[digit] === cardinality;
        if (wraps) this.#slowStates[digit] = 0;
        const steps = wraps ? 1 - cardinality : 1;
        for (let k = 0; k < tables.length; k++) this.bases[k] += steps * this.#slowStrides[k * numSlow + digit];
        if (!wraps) break;
      }
      if (digit < 0) return;
    }
  }

  #prepare(separator: Int32Array, variable: number, tables: readonly CliqueTable[]): void {
    const cardinalities = this.#cardinalities;
    this.#tables = tables;
    this.cardinality = cardinalities[variable];
    let numSlow = separator.length;
    this.numRows = 1;
    while (numSlow > 0) {
      const more = this.numRows * cardinalities[separator[numSlow - 1]];
      if (more * this.cardinality > BLOCK_ENTRIES && this.numRows > 1) break;
      this.numRows = more;
      numSlow--;
    }
    if (this.buffer.length < this.numRows * this.cardinality)
      this.buffer = new Float64Array(this.numRows * this.cardinality);
    this.#slow = separator.subarray(0, numSlow);
    this.#slowStates = new Int32Array(numSlow);
    this.#slowStrides = new Int32Array(numSlow * tables.length);
    if (this.bases.length < tables.length) this.bases = new Int32Array(2 * tables.length);
    this.bases.fill(0);
    tables.forEach(({ scope }, k) => {
      for (let stride = 1, position = scope.length - 1; position >= 0; position--) {
        this.#strideOf[scope[position]] = stride;
        stride *= cardinalities[scope[position]];
      }
      for (let digit = 0; digit < numSlow; digit++)
        this.#slowStrides[k * numSlow + digit] = this.#strideOf[separator[digit]];
      this.#fillOffsets(k, separator, numSlow);
      for (const each of scope) this.#strideOf[each] = 0;
    });
  }

  #fillOffsets(k: number, separator: Int32Array, numSlow: number): void {
    if (!(this.offsets[k]?.length >= this.numRows))
      this.offsets[k] = new Int32Array(Math.max(this.numRows, BLOCK_ENTRIES / 2));
    const offsets = this.offsets[k];
    offsets[0] = 0;
    for (let filled = 1, position = separator.length - 1; position >= numSlow; position--) {
      const length = filled;
      const stride = this.#strideOf[separator[position]];
      for (let state = 1; state < this.#cardinalities[separator[position]]; state++)
        for (let row = 0; row < length; row++) offsets[filled++] = offsets[row] + state * stride;
    }
  }

  /** buffer = the product of all tables in the current block; 1 without tables. */
  multiply(): void {
    const tables = this.#tables;
    if (tables.length === 0) this.buffer.fill(1, 0, this.numRows * this.cardinality);
    else if (tables.length === 1) this.#gather(0);
    else this.#gatherProduct();
    for (let k = 2; k < tables.length; k++) this.#gatherMultiply(k);
  }

  /** buffer = the sum of all tables in the current block; 0 without tables. For tables in natural log. */
  add(): void {
    const tables = this.#tables;
    if (tables.length === 0) this.buffer.fill(0, 0, this.numRows * this.cardinality);
    else this.#gather(0);
    for (let k = 1; k < tables.length; k++) this.#gatherAdd(k);
  }

  /** into, a table of table k's scope, += the current block of the buffer. */
  scatter(k: number, into: Float64Array): void {
    const { buffer, numRows, cardinality } = this;
    const offsets = this.offsets[k];
    const base = this.bases[k];
    if (cardinality === 2)
      for (let row = 0, at = 0; row < numRows; row++, at += 2) {
        const to = base + offsets[row];
        into[to] += buffer[at];
        into[to + 1] += buffer[at + 1];
      }
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        const to = base + offsets[row];
        for (let state = 0; state < cardinality; state++) into[to + state] += buffer[at++];
      }
  }

  // #gather, #gatherMultiply and #gatherAdd are one walk three times. With a function for what differs, a binary table
  // took 1.25 times as long to multiply and 1.5 times to add (three states: 1.02 and 1.1), side by side in one run.
  #gather(k: number): void {
    const { buffer, numRows, cardinality } = this;
    const { values } = this.#tables[k];
    const offsets = this.offsets[k];
    const base = this.bases[k];
    if (cardinality === 2)
      for (let row = 0, at = 0; row < numRows; row++, at += 2) {
        const from = base + offsets[row];
        buffer[at] = values[from];
        buffer[at + 1] = values[from + 1];
      }
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        const from = base + offsets[row];
        for (let state = 0; state < cardinality; state++) buffer[at++] = values[from + state];
      }
  }

  #gatherProduct(): void {
    const { buffer, numRows, cardinality } = this;
    const a = this.#tables[0].values;
    const b = this.#tables[1].values;
    const [offsetsA, offsetsB] = this.offsets;
    const [baseA, baseB] = this.bases;
    if (cardinality === 2)
      for (let row = 0, at = 0; row < numRows; row++, at += 2) {
        const fromA = baseA + offsetsA[row];
        const fromB = baseB + offsetsB[row];
        buffer[at] = a[fromA] * b[fromB];
        buffer[at + 1] = a[fromA + 1] * b[fromB + 1];
      }
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        const fromA = baseA + offsetsA[row];
        const fromB = baseB + offsetsB[row];
        for (let state = 0; state < cardinality; state++) buffer[at++] = a[fromA + state] * b[fromB + state];
      }
  }

  #gatherMultiply(k: number): void {
    const { buffer, numRows, cardinality } = this;
    const { values } = this.#tables[k];
    const offsets = this.offsets[k];
    const base = this.bases[k];
    if (cardinality === 2)
      for (let row = 0, at = 0; row < numRows; row++, at += 2) {
        const from = base + offsets[row];
        buffer[at] *= values[from];
        buffer[at + 1] *= values[from + 1];
      }
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        const from = base + offsets[row];
        for (let state = 0; state < cardinality; state++) buffer[at++] *= values[from + state];
      }
  }

  #gatherAdd(k: number): void {
    const { buffer, numRows, cardinality } = this;
    const { values } = this.#tables[k];
    const offsets = this.offsets[k];
    const base = this.bases[k];
    if (cardinality === 2)
      for (let row = 0, at = 0; row < numRows; row++, at += 2) {
        const from = base + offsets[row];
        buffer[at] += values[from];
        buffer[at + 1] += values[from + 1];
      }
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        const from = base + offsets[row];
        for (let state = 0; state < cardinality; state++) buffer[at++] += values[from + state];
      }
  }

  /**
   * out[row] = the sum, over the row, of the product of all tables. Two and three binary tables, the usual case, skip
   * the buffer: half the time.
   */
  multiplyAndSumRows(out: Float64Array, firstRow: number): void {
    const count = this.#tables.length;
    if (this.cardinality === 2 && count === 2) this.#sumProductsOfTwo(out, firstRow);
    else if (this.cardinality === 2 && count === 3) this.#sumProductsOfThree(out, firstRow);
    else {
      this.multiply();
      this.#sumRows(out, firstRow);
    }
  }

  #sumProductsOfTwo(out: Float64Array, firstRow: number): void {
    const { numRows } = this;
    const a = this.#tables[0].values;
    const b = this.#tables[1].values;
    const [offsetsA, offsetsB] = this.offsets;
    const [baseA, baseB] = this.bases;
    for (let row = 0; row < numRows; row++) {
      const fromA = baseA + offsetsA[row];
      const fromB = baseB + offsetsB[row];
      out[firstRow + row] = a[fromA] * b[fromB] + a[fromA + 1] * b[fromB + 1];
    }
  }

  #sumProductsOfThree(out: Float64Array, firstRow: number): void {
    const { numRows } = this;
    const a = this.#tables[0].values;
    const b = this.#tables[1].values;
    const c = this.#tables[2].values;
    const [offsetsA, offsetsB, offsetsC] = this.offsets;
    const [baseA, baseB, baseC] = this.bases;
    for (let row = 0; row < numRows; row++) {
      const fromA = baseA + offsetsA[row];
      const fromB = baseB + offsetsB[row];
      const fromC = baseC + offsetsC[row];
      out[firstRow + row] = a[fromA] * b[fromB] * c[fromC] + a[fromA + 1] * b[fromB + 1] * c[fromC + 1];
    }
  }

  /** out[row] = sum of the row's entries. */
  #sumRows(out: Float64Array, firstRow: number): void {
    const { buffer, numRows, cardinality } = this;
    if (cardinality === 2)
      for (let row = 0; row < numRows; row++) out[firstRow + row] = buffer[2 * row] + buffer[2 * row + 1];
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        let sum = 0;
        for (let state = 0; state < cardinality; state++) sum += buffer[at++];
        out[firstRow + row] = sum;
      }
  }

  /**
   * out[row] = the largest entry of the row in the sum of all tables; argmax[row] = its first state. For tables in
   * natural log.
   */
  addAndMaximiseRows(out: Float64Array, argmax: Uint8Array | Uint16Array | Int32Array, firstRow: number): void {
    const count = this.#tables.length;
    if (this.cardinality === 2 && count === 2) this.#maximiseSumsOfTwo(out, argmax, firstRow);
    else if (this.cardinality === 2 && count === 3) this.#maximiseSumsOfThree(out, argmax, firstRow);
    else {
      this.add();
      this.#maximiseRows(out, argmax, firstRow);
    }
  }

  #maximiseSumsOfTwo(out: Float64Array, argmax: Uint8Array | Uint16Array | Int32Array, firstRow: number): void {
    const { numRows } = this;
    const a = this.#tables[0].values;
    const b = this.#tables[1].values;
    const [offsetsA, offsetsB] = this.offsets;
    const [baseA, baseB] = this.bases;
    for (let row = 0; row < numRows; row++) {
      const fromA = baseA + offsetsA[row];
      const fromB = baseB + offsetsB[row];
      const zero = a[fromA] + b[fromB];
      const one = a[fromA + 1] + b[fromB + 1];
      out[firstRow + row] = one > zero ? one : zero;
      argmax[firstRow + row] = one > zero ? 1 : 0;
    }
  }

  #maximiseSumsOfThree(out: Float64Array, argmax: Uint8Array | Uint16Array | Int32Array, firstRow: number): void {
    const { numRows } = this;
    const a = this.#tables[0].values;
    const b = this.#tables[1].values;
    const c = this.#tables[2].values;
    const [offsetsA, offsetsB, offsetsC] = this.offsets;
    const [baseA, baseB, baseC] = this.bases;
    for (let row = 0; row < numRows; row++) {
      const fromA = baseA + offsetsA[row];
      const fromB = baseB + offsetsB[row];
      const fromC = baseC + offsetsC[row];
      const zero = a[fromA] + b[fromB] + c[fromC];
      const one = a[fromA + 1] + b[fromB + 1] + c[fromC + 1];
      out[firstRow + row] = one > zero ? one : zero;
      argmax[firstRow + row] = one > zero ? 1 : 0;
    }
  }

  /** out[row] = the row's largest entry; argmax[row] = its first state. */
  #maximiseRows(out: Float64Array, argmax: Uint8Array | Uint16Array | Int32Array, firstRow: number): void {
    const { buffer, numRows, cardinality } = this;
    if (cardinality === 2)
      for (let row = 0; row < numRows; row++) {
        const zero = buffer[2 * row];
        const one = buffer[2 * row + 1];
        out[firstRow + row] = one > zero ? one : zero;
        argmax[firstRow + row] = one > zero ? 1 : 0;
      }
    else
      for (let row = 0, at = 0; row < numRows; row++) {
        let largest = buffer[at++];
        let best = 0;
        for (let state = 1; state < cardinality; state++, at++)
          if (buffer[at] > largest) {
            largest = buffer[at];
            best = state;
          }
        out[firstRow + row] = largest;
        argmax[firstRow + row] = best;
      }
  }

  /** out[row] = ln sum exp of the row's entries. */
  logSumRows(out: Float64Array, firstRow: number): void {
    const { buffer, numRows, cardinality } = this;
    for (let row = 0; row < numRows; row++) out[firstRow + row] = logSumExp(buffer, row * cardinality, cardinality);
  }
}

/** ln sum exp of `count` entries; -Infinity when all are. */
export function logSumExp(values: Float64Array, start: number, count: number): number {
  let largest = -Infinity;
  for (let at = start; at < start + count; at++) if (values[at] > largest) largest = values[at];
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let at = start; at < start + count; at++) sum += Math.exp(values[at] - largest);
  return largest + Math.log(sum);
}
