/**
 * Products of int32 matrices and Einstein sums of int32 tensors, modulo 2^32 (integers.ts). tfjs-backend-cpu adds
 * products up in float64, which is exact to 2^53 only.
 */
import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";
import { accelerate, type KernelCall } from "./register.ts";

const { backend_util, broadcast_util, util } = tf;

function matMul({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const { a, b, bias } = inputs;
  if (a.dtype !== "int32" || b.dtype !== "int32" || a.shape.length < 2 || b.shape.length < 2) return undefined;
  if (bias || (attrs.activation ?? "linear") !== "linear")
    throw new RangeError("a fused matMul of int32 takes neither bias nor activation: add and apply them afterwards");
  const [rowsAt, innerAt] = attrs.transposeA === true ? [-1, -2] : [-2, -1];
  const [otherInnerAt, columnsAt] = attrs.transposeB === true ? [-1, -2] : [-2, -1];
  const [rows, inner, columns] = [a.shape.at(rowsAt)!, a.shape.at(innerAt)!, b.shape.at(columnsAt)!];
  util.assert(inner === b.shape.at(otherInnerAt), () => `matMul: inner sizes ${inner} and ${b.shape.at(otherInnerAt)} must match`); // prettier-ignore
  const outer = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (util.sizeFromShape(outer) === 0) return undefined; // refused, as of every type
  const [x, y] = [backend.readInts(a), backend.readInts(b)];
  const [aRow, aInner] = attrs.transposeA === true ? [1, rows] : [inner, 1];
  const [bInner, bColumn] = attrs.transposeB === true ? [1, inner] : [columns, 1];
  const { info, values } = backend.ints([...outer, rows, columns]);
  const numProducts = util.sizeFromShape(outer);
  for (let product = 0, at = 0; product < numProducts; product++) {
    const place = placeOf(product, outer);
    const [aStart, bStart] = [matrixAt(place, a.shape), matrixAt(place, b.shape)];
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < inner; k++)
          sum = (sum + Math.imul(x[aStart + row * aRow + k * aInner], y[bStart + k * bInner + column * bColumn])) | 0;
        values[at++] = sum;
      }
  }
  return info;
}

/** Index `at` of a shape, axis by axis. */
function placeOf(at: number, shape: readonly number[]): number[] {
  const place = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = at % shape[axis];
    at = Math.floor(at / shape[axis]);
  }
  return place;
}

/** Where the matrix for a place of the broadcast batch begins. */
function matrixAt(place: readonly number[], shape: readonly number[]): number {
  const batch = shape.slice(0, -2);
  const skipped = place.length - batch.length;
  const index = batch.reduce((sum, size, axis) => sum * size + (size === 1 ? 0 : place[skipped + axis]), 0);
  return index * shape.at(-1)! * shape.at(-2)!;
}

/** A sum over all letters of the equation: out[kept] += product of the operands' entries. */
function einsum({ inputs, attrs, backend }: KernelCall): TensorInfo | undefined {
  const tensors = Object.values(inputs);
  if (!tensors.every(({ dtype }) => dtype === "int32")) return undefined;
  const equation = attrs.equation as string;
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, tensors.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as Parameters<typeof backend_util.checkEinsumDimSizes>[2]); // prettier-ignore
  const sizes = allDims.map((_, letter) => {
    const operand = idDims.findIndex((dims) => dims.includes(letter));
    return tensors[operand].shape[idDims[operand].indexOf(letter)];
  });
  const kept = allDims.map((_, letter) => letter).filter((letter) => !summedDims.includes(letter));
  const arrays = tensors.map((tensor) => backend.readInts(tensor));
  const steps = tensors.map(({ shape }, operand) => {
    const own = new Array<number>(sizes.length).fill(0);
    idDims[operand].forEach((letter, axis) => (own[letter] += util.sizeFromShape(shape.slice(axis + 1))));
    return own;
  });
  const { info, values } = backend.ints(kept.map((letter) => sizes[letter]));
  values.fill(0);
  const outSteps = new Array<number>(sizes.length).fill(0);
  kept.forEach((letter, axis) => (outSteps[letter] = util.sizeFromShape(kept.slice(axis + 1).map((k) => sizes[k]))));
  const count = util.sizeFromShape(sizes);
  for (let term = 0; term < count; term++) {
    const place = placeOf(term, sizes);
    const at = (own: readonly number[]) => own.reduce((sum, step, letter) => sum + step * place[letter], 0);
    const product = arrays.reduce((all, array, operand) => Math.imul(all, array[at(steps[operand])]), 1);
    values[at(outSteps)] += product;
  }
  return info;
}

export function registerIntegerProducts(): void {
  accelerate("BatchMatMul", matMul);
  accelerate("_FusedMatMul", matMul);
  accelerate("Einsum", einsum);
}
