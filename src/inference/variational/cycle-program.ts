/**
 * One cycle's part in the MAP dual (cycle-clusters.ts): dynamic programming around it, given the state of its first
 * variable.
 *
 *   F_k^s(x) = max over x_1 ... x_{k-1} of w_0(s, x_1) + ... + w_{k-1}(x_{k-1}, x),      B_k^s likewise from k on, back
 *   to s m_k(x, y) = max_s F_k^s(x) + w_k(x, y) + B_{k+1}^s(y)
 *
 * `share` takes 1 / (n - k) of m_k from the k-th of n pairs, k = 0 ... n - 1, each time from what is left; then, on the
 * way back, all that is left. The joint maximum is 0 afterwards for every state of every pair. Without the second pass,
 * which the plain MPLP update (Sontag et al. 2008) lacks, much of the cycle's freedom stays unused and the dual stalls
 * far above its minimum.
 */

export class CycleProgram {
  /**
   * Float64Array: w_k(x, y), natural log, pair after pair, y fastest: given by the caller, and what the cycle keeps.
   */
  joint = new Float64Array(64);
  /** Float64Array like `joint`: what the pairs get; -Infinity where no state of the cycle has the pair. */
  given = new Float64Array(64);
  #length = 0;
  #isBinary = false;
  /** Number of states of each variable, the first one again at the end. */
  #sizes = new Int32Array(16);
  /** Where each pair begins in `joint`, and each variable in F and B, which list s, then x. */
  #starts = new Int32Array(16);
  #nodeStarts = new Int32Array(16);
  #forward = new Float64Array(64);
  #backward = new Float64Array(64);

