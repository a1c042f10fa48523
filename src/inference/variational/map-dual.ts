/**
 * The dual of the linear programming relaxation of MAP, and its block coordinate descent. For any messages lambda
 *
 *   ln p~(x) = c + sum_i b_i(x_i) + sum_f r_f(x_f),      b_i = theta_i + sum_{f in N(i)} lambda_fi,      r_f = theta_f
 *   - sum_{i in f} lambda_fi max_x ln p~(x) <= D(lambda) = c + sum_i max b_i + sum_f max r_f
 *
 * A visit of variable i minimises D over all messages to i at once: it collects m_fi(x_i) = max over x_f \ x_i of r_f
 * from its factors, so that r_f <= 0, moves max b_i into c, and hands shares of the rest back. With equal shares that
 * is max-sum diffusion (Werner 2007) or, seen from the factors, MPLP (Globerson & Jaakkola 2007). Here the shares go to
 * factors with variables still to come in this sweep, 1 / max(number of those, number with variables before) each:
 * sequential reweighted message passing (Kolmogorov 2015; on pairs TRW-S), which needs the fewest sweeps. D never
 * rises. As b_i <= 0 and r_f <= 0 always, c is the bound, and c + b_i(a) bounds every state with x_i = a.
 *
 * Branch and bound needs this on shrinking sets of states. They are sparse sets: the states left of variable i are the
 * first domainSizes[i] entries of its part of `domains`, so going back is to restore the counts. A state without
 * support (-Infinity) is taken out, which is generalised arc consistency; so messages are always finite.
 */
