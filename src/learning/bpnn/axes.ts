/**
 * Permutations of a table's axes of equal size, as permutations of its states: what "invariant to local variable
 * indexing" averages over.
 */

/** Every order of 0, ..., count - 1. */
function orders(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, at) => orders(items.filter((_, other) => other !== at)).map((rest) => [item, ...rest]));
}

/**
 * For each permutation of axes that leaves the shape as it is, the state that each state comes from:
 * Int32Array[numStates], last axis fastest, the identity first. d! of them for d axes of one size.
 */
export function axisPermutations(cardinalities: readonly number[]): Int32Array[] {
  const axes = cardinalities.map((_, axis) => axis);
  const strides = axes.map((axis) => cardinalities.slice(axis + 1).reduce((product, size) => product * size, 1));
  const numStates = cardinalities.reduce((product, size) => product * size, 1);
  return orders(axes)
    .filter((order) => order.every((from, axis) => cardinalities[from] === cardinalities[axis]))
    .map((order) =>
      Int32Array.from({ length: numStates }, (_, state) =>
        order.reduce(
          (sum, from, axis) => sum + (Math.floor(state / strides[axis]) % cardinalities[axis]) * strides[from],
          0,
        ),
      ),
    );
}

/** Float32Array[numStates x numStates], row-major: x Q has entry x[permutation[s]] at s. */
export function permutationMatrix(permutation: Int32Array): Float32Array {
  const size = permutation.length;
  const matrix = new Float32Array(size * size);
  permutation.forEach((from, to) => (matrix[from * size + to] = 1));
  return matrix;
}

/** Float32Array[numStates x numStates]: the mean of all permutations' matrices. */
export function meanPermutation(cardinalities: readonly number[]): Float32Array {
  const permutations = axisPermutations(cardinalities);
  const mean = new Float32Array(permutations[0].length ** 2);
  for (const permutation of permutations)
    permutationMatrix(permutation).forEach((entry, at) => (mean[at] += entry / permutations.length));
  return mean;
}

/** "2,2": how groups of one shape are named. */
export function shapeName(cardinalities: readonly number[]): string {
  return cardinalities.join(",");
}
