/** An Int32Array that grows as a file is read, by doubling. */
export class GrowableInt32 {
  #values = new Int32Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Int32Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** A copy of just the values. */
  toArray(): Int32Array {
    return this.#values.slice(0, this.#length);
  }
}
