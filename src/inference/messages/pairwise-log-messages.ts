/**
 * Belief propagation on Ising models with one number a message, u = ln m(+1) - ln m(-1): any strength of coupling, any
 * counting numbers, sum- or max-product.
 *
 *   H_i = 2 b_i + sum_{k in N(i)} rho_ki u_{k->i},        u_{i->j} = f(H_i - u_{j->i}; 2 J_ij / rho_ij)
 *   sum-product:  f(h; c) = ln (e^{c + h} + 1) / (e^h + e^c) = 2 artanh(tanh(c / 2) tanh(h / 2))
 *   max-product:  f(h; c) = max(c + h, 0) - max(h, c), which is h clipped to -|c| ... |c|, with the sign of c
 *
 * With rho = 1 plain belief propagation, with edge appearance probabilities the tree-reweighted one (Wainwright,
 * Jaakkola & Willsky 2005).
 */
import type { IsingModel } from "../../graph/pairwise.ts";
import { logAddExp, softplus } from "./log-math.ts";
import { relativeChange, type DampingOptions, type MessageKernel } from "./schedule.ts";
import { incomingMessages } from "./pairwise-free-energy.ts";
import { variableTreeOrder } from "./tree-order.ts";

export interface PairwiseLogOptions extends DampingOptions {
  readonly semiring: "sum" | "max";
  /** Float64Array[numEdges]: rho > 0; absent: all 1. */
  readonly countingNumbers?: Float64Array;
}

/** f for sum-product: no cancellation, no overflow, exact for couplings of any size. */
function throughSum(field: number, coupling: number): number {
  const a = Math.abs(field);
  const c = Math.abs(coupling);
  const size = Math.min(a, c) + Math.log1p(Math.exp(-a - c)) - Math.log1p(Math.exp(-Math.abs(a - c)));
  return field < 0 === coupling < 0 ? size : -size;
}

/** f for weak fields or couplings, where the three terms of `throughSum` would cancel. */
function throughWeak(field: number, coupling: number): number {
  return 2 * Math.atanh(Math.tanh(coupling / 2) * Math.tanh(field / 2));
}

function throughMax(field: number, coupling: number): number {
  const c = Math.abs(coupling);
  const clipped = field > c ? c : field < -c ? -c : field;
  return coupling < 0 ? -clipped : clipped;
}

function through(field: number, coupling: number, isMax: boolean): number {
  if (isMax) return throughMax(field, coupling);
  return Math.min(Math.abs(field), Math.abs(coupling)) < 1 ? throughWeak(field, coupling) : throughSum(field, coupling);
}

export class PairwiseLogMessages implements MessageKernel {
  readonly numUnits: number;
  readonly isExactOnTrees: boolean;
  readonly stopped = false;
  /** Float64Array[2 numEdges]: u from source to target at 2 edge, from target to source at 2 edge + 1. */
  readonly #messages: Float64Array;
  readonly #model: IsingModel;
  readonly #isMax: boolean;
  /** rho. */
  readonly #countingNumbers: Float64Array;
  /** 2 J / rho. */
  readonly #couplings: Float64Array;
  readonly #damping: number;
  readonly #dampLogs: boolean;
  readonly #fields: Float64Array;
  readonly #incomingOf: Int32Array;

  constructor(model: IsingModel, { semiring, countingNumbers, damping, dampingDomain }: PairwiseLogOptions) {
    this.numUnits = model.numVariables;
    this.#model = model;
    this.#isMax = semiring === "max";
    this.#damping = damping;
    this.#dampLogs = dampingDomain === "log";
    this.#countingNumbers = countingNumbers ?? new Float64Array(model.numEdges).fill(1);
    this.isExactOnTrees = damping === 0 && this.#countingNumbers.every((number) => number === 1);
    this.#couplings = model.weights.map((weight, edge) => (2 * weight) / this.#countingNumbers[edge]);
    this.#messages = new Float64Array(2 * model.numEdges);
    this.#fields = new Float64Array(model.numVariables);
    this.#incomingOf = incomingMessages(model);
  }

  sweep(): number {
    const { numVariables, numEdges, edgeSources, edgeTargets, biases } = this.#model;
    const messages = this.#messages;
    const weights = this.#countingNumbers;
    const fields = this.#fields;
    for (let i = 0; i < numVariables; i++) fields[i] = 2 * biases[i];
    for (let edge = 0; edge < numEdges; edge++) {
      fields[edgeTargets[edge]] += weights[edge] * messages[2 * edge];
      fields[edgeSources[edge]] += weights[edge] * messages[2 * edge + 1];
    }
    let largest = 0;
    for (let edge = 0; edge < numEdges; edge++) {
      const forward = messages[2 * edge];
      const backward = messages[2 * edge + 1];
      const coupling = this.#couplings[edge];
      const newForward = through(fields[edgeSources[edge]] - backward, coupling, this.#isMax);
      const newBackward = through(fields[edgeTargets[edge]] - forward, coupling, this.#isMax);
      largest = Math.max(largest, Math.abs(newForward - forward), Math.abs(newBackward - backward));
      messages[2 * edge] = this.#damped(newForward, forward);
      messages[2 * edge + 1] = this.#damped(newBackward, backward);
    }
    return relativeChange(largest, 0);
  }

  update(first: number, end: number, order: Int32Array | undefined, commit: boolean): number {
    const { neighbourOffsets, biases } = this.#model;
    const messages = this.#messages;
    const weights = this.#countingNumbers;
    const incomingOf = this.#incomingOf;
    let largest = 0;
    for (let unit = first; unit < end; unit++) {
      const variable = order ? order[unit] : unit;
      let field = 2 * biases[variable];
      for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++)
        field += weights[incomingOf[at] >> 1] * messages[incomingOf[at]];
      for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++) {
        const incoming = incomingOf[at];
        const outgoing = incoming ^ 1;
        const message = through(field - messages[incoming], this.#couplings[incoming >> 1], this.#isMax);
        largest = Math.max(largest, Math.abs(message - messages[outgoing]));
        if (commit) messages[outgoing] = this.#damped(message, messages[outgoing]);
      }
    }
    return relativeChange(largest, 0);
  }

  dependents(variable: number, visit: (dependent: number) => void): void {
    const { neighbourOffsets, neighbours } = this.#model;
    for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++) visit(neighbours[at]);
  }

  treeOrder(): Int32Array {
    return variableTreeOrder(this.#model);
  }

  /** Float64Array[2 numEdges]: u. */
  logRatios(): Float64Array {
    return this.#messages;
  }

  /** Float64Array[2 numEdges]: rho u, what a message counts in a variable's belief. */
  poweredMessages(): Float64Array {
    return this.#messages.map((message, at) => this.#countingNumbers[at >> 1] * message);
  }

  #damped(message: number, old: number): number {
    const kept = this.#damping;
    if (kept === 0) return message;
    if (this.#dampLogs) return (1 - kept) * message + kept * old;
    // p = 1 / (1 + e^-u) is averaged; ln p = -softplus(-u), ln (1 - p) = -softplus(u).
    const logNew = Math.log(1 - kept);
    const logOld = Math.log(kept);
    const plus = logAddExp(logNew - softplus(-message), logOld - softplus(-old));
    return plus - logAddExp(logNew - softplus(message), logOld - softplus(old));
  }
}
