/**
 * A layer whose MLPs work on messages and factor beliefs (Kuck et al. 2020, Appendix C):
 *
 *   m_{a->i}(x_i) = ln sum over x_a without x_i of B(b_a)(x_a) / E(n_{i->a})(x_a),       damped: n = (1 - d) m + d n',
 *   in logs
 *
 * where b_a = f_a prod_j n_{j->a} is the factor's belief and n_{i->a} the message that must not be sent back, spread
 * over the factor's table. Both MLPs (Linear-ReLU-Linear-ReLU, of a table's size, identity at the start) see
 * probabilities and are mixed with what goes in: B(p) = (1 - r) p + r MLP(p), r = .5. So the layer starts as belief
 * propagation with damping d = .5.
 *
 * Double counting (the ablation DC) leaves the denominator out: a factor's message contains what the variable itself
 * has told it.
 *
 * Three differences from the authors. A factor over one variable sends its table, untouched by an MLP. The MLPs are
 * averaged over the permutations of the table's axes (before the last ReLU), without which the layer would depend on
 * the order in which a factor names its variables. And where they floor the MLP at 1e-19, which is not yet belief
 * propagation at the start when messages are extreme, here the correction is relative: ln B(p) = ln p + ln(1 + r
 * (MLP(p) - p) / max(p, floor)).
 */
import type * as Tf from "@tensorflow/tfjs";
import { quotientToVariable, spreadMessages, tableMlp, type TableMlp } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";
import { axisPermutations, shapeName } from "./axes.ts";
import { beliefsOf, normalise, variableToFactor, type FactorGraphBatch, type FactorGroupTensors } from "./batch.ts";
import type { Layer, LayerState } from "./layer.ts";
import { LOG_ZERO } from "./packed-factor-graphs.ts";
import type { ParameterStore } from "../parameters.ts";

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

export function messageLayer(shape: MessageLayerShape, name: string, store: ParameterStore): Layer {
  const networks = new Map(
    shape.factorShapes.map((cardinalities) => {
      const own = {
        beliefs: mlpOn(cardinalities, "beliefs"),
        messages: shape.doubleCounting ? undefined : mlpOn(cardinalities, "messages"),
      };
      return [shapeName(cardinalities), own] as const;
    }),
  );
  function mlpOn(cardinalities: readonly number[], which: string): TableMlp {
    const size = cardinalities.reduce((a, b) => a * b);
    const dense = (layer: number) => ({
      kernel: store.identity(`${name}/${shapeName(cardinalities)}/${which}/${layer}/kernel`, size),
      bias: store.constant<Tf.Rank.R1>(`${name}/${shapeName(cardinalities)}/${which}/${layer}/bias`, [size], 0),
    });
    const orders = axisPermutations(cardinalities).map((order) => Array.from(order));
    const permutations = store.fixedIndices<Tf.Rank.R2>([orders.length, size], orders.flat());
    return { layers: [dense(0), dense(1)], permutations, share: shape.residual, floor: shape.floor };
  }

  /** The messages of one group, normalised. */
  function send(group: FactorGroupTensors, incoming: Tf.Tensor2D, beliefs: Tf.Tensor2D): Tf.Tensor2D {
    const { cardinalities } = group;
    const own = networks.get(shapeName(cardinalities));
    if (!own)
      throw new RangeError(
        `this network has no MLP for tables [${shapeName(cardinalities)}]; it knows [${[...networks.keys()].join("], [")}]`,
      );
    const numerators = tableMlp(beliefs, own.beliefs);
    const denominators = own.messages && tableMlp(spreadMessages(incoming, cardinalities), own.messages);
    return quotientToVariable(numerators, denominators, cardinalities, LOG_ZERO);
  }

  return {
    update(batch: FactorGraphBatch, { messages, incoming, beliefs }: LayerState): LayerState {
      const next = batch.factorGroups.map((group, g) => {
        if (group.cardinalities.length === 1) return messages[g];
        const sent = send(group, incoming[g], beliefs?.[g] ?? beliefsOf(group, incoming[g]));
        return normalise(group, tf.add(tf.mul(sent, 1 - shape.damping), tf.mul(messages[g], shape.damping)));
      });
      return { messages: next, incoming: variableToFactor(batch, next) };
    },
  };
}
