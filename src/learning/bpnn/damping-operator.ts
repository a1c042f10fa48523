/**
 * H of BPNN-D (Kuck et al. 2020, Eq. 4): what is kept of the difference between a message and the one that belief
 * propagation would send. Every kind has H(0) = 0, so each fixed point of BP stays one (Theorem 1).
 *
 *   scalar      H(x) = alpha x                                        damped BP (Proposition 1); alpha is learned
 *   mlp         H(x) = (1 - a) [G(x) - G(0)], a = .95                 the authors'; G = Linear-ReLU-Linear-ReLU,
 *   identity at the start invertible  H(x) = x + Hbar(x) - Hbar(0), Hbar(x) = -k [P x + P g(P x)], with k > 0 and
 *   Lipschitz(g) < 1
 *
 * Hbar of the last is invertible as a residual network (Behrmann et al. 2019), so zero is H's only fixed point whatever
 * the weights (Corollary 2.1). Messages are defined up to a constant, so it works on differences without their mean
 * (P), where -k is between no damping (k = 1), damping and over-relaxation (k > 1). g(x) = U relu(W x + c) with U
 * scaled so that |U| |W| <= .99 in Frobenius norms.
 *
 * All messages share one H, hence it is equivariant (Theorem 4). It need not treat the states of a variable alike: that
 * is how it can lead all variables into one of two nearly equal states where BP is caught between them. mlp and
 * invertible know the numbers of states that they were made for.
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { messagePassing } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";
import type { ParameterStore } from "../parameters.ts";

export const dampingKinds = ["scalar", "mlp", "invertible"] as const;
export type DampingKind = (typeof dampingKinds)[number];

export interface DampingShape {
  readonly kind: DampingKind;
  /** Share of the difference that is kept at the start: alpha, 1 - a, or 1 - k. The paper's is .05. */
  readonly kept: number;
  /** Hidden units of g; of the invertible kind only. */
  readonly hidden?: number;
  /**
   * How much of a difference's size pushes towards the last state at the start (U's first entries); default 0, which is
   * damped BP. There H treats states alike, and a model with two nearly equal states has no slope towards either, so
   * that training stays where it is. Zero is the only fixed point all the same. Of the invertible kind only.
   */
  readonly push?: number;
  /** Numbers of states of messages that mlp and invertible take; default [2]. */
  readonly cardinalities?: readonly number[];
}

const LIPSCHITZ_CONSTANT = 0.99;
const DEFAULT_HIDDEN = 8;

/** H in tensors, with its parameters made under `name`. Rows are [messages, cardinality], natural log. */
export interface DampingTensors {
  apply(difference: Tf.Tensor2D): Tf.Tensor2D;
}

export function dampingTensors(
  shape: DampingShape,
  name: string,
  store: ParameterStore,
  random: Random,
): DampingTensors {
  const { kind, kept, cardinalities = [2] } = shape;
  if (kind === "scalar") {
    const alpha = store.constant(`${name}/alpha`, [1], kept);
    return { apply: (x) => tf.mul(x, alpha) };
  }
  if (kind === "mlp") {
    const networks = new Map(
      cardinalities.map((size) => {
        const layers = [0, 1].map((layer) => ({
          kernel: store.identity(`${name}/${size}/${layer}/kernel`, size),
          bias: store.constant<Tf.Rank.R1>(`${name}/${size}/${layer}/bias`, [size], 0),
        }));
        return [size, layers] as const;
      }),
    );
    return {
      apply: (x) => {
        const layers = known(networks, x.shape[1]);
        const g = (rows: Tf.Tensor2D) => messagePassing({ blocks: [{ x: rows }], layers, last: "relu" });
        return tf.mul(tf.sub<Tf.Tensor2D>(g(x), g(tf.zeros([1, x.shape[1]]))), kept);
      },
    };
  }
  const hidden = shape.hidden ?? DEFAULT_HIDDEN;
  const strength = store.constant(`${name}/strength`, [1], Math.log(1 - kept)); // ln k
  const networks = new Map(
    cardinalities.map((size) => {
      const start = residualStart(size, Math.max(hidden, size), shape.push ?? 0, random.split(`${name}/${size}`));
      const W = store.add<Tf.Rank.R2>(`${name}/${size}/inner/kernel`, [size, start.units], start.W);
      const c = store.constant<Tf.Rank.R1>(`${name}/${size}/inner/bias`, [start.units], 0);
      const U = store.add<Tf.Rank.R2>(`${name}/${size}/outer/kernel`, [start.units, size], start.U);
      return [size, { W, c, U }] as const;
    }),
  );
  return {
    apply: (x) => {
      const size = x.shape[1];
      const { W, c, U } = known(networks, size);
      const centred = tf.sub<Tf.Tensor2D>(x, tf.mean(x, 1, true));
      // a root at 0 has no gradient
      const norms = tf.sqrt(tf.add(tf.mul(tf.sum(tf.square(U)), tf.sum(tf.square(W))), 1e-12));
      const outer = tf.mul<Tf.Tensor2D>(U, tf.div(LIPSCHITZ_CONSTANT, tf.maximum(norms, LIPSCHITZ_CONSTANT)));
      const layers = [{ kernel: W, bias: c }, { kernel: outer, bias: tf.zeros<Tf.Rank.R1>([size]) }]; // prettier-ignore
      const g = (rows: Tf.Tensor2D) => messagePassing({ blocks: [{ x: rows }], layers });
      const residual = tf.sub<Tf.Tensor2D>(g(centred), g(tf.zeros([1, size])));
      const projected = tf.sub<Tf.Tensor2D>(residual, tf.mean(residual, 1, true));
      return tf.sub(centred, tf.mul(tf.exp(strength), tf.add(centred, projected)));
    },
  };
}

