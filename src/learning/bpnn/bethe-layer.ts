/**
 * BPNN-B (Kuck et al. 2020, Eq. 5): ln Z by regression from the beliefs of all K layers,
 *
 *   ln Z ~ sum_a mean over permutations s of a's axes of MLP_BF( s [b_a^k ln f_a ; -b_a^k ln b_a^k], k = 1 ... K )
 *        + sum_i MLP_BV( (d_i - 1) b_i^k ln b_i^k, k = 1 ... K ),
 *
 * with two MLPs for every shape of table and number of states: Linear(n, n)-[ReLU]-Linear(n, 1). At the start the first layer is the
 * identity and the second is 1 on the last layer's entries and 0 elsewhere: exactly Bethe's estimate. Without a nonlinearity (the
 * authors' default) the mean over permutations is taken of the input, and the two layers are multiplied first. With ReLU the hidden
 * layer has 2n units, [x; -x], since x = relu(x) - relu(-x): the authors' own start with ReLU is not Bethe's.
 *
 * The ablation NI (not invariant) sees each table only in the order in which its factor names its variables.
 * ln f is shifted to maximum 0, so the answer does not depend on how factors are scaled.
 */
import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../tensor/tf.ts";
import { axisPermutations, meanPermutation, permutationMatrix, shapeName } from "./axes.ts";
import { sumByGraph, type FactorGraphBatch, type FactorGroupTensors } from "./batch.ts";
import type { LogBeliefs } from "./bethe.ts";
import type { ParameterStore } from "./parameters.ts";

export const betheActivations = ["linear", "relu"] as const;
export type BetheActivation = (typeof betheActivations)[number];

export interface BetheLayerShape {
  readonly type: "bethe-layer";
  /** Shapes of tables (axes by rising size), and numbers of states of variables, that it has MLPs for. */
  readonly factorShapes: readonly (readonly number[])[];
  readonly cardinalities: readonly number[];
  readonly activation: BetheActivation;
  /** Whether to average over permutations of axes; false is the ablation NI. */
  readonly invariant: boolean;
}

type Regression = (input: Tf.Tensor2D) => Tf.Tensor2D;

export interface BetheLayer {
  /** [numGraphs], natural log, of the shifted tables. @param trajectory beliefs after each of the K layers. */
  logZ(batch: FactorGraphBatch, trajectory: readonly LogBeliefs[]): Tf.Tensor1D;
}

export function betheLayer(shape: BetheLayerShape, numLayers: number, name: string, store: ParameterStore): BetheLayer {
  const { activation, invariant } = shape;
  const ofFactors = new Map(
    shape.factorShapes.map((cardinalities) => {
      const size = cardinalities.reduce((a, b) => a * b);
      const regression = regress(`${name}/factors/${shapeName(cardinalities)}`, numLayers, 2 * size, activation, store);
      const matrices = !invariant
        ? []
        : activation === "linear"
          ? [meanPermutation(cardinalities)]
          : axisPermutations(cardinalities).map(permutationMatrix);
      return [shapeName(cardinalities), { regression, permutations: matrices.map((Q) => store.fixed<Tf.Rank.R2>([size, size], Q)) }] as const; // prettier-ignore
    }),
  );
  const ofVariables = new Map(
    shape.cardinalities.map(
      (size) => [size, regress(`${name}/variables/${size}`, numLayers, size, activation, store)] as const,
    ),
  );

  function factorTerms(group: FactorGroupTensors, trajectory: readonly Tf.Tensor2D[]): Tf.Tensor2D {
    const own = ofFactors.get(shapeName(group.cardinalities));
    if (!own) throw unknown(`tables [${shapeName(group.cardinalities)}]`, [...ofFactors.keys()]);
    const input = tf.concat2d(
      trajectory.flatMap((logs) => {
        const b = tf.exp(logs);
        return [tf.mul<Tf.Tensor2D>(b, group.tables), tf.neg(tf.mul<Tf.Tensor2D>(b, logs))];
      }),
      1,
    );
    const permuted = own.permutations.map((Q) => {
      const rows = tf.reshape<Tf.Rank.R2>(input, [-1, group.numStates]);
      return tf.reshape<Tf.Rank.R2>(tf.matMul(rows, Q), input.shape);
    });
    if (!permuted.length) return own.regression(input);
    return tf.div(tf.addN(permuted.map(own.regression)), permuted.length);
  }

  return {
    logZ({ numGraphs, factorGroups, variableGroups }, trajectory) {
      const fromFactors = factorGroups.map((group, g) => {
        const beliefs = trajectory.map(({ factors }) => factors[g]);
        return sumByGraph(factorTerms(group, beliefs), group.graphs, numGraphs);
      });
      const fromVariables = variableGroups.map(({ cardinality, degreesLessOne, graphs }, g) => {
        const regression = ofVariables.get(cardinality);
        if (!regression) throw unknown(`variables of ${cardinality} states`, [...ofVariables.keys()]);
        const terms = trajectory.map(({ variables }) => {
          const logs = variables[g];
          return tf.mul<Tf.Tensor2D>(tf.mul(tf.exp(logs), logs), degreesLessOne);
        });
        return sumByGraph(regression(tf.concat2d(terms, 1)), graphs, numGraphs);
      });
      return [...fromFactors, ...fromVariables].reduce(
        (sum, part) => tf.add(sum, part),
        tf.zeros<Tf.Rank.R1>([numGraphs]),
      );
    },
  };
}

function unknown(what: string, known: readonly (string | number)[]): RangeError {
  return new RangeError(`this Bethe layer has no MLP for ${what}; it knows [${known.join("], [")}]`);
}

/** Linear(n, n)-[ReLU]-Linear(n, 1) for n = numLayers x width inputs, the sum of the last `width` at the start. */
function regress(
  name: string,
  numLayers: number,
  width: number,
  activation: BetheActivation,
  store: ParameterStore,
): Regression {
  const n = numLayers * width;
  const hidden = activation === "linear" ? n : 2 * n;
  const first = new Float32Array(n * hidden);
  const second = new Float32Array(hidden);
  for (let input = 0; input < n; input++)
    for (let copy = 0; copy * n < hidden; copy++) {
      const sign = copy === 0 ? 1 : -1;
      first[input * hidden + copy * n + input] = sign;
      if (input >= n - width) second[copy * n + input] = sign;
    }
  const W1 = store.add<Tf.Rank.R2>(`${name}/0/kernel`, [n, hidden], first);
  const b1 = store.constant<Tf.Rank.R2>(`${name}/0/bias`, [1, hidden], 0);
  const W2 = store.add<Tf.Rank.R2>(`${name}/1/kernel`, [hidden, 1], second);
  const b2 = store.constant<Tf.Rank.R2>(`${name}/1/bias`, [1, 1], 0);
  if (activation === "linear")
    return (input) => tf.add(tf.matMul(input, tf.matMul(W1, W2)), tf.add(tf.matMul(b1, W2), b2));
  return (input) => tf.add(tf.matMul(tf.relu<Tf.Tensor2D>(tf.add(tf.matMul(input, W1), b1)), W2), b2);
}
