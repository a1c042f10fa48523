/**
 * Factor graphs as a belief propagation neural network reads them: any number of graphs packed into one, sorted so that
 * every step is dense algebra. Factors whose tables have the same shape stand together (a factor group; axes are sorted
 * by their number of states first), variables with the same number of states too (a variable group). A batch is one
 * graph with many components.
 *
 * Messages are kept by group, natural log, [numFactors, c_1 + ... + c_d]; an entry of them belongs to one state of one
 * variable.
 *
 * Tables are shifted to maximum 0, and the shifts come back in ln Z exactly (`logScales`); so a network's answer does
 * not depend on how factors are scaled. Entries below `logZero` are raised to it: -99 stands for impossible, as with
 * the authors.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";

/** What stands for ln 0 in tensors: exp(-99) is above the smallest float32, products of a few are not needed. */
export const LOG_ZERO = -99;
const MAX_FACTOR_VARIABLES = 5;

export interface FactorGroup {
  /** Number of states of each axis. */
  readonly cardinalities: readonly number[];
  readonly numFactors: number;
  /** Number of entries of a table. */
  readonly numStates: number;
  /** Sum of the cardinalities: numbers in a factor's messages. */
  readonly width: number;
  /** Float32Array[numFactors x numStates], natural log, maximum 0, last axis fastest. */
  readonly tables: Float32Array;
  /** Int32Array[numFactors]: the graph of each factor. */
  readonly graphs: Int32Array;
  /** Int32Array[numFactors]: its number in that graph. */
  readonly factors: Int32Array;
}

export interface VariableGroup {
  readonly cardinality: number;
  readonly numVariables: number;
  /** Int32Array[numVariables]: the graph of each variable, and its number there. */
  readonly graphs: Int32Array;
  readonly variables: Int32Array;
  /** Float32Array[numVariables]: in how many factors it is. */
  readonly degrees: Float32Array;
}

export interface PackedFactorGraphs {
  readonly numGraphs: number;
  readonly factorGroups: readonly FactorGroup[];
  readonly variableGroups: readonly VariableGroup[];
  /** Sum of the numbers of states of all variables. Group after group, variable after variable, they are numbered. */
  readonly numVariableStates: number;
  /** Int32Array[total messages]: the variable state of each message entry, group after group. */
  readonly entryStates: Int32Array;
  /**
   * Float64Array[numGraphs]: what was taken from the tables, natural log, constants included; -Infinity if a table is 0
   * throughout.
   */
  readonly logScales: Float64Array;
}

/** Factors of one shape. */
interface Members {
  readonly cardinalities: number[];
  readonly graphs: number[];
  readonly factors: number[];
}

/**
 * Packs graphs in order.
 * @throws RangeError naming a factor over more than five variables.
 */
export function packFactorGraphs(graphs: readonly FactorGraph[]): PackedFactorGraphs {
  const { variableGroups, firstStates, numVariableStates } = groupVariables(graphs);
  const { groups, logScales } = groupFactors(graphs);
  const numEntries = groups.reduce(
    (sum, { cardinalities, factors }) => sum + factors.length * cardinalities.reduce((a, b) => a + b),
    0,
  );
  const entryStates = new Int32Array(numEntries);
  let entry = 0;
  const factorGroups = groups.map((members) => {
    const group = packGroup(members, graphs, firstStates, entryStates.subarray(entry), logScales);
    entry += group.numFactors * group.width;
    return group;
  });
  return { numGraphs: graphs.length, factorGroups, variableGroups, numVariableStates, entryStates, logScales };
}

/** Factors by shape, in an order that does not depend on theirs; `logScales`: the sums of the graphs' constants. */
function groupFactors(graphs: readonly FactorGraph[]): { groups: Members[]; logScales: Float64Array } {
  const members = new Map<string, Members>();
  // Neighbouring factors mostly have one shape.
  let lastSizes: number[] = [];
  let group: Members | undefined;
  const logScales = new Float64Array(graphs.length);
  graphs.forEach((whole, graph) => {
    const { numFactors, scopes, scopeOffsets, cardinalities, tableOffsets, logPotentials } = whole;
    for (let factor = 0; factor < numFactors; factor++) {
      const first = scopeOffsets[factor];
      const arity = scopeOffsets[factor + 1] - first;
      if (arity === 0) {
        logScales[graph] += logPotentials[tableOffsets[factor]];
        continue;
      }
      if (arity > MAX_FACTOR_VARIABLES)
        throw new RangeError(
          `factor ${factor} joins ${arity} variables; a BPNN takes factors of at most ${MAX_FACTOR_VARIABLES}`,
        );
      if (arity !== lastSizes.length || !hasSizes(whole, first, lastSizes)) {
        lastSizes = Array.from(scopes.subarray(first, first + arity), (variable) => cardinalities[variable]);
        const sorted = [...lastSizes].sort((a, b) => a - b);
        const key = sorted.join(",");
        group = members.get(key);
        if (!group) members.set(key, (group = { cardinalities: sorted, graphs: [], factors: [] }));
      }
      group!.graphs.push(graph);
      group!.factors.push(factor);
    }
  });
  const groups = Array.from(members)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, each]) => each);
  return { groups, logScales };
}

