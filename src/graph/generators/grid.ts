/**
 * Rectangular grids, open or periodic (a torus), written straight into flat arrays: a million nodes take milliseconds.
 */
import type { Topology } from "../topology.ts";

/**
 * An open grid: node (row, column) is row * numColumns + column, joined to its neighbours to the right and below.
 * numRows (numColumns - 1) + (numRows - 1) numColumns edges.
 */
export function openGrid(numRows: number, numColumns: number): Topology {
  return grid(numRows, numColumns, false);
}

/**
 * A grid whose last row is joined to the first, and last column to the first; a side of 2 or less wraps onto itself and
 * adds nothing.
 */
export function periodicGrid(numRows: number, numColumns: number): Topology {
  return grid(numRows, numColumns, true);
}

function grid(numRows: number, numColumns: number, isPeriodic: boolean): Topology {
  for (const side of [numRows, numColumns])
    if (!Number.isInteger(side) || side < 0) throw new RangeError(`a grid's sides must be integers >= 0, got ${side}`);
  const numNodes = numRows * numColumns;
  if (numNodes > 2 ** 29) throw new RangeError(`a grid of ${numNodes} nodes is too large, expected at most 2^29`);
  const wrapsRow = isPeriodic && numColumns > 2;
  const wrapsColumn = isPeriodic && numRows > 2;
  const edges = new Int32Array(4 * numNodes);
  let length = 0;
  for (let row = 0, node = 0; row < numRows; row++)
    for (let column = 0; column < numColumns; column++, node++) {
      // Targets of one source in increasing order: right, around the row, below, around the column.
      if (column + 1 < numColumns) length = put(edges, length, node, node + 1);
      if (wrapsRow && column === 0) length = put(edges, length, node, node + numColumns - 1);
      if (row + 1 < numRows) length = put(edges, length, node, node + numColumns);
      if (wrapsColumn && row === 0) length = put(edges, length, node, node + (numRows - 1) * numColumns);
    }
  return { numNodes, edges: edges.slice(0, length) };
}

function put(edges: Int32Array, at: number, source: number, target: number): number {
  edges[at] = source;
  edges[at + 1] = target;
  return at + 2;
}
