/**
 * Sparse matrices in compressed rows (CSR), times dense ones: the graph convolution's product. The matrix is fixed in
 * its pattern; the product has gradients by the dense matrix and by the entries.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";

/** Rows [rows + 1] and columns [entries] of a pattern, ready for tfjs. */
interface Pattern {
  readonly rows: number;
  readonly columns: number;
  readonly start: Tf.Tensor1D;
  readonly column: Tf.Tensor1D;
}

export interface SparseMatrix extends Pattern {
  /** Entries [entries], in the order of the rows; may be a variable. */
  readonly values: Tf.Tensor1D;
  /** Row of each entry [entries]. */
  readonly row: Tf.Tensor1D;
  /** The transposed pattern, and where each of its entries is in `values`. */
  readonly transposed: Pattern & { readonly order: Tf.Tensor1D };
  dispose(): void;
}

/** CSR of entries sorted stably by row, and their order. */
function compress(rows: number, rowOf: ArrayLike<number>, columnOf: ArrayLike<number>) {
  const start = new Int32Array(rows + 1);
  for (let i = 0; i < rowOf.length; i++) start[rowOf[i] + 1]++;
  for (let row = 0; row < rows; row++) start[row + 1] += start[row];
  const next = start.slice(0, rows);
  const order = new Int32Array(rowOf.length);
  for (let i = 0; i < rowOf.length; i++) order[next[rowOf[i]]++] = i;
  return { start, order, row: order.map((i) => rowOf[i]), column: order.map((i) => columnOf[i]) };
}

/**
 * A sparse matrix [rows, columns] from entries in any order; entries at one place add up. Keep it, and dispose of it.
 * @throws RangeError if an entry lies outside the matrix or the lengths differ.
 */
export function sparseMatrix(
  rows: number,
  columns: number,
  entries: { row: ArrayLike<number>; column: ArrayLike<number>; value?: ArrayLike<number> },
): SparseMatrix {
  const { row, column, value } = entries;
  if (row.length !== column.length || (value && value.length !== row.length))
    throw new RangeError(
      `${row.length} rows, ${column.length} columns, ${value?.length ?? "no"} values: must be as many`,
    );
  for (let i = 0; i < row.length; i++)
    if (!(row[i] >= 0 && row[i] < rows && column[i] >= 0 && column[i] < columns))
      throw new RangeError(`entry ${i} at (${row[i]}, ${column[i]}) is outside the matrix [${rows}, ${columns}]`);
  const forward = compress(rows, row, column);
  const back = compress(columns, forward.column, forward.row);
  const ints = (values: Int32Array) => tf.keep(tf.tensor1d(values, "int32"));
  const sorted = Float32Array.from(forward.order, (i) => (value ? value[i] : 1));
  const tensors = {
    values: tf.keep(tf.tensor1d(sorted)),
    row: ints(forward.row),
    start: ints(forward.start),
    column: ints(forward.column),
  };
  const transposed = { start: ints(back.start), column: ints(back.column), order: ints(back.order) };
  return {
    rows,
    columns,
    ...tensors,
    transposed: { rows: columns, columns: rows, ...transposed },
    dispose: () => tf.dispose([...Object.values(tensors), ...Object.values(transposed)]),
  };
}

/**
 * `matrix` times `x` [columns, width]: [rows, width]. `values` (default the matrix's own) may replace the entries.
 * @throws RangeError if the shapes do not fit.
 */
export function sparseMatMul(matrix: SparseMatrix, x: Tf.Tensor2D, values: Tf.Tensor1D = matrix.values): Tf.Tensor2D {
  if (x.shape[0] !== matrix.columns || values.shape[0] !== matrix.column.shape[0])
    throw new RangeError(
      `a sparse [${matrix.rows}, ${matrix.columns}] with ${matrix.column.shape[0]} entries does not multiply ` +
        `[${x.shape.join(", ")}] with ${values.shape[0]} entries`,
    );
  return tf.customGrad((dense, entries, save) => {
    (save as Tf.GradSaveFunc)([dense as Tf.Tensor, entries as Tf.Tensor]);
    return {
      value: product(matrix, entries as Tf.Tensor1D, dense as Tf.Tensor2D, matrix.row),
      gradFunc: (dy: Tf.Tensor, saved: Tf.Tensor[]) => {
        const { transposed } = matrix;
        const [denseSaved, entriesSaved] = saved as [Tf.Tensor2D, Tf.Tensor1D];
        const reordered = tf.gather(entriesSaved, transposed.order);
        const dDense = product(transposed, reordered, dy as Tf.Tensor2D, tf.gather(matrix.column, transposed.order));
        const isFixed = values === matrix.values && !(values instanceof tf.Variable);
        const dEntries = isFixed ? tf.zerosLike(values) : entryGradient(matrix, denseSaved, dy as Tf.Tensor2D);
        return [dDense, dEntries];
      },
    };
  })(x, values);
}

function product(pattern: Pattern, values: Tf.Tensor1D, x: Tf.Tensor2D, row: Tf.Tensor1D): Tf.Tensor2D {
  const { start, column, rows, columns } = pattern;
  if (tf.getBackend() === BACKEND_NAME)
    return tf.engine().runKernel("MarginaliaSparseMatMul", { start, column, values, x }, { rows, columns });
  return tf.unsortedSegmentSum(tf.mul<Tf.Tensor2D>(tf.gather(x, column), tf.reshape(values, [-1, 1])), row, rows);
}

function entryGradient(
  { start, column, row, rows, columns }: SparseMatrix,
  x: Tf.Tensor2D,
  dy: Tf.Tensor2D,
): Tf.Tensor1D {
  if (tf.getBackend() === BACKEND_NAME)
    return tf.engine().runKernel("MarginaliaSparseEntryGradient", { start, column, x, dy }, { rows, columns });
  return tf.sum(tf.mul(tf.gather(x, column), tf.gather(dy, row)), 1);
}

function productKernel({ inputs: { start, column, values, x }, attrs, backend }: KernelCall): Tf.TensorInfo {
  const { rows, columns } = attrs as unknown as Pattern;
  const pattern = [backend.readInts(start), backend.readInts(column)];
  const read = [...pattern, backend.readFloats(values), backend.readFloats(x)];
  const { info, values: out } = backend.floats([rows, x.shape[1]]);
  backend.library.run("sparseMatmul", [rows, columns, x.shape[1]], ...read, out);
  return info;
}

function entryGradientKernel({ inputs: { start, column, x, dy }, attrs, backend }: KernelCall): Tf.TensorInfo {
  const { rows, columns } = attrs as unknown as Pattern;
  const pattern = [backend.readInts(start), backend.readInts(column)];
  const read = [...pattern, backend.readFloats(x), backend.readFloats(dy)];
  const { info, values } = backend.floats(column.shape);
  backend.library.run("sparseValueGradient", [rows, columns, x.shape[1]], ...read, values);
  return info;
}

export function registerSparse(): void {
  accelerate("MarginaliaSparseMatMul", productKernel);
  accelerate("MarginaliaSparseEntryGradient", entryGradientKernel);
}