/** One group's shifted tables; fills its part of `entryStates` and adds what it takes from tables to `logScales`. */
function packGroup(
  { cardinalities, graphs: owners, factors }: Members,
  graphs: readonly FactorGraph[],
  firstStates: readonly Int32Array[],
  entryStates: Int32Array,
  logScales: Float64Array,
): FactorGroup {
  const numStates = cardinalities.reduce((a, b) => a * b);
  const tables = new Float32Array(factors.length * numStates);
  const arity = cardinalities.length;
  for (let at = 0, entry = 0; at < factors.length; at++) {
    const graph = owners[at];
    const factor = factors[at];
    const whole = graphs[graph];
    const first = whole.scopeOffsets[factor];
    let axes: number[] | undefined;
    let table = whole.logPotentials;
    let start = whole.tableOffsets[factor];
    if (!hasSizes(whole, first, cardinalities)) {
      const sizes = cardinalities.map((_, axis) => whole.cardinalities[whole.scopes[first + axis]]);
      axes = sortedAxes(sizes);
      table = transpose(table.subarray(start, start + numStates), sizes, axes);
      start = 0;
    }
    logScales[graph] += shiftTable(table, start, tables, at * numStates, numStates);
    for (let position = 0; position < arity; position++) {
      const firstState = firstStates[graph][whole.scopes[first + (axes ? axes[position] : position)]];
      for (let state = 0; state < cardinalities[position]; state++) entryStates[entry++] = firstState + state;
    }
  }
  return {
    cardinalities,
    numFactors: factors.length,
    numStates,
    width: cardinalities.reduce((a, b) => a + b),
    tables,
    graphs: Int32Array.from(owners),
    factors: Int32Array.from(factors),
  };
}

/** Whether the variables of the scope that begins at `first` have these numbers of states. */
function hasSizes({ cardinalities, scopes }: FactorGraph, first: number, sizes: readonly number[]): boolean {
  for (let axis = 0; axis < sizes.length; axis++) if (cardinalities[scopes[first + axis]] !== sizes[axis]) return false;
  return true;
}

/** The axes of a table by rising cardinality, equals in their order: the one order in which tables are kept. */
function sortedAxes(sizes: readonly number[]): number[] {
  return sizes.map((_, axis) => axis).sort((a, b) => sizes[a] - sizes[b]);
}

/** A table whose axis k is axis axes[k] of `table`, whose sizes are `sizes`; last axis fastest in both. */
function transpose(table: Float64Array, sizes: readonly number[], axes: readonly number[]): Float64Array {
  if (axes.every((axis, position) => axis === position)) return table;
  const strides = new Array<number>(sizes.length).fill(1);
  for (let axis = sizes.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * sizes[axis + 1];
  return Float64Array.from(table, (_, state) => {
    let from = 0;
    for (let position = axes.length - 1, rest = state; position >= 0; position--) {
      const size = sizes[axes[position]];
      from += (rest % size) * strides[axes[position]];
      rest = Math.floor(rest / size);
    }
    return table[from];
  });
}

/** Copies a table with its maximum taken off, which is returned. */
function shiftTable(from: Float64Array, start: number, to: Float32Array, at: number, length: number): number {
  let largest = -Infinity;
  for (let state = 0; state < length; state++) if (from[start + state] > largest) largest = from[start + state];
  const shift = largest === -Infinity ? 0 : largest;
  for (let state = 0; state < length; state++) to[at + state] = Math.max(LOG_ZERO, from[start + state] - shift);
  return largest;
}

/** Variables by number of states; `firstStates[graph][variable]` numbers the states of all. */
function groupVariables(graphs: readonly FactorGraph[]) {
  const sizes = new Set<number>();
  for (const { cardinalities } of graphs) for (const cardinality of cardinalities) sizes.add(cardinality);
  const firstStates = graphs.map(({ numVariables }) => new Int32Array(numVariables));
  let numVariableStates = 0;
  const variableGroups = [...sizes]
    .sort((a, b) => a - b)
    .map((cardinality): VariableGroup => {
      const owners: number[] = [];
      const variables: number[] = [];
      const degrees: number[] = [];
      graphs.forEach(({ cardinalities, numVariables, variableEdgeOffsets }, graph) => {
        for (let variable = 0; variable < numVariables; variable++) {
          if (cardinalities[variable] !== cardinality) continue;
          owners.push(graph);
          variables.push(variable);
          degrees.push(variableEdgeOffsets[variable + 1] - variableEdgeOffsets[variable]);
          firstStates[graph][variable] = numVariableStates;
          numVariableStates += cardinality;
        }
      });
      return {
        cardinality,
        numVariables: owners.length,
        graphs: Int32Array.from(owners),
        variables: Int32Array.from(variables),
        degrees: Float32Array.from(degrees),
      };
    });
  return { variableGroups, firstStates, numVariableStates };
}
