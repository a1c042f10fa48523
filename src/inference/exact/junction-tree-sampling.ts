/**
 * Exact, independent samples: once the messages of a junction tree are there, every variable is drawn given those
 * eliminated after it,
 *
 *   p(x) = prod_v p(x_v | x_{S_v}),   p(x_v | x_S) proportional to the product of v's tables at x_S.
 */
import { Random } from "../../graph/random.ts";
import { parseOptions } from "../method.ts";
import { asFactorGraph, type AnyModel } from "./model.ts";
import { plannedTree, planOptionsSchema, type PlanOptionsInput } from "./plan.ts";
import { originalStates } from "./simplify.ts";
import { SumElimination } from "./sum-elimination.ts";

export interface ExactSampler {
  /** Natural log. */
  readonly logZ: number;
  /** Int32Array[numVariables]: a state drawn from p. */
  readonly sample: (random: Random) => Int32Array;
}

/**
 * Prepares exact sampling; a sample then costs one look-up a table.
 * @throws TreewidthError when the tables would not fit into options.memory.
 * @throws RangeError when Z = 0: there is nothing to draw.
 */
export function exactSampler(
  model: AnyModel,
  options: PlanOptionsInput = {},
  { random = Random.fromSeed(0) }: { random?: Random } = {},
): ExactSampler {
  const parsed = parseOptions("exact sampling", planOptionsSchema, options);
  const plan = plannedTree(asFactorGraph(model), "messages", parsed, random);
  const sum = plan && new SumElimination(plan.tree, true);
  if (!sum || sum.logZ === -Infinity)
    throw new RangeError("no state is possible (Z = 0), so there is nothing to draw from. Check factors and evidence");
  const { simplified, tree } = plan;
  const weights = new Float64Array(tree.cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 0));
  return {
    logZ: sum.logZ + simplified.logConstant,
    sample(draw) {
      const states = new Int32Array(tree.cardinalities.length);
      for (let at = tree.sequence.length - 1; at >= 0; at--) {
        const variable = tree.sequence[at];
        sum.conditional(variable, states, weights);
        states[variable] = drawIndex(weights, tree.cardinalities[variable], draw);
      }
      return originalStates(simplified, states);
    },
  };
}

/** Index i < count with probability proportional to weights[i]; never one of weight 0. */
function drawIndex(weights: Float64Array, count: number, random: Random): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += weights[index];
  let left = random.uniform() * total;
  let last = 0;
  for (let index = 0; index < count; index++) {
    if (weights[index] === 0) continue;
    last = index;
    left -= weights[index];
    if (left < 0) break;
  }
  return last;
}
