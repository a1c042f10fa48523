/** The inner loops of enumeration, functions of their own so that V8 compiles each after a few blocks. */

/** table[size + s] = table[s] + term for s < size. */
export function addDoubled(table: Float64Array, size: number, term: number): void {
  for (let s = 0; s < size; s++) table[size + s] = table[s] + term;
}

/** table[s] += table[half + s] for s < half. */
export function addHalves(table: Float64Array, half: number): void {
  for (let s = 0; s < half; s++) table[s] += table[half + s];
}

/**
 * The two halves of a table added: into[s] = table[start + s] + table[start + half + s] for s < half. singles[at] and
 * singles[at + 1] become the sums of the first and of the second half.
 */
export function fold(
  table: Float64Array,
  start: number,
  into: Float64Array,
  half: number,
  singles: Float64Array,
  at: number,
) {
  let first = 0;
  let second = 0;
  for (let s = 0; s < half; s++) {
    const low = table[start + s];
    const high = table[start + half + s];
    first += low;
    second += high;
    into[s] = low + high;
  }
  singles[at] = first;
  singles[at + 1] = second;
}

/** table[size + s] = table[s] * factor for s < size. */
export function multiplyDoubled(table: Float64Array, size: number, factor: number): void {
  for (let s = 0; s < size; s++) table[size + s] = table[s] * factor;
}

/** table *= factors; returns the largest entry. */
export function multiplyAndFindLargest(table: Float64Array, factors: Float64Array): number {
  let largest = 0;
  for (let s = 0; s < table.length; s++) {
    const entry = table[s] * factors[s];
    table[s] = entry;
    if (entry > largest) largest = entry;
  }
  return largest;
}

/** table *= scale, and sums += table. */
export function scaleAndSum(table: Float64Array, scale: number, sums: Float64Array): void {
  for (let s = 0; s < table.length; s++) {
    const entry = table[s] * scale;
    table[s] = entry;
    sums[s] += entry;
  }
}

/** table += terms; returns the largest entry. */
export function addAndFindLargest(table: Float64Array, terms: Float64Array): number {
  let largest = -Infinity;
  for (let s = 0; s < table.length; s++) {
    const entry = table[s] + terms[s];
    table[s] = entry;
    if (entry > largest) largest = entry;
  }
  return largest;
}

/** table = exp(table - shift), and sums += table. */
export function exponentiateAndSum(table: Float64Array, shift: number, sums: Float64Array): void {
  for (let s = 0; s < table.length; s++) {
    const entry = Math.exp(table[s] - shift);
    table[s] = entry;
    sums[s] += entry;
  }
}
