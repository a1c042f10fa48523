/**
 * A binary heap over the items 0 ... numItems - 1 whose costs may change: the item of least cost first, the smaller item among equals.
 * What greedy elimination orders need to run in O(n log n) instead of scanning all variables at each step.
 */
export class IndexedHeap {
  readonly #costs: Float64Array;
  readonly #heap: Int32Array;
  /** Where an item stands in the heap, -1 once taken. */
  readonly #positions: Int32Array;
  #size: number;

  /** All items are in the heap at first. The array is shared: after changing an item's cost, call `update`. */
  constructor(costs: Float64Array) {
    this.#costs = costs;
    this.#size = costs.length;
    this.#heap = Int32Array.from(costs, (_, item) => item);
    this.#positions = this.#heap.slice();
    for (let position = (this.#size >> 1) - 1; position >= 0; position--) this.#sink(position);
  }

  get size(): number {
    return this.#size;
  }

  /** The least item; -1 when the heap is empty. */
  get least(): number {
    return this.#size === 0 ? -1 : this.#heap[0];
  }

  /** Takes the least item out; -1 when the heap is empty. */
  take(): number {
    if (this.#size === 0) return -1;
    const least = this.#heap[0];
    const last = this.#heap[--this.#size];
    this.#positions[least] = -1;
    if (this.#size > 0) {
      this.#place(last, 0);
      this.#sink(0);
    }
    return least;
  }

  /** Restores the order after an item's cost has changed. */
  update(item: number): void {
    const position = this.#positions[item];
    if (position < 0) return;
    this.#rise(position);
    this.#sink(this.#positions[item]);
  }

  #before(a: number, b: number): boolean {
    const difference = this.#costs[a] - this.#costs[b];
    return difference < 0 || (difference === 0 && a < b);
  }

  #place(item: number, position: number): void {
    this.#heap[position] = item;
    this.#positions[item] = position;
  }

  #rise(start: number): void {
    const item = this.#heap[start];
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#before(item, this.#heap[parent])) break;
      this.#place(this.#heap[parent], position);
      position = parent;
    }
    this.#place(item, position);
  }

  #sink(start: number): void {
    const item = this.#heap[start];
    let position = start;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(this.#heap[child + 1], this.#heap[child])) child++;
      if (!this.#before(this.#heap[child], item)) break;
      this.#place(this.#heap[child], position);
      position = child;
    }
    this.#place(item, position);
  }
}
