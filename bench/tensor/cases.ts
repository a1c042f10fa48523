/** The benchmark's cases in tfjs: each is a function to time. The same in PyTorch: peer.py. */
import * as tf from "@tensorflow/tfjs";
import { Random } from "../../src/graph/random.ts";
import { Adam, sparseMatMul, sparseMatrix } from "../../src/tensor/index.ts";
import { nodeGnn } from "./node-gnn.ts";

function normal(random: Random, shape: number[], scale: number): tf.Tensor {
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal(0, scale)),
    shape,
  );
}

/**
 * Two-layer GCN on a graph of Cora's size: 2708 nodes, 10,556 directed edges, 1433 sparse features, 16 hidden, 7
 * classes.
 */
function gcn() {
  const [nodes, edges, features, hidden, classes, nonzeros] = [2708, 10556, 1433, 16, 7, 18];
  const random = Random.fromSeed(2);
  const draw = (count: number, limit: number) => Int32Array.from({ length: count }, () => random.integer(limit));
  const row = Int32Array.from({ length: nodes * nonzeros }, (_, i) => Math.floor(i / nonzeros));
  const value = new Float32Array(row.length).fill(1 / nonzeros);
  const x = sparseMatrix(nodes, features, { row, column: draw(row.length, features), value });
  const loops = Int32Array.from({ length: nodes }, (_, i) => i);
  const adjacency = sparseMatrix(nodes, nodes, {
    row: Int32Array.of(...draw(edges, nodes), ...loops),
    column: Int32Array.of(...draw(edges, nodes), ...loops),
    value: new Float32Array(edges + nodes).fill(0.2),
  });
  const first = tf.variable(normal(random, [features, hidden], 0.05)) as unknown as tf.Tensor2D;
  const second = tf.variable(normal(random, [hidden, classes], 0.3)) as unknown as tf.Tensor2D;
  const labels = tf.keep(tf.oneHot(tf.tensor1d(draw(nodes, classes), "int32"), classes).cast("float32"));
  const optimizer = new Adam(0.01);
  const loss = () =>
    tf.tidy(() => {
      const state = tf.relu(sparseMatMul(adjacency, sparseMatMul(x, first)));
      const logits = sparseMatMul(adjacency, tf.matMul(state, second));
      return tf.neg<tf.Scalar>(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1)));
    });
  return () => void optimizer.minimize(loss, false);
}

/** U-Net of two levels, 16-32-64 channels, on eight patches of 32 x 32. */
function uNet() {
  const random = Random.fromSeed(3);
  const layer = (size: number, from: number, to: number) => ({
    filter: tf.variable(normal(random, [size, size, from, to], (2 / (size * size * from)) ** 0.5)) as tf.Tensor4D,
    bias: tf.variable(tf.zeros([to])),
  });
  const [d1, d2, d3, d4] = [layer(3, 1, 16), layer(3, 16, 16), layer(3, 16, 32), layer(3, 32, 32)];
  const [m1, m2, u1, u2] = [layer(3, 32, 64), layer(3, 64, 64), layer(3, 96, 32), layer(3, 32, 32)];
  const [u3, u4, out] = [layer(3, 48, 16), layer(3, 16, 16), layer(1, 16, 1)];
  const x = normal(random, [8, 32, 32, 1], 1) as tf.Tensor4D;
  const label = tf.tensor4d(Float32Array.from({ length: 8192 }, () => random.uniform()), [8, 32, 32, 1]); // prettier-ignore
  const conv = (input: tf.Tensor4D, { filter, bias }: ReturnType<typeof layer>) =>
    tf.relu<tf.Tensor4D>(tf.add(tf.conv2d(input, filter, 1, "same"), bias));
  const up = (input: tf.Tensor4D, side: number) => tf.image.resizeNearestNeighbor(input, [side, side]);
  const loss = () =>
    tf.tidy(() => {
      const first = conv(conv(x, d1), d2);
      const second = conv(conv(tf.maxPool(first, 2, 2, "valid"), d3), d4);
      const middle = conv(conv(tf.maxPool(second, 2, 2, "valid"), m1), m2);
      const third = conv(conv(tf.concat([up(middle, 16), second], 3), u1), u2);
      const last = conv(conv(tf.concat([up(third, 32), first], 3), u3), u4);
      const logits = tf.add(tf.conv2d(last, out.filter, 1, "same"), out.bias);
      return tf.mean<tf.Scalar>(tf.sub(tf.softplus(logits), tf.mul(logits, label)));
    });
  const optimizer = new Adam(0.001);
  return () => void optimizer.minimize(loss, false);
}

function matmul(size: number) {
  const [a, b] = ["a", "b"].map((name) => normal(Random.fromSeed(4).split(name), [size, size], 1) as tf.Tensor2D);
  return () => tf.matMul(a, b).dispose();
}

export const cases: Record<string, () => () => void> = {
  "node-gnn step": () => nodeGnn(true).step,
  "node-gnn forward": () => nodeGnn(true).forward,
  "node-gnn step, plain tfjs": () => nodeGnn(false).step,
  "gcn epoch": gcn,
  "u-net step": uNet,
  ...Object.fromEntries([64, 128, 256, 512, 1024].map((size) => [`matmul ${size}`, () => matmul(size)])),
};
