/** A network's parameters by name, in the order in which they are saved, and its constants. */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../graph/random.ts";
import type { DenseLayer } from "../tensor/index.ts";
import { tf } from "../tensor/tf.ts";

export class ParameterStore {
  readonly parameters = new Map<string, Tf.Variable>();
  readonly #fixed: Tf.Tensor[] = [];

  /** A constant that lives as long as the network; not trained, not saved. */
  fixed<Rank extends Tf.Rank>(shape: Tf.ShapeMap[Rank], values: Float32Array): Tf.Tensor<Rank> {
    const tensor = tf.tidy(() => tf.keep(tf.tensor<Rank>(values, shape)));
    this.#fixed.push(tensor);
    return tensor;
  }

  /** The same of int32 indices. */
  fixedIndices<Rank extends Tf.Rank>(shape: Tf.ShapeMap[Rank], values: readonly number[]): Tf.Tensor<Rank> {
    const tensor = tf.tidy(() => tf.keep(tf.tensor<Rank>([...values], shape, "int32")));
    this.#fixed.push(tensor);
    return tensor;
  }

  /** A parameter with the given values, row-major. @throws RangeError when the name is taken. */
  add<Rank extends Tf.Rank>(name: string, shape: Tf.ShapeMap[Rank], values: Float32Array): Tf.Tensor<Rank> {
    if (this.parameters.has(name)) throw new RangeError(`there is a parameter ${name} already`);
    const variable = tf.tidy(() => tf.variable(tf.tensor<Rank>(values, shape)));
    this.parameters.set(name, variable);
    return variable;
  }

  constant<Rank extends Tf.Rank = Tf.Rank.R1>(name: string, shape: Tf.ShapeMap[Rank], value: number): Tf.Tensor<Rank> {
    return this.add<Rank>(name, shape, new Float32Array(tf.util.sizeFromShape(shape)).fill(value));
  }

  identity(name: string, size: number): Tf.Tensor2D {
    const values = new Float32Array(size * size);
    for (let at = 0; at < size; at++) values[at * (size + 1)] = 1;
    return this.add<Tf.Rank.R2>(name, [size, size], values);
  }

  /** Uniform in [-limit, limit), from a stream of `random` that the name names. */
  uniform<Rank extends Tf.Rank>(
    name: string,
    shape: Tf.ShapeMap[Rank],
    limit: number,
    random: Random,
  ): Tf.Tensor<Rank> {
    const stream = random.split(name);
    const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => stream.uniform(-limit, limit));
    return this.add<Rank>(name, shape, values);
  }

  /**
   * Layers of an MLP through the given widths, each uniform in +-1/sqrt(inputs): `<name>/<layer>/kernel` and `bias`.
   */
  dense(name: string, widths: readonly number[], random: Random): DenseLayer[] {
    return widths.slice(1).map((outputs, layer) => {
      const inputs = widths[layer];
      const limit = 1 / Math.sqrt(inputs);
      return {
        kernel: this.uniform<Tf.Rank.R2>(`${name}/${layer}/kernel`, [inputs, outputs], limit, random),
        bias: this.uniform<Tf.Rank.R1>(`${name}/${layer}/bias`, [outputs], limit, random),
      };
    });
  }

  dispose(): void {
    tf.dispose([...this.parameters.values(), ...this.#fixed]);
  }
}
