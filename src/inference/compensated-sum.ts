/**
 * A sum that carries what rounding has cut off (Neumaier 1974): the error stays near one unit in the last place,
 * however many terms there are. A million equal terms added plainly are off by as much as their number, since each is
 * rounded the same way.
 */
export class CompensatedSum {
  #sum = 0;
  #lost = 0;

  add(term: number): void {
    const sum = this.#sum + term;
    this.#lost += Math.abs(this.#sum) >= Math.abs(term) ? this.#sum - sum + term : term - sum + this.#sum;
    this.#sum = sum;
  }

  /** Infinite sums, which leave NaN behind, as they are. */
  get value(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum;
  }
}
