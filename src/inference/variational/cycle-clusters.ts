/**
 * Cycles as further blocks of the MAP dual (map-dual.ts): they make the relaxation tight where pairs disagree around a
 * loop.
 *
 * A cycle k of pairs e = 1 ... n takes parts -lambda_ke(x_e) of the tables theta_e and is maximised jointly over its
 * variables:
 *
 *   D = c + sum_i max b_i + sum_f max r_f + sum_k max over x of sum_e w_ke(x_e),     r_e = theta_e - ... - sum_k w_ke
 *
 * An update collects r_e of all its pairs, moves the joint maximum into c, and gives the rest back pair after pair
 * (cycle-program.ts).
 *
 * Which cycles: a pair of singled-out states (i, a), (j, b) has the weight
 *   s = max { r_ij(x) : (x_i = a) = (x_j = b) } - max { r_ij(x) : (x_i = a) != (x_j = b) },
 * positive if it wants the two indicators equal. A cycle with an odd number of negative weights is frustrated: adding
 * it lowers the bound by up to its smallest |s| (Sontag, Choe & Li 2012). Shortest ones are found breadth first in the
 * signed double cover, strongest weights first. For binary variables this separates all cycle inequalities, which
 * nearly always suffice for planar and toroidal grids.
 */
import { scopeOf } from "../../graph/factor-graph.ts";
import { CycleProgram } from "./cycle-program.ts";
import type { MapDual } from "./map-dual.ts";

interface Cycle {
  /** Its smallest variable: cycles are updated in the order of the variables, as everything else. */
  readonly smallest: number;
  readonly variables: Int32Array;
  /** Factors of the dual's core: the k-th joins variables k and k + 1. */
  readonly factors: Int32Array;
  /** 1 where the factor's first variable is the k-th, 0 where it is the next. */
  readonly isForward: Uint8Array;
  /** w_ke, as the factor's table. */
  readonly weights: Float64Array;
  readonly offsets: Int32Array;
}

/** A cycle that costs more operations a sweep is not added. */
const MAX_CYCLE_OPERATIONS = 2e5;
const UPDATES_BETWEEN_LOOKS_AT_THE_CLOCK = 16;
/** Of the largest weight: weaker frustration is not worth a cycle. */
const MIN_RELATIVE_FRUSTRATION = 1e-4;

export class CycleClusters {
  readonly #dual: MapDual;
  readonly #cycles: Cycle[] = [];
  readonly #keys = new Set<string>();
  readonly #program = new CycleProgram();

  constructor(dual: MapDual) {
    this.#dual = dual;
  }

  get length(): number {
    return this.#cycles.length;
  }

