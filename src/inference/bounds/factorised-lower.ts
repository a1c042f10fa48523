/**
 * The factorised lower bound (Jaakkola & Jordan 1996, Eqs. 6-8). From 1 + e^X >= e^{mu X + H(mu)} for every mu in [0,
 * 1], eliminating variable i gives
 *
 *   ln Z(h, J) >= mu_i h_i + H(mu_i) + ln Z'(h~, J),   h~_j = h_j + mu_i J_ij,
 *
 * J unchanged. Exact at mu_i = sigmoid(h_i) when i has no neighbours. Eliminating every variable is mean field,
 * eliminating some and finishing exactly is structured mean field; the bound does not depend on the order, and its
 * maximum over mu is not unique.
 */
import { toBoltzmann, type BoltzmannMachine, type PairwiseBinaryModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import { remainder, withoutVariable, type Elimination, type OrderedModel } from "./elimination.ts";
import { entropyOfLogit, sigmoid } from "./logistic.ts";

const STARTING_SWEEPS = 30;
const STARTING_TOLERANCE = 1e-3;

/**
 * One elimination at a given mu: a model of the other variables (those above `variable` move down by one) with Z' <= Z.
 * @throws RangeError if there is no such variable or mu is not in [0, 1].
 */
export function eliminateFactorisedLower(model: PairwiseBinaryModel, variable: number, mu: number): BoltzmannMachine {
  if (!(mu >= 0 && mu <= 1)) throw new RangeError(`mu must lie in [0, 1], got ${mu}`);
  const boltzmann = toBoltzmann(model);
  const entropy = entropyOfLogit(Math.log(mu) - Math.log1p(-mu));
  return withoutVariable(boltzmann, variable, mu * boltzmann.biases[variable] + entropy, (weight) => mu * weight);
}

/** The bound of a whole elimination; parameters t_p with mu_p = sigmoid(t_p), one an eliminated position. */
export function factorisedLower(model: OrderedModel): Elimination {
  const { numVariables, numEliminated, offsets, firstLater, targets, weights } = model;
  const fields = new Float64Array(numVariables);
  const means = new Float64Array(numVariables);
  const rest = remainder(model);

  function evaluate(parameters: Float64Array, gradient: Float64Array): number {
    fields.set(model.biases);
    let total = model.logConstant;
    for (let p = 0; p < numEliminated; p++) {
      const mu = sigmoid(parameters[p]);
      means[p] = mu;
      total += mu * fields[p] + entropyOfLogit(parameters[p]);
      for (let at = firstLater[p]; at < offsets[p + 1]; at++) fields[targets[at]] += mu * weights[at];
    }
    total += rest.run(fields);
    if (!Number.isFinite(total)) {
      gradient.fill(0);
      return -Infinity;
    }
    means.set(rest.finish.means, numEliminated);
    // The derivative by h_p is mu_p, by mu_p the total field of p less logit(mu_p).
    for (let p = 0; p < numEliminated; p++) {
      let field = fields[p];
      for (let at = firstLater[p]; at < offsets[p + 1]; at++) field += means[targets[at]] * weights[at];
      const mu = means[p];
      gradient[p] = mu * (1 - mu) * (field - parameters[p]);
    }
    return total;
  }

  /** Mean field sweeps over all variables, those that remain included, from mu = 1/2 or from random means. */
  function start(parameters: Float64Array, random?: Random): void {
    for (let p = 0; p < numVariables; p++) means[p] = random ? random.uniform() : 0.5;
    const totalFields = model.biases.slice();
    const spread = (p: number, change: number): void => {
      for (let at = offsets[p]; at < offsets[p + 1]; at++) totalFields[targets[at]] += change * weights[at];
    };
    for (let p = 0; p < numVariables; p++) spread(p, means[p]);
    for (let sweep = 0, change = Infinity; sweep < STARTING_SWEEPS && change > STARTING_TOLERANCE; sweep++) {
      change = 0;
      for (let p = 0; p < numVariables; p++) {
        const mean = sigmoid(totalFields[p]);
        change = Math.max(change, Math.abs(mean - means[p]));
        spread(p, mean - means[p]);
        means[p] = mean;
      }
    }
    for (let p = 0; p < numEliminated; p++) parameters[p] = totalFields[p];
  }

  return {
    numParameters: numEliminated,
    evaluate,
    start,
    describe: (parameters) => Array.from(parameters, (t) => Float64Array.of(sigmoid(t))),
    means,
    pairMeans(into) {
      for (let p = 0; p < numEliminated; p++)
        for (let at = firstLater[p]; at < offsets[p + 1]; at++) into[at] = means[p] * means[targets[at]];
      rest.pairMeans(into);
    },
  };
}
