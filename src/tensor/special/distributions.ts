/**
 * Helpers of distributions on the simplex and the unit interval, differentiable by their parameters.
 *
 *   Dirichlet(a):        ln p(x) = sum_k (a_k - 1) ln x_k + lgamma(sum a) - sum_k lgamma(a_k)
 *   Kumaraswamy(a, b):   p(x) = a b x^(a - 1) (1 - x^a)^(b - 1),  x = (1 - u^(1/b))^(1/a) for uniform u
 *
 * Kumaraswamy's is the reparametrised stand-in for Beta that stick-breaking posteriors use (Nalisnick & Smyth 2017).
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { betaln, digamma, lgamma } from "./gamma.ts";
import { tf } from "../tf.ts";

const EULER_GAMMA = 0.5772156649015329;

/**
 * Natural logarithm of Dirichlet densities at `x` [..., k] (rows on the simplex), parameters `concentration` [..., k] >
 * 0.
 */
export function dirichletLogDensity(x: Tf.Tensor, concentration: Tf.Tensor): Tf.Tensor {
  const powers = tf.sum(tf.mul(tf.sub(concentration, 1), tf.log(x)), -1);
  return tf.sub(powers, dirichletLogNormaliser(concentration));
}

/** ln B(a) = sum_k lgamma(a_k) - lgamma(sum a) over the last axis. */
export function dirichletLogNormaliser(concentration: Tf.Tensor): Tf.Tensor {
  return tf.sub(tf.sum(lgamma(concentration), -1), lgamma(tf.sum(concentration, -1)));
}

/** E[ln x_k] = digamma(a_k) - digamma(sum a), of the shape of `concentration`. */
export function dirichletExpectedLog(concentration: Tf.Tensor): Tf.Tensor {
  return tf.sub(digamma(concentration), digamma(tf.sum(concentration, -1, true)));
}

/** KL(Dirichlet(a) || Dirichlet(b)) in nats over the last axis. */
export function dirichletDivergence(a: Tf.Tensor, b: Tf.Tensor): Tf.Tensor {
  const change = tf.sum(tf.mul(tf.sub(a, b), dirichletExpectedLog(a)), -1);
  return tf.add(tf.sub(dirichletLogNormaliser(b), dirichletLogNormaliser(a)), change);
}

/** Natural logarithm of Kumaraswamy densities at 0 < x < 1. */
export function kumaraswamyLogDensity(x: Tf.Tensor, a: Tf.Tensor, b: Tf.Tensor): Tf.Tensor {
  const logX = tf.log(x);
  const front = tf.add(tf.add(tf.log(a), tf.log(b)), tf.mul(tf.sub(a, 1), logX));
  return tf.add(front, tf.mul(tf.sub(b, 1), tf.log1p(tf.neg(tf.exp(tf.mul(a, logX))))));
}

/** Samples (1 - u^(1/b))^(1/a), differentiable by a and b; the uniforms come from `random`. */
export function kumaraswamySample(a: Tf.Tensor, b: Tf.Tensor, random: Random): Tf.Tensor {
  const u = uniformTensor(a.shape, random);
  const inner = tf.neg(tf.expm1(tf.div(tf.log(u), b))); // 1 - u^(1/b) without cancellation
  return tf.exp(tf.div(tf.log(inner), a));
}

/** E[x] = b Beta(1 + 1/a, b) */
export function kumaraswamyMean(a: Tf.Tensor, b: Tf.Tensor): Tf.Tensor {
  return tf.mul(b, tf.exp(betaln(tf.add(tf.reciprocal(a), 1), b)));
}

/**
 * KL(Kumaraswamy(a, b) || Beta(alpha, beta)) in nats, for numbers alpha, beta > 0: Nalisnick & Smyth 2017, eq. 10, with
 * their series cut at `terms`.
 */
export function kumaraswamyBetaDivergence(
  a: Tf.Tensor,
  b: Tf.Tensor,
  { alpha, beta, terms = 10 }: { alpha: number; beta: number; terms?: number },
): Tf.Tensor {
  const front = tf.mul(tf.div(tf.sub(a, alpha), a), tf.sub(tf.sub(-EULER_GAMMA, digamma(b)), tf.reciprocal(b)));
  const logNormaliser = betaln(tf.scalar(alpha), tf.scalar(beta));
  const middle = tf.sub(tf.add(tf.log(tf.mul(a, b)), logNormaliser), tf.div(tf.sub(b, 1), b));
  const ab = tf.mul(a, b);
  let sum: Tf.Tensor = tf.zerosLike(ab);
  for (let m = 1; m <= terms; m++) sum = tf.add(sum, tf.div(tf.exp(betaln(tf.div(m, a), b)), tf.add(ab, m)));
  return tf.add(tf.add(front, middle), tf.mul(tf.mul(b, beta - 1), sum));
}

/** Uniforms in (0, 1), never 0 or 1, so that their logarithms are finite. */
export function uniformTensor(shape: number[], random: Random): Tf.Tensor {
  const smallest = 2 ** -24;
  const draw = () => Math.min(1 - smallest, Math.max(smallest, random.uniform()));
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, draw), shape);
}