  /** Sets the cycle's variables and makes room. */
  resize(variables: Int32Array, sizes: Int32Array): void {
    const length = variables.length;
    if (this.#sizes.length < length + 2) {
      this.#sizes = new Int32Array(2 * length + 2);
      this.#starts = new Int32Array(2 * length + 2);
      this.#nodeStarts = new Int32Array(2 * length + 2);
    }
    this.#length = length;
    this.#isBinary = true;
    const first = sizes[variables[0]];
    for (let k = 0; k <= length; k++) {
      const size = k === length ? first : sizes[variables[k]];
      this.#sizes[k] = size;
      if (size !== 2) this.#isBinary = false;
      this.#nodeStarts[k + 1] = this.#nodeStarts[k] + first * size;
      if (k > 0) this.#starts[k] = this.#starts[k - 1] + this.#sizes[k - 1] * size;
    }
    if (this.joint.length < this.#starts[length]) {
      this.joint = new Float64Array(2 * this.#starts[length]);
      this.given = new Float64Array(2 * this.#starts[length]);
    }
    if (this.#forward.length < this.#nodeStarts[length + 1]) {
      this.#forward = new Float64Array(2 * this.#nodeStarts[length + 1]);
      this.#backward = new Float64Array(2 * this.#nodeStarts[length + 1]);
    }
  }

  /**
   * Shares `joint` out. @returns its maximum, natural log, which nobody gets; -Infinity when no state is left, nothing
   * is shared then.
   */
  share(): number {
    const length = this.#length;
    const first = this.#sizes[0];
    const { joint, given } = this;
    const forward = this.#forward;
    const backward = this.#backward;
    const end = this.#nodeStarts[length];
    for (let s = 0; s < first; s++)
      for (let x = 0; x < first; x++) forward[s * first + x] = backward[end + s * first + x] = s === x ? 0 : -Infinity;
    for (let k = length - 1; k >= 0; k--) this.#stepBackward(k);
    let top = -Infinity;
    for (let s = 0; s < first; s++) top = Math.max(top, backward[s * first + s]);
    if (top === -Infinity) return top;
    for (let at = 0; at < this.#starts[1]; at++) joint[at] -= top;
    given.fill(0, 0, this.#starts[length]);
    for (let k = 0; k < length; k++) {
      this.#give(k, 1 / (length - k));
      this.#stepForward(k);
    }
    for (let k = length - 1; k >= 0; k--) {
      this.#give(k, 1);
      this.#stepBackward(k);
    }
    return top;
  }

  /** Moves `share` of m_k from joint to given. */
  #give(k: number, share: number): void {
    const forward = this.#forward;
    const backward = this.#backward;
    const from = this.#nodeStarts[k];
    const to = this.#nodeStarts[k + 1];
    if (this.#isBinary) {
      const at = this.#starts[k];
      const f00 = forward[from];
      const f01 = forward[from + 1];
      const f10 = forward[from + 2];
      const f11 = forward[from + 3];
      const b00 = backward[to];
      const b01 = backward[to + 1];
      const b10 = backward[to + 2];
      const b11 = backward[to + 3];
      this.#move(at, Math.max(f00 + b00, f10 + b10), share);
      this.#move(at + 1, Math.max(f00 + b01, f10 + b11), share);
      this.#move(at + 2, Math.max(f01 + b00, f11 + b10), share);
      this.#move(at + 3, Math.max(f01 + b01, f11 + b11), share);
      return;
    }
    const first = this.#sizes[0];
    const width = this.#sizes[k];
    const next = this.#sizes[k + 1];
    for (let x = 0, at = this.#starts[k]; x < width; x++)
      for (let y = 0; y < next; y++, at++) {
        let rest = -Infinity;
        for (let s = 0; s < first; s++) {
          const path = forward[from + s * width + x] + backward[to + s * next + y];
          if (path > rest) rest = path;
        }
        this.#move(at, rest, share);
      }
  }

  #move(at: number, rest: number, share: number): void {
    const largest = this.joint[at] + rest;
    if (largest === -Infinity) this.joint[at] = this.given[at] = -Infinity;
    else {
      this.given[at] += share * largest;
      this.joint[at] -= share * largest;
    }
  }

  #stepForward(k: number): void {
    const { joint } = this;
    const forward = this.#forward;
    const start = this.#starts[k];
    const from = this.#nodeStarts[k];
    const to = this.#nodeStarts[k + 1];
    if (this.#isBinary) {
      const w00 = joint[start];
      const w01 = joint[start + 1];
      const w10 = joint[start + 2];
      const w11 = joint[start + 3];
      forward[to] = Math.max(forward[from] + w00, forward[from + 1] + w10);
      forward[to + 1] = Math.max(forward[from] + w01, forward[from + 1] + w11);
      forward[to + 2] = Math.max(forward[from + 2] + w00, forward[from + 3] + w10);
      forward[to + 3] = Math.max(forward[from + 2] + w01, forward[from + 3] + w11);
      return;
    }
    const first = this.#sizes[0];
    const width = this.#sizes[k];
    const next = this.#sizes[k + 1];
    for (let s = 0; s < first; s++)
      for (let y = 0; y < next; y++) {
        let largest = -Infinity;
        for (let x = 0; x < width; x++) {
          const path = forward[from + s * width + x] + joint[start + x * next + y];
          if (path > largest) largest = path;
        }
        forward[to + s * next + y] = largest;
      }
  }

  #stepBackward(k: number): void {
    const { joint } = this;
    const backward = this.#backward;
    const start = this.#starts[k];
    const to = this.#nodeStarts[k];
    const from = this.#nodeStarts[k + 1];
    if (this.#isBinary) {
      const w00 = joint[start];
      const w01 = joint[start + 1];
      const w10 = joint[start + 2];
      const w11 = joint[start + 3];
      backward[to] = Math.max(w00 + backward[from], w01 + backward[from + 1]);
      backward[to + 1] = Math.max(w10 + backward[from], w11 + backward[from + 1]);
      backward[to + 2] = Math.max(w00 + backward[from + 2], w01 + backward[from + 3]);
      backward[to + 3] = Math.max(w10 + backward[from + 2], w11 + backward[from + 3]);
      return;
    }
    const first = this.#sizes[0];
    const width = this.#sizes[k];
    const next = this.#sizes[k + 1];
    for (let s = 0; s < first; s++)
      for (let x = 0; x < width; x++) {
        let largest = -Infinity;
        for (let y = 0; y < next; y++) {
          const path = joint[start + x * next + y] + backward[from + s * next + y];
          if (path > largest) largest = path;
        }
        backward[to + s * width + x] = largest;
      }
  }
}
