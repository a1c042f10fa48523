/**
 * What training needs to know about one observed vector v in a two-layer sigmoid belief network
 *
 *   p(S_j = 1) = sigmoid(b_j),   p(v_i = 1 | S) = sigmoid(x_i),   x_i = c_i + sum_j W_ij S_j:
 *
 * a value at most ln p(v) (or ln p(v) itself) and its gradient by b, c and W, at the best parameters found for v.
 *
 *   bound       Jaakkola & Jordan 1996, Eqs. 18-19 and 6-8: each logistic function by its quadratic lower bound, then
 *   the factorised lower
 *               recursion: mean field with xi_i^2 = E[x_i^2]. Every coordinate step is exact, so the bound never falls.
 *   mean-field  Saul, Jaakkola & Jordan 1996: E ln(1 + e^x) <= xi E[x] + ln E[e^{-xi x} + e^{(1 - xi) x}], 0 <= xi <= 1
 *   exact       all 2^K states of the hidden variables
 */
import { entropyOfLogit, lambda, minusF, sigmoid, softplus } from "../../inference/bounds/logistic.ts";

export interface SigmoidParameters {
  readonly numHidden: number;
  readonly numVisible: number;
  /** Float64Array[K + V + V K]: b, c, then W row by row (visible unit by visible unit). */
  readonly values: Float64Array;
}

export interface Posterior {
  /** ln p(v) or a lower bound on it, natural log; adds its gradient to `gradient`, laid out as the parameters. */
  (visible: Uint8Array, parameters: SigmoidParameters, gradient: Float64Array): number;
}

export const posteriors = ["bound", "mean-field", "exact"] as const;
export type PosteriorName = (typeof posteriors)[number];
const MAX_EXACT_HIDDEN = 16;

const MEAN_FIELD_SWEEPS = 40;
const MIN_CHANGE = 1e-5;

/** @throws RangeError for exact with more than 16 hidden variables, or an unknown name. */
export function posteriorOf(name: PosteriorName, numHidden: number, numVisible: number): Posterior {
  switch (name) {
    case "bound":
      return quadraticBound(numHidden, numVisible);
    case "mean-field":
      return meanField(numHidden, numVisible);
    case "exact":
      if (numHidden > MAX_EXACT_HIDDEN)
        throw new RangeError(
          `exact learning sums over 2^K hidden states: at most ${MAX_EXACT_HIDDEN}, got K = ${numHidden}`,
        );
      return exact(numHidden, numVisible);
    default:
      throw new RangeError(`unknown method "${String(name)}", accepted: ${posteriors.join(", ")}`);
  }
}

/** E[x_i] into `fields`, from the means of the hidden variables. */
function meanFields(
  { values, numHidden: K, numVisible: V }: SigmoidParameters,
  means: Float64Array,
  fields: Float64Array,
) {
  for (let i = 0; i < V; i++) {
    let field = values[K + i];
    for (let j = 0; j < K; j++) field += values[K + V + i * K + j] * means[j];
    fields[i] = field;
  }
}

/** sum_j [mu_j b_j + H(mu_j) - ln(1 + e^b_j)], and its gradient by b. */
function priorPart(values: Float64Array, means: Float64Array, logits: Float64Array, gradient: Float64Array): number {
  let value = 0;
  for (let j = 0; j < means.length; j++) {
    value += means[j] * values[j] + entropyOfLogit(logits[j]) - softplus(values[j]);
    gradient[j] += means[j] - sigmoid(values[j]);
  }
  return value;
}

