/**
 * The node-GNN of Yoon et al. 2018 at the size of the goals: 450 nodes, 1600 directed edges, T = 10, hidden and message
 * size 5, message MLP 13-64-64-5, GRU, readout 5-64-64-1, binary cross-entropy, Adam. Fused by the engine, or in plain
 * tfjs.
 */
import * as tf from "@tensorflow/tfjs";
import { Random } from "../../src/graph/random.ts";
import { Adam, gruCell, messagePassing } from "../../src/tensor/index.ts";
import { gruCellByParts } from "../../src/tensor/ops/gru.ts";
import { messagePassingByParts } from "../../src/tensor/ops/message.ts";

const size = { nodes: 450, edges: 1600, steps: 10, hidden: 5, width: 64, features: 3 };

function normal(random: Random, shape: number[], scale: number): tf.Tensor {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal(0, scale));
  return tf.tensor(values, shape);
}

export function nodeGnn(fused: boolean) {
  const random = Random.fromSeed(1);
  const { nodes, edges, steps, hidden, width, features } = size;
  const variables: tf.Variable[] = [];
  const weight = (...shape: number[]) => {
    const variable = tf.variable(normal(random, shape, shape.length > 1 ? (2 / shape[0]) ** 0.5 : 0.01));
    variables.push(variable);
    return variable;
  };
  const layers = (...widths: number[]) =>
    widths.slice(1).map((to, i) => ({
      kernel: weight(widths[i], to) as unknown as tf.Tensor2D,
      bias: weight(to) as unknown as tf.Tensor1D,
    }));
  const message = layers(2 * hidden + features, width, width, hidden);
  const gru = {
    kernel: weight(hidden, 3 * hidden) as unknown as tf.Tensor2D,
    recurrentKernel: weight(hidden, 3 * hidden) as unknown as tf.Tensor2D,
    bias: weight(3 * hidden) as unknown as tf.Tensor1D,
    recurrentBias: weight(3 * hidden) as unknown as tf.Tensor1D,
  };
  const readout = layers(hidden, width, width, 1);
  const ends = (name: string) =>
    tf.tensor1d(
      Int32Array.from({ length: edges }, (_, i) => random.split(name, i).integer(nodes)),
      "int32",
    );
  const source = ends("source");
  const target = ends("target");
  const edge = normal(random, [edges, features], 1) as tf.Tensor2D;
  const label = tf.tensor2d(
    Float32Array.from({ length: nodes }, () => random.uniform()),
    [nodes, 1],
  );
  const start = tf.zeros<tf.Rank.R2>([nodes, hidden]);
  const pass = fused ? messagePassing : messagePassingByParts;
  const cell = fused ? gruCell : gruCellByParts;

  const predict = (): tf.Tensor2D => {
    let state = start;
    for (let t = 0; t < steps; t++) {
      const blocks = [{ x: state, index: source }, { x: state, index: target }, { x: edge }];
      state = cell(pass({ blocks, layers: message, segments: { ids: target, count: nodes } }), state, gru);
    }
    return pass({ blocks: [{ x: state }], layers: readout });
  };
  /** Binary cross-entropy of logits x: mean of softplus(x) - x y. */
  const loss = () =>
    tf.tidy(() => {
      const x = predict();
      return tf.mean<tf.Scalar>(tf.sub(tf.softplus(x), tf.mul(x, label)));
    });
  const optimizer = fused ? new Adam(0.001) : tf.train.adam(0.001);
  return {
    variables,
    loss,
    forward: () => tf.tidy(() => predict()).dispose(),
    step: () => void optimizer.minimize(loss, false),
  };
}