/**
 * Units 0 ... size - 1 see one state's difference each and push towards the last state; the others are there to be
 * learned.
 */
function residualStart(size: number, units: number, push: number, random: Random) {
  const W = new Float32Array(size * units);
  const U = new Float32Array(units * size);
  for (let unit = 0; unit < units; unit++)
    for (let state = 0; state < size; state++) {
      W[state * units + unit] = unit < size ? Number(unit === state) : random.uniform(-0.3, 0.3);
      if (unit < size && size > 1) U[unit * size + state] = state === size - 1 ? -push : push / (size - 1);
    }
  return { units, W, U };
}

/** @throws RangeError naming the numbers of states that there are weights for. */
function known<Value>(networks: ReadonlyMap<number, Value>, size: number): Value {
  const found = networks.get(size);
  if (found === undefined)
    throw new RangeError(
      `this damping operator takes messages of ${[...networks.keys()].join(", ")} states, got ${size}`,
    );
  return found;
}

/** H in float64, for one message at a time: what runs to convergence. */
export interface DampingFunction {
  /**
   * H(difference) into `out`; both Float64Array of the message's number of states, natural log. They may be the same.
   */
  apply(difference: Float64Array, out: Float64Array): void;
  /** Whether zero is proved to be its only fixed point, so that Theorems 2 and 3 hold. */
  readonly zeroIsOnlyFixedPoint: boolean;
}

type Values = (name: string) => ArrayLike<number>;

/** The same H as `dampingTensors` makes, from the values of its parameters. */
export function dampingFunction(shape: DampingShape, name: string, values: Values): DampingFunction {
  const { kind, kept, cardinalities = [2] } = shape;
  if (kind === "scalar") return scalarDamping(values(`${name}/alpha`)[0]);
  if (kind === "mlp") {
    const layersOf = (size: number) =>
      [0, 1].map((layer) => ({
        kernel: values(`${name}/${size}/${layer}/kernel`),
        bias: values(`${name}/${size}/${layer}/bias`),
      }));
    return mlpDamping(kept, new Map(cardinalities.map((size) => [size, layersOf(size)])));
  }
  const layersOf = (size: number) => {
    const [W, c, U] = ["inner/kernel", "inner/bias", "outer/kernel"].map((part) => values(`${name}/${size}/${part}`));
    return { W, c, U };
  };
  const k = Math.exp(values(`${name}/strength`)[0]);
  return invertibleDamping(k, new Map(cardinalities.map((size) => [size, layersOf(size)])));
}

/** H(x) = alpha x: damped belief propagation. Zero is the only fixed point unless alpha = 1. */
export function scalarDamping(alpha: number): DampingFunction {
  return {
    zeroIsOnlyFixedPoint: alpha !== 1,
    apply: (x, out) => {
      for (let state = 0; state < x.length; state++) out[state] = alpha * x[state];
    },
  };
}

interface Layer {
  readonly kernel: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
}

