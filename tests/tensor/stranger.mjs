// What a stranger writes: plain tfjs, and one import. A small graph network learns a function of each node's
// neighbours.
import * as tf from "@tensorflow/tfjs";
import "marginalia/tensor";
const [nodes, edges] = [40, 160];
const rnd = numbers(1);
function* lehmer(state) {
  for (;;) yield (state = (state * 16807) % 2147483647) / 2147483647;
}
function numbers(seed) {
  const stream = lehmer(seed);
  return () => stream.next().value;
}
const pickOne = () => Math.floor(rnd() * nodes);
const source = tf.tensor1d(Int32Array.from({ length: edges }, pickOne), "int32");
const target = tf.tensor1d(Int32Array.from({ length: edges }, pickOne), "int32");
const x = tf.tensor2d(Float32Array.from({ length: nodes * 3 }, rnd), [nodes, 3]);
const truth = tf.unsortedSegmentSum(tf.gather(x, source), target, nodes).sum(1, true).mul(0.3).tanh();
const v = (...shape) => tf.variable(tf.randomUniform(shape, -0.5, 0.5, "float32", 7));
const [w1, b1, w2, b2] = [v(6, 16), v(16), v(16, 1), v(1)];
const loss = () => {
  const pair = tf.concat([tf.gather(x, source), tf.gather(x, target)], 1);
  const messages = tf.relu(tf.add(tf.matMul(pair, w1), b1));
  const sums = tf.unsortedSegmentSum(messages, target, nodes);
  return tf.losses.meanSquaredError(truth, tf.add(tf.matMul(sums, w2), b2));
};
const optimizer = tf.train.adam(0.02);
const first = tf.tidy(() => loss().dataSync()[0]);
for (let i = 0; i < 200; i++) optimizer.minimize(loss);
const last = tf.tidy(() => loss().dataSync()[0]);
console.log(
  JSON.stringify({
    backend: tf.getBackend(),
    first,
    last,
    tensors: tf.memory().numTensors,
    learned: last < first / 20,
  }),
);
