/**
 * A BPNN-D layer (Kuck et al. 2020, Eq. 4; Figure 1): belief propagation's messages from factors to variables, moved
 * back towards the last ones by what the operator H makes of the difference,
 *
 *   n_{a->i} = m_{a->i} + H(n'_{a->i} - m_{a->i}),      m from the layer's incoming messages, n' the last layer's.
 *
 * The authors' code does so in both directions, with an H for each; the paper's text, and the default here, only from
 * factor to variable.
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { tf } from "../../tensor/tf.ts";
import { normalise, onRows, propagate, variableToFactor, type FactorGraphBatch, type Messages } from "./batch.ts";
import { dampingTensors, type DampingShape, type DampingTensors } from "./damping-operator.ts";
import type { Layer, LayerState } from "./layer.ts";
import type { ParameterStore } from "../parameters.ts";

export const directions = ["factor-to-variable", "both"] as const;
export type Directions = (typeof directions)[number];

export interface DampingLayerShape {
  readonly type: "damping";
  readonly operator: DampingShape;
  readonly directions: Directions;
}

export function dampingLayer(shape: DampingLayerShape, name: string, store: ParameterStore, random: Random): Layer {
  const toVariable = dampingTensors(shape.operator, `${name}/factor-to-variable`, store, random);
  const toFactor =
    shape.directions === "both" && dampingTensors(shape.operator, `${name}/variable-to-factor`, store, random);
  return {
    update(batch: FactorGraphBatch, { messages, incoming }: LayerState): LayerState {
      const fresh = batch.factorGroups.map((group, g) =>
        group.cardinalities.length === 1 ? messages[g] : propagate(group, incoming[g]),
      );
      const next = damped(batch, fresh, messages, toVariable);
      const sums = variableToFactor(batch, next);
      return { messages: next, incoming: toFactor ? damped(batch, sums, incoming, toFactor) : sums };
    },
  };
}

function damped(batch: FactorGraphBatch, fresh: Messages, last: Messages, operator: DampingTensors): Tf.Tensor2D[] {
  return batch.factorGroups.map((group, g) => {
    if (fresh[g] === last[g]) return last[g]; // of a factor over one variable, and H(0) = 0
    const moved = onRows(group, [last[g], fresh[g]], (before, after) => operator.apply(tf.sub(before, after)));
    return normalise(group, tf.add(fresh[g], moved));
  });
}
