/**
 * The factorised upper bound (Jaakkola & Jordan 1996, Eqs. 9-10 and appendix A). With f(x) = ln(1 + e^x), convex, and a
 * distribution q over the neighbours of i, Jensen's inequality gives
 *
 *   ln Z(h, J) <= f(h_i) + ln Z'(h~, J),   h~_j = h_j + q_j [f(J_ij / q_j + h_i) - f(h_i)],
 *
 * J unchanged. Exact when i has one neighbour or none. q_j -> 0 has the limit q_j f(J_ij / q_j + h_i) -> max(J_ij, 0).
 * One difference from the paper: neighbours with J_ij = 0 take no part in q, since they would gain nothing.
 */
import { toBoltzmann, type BoltzmannMachine, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import { remainder, neighbourWeights, withoutVariable, type Elimination, type OrderedModel } from "./elimination.ts";
import { sigmoid, softplus } from "./logistic.ts";

/** q f(J / q + h), with its limit max(J, 0) at q = 0. */
function scaledSoftplus(q: number, weight: number, bias: number): number {
  const x = weight / q + bias;
  return x > 0 ? weight + q * bias + q * Math.log1p(Math.exp(-x)) : q * Math.log1p(Math.exp(x));
}

/**
 * d/dq [q f(J / q + h)] = f(x) - (J / q) sigmoid(x), x = J / q + h, without cancellation between large terms; h or 0 at
 * q = 0.
 */
function scaledSoftplusDerivative(q: number, weight: number, bias: number): number {
  const slope = weight / q;
  const x = slope + bias;
  const e = Math.exp(-Math.abs(x));
  if (e === 0) return x > 0 ? bias : 0;
  return (x > 0 ? bias : 0) + Math.log1p(e) + ((x > 0 ? slope : -slope) * e) / (1 + e);
}

/**
 * One elimination at a given q: a model of the other variables (those above `variable` move down by one) with Z' >= Z.
 * @param q one number a neighbour of `variable` with a weight other than 0, neighbours increasing: non-negative, sum 1.
 * @throws RangeError if there is no such variable or q is no distribution over its neighbours.
 */
export function eliminateFactorisedUpper(
  model: PairwiseBinaryModel,
  variable: number,
  q: ArrayLike<number>,
): BoltzmannMachine {
  const boltzmann = toBoltzmann(model);
  const neighbours = neighbourWeights(boltzmann, variable).filter(([, weight]) => weight !== 0);
  const given = Array.from(q);
  const sum = given.reduce((total, share) => total + share, 0);
  if (
    given.length !== neighbours.length ||
    given.some((share) => !(share >= 0)) ||
    (given.length > 0 && Math.abs(sum - 1) > 1e-9)
  )
    throw new RangeError(
      `q must be ${neighbours.length} non-negative numbers of sum 1, one a neighbour of variable ${variable} ` +
        `(${neighbours.map(([j]) => j).join(", ")}), got [${given.join(", ")}]`,
    );
  const shares = new Map(neighbours.map(([j], at) => [j, given[at] / sum]));
  const bias = boltzmann.biases[variable];
  const atZero = softplus(bias);
  return withoutVariable(boltzmann, variable, atZero, (weight, j) => {
    const share = shares.get(j);
    return share === undefined ? 0 : scaledSoftplus(share, weight, bias) - share * atZero;
  });
}

/**
 * The bound of a whole elimination; one parameter u a (position, later neighbour) pair, row by row: in a row, q = u^2 /
 * sum u^2. Measured against q = softmax(u): 10 to 20 times fewer evaluations to 1e-5 for 64 and 128 variables, and q =
 * 0 can be reached.
 */
export function factorisedUpper(model: OrderedModel): Elimination {
  const bound = new FactorisedUpper(model);
  return {
    numParameters: bound.numParameters,
    evaluate: (parameters, gradient) => bound.evaluate(parameters, gradient),
    start: (parameters, random) => bound.start(parameters, random),
    means: bound.means,
    describe: (parameters) => bound.describe(parameters),
  };
}

class FactorisedUpper {
  readonly numParameters: number;
  /** Of the bound, d/dh: a probability for each variable. */
  readonly means: Float64Array;
  readonly #model: OrderedModel;
  /** Int32Array[numEliminated + 1]: where each row of parameters begins. */
  readonly #rowStarts: Int32Array;
  readonly #shares: Float64Array;
  /** Sum of squares of each row of the last `evaluate`. */
  readonly #sums: Float64Array;
  readonly #fields: Float64Array;
  readonly #rest: ReturnType<typeof remainder>;

  constructor(model: OrderedModel) {
    const { numVariables, numEliminated, offsets, firstLater } = model;
    this.#model = model;
    this.#rowStarts = new Int32Array(numEliminated + 1);
    for (let p = 0; p < numEliminated; p++)
      this.#rowStarts[p + 1] = this.#rowStarts[p] + offsets[p + 1] - firstLater[p];
    this.numParameters = this.#rowStarts[numEliminated];
    this.#shares = new Float64Array(this.numParameters);
    this.#sums = new Float64Array(numEliminated);
    this.#fields = new Float64Array(numVariables);
    this.means = new Float64Array(numVariables);
    this.#rest = remainder(model);
  }

  evaluate(parameters: Float64Array, gradient: Float64Array): number {
    const rest = this.#rest;
    let total = this.#eliminate(parameters);
    total += rest.run(this.#fields);
    if (!Number.isFinite(total)) {
      gradient.fill(0);
      return Infinity;
    }
    this.means.set(rest.finish.means, this.#model.numEliminated);
    this.#back(parameters, gradient);
    return total;
  }

  /** Sets the fields that each elimination leaves; the constants it gives off. */
  #eliminate(parameters: Float64Array): number {
    const { numEliminated, firstLater, targets, weights, biases, logConstant } = this.#model;
    const [fields, shares, rowStarts] = [this.#fields, this.#shares, this.#rowStarts];
    fields.set(biases);
    let total = logConstant;
    for (let p = 0; p < numEliminated; p++) {
      const bias = fields[p];
      const atZero = softplus(bias);
      total += atZero;
      const [from, to] = [rowStarts[p], rowStarts[p + 1]];
      this.#sums[p] = this.#normaliseRow(parameters, from, to);
      for (let k = from, at = firstLater[p]; k < to; k++, at++)
        fields[targets[at]] += scaledSoftplus(shares[k], weights[at], bias) - shares[k] * atZero;
    }
    return total;
  }

  /** Means and gradient, from those of the variables that remain back to the first. */
  #back(parameters: Float64Array, gradient: Float64Array): void {
    const { numEliminated, firstLater, targets, weights } = this.#model;
    const [fields, shares, rowStarts, sums, means] = [
      this.#fields,
      this.#shares,
      this.#rowStarts,
      this.#sums,
      this.means,
    ];
    for (let p = numEliminated - 1; p >= 0; p--) {
      const bias = fields[p];
      const atZero = softplus(bias);
      const slope = sigmoid(bias);
      let mean = slope;
      let average = 0;
      const [from, to] = [rowStarts[p], rowStarts[p + 1]];
      for (let k = from, at = firstLater[p]; k < to; k++, at++) {
        const [q, weight, later] = [shares[k], weights[at], means[targets[at]]];
        mean += later * q * (sigmoid(weight / q + bias) - slope);
        gradient[k] = later * (scaledSoftplusDerivative(q, weight, bias) - atZero);
        average += q * gradient[k];
      }
      for (let k = from; k < to; k++)
        gradient[k] = sums[p] > 0 ? (2 * parameters[k] * (gradient[k] - average)) / sums[p] : 0;
      means[p] = mean;
    }
  }

  /** Fills a row of shares; returns the sum of squares. */
  #normaliseRow(parameters: Float64Array, from: number, to: number): number {
    const shares = this.#shares;
    let sum = 0;
    for (let k = from; k < to; k++) sum += parameters[k] * parameters[k];
    for (let k = from; k < to; k++) shares[k] = sum > 0 ? (parameters[k] * parameters[k]) / sum : 1 / (to - from);
    return sum;
  }

  /** q proportional to |J_ij|, the best choice for small weights; or spread at random around that. */
  start(parameters: Float64Array, random?: Random): void {
    const { numEliminated, firstLater, weights } = this.#model;
    for (let p = 0; p < numEliminated; p++)
      for (let k = this.#rowStarts[p], at = firstLater[p]; k < this.#rowStarts[p + 1]; k++, at++)
        parameters[k] = Math.sqrt(Math.abs(weights[at])) * (random ? Math.exp(random.normal()) : 1);
  }

  /** q of each elimination. */
  describe(parameters: Float64Array): Float64Array[] {
    return Array.from({ length: this.#model.numEliminated }, (_, p) => {
      const [from, to] = [this.#rowStarts[p], this.#rowStarts[p + 1]];
      this.#normaliseRow(parameters, from, to);
      return this.#shares.slice(from, to);
    });
  }
}
