/**
 * Intervals on p(S_i = 1) from the neighbours' intervals alone, for any size of model.
 *
 *   p(S_i = 1) = E[sigmoid(X_i)],   X_i = h_i + sum_j J_ij S_j in [a, b],   E[X_i] in h_i + sum_j J_ij [lower_j,
 *   upper_j]
 *
 * By Jensen, E[sigmoid(X)] is at most the concave envelope of sigmoid over [a, b] at E[X], and at least the convex one.
 * Repeated until nothing narrows, from [0, 1] or from whatever intervals are known. Not in the paper; it helps where
 * weak couplings make every variable nearly independent, so that a ratio of two bounds on large sums says less than the
 * neighbourhood does.
 */
import type { BoltzmannMachine } from "../../graph/pairwise.ts";
import { sigmoid } from "./logistic.ts";

const MAX_SWEEPS = 100;
const MIN_GAIN = 1e-9;
/** Outwards, for rounding. */
const ROUNDING_MARGIN = 1e-14;

/** The concave envelope of sigmoid on [a, b], a < b, at x. */
export function sigmoidEnvelope(a: number, b: number, x: number): number {
  if (a >= 0) return sigmoid(x);
  const touch = Math.min(b, b <= 0 ? b : tangentPoint(a, b));
  if (x >= touch) return sigmoid(x);
  const [low, high] = [sigmoid(a), sigmoid(touch)];
  return low + ((high - low) * (x - a)) / (touch - a);
}

/** The t in (0, b] where the chord from a touches sigmoid from above; b if the chord to b is below it already. */
function tangentPoint(a: number, b: number): number {
  const isAbove = (t: number): boolean => {
    const s = sigmoid(t);
    return s * (1 - s) * (t - a) <= s - sigmoid(a);
  };
  if (!isAbove(b)) return b;
  let [below, above] = [0, b];
  for (let step = 0; step < 60; step++) {
    const middle = (below + above) / 2;
    if (isAbove(middle)) above = middle;
    else below = middle;
  }
  return above; // any chord end at or beyond the touching point keeps the envelope above
}

/**
 * Narrows lower and upper, Float64Array[numVariables] each, in place. They must hold when it starts.
 */
export function narrowLocally(model: BoltzmannMachine, lower: Float64Array, upper: Float64Array): void {
  const { numVariables, neighbourOffsets, neighbours, neighbourEdges, weights, biases } = model;
  for (let sweep = 0, gain = Infinity; sweep < MAX_SWEEPS && gain > MIN_GAIN; sweep++) {
    gain = 0;
    for (let i = 0; i < numVariables; i++) {
      let [least, most] = [biases[i], biases[i]];
      let [smallest, largest] = [biases[i], biases[i]];
      for (let at = neighbourOffsets[i]; at < neighbourOffsets[i + 1]; at++) {
        const weight = weights[neighbourEdges[at]];
        const j = neighbours[at];
        if (weight > 0) {
          least += weight * lower[j];
          most += weight * upper[j];
          largest += weight;
        } else {
          least += weight * upper[j];
          most += weight * lower[j];
          smallest += weight;
        }
      }
      const isFixed = !(smallest < largest);
      const above = (isFixed ? sigmoid(most) : sigmoidEnvelope(smallest, largest, most)) + ROUNDING_MARGIN;
      const below = (isFixed ? sigmoid(least) : 1 - sigmoidEnvelope(-largest, -smallest, -least)) - ROUNDING_MARGIN;
      gain = Math.max(gain, upper[i] - above, below - lower[i]);
      if (above < upper[i]) upper[i] = above;
      if (below > lower[i]) lower[i] = below;
    }
  }
}
