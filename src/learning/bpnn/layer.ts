/** What a layer of a belief propagation neural network is: messages in, messages out. */
import type * as Tf from "@tensorflow/tfjs";
import type { FactorGraphBatch, Messages } from "./batch.ts";

export interface LayerState {
  /** From factors to variables, natural log, normalised. */
  readonly messages: Messages;
  /** From variables to factors, natural log, normalised. */
  readonly incoming: Messages;
  /** ln b_a of each factor group by `incoming`, where it is known already. */
  readonly beliefs?: readonly Tf.Tensor2D[];
}

export interface Layer {
  update(batch: FactorGraphBatch, state: LayerState): LayerState;
}