import { fromArrays, scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { Contraction, messageOffsetsOf } from "../messages/contraction.ts";
import { variableOffsetsOf } from "../messages/free-energy.ts";

/** What a search must restore when it goes back. */
export interface DualSnapshot {
  bound: number;
  readonly beliefs: Float64Array;
  readonly messages: Float64Array;
  readonly domainSizes: Int32Array;
  /** Only if clusters change tables. */
  tables?: Float64Array;
}

const VISITS_BETWEEN_LOOKS_AT_THE_CLOCK = 16;

export class MapDual {
  /** As of performance.now(): sweeps are broken off by then, which leaves the bound valid. */
  deadline = Infinity;
  /** c: an upper bound on the best score over the states left, natural log; -Infinity when there is none. */
  bound = 0;
  /** Float64Array[variableOffsets[numVariables]]: b_i <= 0, natural log; worthless for states taken out. */
  readonly beliefs: Float64Array;
  readonly variableOffsets: Int32Array;
  /** Int32Array like `beliefs`: each variable's states, those left first. */
  readonly domains: Int32Array;
  /** Int32Array[numVariables]: number of states left. */
  readonly domainSizes: Int32Array;
  /** Factors of two variables and more, one a pair; all others are in `beliefs` and `bound` from the start. */
  readonly core: FactorGraph;
  /** The core's logPotentials, largest entry of each factor 0 at first. Clusters (cycle-clusters.ts) change them. */
  readonly tables: Float64Array;
  tablesChange = false;
  /** Float64Array[messageOffsets[numEdges of the core]]: lambda. */
  readonly messages: Float64Array;
  readonly messageOffsets: Int32Array;
  /** Position of each state in `domains`, counted from its variable's start. */
  readonly #positions: Int32Array;
  readonly #contraction: Contraction;
  /** Share of b_i for each later (forward) or earlier (backward) factor. */
  readonly #shares: Float64Array;
  /** Uint8Array[numEdges of the core]: whether the variable is its factor's first, or last. */
  readonly #isFirst: Uint8Array;
  readonly #isLast: Uint8Array;
  readonly #incoming: Float64Array;
  readonly #outgoing: Float64Array;
  readonly #collected: Float64Array;

  constructor(graph: FactorGraph) {
    const { numVariables, cardinalities } = graph;
    this.variableOffsets = variableOffsetsOf(cardinalities);
    const numStates = this.variableOffsets[numVariables];
    this.beliefs = new Float64Array(numStates);
    this.domains = new Int32Array(numStates);
    for (let variable = 0; variable < numVariables; variable++)
      for (let state = 0; state < cardinalities[variable]; state++)
        this.domains[this.variableOffsets[variable] + state] = state;
    this.#positions = this.domains.slice();
    this.domainSizes = cardinalities.slice();
    this.core = this.#absorb(graph);
    const { scopes, scopeOffsets, numFactors, variableEdgeOffsets, variableEdges } = this.core;
    this.tables = this.core.logPotentials;
    this.messageOffsets = messageOffsetsOf(this.core);
    this.messages = new Float64Array(this.messageOffsets[scopes.length]);
    this.#contraction = new Contraction(this.core, this.messageOffsets);
    this.#isFirst = new Uint8Array(scopes.length);
    this.#isLast = new Uint8Array(scopes.length);
    let longest = 0;
    for (let factor = 0; factor < numFactors; factor++) {
      const start = scopeOffsets[factor];
      const end = scopeOffsets[factor + 1];
      let first = start;
      let last = start;
      for (let edge = start; edge < end; edge++) {
        if (scopes[edge] < scopes[first]) first = edge;
        if (scopes[edge] > scopes[last]) last = edge;
      }
      this.#isFirst[first] = this.#isLast[last] = 1;
      longest = Math.max(longest, this.messageOffsets[end] - this.messageOffsets[start]);
    }
    this.#shares = Float64Array.from({ length: numVariables }, (_, variable) => {
      let before = 0;
      let after = 0;
      for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
        before += 1 - this.#isFirst[variableEdges[at]];
        after += 1 - this.#isLast[variableEdges[at]];
      }
      return 1 / Math.max(before, after, 1);
    });
    this.#incoming = new Float64Array(longest);
    this.#outgoing = new Float64Array(longest);
    this.#collected = new Float64Array(cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));
    for (let variable = 0; variable < numVariables && this.bound > -Infinity; variable++) this.#normalise(variable);
  }

  /**
   * Takes in constants and factors of one variable; the graph of the others, scaled to maximum 0, factors of one pair
   * added up.
   */
  #absorb({ cardinalities, numFactors, ...graph }: FactorGraph): FactorGraph {
    const whole = { cardinalities, numFactors, ...graph };
    const pairs = new Map<number, number>();
    const large: { scope: Int32Array; table: Float64Array }[] = [];
    for (let factor = 0; factor < numFactors; factor++) {
      const scope = scopeOf(whole, factor);
      const table = tableOf(whole, factor);
      if (scope.length === 0) this.bound += table[0];
      else if (scope.length === 1)
        table.forEach((entry, state) => {
          if (entry === -Infinity) this.remove(scope[0], state);
          else this.beliefs[this.variableOffsets[scope[0]] + state] += entry;
        });
      else {
        const [i, j] = scope;
        const key = Math.min(i, j) * cardinalities.length + Math.max(i, j);
        const earlier = scope.length === 2 ? pairs.get(key) : undefined;
        if (earlier !== undefined) {
          const into = large[earlier];
          const rows = cardinalities[i];
          const columns = cardinalities[j];
          for (let row = 0; row < rows; row++)
            for (let column = 0; column < columns; column++)
              into.table[into.scope[0] === i ? row * columns + column : column * rows + row] +=
                table[row * columns + column];
        } else {
          if (scope.length === 2) pairs.set(key, large.length);
          large.push({ scope, table: table.slice() });
        }
      }
    }
    const scopeOffsets = new Int32Array(large.length + 1);
    const tableOffsets = new Float64Array(large.length + 1);
    large.forEach(({ scope, table }, factor) => {
      scopeOffsets[factor + 1] = scopeOffsets[factor] + scope.length;
      tableOffsets[factor + 1] = tableOffsets[factor] + table.length;
    });
    const scopes = new Int32Array(scopeOffsets[large.length]);
    const tables = new Float64Array(tableOffsets[large.length]);
    large.forEach(({ scope, table }, factor) => {
      scopes.set(scope, scopeOffsets[factor]);
      let largest = -Infinity;
      for (const entry of table) if (entry > largest) largest = entry;
      this.bound += largest;
      const shift = largest === -Infinity ? 0 : largest;
      table.forEach((entry, index) => (tables[tableOffsets[factor] + index] = entry - shift));
    });
    return fromArrays(cardinalities, scopeOffsets, scopes, tableOffsets, tables);
  }

  /** Takes a state out. */
  remove(variable: number, state: number): void {
    const offset = this.variableOffsets[variable];
    const position = this.#positions[offset + state];
    if (position < this.domainSizes[variable]) this.#swap(offset, position, --this.domainSizes[variable]);
  }

  /** Takes all other states out. `state` must be one of those left. */
  assign(variable: number, state: number): void {
    const offset = this.variableOffsets[variable];
    this.#swap(offset, this.#positions[offset + state], 0);
    this.domainSizes[variable] = 1;
  }

  #swap(offset: number, position: number, other: number): void {
    const { domains } = this;
    const state = domains[offset + position];
    const otherState = domains[offset + other];
    domains[offset + position] = otherState;
    domains[offset + other] = state;
    this.#positions[offset + otherState] = position;
    this.#positions[offset + state] = other;
  }

  /**
   * One sweep there and one back. The bound does not rise.
   * @param target states that cannot do better than this score are taken out.
   * @returns false when none is left that could.
   */
  sweep(target = -Infinity): boolean {
    const { numVariables } = this.core;
    if (this.bound <= target || this.bound === -Infinity) return false;
    for (let variable = 0; variable < numVariables; variable++) {
      if (!this.#visit(variable, this.#isFirst, this.#isLast, target)) return false;
      if (variable % VISITS_BETWEEN_LOOKS_AT_THE_CLOCK === 0 && this.isLate) return true;
    }
    for (let variable = numVariables - 1; variable >= 0; variable--) {
      if (!this.#visit(variable, this.#isLast, this.#isFirst, target)) return false;
      if (variable % VISITS_BETWEEN_LOOKS_AT_THE_CLOCK === 0 && this.isLate) return true;
    }
    return true;
  }

  get isLate(): boolean {
    return this.deadline !== Infinity && performance.now() > this.deadline;
  }

  /**
   * @param unchanged edges whose factors did not change since the visit before.
   * @param done edges whose factors have no variable to come.
   */
  #visit(variable: number, unchanged: Uint8Array, done: Uint8Array, target: number): boolean {
    const { beliefs, domains, domainSizes, messages, messageOffsets } = this;
    const { variableEdges, variableEdgeOffsets } = this.core;
    const collected = this.#collected;
    const offset = this.variableOffsets[variable];
    const firstEdge = variableEdgeOffsets[variable];
    const endEdge = variableEdgeOffsets[variable + 1];
    for (let at = firstEdge; at < endEdge; at++) {
      const edge = variableEdges[at];
      if (unchanged[edge] && domainSizes[variable] > 1) continue;
      this.#collect(edge);
      const messageOffset = messageOffsets[edge];
      for (let position = domainSizes[variable] - 1; position >= 0; position--) {
        const state = domains[offset + position];
        if (collected[state] === -Infinity) this.remove(variable, state);
        else {
          beliefs[offset + state] += collected[state] - messages[messageOffset + state];
          messages[messageOffset + state] = collected[state];
        }
      }
    }
    if (!this.#normalise(variable) || this.bound <= target) return false;
    const slack = target - this.bound;
    for (let position = domainSizes[variable] - 1; position >= 0; position--)
      if (beliefs[offset + domains[offset + position]] <= slack) this.remove(variable, domains[offset + position]);
    const size = domainSizes[variable];
    if (size === 1) return true;
    const share = this.#shares[variable];
    let kept = 1;
    for (let at = firstEdge; at < endEdge; at++) {
      if (done[variableEdges[at]]) continue;
      const messageOffset = messageOffsets[variableEdges[at]];
      for (let position = 0; position < size; position++) {
        const state = domains[offset + position];
        messages[messageOffset + state] -= share * beliefs[offset + state];
      }
      kept -= share;
    }
    if (kept < 1e-12) kept = 0; // rounding of 1 - n (1 / n)
    for (let position = 0; position < size; position++) beliefs[offset + domains[offset + position]] *= kept;
    return true;
  }

  /** Moves the largest entry of b_i into the bound; false when i has no state left. */
  #normalise(variable: number): boolean {
    const { beliefs, domains } = this;
    const offset = this.variableOffsets[variable];
    const end = offset + this.domainSizes[variable];
    let largest = -Infinity;
    for (let at = offset; at < end; at++) largest = Math.max(largest, beliefs[offset + domains[at]]);
    this.bound += largest;
    if (largest === -Infinity) return false;
    for (let at = offset; at < end; at++) beliefs[offset + domains[at]] -= largest;
    return true;
  }

  /**
   * #collected[state] = max over the others' states left of theta_f - their messages: what lambda would be if r_f were
   * collected.
   */
  #collect(edge: number): void {
    const { domains, domainSizes, variableOffsets, messages, messageOffsets, tables } = this;
    const { scopes, scopeOffsets, edgeFactors, tableOffsets, cardinalities } = this.core;
    const collected = this.#collected;
    const factor = edgeFactors[edge];
    const first = scopeOffsets[factor];
    const variable = scopes[edge];
    const offset = variableOffsets[variable];
    const end = offset + domainSizes[variable];
    if (scopeOffsets[factor + 1] - first === 2) {
      const otherEdge = 2 * first + 1 - edge;
      const other = scopes[otherEdge];
      const otherOffset = variableOffsets[other];
      const otherEnd = otherOffset + domainSizes[other];
      const otherMessages = messageOffsets[otherEdge];
      const start = tableOffsets[factor];
      const stride = edge === first ? cardinalities[other] : 1;
      const otherStride = edge === first ? 1 : cardinalities[variable];
      for (let at = offset; at < end; at++) {
        const row = start + domains[at] * stride;
        let largest = -Infinity;
        for (let otherAt = otherOffset; otherAt < otherEnd; otherAt++) {
          const term = tables[row + domains[otherAt] * otherStride] - messages[otherMessages + domains[otherAt]];
          if (term > largest) largest = term;
        }
        collected[domains[at]] = largest;
      }
      return;
    }
    const incoming = this.#incoming;
    const shift = messageOffsets[first];
    for (let each = first; each < scopeOffsets[factor + 1]; each++) {
      const own = scopes[each];
      const into = messageOffsets[each] - shift;
      incoming.fill(-Infinity, into, into + cardinalities[own]);
      for (let at = variableOffsets[own]; at < variableOffsets[own] + domainSizes[own]; at++)
        incoming[into + domains[at]] = -messages[shift + into + domains[at]];
    }
    this.#contraction.max(tables, factor, incoming, this.#outgoing);
    const from = messageOffsets[edge] - shift;
    for (let at = offset; at < end; at++) collected[domains[at]] = this.#outgoing[from + domains[at]];
  }

  /**
   * into[a] for each state a that is left: b_i(a) if all factors were collected, so that bound + into[a] bounds every
   * state with x_i = a.
   */
  slacks(variable: number, into: Float64Array): void {
    const { beliefs, domains, domainSizes, messages, messageOffsets } = this;
    const { variableEdges, variableEdgeOffsets } = this.core;
    const offset = this.variableOffsets[variable];
    const end = offset + domainSizes[variable];
    for (let at = offset; at < end; at++) into[domains[at]] = beliefs[offset + domains[at]];
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++) {
      const edge = variableEdges[at];
      this.#collect(edge);
      for (let position = offset; position < end; position++) {
        const state = domains[position];
        into[state] += this.#collected[state] - messages[messageOffsets[edge] + state];
      }
    }
  }

  /** A joint state of the states left: variable after variable takes what the bound prefers given those before it. */
  decode(): Int32Array {
    const { domains, domainSizes, variableOffsets } = this;
    const { numVariables } = this.core;
    const states = new Int32Array(numVariables);
    const slacks = new Float64Array(this.#collected.length);
    const sizes = domainSizes.slice();
    for (let variable = 0; variable < numVariables; variable++) {
      const offset = variableOffsets[variable];
      this.slacks(variable, slacks);
      let best = domains[offset];
      for (let at = offset + 1; at < offset + domainSizes[variable]; at++)
        if (slacks[domains[at]] > slacks[best]) best = domains[at];
      states[variable] = best;
      this.assign(variable, best);
    }
    domainSizes.set(sizes);
    return states;
  }

  /** Copies what `restore` needs, into an earlier snapshot if there is one to overwrite. */
  snapshot(into?: DualSnapshot): DualSnapshot {
    const { beliefs, messages, domainSizes, tables } = this;
    const copy = into ?? {
      bound: 0,
      beliefs: new Float64Array(beliefs.length),
      messages: new Float64Array(messages.length),
      domainSizes: new Int32Array(domainSizes.length),
    };
    copy.bound = this.bound;
    copy.beliefs.set(beliefs);
    copy.messages.set(messages);
    copy.domainSizes.set(domainSizes);
    if (this.tablesChange) (copy.tables ??= new Float64Array(tables.length)).set(tables);
    return copy;
  }

  restore({ bound, beliefs, messages, domainSizes, tables }: DualSnapshot): void {
    this.bound = bound;
    this.beliefs.set(beliefs);
    this.messages.set(messages);
    this.domainSizes.set(domainSizes);
    if (tables) this.tables.set(tables);
  }
}
