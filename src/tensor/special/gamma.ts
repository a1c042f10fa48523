/**
 * ln Gamma, its derivatives and ln Beta, element by element, with gradients: what Gamma, Beta and Dirichlet densities
 * need. Computed in double precision and rounded once; poles and arguments that have no real value give what IEEE 754
 * would: lgamma(0) = Infinity, digamma(0) = NaN.
 *
 * For x >= 8 Stirling's series, below it the recurrence Gamma(x + 1) = x Gamma(x), below 0 reflection.
 */
import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../tf.ts";

/** Bernoulli numbers B_2k / (2k (2k - 1)) of Stirling's series. */
const stirling = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
/** B_2k / (2k), of the digamma's series. */
const digammaSeries = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12];
/** B_2k, of the trigamma's series. */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6];

const series = (coefficients: readonly number[], y: number) =>
  coefficients.reduceRight((sum, coefficient) => sum * y + coefficient, 0);

/** ln |Gamma(x)|; Infinity at 0, -1, -2, ... */
export function lgammaOf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x)) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgammaOf(1 - x);
  let shift = 1;
  let y = x;
  for (; y < 8; y++) shift *= y;
  const tail = series(stirling, 1 / (y * y)) / y;
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + tail - Math.log(shift);
}

/** d lgamma / dx; NaN at 0, -1, -2, ... */
export function digammaOf(x: number): number {
  if (x === Infinity) return Infinity;
  if (!Number.isFinite(x) || (x <= 0 && Number.isInteger(x))) return NaN;
  if (x < 0) return digammaOf(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let sum = 0;
  let y = x;
  for (; y < 8; y++) sum -= 1 / y;
  const inverse = 1 / (y * y);
  return sum + Math.log(y) - 0.5 / y - inverse * series(digammaSeries, inverse);
}

/** d digamma / dx; NaN at 0, -1, -2, ... */
export function trigammaOf(x: number): number {
  if (x === Infinity) return 0;
  if (!Number.isFinite(x) || (x <= 0 && Number.isInteger(x))) return NaN;
  if (x < 0) return (Math.PI / Math.sin(Math.PI * x)) ** 2 - trigammaOf(1 - x);
  let sum = 0;
  let y = x;
  for (; y < 8; y++) sum += 1 / (y * y);
  const inverse = 1 / (y * y);
  return sum + 1 / y + inverse / 2 + (inverse / y) * series(bernoulli, inverse);
}

/** `f` for each element, with its derivative as the gradient. */
function elementwise(f: (x: number) => number, derivative: (x: Tf.Tensor) => Tf.Tensor) {
  return <Shaped extends Tf.Tensor>(x: Shaped): Shaped =>
    tf.customGrad((input, save) => {
      (save as Tf.GradSaveFunc)([input as Tf.Tensor]);
      const value = tf.tensor(Float32Array.from((input as Tf.Tensor).dataSync<"float32">(), f), x.shape);
      return { value, gradFunc: (dy: Tf.Tensor, [saved]: Tf.Tensor[]) => tf.mul(dy, derivative(saved)) };
    })(x) as Shaped;
}

/** d digamma / dx of each element; its own gradient is not defined. */
export function trigamma<Shaped extends Tf.Tensor>(x: Shaped): Shaped {
  return tf.tensor(Float32Array.from(x.dataSync<"float32">(), trigammaOf), x.shape) as Shaped;
}

/** d ln Gamma(x) / dx of each element. */
export const digamma = elementwise(digammaOf, trigamma);

/** ln |Gamma(x)| of each element. */
export const lgamma = elementwise(lgammaOf, digamma);

/** ln Beta(a, b) = lgamma(a) + lgamma(b) - lgamma(a + b), element by element; a and b of one shape. */
export function betaln<Shaped extends Tf.Tensor>(a: Shaped, b: Shaped): Shaped {
  return tf.sub(tf.add(lgamma(a), lgamma(b)), lgamma(tf.add<Shaped>(a, b)));
}
