/**
 * Evidence in a pairwise binary model: observed variables leave, their biases go into the constant, their weights into
 * the biases of their neighbours. Z of what is left is the sum of p~ over the states that agree with the evidence.
 */
import type { Evidence } from "./condition.ts";
import { pairwiseFromArrays, toBoltzmann, type BoltzmannMachine, type PairwiseBinaryModel } from "./pairwise.ts";

export interface Clamped {
  readonly model: BoltzmannMachine;
  /** Int32Array[model.numVariables], increasing: the whole model's number of each variable that is left. */
  readonly variables: Int32Array;
}

/** @throws RangeError naming a variable or state that the model does not have. */
export function clamp(whole: PairwiseBinaryModel, evidence: Evidence): Clamped {
  const { numVariables, biases, edgeSources, edgeTargets, weights, ...rest } = toBoltzmann(whole);
  for (const [variable, state] of evidence) {
    if (!Number.isInteger(variable) || variable < 0 || variable >= numVariables)
      throw new RangeError(`evidence names variable ${variable}, expected 0 to ${numVariables - 1}`);
    if (state !== 0 && state !== 1)
      throw new RangeError(`evidence sets variable ${variable} to state ${state}, expected 0 or 1`);
  }
  const newNumbers = new Int32Array(numVariables).fill(-1);
  const variables = Int32Array.from({ length: numVariables }, (_, i) => i).filter((i) => !evidence.has(i));
  variables.forEach((variable, i) => (newNumbers[variable] = i));
  const fields = Float64Array.from(variables, (variable) => biases[variable]);
  let logConstant = rest.logConstant;
  for (const [variable, state] of evidence) if (state) logConstant += biases[variable];
  const kept: number[] = [];
  for (let edge = 0; edge < weights.length; edge++) {
    const [source, target] = [edgeSources[edge], edgeTargets[edge]];
    const [s, t] = [newNumbers[source], newNumbers[target]];
    if (s >= 0 && t >= 0) kept.push(edge);
    else if (s >= 0) fields[s] += evidence.get(target) ? weights[edge] : 0;
    else if (t >= 0) fields[t] += evidence.get(source) ? weights[edge] : 0;
    else if (evidence.get(source) && evidence.get(target)) logConstant += weights[edge];
  }
  const model = pairwiseFromArrays(
    "boltzmann",
    fields,
    Int32Array.from(kept, (edge) => newNumbers[edgeSources[edge]]),
    Int32Array.from(kept, (edge) => newNumbers[edgeTargets[edge]]),
    Float64Array.from(kept, (edge) => weights[edge]),
    logConstant,
  );
  return { model: model, variables };
}