function quadraticBound(K: number, V: number): Posterior {
  const [means, logits] = [new Float64Array(K), new Float64Array(K)];
  const [fields, xis] = [new Float64Array(V), new Float64Array(V)];
  return (visible, parameters, gradient) => {
    const { values } = parameters;
    const W = K + V;
    const squares = (i: number): number => {
      let square = fields[i] ** 2;
      for (let j = 0; j < K; j++) square += values[W + i * K + j] ** 2 * means[j] * (1 - means[j]);
      return square;
    };
    for (let j = 0; j < K; j++) means[j] = sigmoid((logits[j] = values[j]));
    meanFields(parameters, means, fields);
    for (let i = 0; i < V; i++) xis[i] = Math.sqrt(squares(i));
    for (let sweep = 0, change = Infinity; sweep < MEAN_FIELD_SWEEPS && change > MIN_CHANGE; sweep++) {
      change = 0;
      for (let j = 0; j < K; j++) {
        let logit = values[j];
        for (let i = 0; i < V; i++) {
          const weight = values[W + i * K + j];
          const others = fields[i] - weight * means[j];
          logit += weight * (visible[i] - 0.5 - lambda(xis[i]) * (weight + 2 * others));
        }
        const mean = sigmoid(logit);
        const moved = mean - means[j];
        change = Math.max(change, Math.abs(moved));
        for (let i = 0; i < V; i++) fields[i] += values[W + i * K + j] * moved;
        means[j] = mean;
        logits[j] = logit;
      }
      for (let i = 0; i < V; i++) xis[i] = Math.sqrt(squares(i));
    }
    let value = priorPart(values, means, logits, gradient);
    for (let i = 0; i < V; i++) {
      // v x - ln(1 + e^x) >= (v - 1/2) x - lambda x^2 + F, and at xi^2 = E[x^2] the last two are lambda (xi^2 - E[x^2])
      // - ln(2 cosh)
      const l = lambda(xis[i]);
      const square = squares(i);
      value += (visible[i] - 0.5) * fields[i] - l * square - minusF(xis[i]);
      const slope = visible[i] - 0.5 - 2 * l * fields[i];
      gradient[K + i] += slope;
      for (let j = 0; j < K; j++)
        gradient[W + i * K + j] += slope * means[j] - 2 * l * values[W + i * K + j] * means[j] * (1 - means[j]);
    }
    return value;
  };
}

function meanField(K: number, V: number): Posterior {
  const workspace = new MeanField(K, V);
  return (visible, parameters, gradient) => workspace.run(visible, parameters, gradient);
}

/** Mean field with one xi a visible unit; its arrays serve one observed vector after another. */
class MeanField {
  readonly #means: Float64Array;
  readonly #logits: Float64Array;
  /** E[x_i]. */
  readonly #fields: Float64Array;
  readonly #xis: Float64Array;
  /** ln E[e^{-xi x}] and ln E[e^{(1 - xi) x}]. */
  readonly #down: Float64Array;
  readonly #up: Float64Array;

