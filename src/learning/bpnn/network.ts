/**
 * Belief propagation neural networks (Kuck et al. 2020): K layers that send messages over a factor graph, and a readout
 * of ln Z.
 *
 *   layers    BPNN-D (damping-layer.ts) or message MLPs (message-layer.ts), with weights of their own or tied
 *   readout   Bethe's estimate from the last beliefs, or BPNN-B (bethe-layer.ts) from those of all layers
 *
 * Whatever the shape, a fresh network is (damped) belief propagation and its Bethe estimate, so training begins there.
 * Everything here is float32; tied BPNN-D is run to convergence in float64 by fixed-point.ts.
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { tf } from "../../tensor/tf.ts";
import {
  factorBeliefs,
  factorGraphBatch,
  initialMessages,
  variableBeliefs,
  variableToFactor,
  type FactorGraphBatch,
} from "./batch.ts";
import { betheLogZ, type LogBeliefs } from "./bethe.ts";
import { betheLayer, type BetheLayer, type BetheLayerShape } from "./bethe-layer.ts";
import { dampingLayer, type DampingLayerShape } from "./damping-layer.ts";
import type { Layer, LayerState } from "./layer.ts";
import { messageLayer, type MessageLayerShape } from "./message-layer.ts";
import type { PackedFactorGraphs } from "./packed-factor-graphs.ts";
import { ParameterStore } from "../parameters.ts";

export interface BpnnShape {
  readonly numLayers: number;
  /** One set of weights for all layers; then any number of them can be run, and BPNN-D run to convergence. */
  readonly tied: boolean;
  readonly layer: DampingLayerShape | MessageLayerShape;
  readonly readout: { readonly type: "bethe" } | BetheLayerShape;
}

export interface BpnnOutput {
  /** [numGraphs], natural log, of the shifted tables: ln Z is this plus the packed graphs' `logScales`. */
  readonly logZ: Tf.Tensor1D;
  readonly state: LayerState;
  readonly beliefs: LogBeliefs;
}

export class BeliefPropagationNetwork {
  readonly shape: BpnnShape;
  /** Every parameter by name, in the order in which they are saved. */
  readonly parameters: ReadonlyMap<string, Tf.Variable>;
  readonly #layers: readonly Layer[];
  readonly #betheLayer: BetheLayer | undefined;
  readonly #store = new ParameterStore();

  /**
   * A network that is belief propagation; `dispose` frees it. `random` is drawn from only by the invertible operator.
   * @throws RangeError for a number of layers that is not a positive integer.
   */
  constructor(shape: BpnnShape, random: Random) {
    const { numLayers, tied, layer, readout } = shape;
    if (!Number.isInteger(numLayers) || numLayers < 1)
      throw new RangeError(`a BPNN has a positive number of layers, got ${numLayers}`);
    this.shape = shape;
    const create = (name: string) =>
      layer.type === "damping"
        ? dampingLayer(layer, name, this.#store, random)
        : messageLayer(layer, name, this.#store);
    this.#layers = Array.from({ length: tied ? 1 : numLayers }, (_, k) => create(tied ? "layer" : `layer/${k}`));
    this.#betheLayer =
      readout.type === "bethe-layer" ? betheLayer(readout, numLayers, "bethe", this.#store) : undefined;
    this.parameters = this.#store.parameters;
  }

  /**
   * Runs the layers on a batch; what training differentiates.
   * @param numLayers by default the network's own; another number needs tied layers and Bethe's readout.
   */
  run(batch: FactorGraphBatch, numLayers = this.shape.numLayers): BpnnOutput {
    if (numLayers !== this.shape.numLayers && (!this.shape.tied || this.#betheLayer))
      throw new RangeError(`this network has ${this.shape.numLayers} layers, it cannot be run with ${numLayers}`);
    const messages = initialMessages(batch);
    let state: LayerState = { messages, incoming: variableToFactor(batch, messages) };
    const trajectory: LogBeliefs[] = [];
    for (let k = 0; k < numLayers; k++) {
      state = this.#layers[Math.min(k, this.#layers.length - 1)].update(batch, state);
      if (this.#betheLayer || k === numLayers - 1) {
        // Beliefs come from messages by belief propagation's own equations, also where messages to factors are damped.
        const isDamped = this.shape.layer.type === "damping" && this.shape.layer.directions === "both";
        const incoming = isDamped ? variableToFactor(batch, state.messages) : state.incoming;
        const factors = factorBeliefs(batch, incoming);
        trajectory.push({ factors, variables: variableBeliefs(batch, state.messages) });
        if (!isDamped) state = { ...state, beliefs: factors };
      }
    }
    const beliefs = trajectory.at(-1)!;
    const logZ = this.#betheLayer ? this.#betheLayer.logZ(batch, trajectory) : betheLogZ(batch, beliefs);
    return { logZ, state, beliefs };
  }

  /** ln Z of each packed graph, natural log, Float64Array[numGraphs]. */
  predict(packed: PackedFactorGraphs, numLayers?: number): Float64Array {
    const logZ = tf.tidy(() => this.run(factorGraphBatch(packed), numLayers).logZ.dataSync());
    return packed.logScales.map((scale, graph) => scale + logZ[graph]);
  }

  dispose(): void {
    this.#store.dispose();
  }
}
