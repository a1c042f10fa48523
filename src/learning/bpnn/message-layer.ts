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
import { messagePassing, type DenseLayer } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";
import { axisPermutations, permutationMatrix, shapeName } from "./axes.ts";
import { factorBeliefs, normalise, variableToFactor, type FactorGraphBatch, type FactorGroupTensors } from "./batch.ts";
import type { Layer, LayerState } from "./layer.ts";
import { logSumOut } from "./log-sum-out.ts";
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
  /** One [numStates, numStates] a permutation of the axes. */
  readonly permutations: readonly Tf.Tensor2D[];
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
    const permutations = axisPermutations(cardinalities).map((permutation) =>
      store.fixed<Tf.Rank.R2>([size, size], permutationMatrix(permutation)),
    );
    return { layers: [dense(0), dense(1)], permutations };
  }

  /** The messages of one group, not normalised. */
  function send(group: FactorGroupTensors, beliefs: Tf.Tensor2D, incoming: Tf.Tensor2D): Tf.Tensor2D {
    const { cardinalities, numFactors, numStates } = group;
    const own = networks.get(shapeName(cardinalities));
    if (!own)
      throw new RangeError(
        `this network has no MLP for tables [${shapeName(cardinalities)}]; it knows [${[...networks.keys()].join("], [")}]`,
      );
    const numerators = mixed(beliefs, own.beliefs, shape);
    const denominators = own.messages && mixed(spread(group, incoming), own.messages, shape);
    return tf.concat2d(
      cardinalities.map((_, axis) => {
        const quotients = denominators
          ? tf.sub<Tf.Tensor2D>(numerators, tf.slice(denominators, [axis * numFactors, 0], [numFactors, numStates]))
          : numerators;
        return logSumOut(quotients, group.sumOut, axis);
      }),
      1,
    );
  }

  return {
    update(batch: FactorGraphBatch, { messages, incoming }: LayerState): LayerState {
      const beliefs = factorBeliefs(batch, incoming);
      const next = batch.factorGroups.map((group, g) => {
        if (group.cardinalities.length === 1) return normalise(group, group.tables);
        const sent = normalise(group, send(group, beliefs[g], incoming[g]));
        return normalise(group, tf.add(tf.mul(sent, 1 - shape.damping), tf.mul(messages[g], shape.damping)));
      });
      return { messages: next, incoming: variableToFactor(batch, next) };
    },
  };
}

/** Every message spread over its factor's table, one axis after the other: [arity x numFactors, numStates], natural log. */
function spread(
  { cardinalities, numFactors, numStates, expansion }: FactorGroupTensors,
  incoming: Tf.Tensor2D,
): Tf.Tensor2D {
  let first = 0;
  const parts = cardinalities.map((cardinality): Tf.Tensor2D => {
    const own = tf.slice(incoming, [0, first], [numFactors, cardinality]);
    const onto = tf.slice(expansion, [first, 0], [cardinality, numStates]);
    first += cardinality;
    return tf.matMul(own, onto);
  });
  return tf.concat2d(parts, 0);
}

/** ln of (1 - r) p + r MLP(p) for rows of ln p, relative to p as the file's head says. */
function mixed(logs: Tf.Tensor2D, mlp: TableMlp, { residual, floor }: MessageLayerShape): Tf.Tensor2D {
  const p = tf.exp(logs);
  const out = messagePassing({ blocks: [{ x: p }], layers: equivariant(mlp), last: "relu" });
  const relative = tf.div(tf.sub(out, p), tf.maximum(p, floor));
  return tf.add(logs, tf.log1p(tf.mul(relative, residual)));
}

/**
 * The mean over permutations Q of x -> relu(x Q W_1 + b_1) W_2 Q^T as one MLP, whose hidden layer holds those of all permutations:
 * W_1' = [Q W_1, ...], W_2' = [W_2 Q^T; ...] / count.
 */
function equivariant({ layers: [first, second], permutations }: TableMlp): DenseLayer[] {
  const share = 1 / permutations.length;
  const kernels = permutations.map((Q) => tf.matMul<Tf.Tensor2D>(Q, first.kernel));
  const outer = permutations.map((Q) => tf.matMul<Tf.Tensor2D>(second.kernel, Q, false, true));
  const biases = permutations.map((Q) => tf.matMul<Tf.Tensor2D>(tf.reshape(second.bias, [1, -1]), Q, false, true));
  return [
    { kernel: tf.concat2d(kernels, 1), bias: tf.concat1d(permutations.map(() => first.bias)) },
    {
      kernel: tf.mul(tf.concat2d(outer, 0), share),
      bias: tf.reshape(tf.mul(tf.addN<Tf.Tensor2D>(biases), share), [-1]),
    },
  ];
}
