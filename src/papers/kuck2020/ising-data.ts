/**
 * Ising models of Kuck et al. 2020, section 4.1: N x N grids, a strength of fields and of couplings of each model's
 * own, exact ln Z by a junction tree. The authors train on N = 10, f_max = .1, c_max = 5, attractive, and test where
 * each is larger.
 *
 * Each example has a random stream of its own, named by what it is drawn for: it does not depend on how many others are
 * made.
 */
import { toFactorGraph } from "../../graph/convert.ts";
import { openGrid } from "../../graph/generators/grid.ts";
import { hierarchicalIsing, type UniformIsingOptions } from "../../graph/generators/ising.ts";
import type { IsingModel } from "../../graph/pairwise.ts";
import type { Random } from "../../graph/random.ts";
import { infer } from "../../inference/registry.ts";
import type { PartitionExample } from "../../learning/bpnn/examples.ts";

export interface IsingSetting extends UniformIsingOptions {
  /** N of an N x N grid. */
  readonly side: number;
}

export const isingTrainingSetting: IsingSetting = {
  side: 10,
  maxField: 0.1,
  maxCoupling: 5,
  interaction: "attractive",
};

export interface IsingExample extends PartitionExample {
  readonly model: IsingModel;
  readonly setting: IsingSetting;
}

/** @param purpose names the set: "training", "selection", "test" with a seed or another. */
export function isingExamples(
  count: number,
  setting: IsingSetting,
  random: Random,
  ...purpose: readonly [string, ...(string | number)[]]
): IsingExample[] {
  const { side, maxField, maxCoupling, interaction } = setting;
  const stream = random.split(...purpose, side, maxField, maxCoupling, interaction);
  return Array.from({ length: count }, (_, index) => {
    const model = hierarchicalIsing(openGrid(side, side), stream.split(index), setting);
    return { model, setting, graph: toFactorGraph(model), logZ: infer(model, "junction-tree").logZ! };
  });
}