  constructor(K: number, V: number) {
    [this.#means, this.#logits, this.#fields] = [new Float64Array(K), new Float64Array(K), new Float64Array(V)];
    [this.#xis, this.#down, this.#up] = [new Float64Array(V).fill(0.5), new Float64Array(V), new Float64Array(V)];
  }

  run(visible: Uint8Array, parameters: SigmoidParameters, gradient: Float64Array): number {
    const { values, numHidden: K } = parameters;
    for (let j = 0; j < K; j++) this.#means[j] = sigmoid((this.#logits[j] = values[j]));
    this.#xis.fill(0.5);
    for (let sweep = 0, change = Infinity; sweep < MEAN_FIELD_SWEEPS && change > MIN_CHANGE; sweep++)
      change = this.#sweep(visible, parameters, sweep % 5 === 0);
    meanFields(parameters, this.#means, this.#fields);
    return this.#boundAndGradient(visible, parameters, gradient);
  }

  /** Moves all means at once, so damped; the largest change. @param renewsXis else xi stays as it is. */
  #sweep(visible: Uint8Array, parameters: SigmoidParameters, renewsXis: boolean): number {
    const { values, numHidden: K, numVisible: V } = parameters;
    const [means, xis, down, up] = [this.#means, this.#xis, this.#down, this.#up];
    const W = K + V;
    meanFields(parameters, means, this.#fields);
    for (let i = 0; i < V; i++) {
      if (renewsXis) this.#setBestXi(i, parameters);
      else this.#setMoments(i, parameters);
    }
    let change = 0;
    for (let j = 0; j < K; j++) {
      let logit = values[j];
      for (let i = 0; i < V; i++) {
        const weight = values[W + i * K + j];
        const share = sigmoid(up[i] - down[i]);
        const [a, b] = [Math.expm1(-xis[i] * weight), Math.expm1((1 - xis[i]) * weight)];
        logit += (visible[i] - xis[i]) * weight;
        logit -= ((1 - share) * a) / (1 + means[j] * a) + (share * b) / (1 + means[j] * b);
      }
      const mean = (means[j] + sigmoid(logit)) / 2;
      change = Math.max(change, Math.abs(mean - means[j]));
      means[j] = mean;
      this.#logits[j] = Math.log(mean) - Math.log1p(-mean);
    }
    return change;
  }

  /** The bound at the means, its best xis, and its gradient by the parameters. */
  #boundAndGradient(visible: Uint8Array, parameters: SigmoidParameters, gradient: Float64Array): number {
    const { values, numHidden: K, numVisible: V } = parameters;
    const [means, xis, down, up] = [this.#means, this.#xis, this.#down, this.#up];
    const W = K + V;
    let value = priorPart(values, means, this.#logits, gradient);
    for (let i = 0; i < V; i++) {
      this.#setBestXi(i, parameters);
      value += visible[i] * this.#fields[i] - this.#bound(i);
      const share = sigmoid(up[i] - down[i]);
      gradient[K + i] += visible[i] - share;
      for (let j = 0; j < K; j++) {
        const weight = values[W + i * K + j];
        const [a, b] = [Math.exp(-xis[i] * weight), Math.exp((1 - xis[i]) * weight)];
        gradient[W + i * K + j] +=
          (visible[i] - xis[i]) * means[j] +
          ((1 - share) * xis[i] * means[j] * a) / (1 + means[j] * (a - 1)) -
          (share * (1 - xis[i]) * means[j] * b) / (1 + means[j] * (b - 1));
      }
    }
    return value;
  }

  /** The least bound on E ln(1 + e^x_i), by golden sections: it is convex in xi. */
  #setBestXi(i: number, parameters: SigmoidParameters): void {
    const xis = this.#xis;
    let [low, high] = [0, 1];
    for (let step = 0; step < 12; step++) {
      const ends = [low + 0.382 * (high - low), low + 0.618 * (high - low)];
      const [a, b] = ends.map((xi) => {
        xis[i] = xi;
        this.#setMoments(i, parameters);
        return this.#bound(i);
      });
      if (a < b) high = ends[1];
      else low = ends[0];
    }
    xis[i] = (low + high) / 2;
    this.#setMoments(i, parameters);
  }

  /** The two moments of x_i at its xi. */
  #setMoments(i: number, { values, numHidden: K, numVisible: V }: SigmoidParameters): void {
    const [means, down, up] = [this.#means, this.#down, this.#up];
    const xi = this.#xis[i];
    const W = K + V;
    down[i] = -xi * values[K + i];
    up[i] = (1 - xi) * values[K + i];
    for (let j = 0; j < K; j++) {
      const weight = values[W + i * K + j];
      down[i] += Math.log1p(means[j] * Math.expm1(-xi * weight));
      up[i] += Math.log1p(means[j] * Math.expm1((1 - xi) * weight));
    }
  }

  /** At least E ln(1 + e^x_i), from its moments. */
  #bound(i: number): number {
    return this.#xis[i] * this.#fields[i] + this.#down[i] + softplus(this.#up[i] - this.#down[i]);
  }
}

function exact(K: number, V: number): Posterior {
  const numStates = 2 ** K;
  const logs = new Float64Array(numStates);
  const fields = new Float64Array(V);
  return (visible, { values }, gradient) => {
    const W = K + V;
    const fieldsOf = (state: number): void => {
      for (let i = 0; i < V; i++) {
        let field = values[K + i];
        for (let j = 0; j < K; j++) if ((state >> j) & 1) field += values[W + i * K + j];
        fields[i] = field;
      }
    };
    let largest = -Infinity;
    for (let state = 0; state < numStates; state++) {
      fieldsOf(state);
      let log = 0;
      for (let j = 0; j < K; j++) log += ((state >> j) & 1 ? values[j] : 0) - softplus(values[j]);
      for (let i = 0; i < V; i++) log += visible[i] * fields[i] - softplus(fields[i]);
      logs[state] = log;
      largest = Math.max(largest, log);
    }
    let total = 0;
    for (const log of logs) total += Math.exp(log - largest);
    for (let state = 0; state < numStates; state++) {
      const p = Math.exp(logs[state] - largest) / total;
      if (p < 1e-12) continue;
      fieldsOf(state);
      for (let j = 0; j < K; j++) gradient[j] += p * (((state >> j) & 1) - sigmoid(values[j]));
      for (let i = 0; i < V; i++) {
        const slope = p * (visible[i] - sigmoid(fields[i]));
        gradient[K + i] += slope;
        for (let j = 0; j < K; j++) if ((state >> j) & 1) gradient[W + i * K + j] += slope;
      }
    }
    return largest + Math.log(total);
  };
}
