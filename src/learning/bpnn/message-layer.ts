/**
 * A layer whose MLPs work on messages and factor beliefs (Kuck et al. 2020, Appendix C):
 *
 *   m_{a->i}(x_i) = ln sum over x_a without x_i of B(b_a)(x_a) / E(n_{i->a})(x_a),       damped: n = (1 - d) m + d n', in logs
 *
 * where b_a = f_a prod_j n_{j->a} is the factor's belief and n_{i->a} the message that must not be sent back, spread over the factor's
 * table. Both MLPs (Linear-ReLU-Linear-ReLU, of a table's size, identity at the start) see probabilities and are mixed with what goes
 * in: B(p) = (1 - r) p + r MLP(p), r = .5. So the layer starts as belief propagation with damping d = .5.
 *
 * Double counting (the ablation DC) leaves the denominator out: a factor's message contains what the variable itself has told it.
 *
 * Three differences from the authors. A factor over one variable sends its table, untouched by an MLP. The MLPs are averaged over the
 * permutations of the table's axes (before the last ReLU), without which the layer would depend on the order in which a factor
 * names its variables. And where they floor the MLP at 1e-19, which is not yet belief propagation at the start when messages are extreme,
 * here the correction is relative: ln B(p) = ln p + ln(1 + r (MLP(p) - p) / max(p, floor)).
 */
import type * as Tf from "@tensorflow/tfjs";
import { messagePassing, mixedLogs, quotientToVariable, spreadMessages, type DenseLayer } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";
import { axisPermutations, meanPermutation, shapeName } from "./axes.ts";
import { beliefsOf, normalise, variableToFactor, type FactorGraphBatch, type FactorGroupTensors } from "./batch.ts";
import type { Layer, LayerState } from "./layer.ts";
import { logZero } from "./packed-factor-graphs.ts";
import type { ParameterStore } from "./parameters.ts";

export interface MessageLayerShape {
  readonly type: "message";
  /** Shapes of the tables (axes by rising size) that it has MLPs for. */
  readonly factorShapes: readonly (readonly number[])[];
  /** r: share of the MLP; default .5 */
  readonly residual: number;
  /** d: share of the old message; default .5 */
  readonly damping: number;
  readonly floor: number;
  readonly doubleCounting: boolean;
}

export const defaultMessageLayer: Omit<MessageLayerShape, "factorShapes"> = {
  type: "message",
  residual: 0.5,
  damping: 0.5,
  floor: 1e-4,
  doubleCounting: false,
};

/** An MLP on tables of one shape. */
interface TableMlp {
  readonly layers: readonly [DenseLayer, DenseLayer];
  /** Where the entries of the MLP for all permutations come from: [numStates x hidden], [hidden], [hidden x numStates]. */
  readonly copies: { readonly inner: Tf.Tensor1D; readonly bias: Tf.Tensor1D; readonly outer: Tf.Tensor1D };
  /** The mean of the permutations' matrices, [numStates, numStates]. */
  readonly mean: Tf.Tensor2D;
}

export function messageLayer(shape: MessageLayerShape, name: string, store: ParameterStore): Layer {
  const networks = new Map(
    shape.factorShapes.map((cardinalities) => {
      const own = {
        beliefs: tableMlp(cardinalities, "beliefs"),
        messages: shape.doubleCounting ? undefined : tableMlp(cardinalities, "messages"),
      };
      return [shapeName(cardinalities), own] as const;
    }),
  );
  function tableMlp(cardinalities: readonly number[], which: string): TableMlp {
    const size = cardinalities.reduce((a, b) => a * b);
    const dense = (layer: number): DenseLayer => ({
      kernel: store.identity(`${name}/${shapeName(cardinalities)}/${which}/${layer}/kernel`, size),
      bias: store.constant<Tf.Rank.R1>(`${name}/${shapeName(cardinalities)}/${which}/${layer}/bias`, [size], 0),
    });
    const permutations = axisPermutations(cardinalities);
    const hidden = size * permutations.length;
    // x Q has entry x[permutation[s]] at s, so Q W has row s of W at permutation[s].
    const inner = new Int32Array(size * hidden);
    const outer = new Int32Array(size * hidden);
    permutations.forEach((permutation, copy) =>
      permutation.forEach((from, to) => {
        for (let unit = 0; unit < size; unit++) {
          inner[from * hidden + copy * size + unit] = to * size + unit;
          outer[(copy * size + unit) * size + from] = unit * size + to;
        }
      }),
    );
    const copies = {
      inner: store.fixedIndex(inner),
      bias: store.fixedIndex(Int32Array.from({ length: hidden }, (_, unit) => unit % size)),
      outer: store.fixedIndex(outer),
    };
    // The mean over Q of b Q^T: permutations come with their inverses, so it is that over Q of b Q.
    const mean = store.fixed<Tf.Rank.R2>([size, size], meanPermutation(cardinalities));
    return { layers: [dense(0), dense(1)], copies, mean };
  }

  /** The messages of one group, normalised. */
  function send(group: FactorGroupTensors, incoming: Tf.Tensor2D): Tf.Tensor2D {
    const { cardinalities } = group;
    const own = networks.get(shapeName(cardinalities));
    if (!own)
      throw new RangeError(
        `this network has no MLP for tables [${shapeName(cardinalities)}]; it knows [${[...networks.keys()].join("], [")}]`,
      );
    const numerators = mixed(beliefsOf(group, incoming), own.beliefs, shape);
    const denominators = own.messages && mixed(spreadMessages(incoming, cardinalities), own.messages, shape);
    return quotientToVariable(numerators, denominators, cardinalities, logZero);
  }

  return {
    update(batch: FactorGraphBatch, { messages, incoming }: LayerState): LayerState {
      const next = batch.factorGroups.map((group, g) => {
        if (group.cardinalities.length === 1) return messages[g];
        const sent = send(group, incoming[g]);
        return normalise(group, tf.add(tf.mul(sent, 1 - shape.damping), tf.mul(messages[g], shape.damping)));
      });
      return { messages: next, incoming: variableToFactor(batch, next) };
    },
  };
}

/** ln of (1 - r) p + r MLP(p) for rows of ln p, relative to p as the file's head says. */
function mixed(logs: Tf.Tensor2D, mlp: TableMlp, { residual, floor }: MessageLayerShape): Tf.Tensor2D {
  const out = messagePassing({ blocks: [{ x: tf.exp(logs) }], layers: equivariant(mlp), last: "relu" });
  return mixedLogs(logs, out, residual, floor);
}

/**
 * The mean over permutations Q of x -> relu(x Q W_1 + b_1) W_2 Q^T as one MLP, whose hidden layer holds those of all permutations:
 * W_1' = [Q W_1, ...], W_2' = [W_2 Q^T; ...] / count. Their entries are picked, since products of matrices this small cost more.
 */
function equivariant({ layers: [first, second], copies, mean }: TableMlp): DenseLayer[] {
  const [size, hidden] = [first.bias.shape[0], copies.bias.shape[0]];
  const pick = (entries: Tf.Tensor, copy: Tf.Tensor1D) => tf.gather(tf.reshape(entries, [-1]), copy);
  const outer = tf.mul(second.kernel, size / hidden);
  const bias = tf.matMul<Tf.Tensor2D>(tf.reshape(second.bias, [1, size]), mean);
  return [
    { kernel: tf.reshape(pick(first.kernel, copies.inner), [size, hidden]), bias: tf.gather(first.bias, copies.bias) },
    { kernel: tf.reshape(pick(outer, copies.outer), [hidden, size]), bias: tf.reshape(bias, [size]) },
  ];
}
