/**
 * Which of the items 0 ... numItems - 1 costs least while costs change: a winner tree (Knuth, TAOCP 5.4.1), the smaller
 * item among equals, so that a run repeats itself. Greedy elimination orders take the cheapest variable out of it,
 * residual schedules look at the unit of least -residual. A new cost is compared along one path, and only as far as it
 * matters: about half the work of a binary heap's.
 */
export class Tournament {
  /** Float64Array[numItems]: change it through `set` alone. */
  readonly costs: Float64Array;
  /**
   * Int32Array[2 numItems]: leaves from numItems on, node p is the better of 2 p and 2 p + 1, node 1 the best of all.
   */
  readonly #winners: Int32Array;

  /** Takes the array over. */
  constructor(costs: Float64Array) {
    const numItems = costs.length;
    this.costs = costs;
    this.#winners = new Int32Array(2 * numItems);
    for (let item = 0; item < numItems; item++) this.#winners[numItems + item] = item;
    for (let node = numItems - 1; node > 0; node--) this.#winners[node] = this.#better(node);
  }

  /** The least item; there must be one. */
  get least(): number {
    return this.#winners[1];
  }

  /** Takes the least item out, that is, gives it an infinite cost. */
  take(): number {
    const item = this.#winners[1];
    this.set(item, Infinity);
    return item;
  }

  /** Gives an item another cost. */
  set(item: number, cost: number): void {
    const winners = this.#winners;
    const costs = this.costs;
    costs[item] = cost;
    let winner = item;
    let least = cost;
    for (let node = costs.length + item; node > 1; node >>= 1) {
      const rival = winners[node ^ 1];
      const cheapest = costs[rival];
      if (cheapest < least || (cheapest === least && rival < winner)) {
        winner = rival;
        least = cheapest;
      }
      const parent = node >> 1;
      // Further up nothing changes when another item won here, and wins again.
      if (winner !== item && winners[parent] === winner) return;
      winners[parent] = winner;
    }
  }

  #better(node: number): number {
    const first = this.#winners[2 * node];
    const second = this.#winners[2 * node + 1];
    const difference = this.costs[first] - this.costs[second];
    return difference < 0 || (difference === 0 && first < second) ? first : second;
  }
}
