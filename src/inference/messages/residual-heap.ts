/**
 * The units of a residual schedule ordered by how much they would change: a binary max-heap in which every unit always stays, and whose top is
 * read, not taken. Ties go to the lower index, so that a run repeats itself.
 */
export class ResidualHeap {
  /** Float64Array[numUnits]: change it through `set` alone. */
  readonly residuals: Float64Array;
  readonly #heap: Int32Array;
  readonly #positions: Int32Array;

  constructor(residuals: Float64Array) {
    this.residuals = residuals;
    this.#heap = Int32Array.from(residuals, (_, unit) => unit);
    this.#positions = this.#heap.slice();
    for (let position = (residuals.length >> 1) - 1; position >= 0; position--) this.#sink(position);
  }

  /** The unit with the largest residual; there must be one. */
  get top(): number {
    return this.#heap[0];
  }

  set(unit: number, residual: number): void {
    const old = this.residuals[unit];
    this.residuals[unit] = residual;
    if (residual > old) this.#rise(this.#positions[unit]);
    else if (residual < old) this.#sink(this.#positions[unit]);
  }

  #before(a: number, b: number): boolean {
    const difference = this.residuals[a] - this.residuals[b];
    return difference > 0 || (difference === 0 && a < b);
  }

  #place(unit: number, position: number): void {
    this.#heap[position] = unit;
    this.#positions[unit] = position;
  }

  #rise(start: number): void {
    const unit = this.#heap[start];
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#before(unit, this.#heap[parent])) break;
      this.#place(this.#heap[parent], position);
      position = parent;
    }
    this.#place(unit, position);
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const unit = heap[start];
    let position = start;
    for (let child = 2 * position + 1; child < heap.length; child = 2 * position + 1) {
      if (child + 1 < heap.length && this.#before(heap[child + 1], heap[child])) child++;
      if (!this.#before(heap[child], unit)) break;
      this.#place(heap[child], position);
      position = child;
    }
    this.#place(unit, position);
  }
}