  /**
   * Updates every cycle, there and back, until the dual's deadline. The bound does not rise. @returns false when no
   * state is left.
   */
  sweep(): boolean {
    const cycles = this.#cycles;
    for (let at = 0; at < cycles.length; at++) {
      if (!this.#update(cycles[at])) return false;
      if (at % UPDATES_BETWEEN_LOOKS_AT_THE_CLOCK === 0 && this.#dual.isLate) return true;
    }
    for (let at = cycles.length - 1; at >= 0; at--) {
      if (!this.#update(cycles[at])) return false;
      if (at % UPDATES_BETWEEN_LOOKS_AT_THE_CLOCK === 0 && this.#dual.isLate) return true;
    }
    return true;
  }

  #update(cycle: Cycle): boolean {
    const { domainSizes } = this.#dual;
    const program = this.#program;
    program.resize(cycle.variables, domainSizes);
    this.#collect(cycle);
    const top = program.share();
    this.#dual.bound += top;
    if (top === -Infinity) return false;
    this.#distribute(cycle);
    return true;
  }

  /** joint = w + r over the states left. */
  #collect({ variables, factors, isForward, weights, offsets }: Cycle): void {
    const { domains, domainSizes, variableOffsets, core, messages, messageOffsets, tables } = this.#dual;
    const length = variables.length;
    const joint = this.#program.joint;
    for (let k = 0, at = 0; k < length; k++) {
      const left = variables[k];
      const right = variables[k + 1 === length ? 0 : k + 1];
      const factor = factors[k];
      const edge = core.scopeOffsets[factor];
      const leftMessages = messageOffsets[isForward[k] ? edge : edge + 1];
      const rightMessages = messageOffsets[isForward[k] ? edge + 1 : edge];
      const start = core.tableOffsets[factor];
      const leftStride = isForward[k] ? core.cardinalities[right] : 1;
      const rightStride = isForward[k] ? 1 : core.cardinalities[left];
      const leftEnd = variableOffsets[left] + domainSizes[left];
      const rightEnd = variableOffsets[right] + domainSizes[right];
      for (let i = variableOffsets[left]; i < leftEnd; i++) {
        const x = domains[i];
        for (let j = variableOffsets[right]; j < rightEnd; j++) {
          const y = domains[j];
          const entry = x * leftStride + y * rightStride;
          joint[at++] =
            tables[start + entry] -
            messages[leftMessages + x] -
            messages[rightMessages + y] +
            weights[offsets[k] + entry];
        }
      }
    }
  }

  /** The cycle keeps the joint, the pairs get what was given. */
  #distribute({ variables, factors, isForward, weights, offsets }: Cycle): void {
    const { domains, domainSizes, variableOffsets, core, messages, messageOffsets, tables } = this.#dual;
    const joint = this.#program.joint;
    const given = this.#program.given;
    const length = variables.length;
    for (let k = 0, at = 0; k < length; k++) {
      const left = variables[k];
      const right = variables[k + 1 === length ? 0 : k + 1];
      const factor = factors[k];
      const edge = core.scopeOffsets[factor];
      const leftMessages = messageOffsets[isForward[k] ? edge : edge + 1];
      const rightMessages = messageOffsets[isForward[k] ? edge + 1 : edge];
      const start = core.tableOffsets[factor];
      const leftStride = isForward[k] ? core.cardinalities[right] : 1;
      const rightStride = isForward[k] ? 1 : core.cardinalities[left];
      for (let i = variableOffsets[left]; i < variableOffsets[left] + domainSizes[left]; i++) {
        const x = domains[i];
        for (let j = variableOffsets[right]; j < variableOffsets[right] + domainSizes[right]; j++, at++) {
          const y = domains[j];
          const entry = x * leftStride + y * rightStride;
          if (given[at] === -Infinity) tables[start + entry] = -Infinity;
          else {
            weights[offsets[k] + entry] = joint[at];
            tables[start + entry] = given[at] + messages[leftMessages + x] + messages[rightMessages + y];
          }
        }
      }
    }
  }

  /**
   * Adds up to `count` frustrated cycles, the most frustrated first, until the dual's deadline.
   * @returns how many were added.
   */
  addFrustrated(count: number): number {
    if (count <= 0) return 0;
    const graph = this.#projection();
    const { numNodes, offsets, neighbours, weights, factors } = graph;
    let strongest = 0;
    for (const weight of weights) strongest = Math.max(strongest, Math.abs(weight));
    const previous = new Int32Array(2 * numNodes);
    const via = new Int32Array(2 * numNodes);
    const seenFrom = new Int32Array(2 * numNodes);
    const queue = new Int32Array(2 * numNodes);
    let added = 0;
    for (
      let threshold = strongest / 1.2;
      threshold > MIN_RELATIVE_FRUSTRATION * strongest && added < count && !this.#dual.isLate;
      threshold /= 1.5
    ) {
      seenFrom.fill(-1);
      for (let root = 0; root < numNodes && added < count && !this.#dual.isLate; root++) {
        // A node of the double cover is 2 node + parity of the negative weights on the way.
        queue[0] = 2 * root;
        seenFrom[2 * root] = root;
        for (let head = 0, end = 1; head < end && seenFrom[2 * root + 1] !== root; head++) {
          const node = queue[head];
          for (let at = offsets[node >> 1]; at < offsets[(node >> 1) + 1]; at++) {
            if (Math.abs(weights[at]) < threshold) continue;
            const next = (2 * neighbours[at]) | ((node & 1) ^ (weights[at] < 0 ? 1 : 0));
            if (seenFrom[next] === root) continue;
            seenFrom[next] = root;
            previous[next] = node;
            via[next] = factors[at];
            queue[end++] = next;
          }
        }
        if (seenFrom[2 * root + 1] !== root) continue;
        const variables: number[] = [];
        const path: number[] = [];
        for (let node = 2 * root + 1; node !== 2 * root; node = previous[node]) {
          variables.push(graph.variables[node >> 1]);
          path.push(via[node]);
        }
        if (this.#add(variables, path)) added++;
      }
    }
    this.#cycles.sort((a, b) => a.smallest - b.smallest);
    return added;
  }

  /** Nodes are singled-out states: one of a variable with two states left, all of one with more. */
  #projection() {
    const { core, domainSizes } = this.#dual;
    const { numVariables, numFactors, scopes, scopeOffsets } = core;
    const firstNodes = new Int32Array(numVariables + 1);
    for (let i = 0; i < numVariables; i++)
      firstNodes[i + 1] = firstNodes[i] + (domainSizes[i] > 2 ? domainSizes[i] : domainSizes[i] - 1);
    const numNodes = firstNodes[numVariables];
    const variables = new Int32Array(numNodes);
    for (let i = 0; i < numVariables; i++) variables.fill(i, firstNodes[i], firstNodes[i + 1]);
    const links: { source: number; target: number; weight: number; factor: number }[] = [];
    for (let factor = 0; factor < numFactors; factor++) {
      if (scopeOffsets[factor + 1] - scopeOffsets[factor] !== 2) continue;
      if (this.#dual.isLate) break; // fewer links, and nobody will follow them
      const [i, j] = [scopes[scopeOffsets[factor]], scopes[scopeOffsets[factor] + 1]];
      const residual = this.#residual(factor);
      const columns = domainSizes[j];
      for (let a = 0; a < firstNodes[i + 1] - firstNodes[i]; a++)
        for (let b = 0; b < firstNodes[j + 1] - firstNodes[j]; b++) {
          let equal = -Infinity;
          let different = -Infinity;
          for (let x = 0, at = 0; x < domainSizes[i]; x++)
            for (let y = 0; y < columns; y++, at++)
              if ((x === a) === (y === b)) equal = Math.max(equal, residual[at]);
              else different = Math.max(different, residual[at]);
          if (equal === different) continue;
          // A forbidden side counts as a very strong, not as an infinite one.
          const weight = Math.max(-1e6, Math.min(1e6, equal - different));
          links.push({ source: firstNodes[i] + a, target: firstNodes[j] + b, weight, factor });
        }
    }
    const offsets = new Int32Array(numNodes + 1);
    for (const { source, target } of links) {
      offsets[source + 1]++;
      offsets[target + 1]++;
    }
    for (let node = 0; node < numNodes; node++) offsets[node + 1] += offsets[node];
    const next = offsets.slice();
    const neighbours = new Int32Array(2 * links.length);
    const weights = new Float64Array(2 * links.length);
    const factors = new Int32Array(2 * links.length);
    for (const { source, target, weight, factor } of links)
      for (const [from, to] of [
        [source, target],
        [target, source],
      ]) {
        neighbours[next[from]] = to;
        weights[next[from]] = weight;
        factors[next[from]++] = factor;
      }
    return { numNodes, variables, offsets, neighbours, weights, factors };
  }

  /** r of a pair over the states left, in the order of `domains`. */
  #residual(factor: number): number[] {
    const { core, domains, domainSizes, variableOffsets, messages, messageOffsets, tables } = this.#dual;
    const edge = core.scopeOffsets[factor];
    const [i, j] = [core.scopes[edge], core.scopes[edge + 1]];
    const residual: number[] = [];
    for (let a = variableOffsets[i]; a < variableOffsets[i] + domainSizes[i]; a++)
      for (let b = variableOffsets[j]; b < variableOffsets[j] + domainSizes[j]; b++)
        residual.push(
          tables[core.tableOffsets[factor] + domains[a] * core.cardinalities[j] + domains[b]] -
            messages[messageOffsets[edge] + domains[a]] -
            messages[messageOffsets[edge + 1] + domains[b]],
        );
    return residual;
  }

  /** False for a closed walk that is no cycle, for one that is there already, or would cost too much. */
  #add(variables: readonly number[], factors: readonly number[]): boolean {
    const { core } = this.#dual;
    const length = variables.length;
    if (length < 3 || new Set(variables).size < length) return false;
    const key = [...factors].sort((a, b) => a - b).join();
    if (this.#keys.has(key)) return false;
    // The first variable is the one that the dynamic programming is repeated for.
    const cheapest = variables.reduce(
      (best, variable, k) => (core.cardinalities[variable] < core.cardinalities[variables[best]] ? k : best),
      0,
    );
    const rotated = (list: readonly number[]): Int32Array =>
      Int32Array.from([...list.slice(cheapest), ...list.slice(0, cheapest)]);
    const cycle = { variables: rotated(variables), factors: rotated(factors) };
    const offsets = new Int32Array(length + 1);
    for (let k = 0; k < length; k++)
      offsets[k + 1] =
        offsets[k] + core.cardinalities[cycle.variables[k]] * core.cardinalities[cycle.variables[(k + 1) % length]];
    if (offsets[length] * core.cardinalities[cycle.variables[0]] > MAX_CYCLE_OPERATIONS) return false;
    const isForward = Uint8Array.from(cycle.factors, (factor, k) =>
      core.scopes[core.scopeOffsets[factor]] === cycle.variables[k] ? 1 : 0,
    );
    this.#keys.add(key);
    const smallest = cycle.variables.reduce((a, b) => Math.min(a, b));
    this.#cycles.push({ smallest, ...cycle, isForward, offsets, weights: new Float64Array(offsets[length]) });
    this.#dual.tablesChange = true;
    return true;
  }

  /** The cycles' share in the score of a joint state: sum of their w, natural log. */
  score(states: ArrayLike<number>): number {
    const { core } = this.#dual;
    let total = 0;
    for (const { factors, weights, offsets } of this.#cycles)
      factors.forEach((factor, k) => {
        const [i, j] = scopeOf(core, factor);
        total += weights[offsets[k] + states[i] * core.cardinalities[j] + states[j]];
      });
    return total;
  }

  /** Float64Array: all weights, for `restore`. No cycle may be added in between. */
  snapshot(into?: Float64Array): Float64Array {
    const copy = into ?? new Float64Array(this.#cycles.reduce((sum, { weights }) => sum + weights.length, 0));
    let at = 0;
    for (const { weights } of this.#cycles) {
      copy.set(weights, at);
      at += weights.length;
    }
    return copy;
  }

  restore(snapshot: Float64Array): void {
    let at = 0;
    for (const { weights } of this.#cycles) {
      weights.set(snapshot.subarray(at, at + weights.length));
      at += weights.length;
    }
  }
}
