/** What a layer of a belief propagation neural network is: messages in, messages out. */
import type { FactorGraphBatch, Messages } from "./batch.ts";

export interface LayerState {
  /** From factors to variables, natural log, normalised. */
  readonly messages: Messages;
  /** From variables to factors, natural log, normalised. */
  readonly incoming: Messages;
}

export interface Layer {
  update(batch: FactorGraphBatch, state: LayerState): LayerState;
}