/**
 * Zero is the only fixed point if H contracts enough: messages are normalised, so at a fixed point of BPNN-D the
 * difference x is H(x) plus a constant that makes both log-sum-exps 0. That constant is at most max |P x| in size,
 * whence |x|^2 <= c |P x|^2 for c states, and
 * |P x| <= L |x| <= L sqrt(c) |P x| leaves only x = 0 when L sqrt(c) < 1. L is bounded by the product of the layers'
 * spectral norms.
 */
function mlpDamping(kept: number, networks: ReadonlyMap<number, readonly Layer[]>): DampingFunction {
  const forward = (layers: readonly Layer[], x: ArrayLike<number>): Float64Array =>
    layers.reduce<Float64Array>((input, { kernel, bias }) => {
      const size = bias.length;
      return Float64Array.from(bias, (start, to) => {
        let sum = start;
        for (let from = 0; from < size; from++) sum += input[from] * kernel[from * size + to];
        return Math.max(0, sum);
      });
    }, Float64Array.from(x));
  const atZero = new Map(Array.from(networks, ([size, layers]) => [size, forward(layers, new Float64Array(size))]));
  const contracts = ([size, layers]: readonly [number, readonly Layer[]]): boolean =>
    Math.abs(kept) *
      layers.reduce((product, { kernel }) => product * spectralNormBound(kernel, size), 1) *
      Math.sqrt(size) <
    1;
  return {
    zeroIsOnlyFixedPoint: Array.from(networks).every(contracts),
    apply: (x, out) => {
      const layers = known(networks, x.length);
      const [g, zero] = [forward(layers, x), atZero.get(x.length)!];
      for (let state = 0; state < g.length; state++) out[state] = kept * (g[state] - zero[state]);
    },
  };
}

/**
 * At least the largest singular value of a square matrix: sqrt(|A|_1 |A|_inf), and the Frobenius norm, whichever is
 * less.
 */
function spectralNormBound(kernel: ArrayLike<number>, size: number): number {
  const rows = new Float64Array(size);
  const columns = new Float64Array(size);
  let squares = 0;
  for (let at = 0; at < size * size; at++) {
    const entry = Math.abs(kernel[at]);
    rows[Math.floor(at / size)] += entry;
    columns[at % size] += entry;
    squares += entry * entry;
  }
  return Math.min(Math.sqrt(squares), Math.sqrt(Math.max(...rows) * Math.max(...columns)));
}

interface Residual {
  readonly W: ArrayLike<number>;
  readonly c: ArrayLike<number>;
  readonly U: ArrayLike<number>;
}

function invertibleDamping(k: number, networks: ReadonlyMap<number, Residual>): DampingFunction {
  const sumOfSquares = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value * value, 0);
  const forward = ({ W, c, U }: Residual, scale: number, x: Float64Array, out: Float64Array): void => {
    const [size, hidden] = [x.length, c.length];
    out.fill(0);
    for (let unit = 0; unit < hidden; unit++) {
      let sum = c[unit];
      for (let state = 0; state < size; state++) sum += x[state] * W[state * hidden + unit];
      const value = scale * Math.max(0, sum);
      for (let state = 0; state < size; state++) out[state] += value * U[unit * size + state];
    }
  };
  const prepared = new Map(
    Array.from(networks, ([size, network]) => {
      const scale =
        LIPSCHITZ_CONSTANT /
        Math.max(Math.sqrt(sumOfSquares(network.U) * sumOfSquares(network.W) + 1e-12), LIPSCHITZ_CONSTANT);
      const [zero, g, centred] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
      forward(network, scale, g, zero);
      return [size, { network, scale, zero, g, centred }] as const;
    }),
  );
  return {
    zeroIsOnlyFixedPoint: true,
    apply: (x, out) => {
      const size = x.length;
      const { network, scale, zero, g, centred } = known(prepared, size);
      let mean = 0;
      for (let state = 0; state < size; state++) mean += x[state] / size;
      for (let state = 0; state < size; state++) centred[state] = x[state] - mean;
      forward(network, scale, centred, g);
      let meanOfG = 0;
      for (let state = 0; state < size; state++) meanOfG += (g[state] - zero[state]) / size;
      for (let state = 0; state < size; state++)
        out[state] = centred[state] - k * (centred[state] + g[state] - zero[state] - meanOfG);
    },
  };
}
