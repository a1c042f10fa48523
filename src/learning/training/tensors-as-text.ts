/**
 * Tensors in JSON: name, shape, type and the little-endian bytes of their values in base64, so that every bit comes
 * back.
 */
import type * as Tf from "@tensorflow/tfjs";
import { z } from "zod";
import { tf } from "../../tensor/tf.ts";

export const savedTensorSchema = z.strictObject({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.enum(["float32", "int32"]),
  values: z.base64(),
});
export type SavedTensor = z.infer<typeof savedTensorSchema>;

export function saveTensor(name: string, tensor: Tf.Tensor): SavedTensor {
  if (tensor.dtype !== "float32" && tensor.dtype !== "int32")
    throw new TypeError(`only float32 and int32 tensors are saved, ${name} is ${tensor.dtype}`);
  const values = tensor.dataSync();
  const bytes = Buffer.alloc(4 * values.length);
  for (let i = 0; i < values.length; i++)
    if (tensor.dtype === "float32") bytes.writeFloatLE(values[i], 4 * i);
    else bytes.writeInt32LE(values[i], 4 * i);
  return { name, shape: [...tensor.shape], dtype: tensor.dtype, values: bytes.toString("base64") };
}

/** @throws RangeError when bytes and shape do not fit. */
export function restoreTensor({ name, shape, dtype, values }: SavedTensor): Tf.Tensor {
  const bytes = Buffer.from(values, "base64");
  const count = tf.util.sizeFromShape(shape);
  if (bytes.length !== 4 * count)
    throw new RangeError(`${name} [${shape.join(", ")}] needs ${4 * count} bytes, got ${bytes.length}`);
  const read = (i: number) => (dtype === "float32" ? bytes.readFloatLE(4 * i) : bytes.readInt32LE(4 * i));
  const restored = dtype === "float32" ? new Float32Array(count) : new Int32Array(count);
  for (let i = 0; i < count; i++) restored[i] = read(i);
  return tf.tensor(restored, shape, dtype);
}

/** Every parameter, in order. */
export function saveParameters(parameters: ReadonlyMap<string, Tf.Tensor>): SavedTensor[] {
  return Array.from(parameters, ([name, tensor]) => saveTensor(name, tensor));
}

/** Assigns saved values. @throws RangeError when names or shapes are not those of `parameters`. */
export function loadParameters(parameters: ReadonlyMap<string, Tf.Variable>, saved: readonly SavedTensor[]): void {
  const expected = Array.from(parameters, ([name, { shape }]) => `${name} [${shape.join(", ")}]`).join("; ");
  const got = saved.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join("; ");
  if (expected !== got) throw new RangeError(`the saved parameters are ${got}; expected ${expected}`);
  for (const record of saved) {
    const tensor = restoreTensor(record);
    parameters.get(record.name)!.assign(tensor);
    tensor.dispose();
  }
}
