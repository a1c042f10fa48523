/**
 * Belief propagation on Ising models with one number a message: the ratio r = m(+1) / m(-1).
 *
 *   P_i = e^{2 b_i} prod_{k in N(i)} r_{k->i},      r_{i->j} = (w P_i + r_{j->i}) / (P_i + w r_{j->i}),      w = e^{2
 *   J_ij}
 *
 * which is tanh u_{i->j} = tanh J tanh(b_i + sum_{k != j} u_{k->i}) for u = ln r / 2 (Mezard & Montanari 2009, Eq.
 * 14.34) without any transcendental function, the division by r_{j->i} drawn into the fraction: one division a message.
 * Everything is a product or a sum of positive numbers, so ratios keep full relative precision. All of them must stay
 * within float64: see `ratiosFit`.
 */
import type { IsingModel } from "../../graph/pairwise.ts";
import { incomingMessages } from "./pairwise-free-energy.ts";
import type { DampingOptions, MessageKernel } from "./schedule.ts";
import { variableTreeOrder } from "./tree-order.ts";

/** ln of the largest ratio allowed; products of two must stay below 1.8e308 = exp(709). */
const MAX_LOG_RATIO = 300;

/** Whether no ratio, nor a variable's product of ratios, can leave e^{-300} ... e^{300} whatever the messages are. */
export function ratiosFit(model: IsingModel): boolean {
  const { numVariables, numEdges, biases, weights, edgeSources, edgeTargets } = model;
  const reach = new Float64Array(numVariables);
  let strongest = 0;
  for (let i = 0; i < numVariables; i++) reach[i] = 2 * Math.abs(biases[i]);
  for (let edge = 0; edge < numEdges; edge++) {
    const strength = 2 * Math.abs(weights[edge]);
    reach[edgeSources[edge]] += strength;
    reach[edgeTargets[edge]] += strength;
    strongest = Math.max(strongest, strength);
  }
  return reach.every((logRatio) => logRatio + strongest <= MAX_LOG_RATIO);
}

export class PairwiseRatioMessages implements MessageKernel {
  readonly numUnits: number;
  readonly isExactOnTrees: boolean;
  readonly stopped = false;
  /** Float64Array[2 numEdges]: r from source to target at 2 edge, from target to source at 2 edge + 1. */
  readonly ratios: Float64Array;
  readonly #model: IsingModel;
  /** e^{2 b}. */
  readonly #priors: Float64Array;
  /** e^{2 J}. */
  readonly #couplings: Float64Array;
  /** P of the present messages, kept by `sweep` alone. */
  #products: Float64Array | undefined;
  #nextProducts: Float64Array | undefined;
  /** For `update` alone, as #products are for `sweep`. */
  #incomingOf: Int32Array | undefined;
  readonly #options: DampingOptions;

  constructor(model: IsingModel, options: DampingOptions) {
    this.numUnits = model.numVariables;
    this.isExactOnTrees = options.damping === 0;
    this.#model = model;
    this.#options = options;
    this.#priors = model.biases.map((bias) => Math.exp(2 * bias));
    this.#couplings = model.weights.map((weight) => Math.exp(2 * weight));
    this.ratios = new Float64Array(2 * model.numEdges).fill(1);
  }

  sweep(): number {
    const { numEdges, edgeSources, edgeTargets } = this.#model;
    const ratios = this.ratios;
    const couplings = this.#couplings;
    const damped = this.#options.damping > 0;
    const products = (this.#products ??= this.#priors.slice()); // messages start at 1
    const nextProducts = (this.#nextProducts ??= new Float64Array(products.length));
    nextProducts.set(this.#priors);
    let changeNumerator = 0;
    let changeDenominator = 1;
    for (let edge = 0; edge < numEdges; edge++) {
      const source = edgeSources[edge];
      const target = edgeTargets[edge];
      const coupling = couplings[edge];
      const sourceProduct = products[source];
      const targetProduct = products[target];
      const forward = ratios[2 * edge];
      const backward = ratios[2 * edge + 1];
      let newForward = (coupling * sourceProduct + backward) / (sourceProduct + coupling * backward);
      let newBackward = (coupling * targetProduct + forward) / (targetProduct + coupling * forward);
      // The largest |r' - r| / (r' + r), compared crosswise to save the divisions.
      const forwardChange = Math.abs(newForward - forward);
      const backwardChange = Math.abs(newBackward - backward);
      if (forwardChange * changeDenominator > changeNumerator * (newForward + forward)) {
        changeNumerator = forwardChange;
        changeDenominator = newForward + forward;
      }
      if (backwardChange * changeDenominator > changeNumerator * (newBackward + backward)) {
        changeNumerator = backwardChange;
        changeDenominator = newBackward + backward;
      }
      if (damped) {
        newForward = dampedRatio(newForward, forward, this.#options);
        newBackward = dampedRatio(newBackward, backward, this.#options);
      }
      ratios[2 * edge] = newForward;
      ratios[2 * edge + 1] = newBackward;
      nextProducts[target] *= newForward;
      nextProducts[source] *= newBackward;
    }
    this.#products = nextProducts;
    this.#nextProducts = products;
    return changeNumerator / changeDenominator;
  }

  update(first: number, end: number, order: Int32Array | undefined, commit: boolean): number {
    const { neighbourOffsets } = this.#model;
    const ratios = this.ratios;
    const couplings = this.#couplings;
    const priors = this.#priors;
    const incomingOf = (this.#incomingOf ??= incomingMessages(this.#model));
    const damped = this.#options.damping > 0;
    let changeNumerator = 0;
    let changeDenominator = 1;
    for (let unit = first; unit < end; unit++) {
      const variable = order === undefined ? unit : order[unit];
      const begin = neighbourOffsets[variable];
      const finish = neighbourOffsets[variable + 1];
      let product = priors[variable];
      for (let at = begin; at < finish; at++) product *= ratios[incomingOf[at]];
      for (let at = begin; at < finish; at++) {
        const incoming = incomingOf[at];
        const outgoing = incoming ^ 1;
        const coupling = couplings[incoming >> 1];
        const back = ratios[incoming];
        const old = ratios[outgoing];
        const ratio = (coupling * product + back) / (product + coupling * back);
        const change = Math.abs(ratio - old);
        if (change * changeDenominator > changeNumerator * (ratio + old)) {
          changeNumerator = change;
          changeDenominator = ratio + old;
        }
        if (commit) ratios[outgoing] = damped ? dampedRatio(ratio, old, this.#options) : ratio;
      }
    }
    return changeNumerator / changeDenominator;
  }

  dependents(variable: number, visit: (dependent: number) => void): void {
    const { neighbourOffsets, neighbours } = this.#model;
    for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++) visit(neighbours[at]);
  }

  treeOrder(): Int32Array {
    return variableTreeOrder(this.#model);
  }

  /** Float64Array[2 numEdges]: ln r. */
  logRatios(): Float64Array {
    return this.ratios.map(Math.log);
  }
}

/** A ratio m(1) / m(0) after damping: the old and the new message averaged in the log or in the probability domain. */
export function dampedRatio(ratio: number, old: number, { damping, dampingDomain }: DampingOptions): number {
  if (dampingDomain === "log") return ratio * (old / ratio) ** damping;
  // p = r / (1 + r) is averaged, and turned back into a ratio.
  const one = (1 - damping) * ratio * (1 + old) + damping * old * (1 + ratio);
  return one / ((1 - damping) * (1 + old) + damping * (1 + ratio));
}
