/**
 * BPNN-B (Kuck et al. 2020, Eq. 5): ln Z by regression from the beliefs of all K layers,
 *
 *   ln Z ~ sum_a mean over permutations s of a's axes of MLP_BF( s [b_a^k ln f_a ; -b_a^k ln b_a^k], k = 1 ... K )
 *        + sum_i MLP_BV( (d_i - 1) b_i^k ln b_i^k, k = 1 ... K ),
 *
 * with two MLPs for every shape of table and number of states: Linear(n, n)-[ReLU]-Linear(n, 1). At the start the first
 * layer is the identity and the second is 1 on the last layer's entries and 0 elsewhere: exactly Bethe's estimate.
 * Without a nonlinearity (the authors' default) the mean over permutations is taken of the input, and the two layers
 * are multiplied first. With ReLU the hidden layer has 2n units, [x; -x], since x = relu(x) - relu(-x): the authors'
 * own start with ReLU is not Bethe's.
 *
 * The ablation NI (not invariant) sees each table only in the order in which its factor names its variables.
 * ln f is shifted to maximum 0, so the answer does not depend on how factors are scaled.
 */
import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../tensor/tf.ts";
import { axisPermutations, meanPermutation, permutationMatrix, shapeName } from "./axes.ts";
import { sumByGraph, type FactorGraphBatch, type FactorGroupTensors } from "./batch.ts";
import type { LogBeliefs } from "./bethe.ts";
import type { ParameterStore } from "../parameters.ts";

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

export interface BetheLayer {
  /** [numGraphs], natural log, of the shifted tables. @param trajectory beliefs after each of the K layers. */
  logZ(batch: FactorGraphBatch, trajectory: readonly LogBeliefs[]): Tf.Tensor1D;
}

export function betheLayer(shape: BetheLayerShape, numLayers: number, name: string, store: ParameterStore): BetheLayer {
  const ofFactors = new Map(
    shape.factorShapes.map((sizes) => [shapeName(sizes), factorTerms(shape, sizes, numLayers, name, store)] as const),
  );
  const ofVariables = new Map(
    shape.cardinalities.map((size) => {
      const mlp = mlpOf(`${name}/variables/${size}`, numLayers, size, shape.activation, store);
      return [size, regression(mlp)] as const;
    }),
  );
  return {
    logZ({ numGraphs, factorGroups, variableGroups }, trajectory) {
      const fromFactors = factorGroups.map((group, g) => {
        const terms = ofFactors.get(shapeName(group.cardinalities));
        if (!terms) throw unknown(`tables [${shapeName(group.cardinalities)}]`, [...ofFactors.keys()]);
        const beliefs = trajectory.map(({ factors }) => factors[g]);
        return sumByGraph(terms(group, beliefs), group.graphs, numGraphs);
      });
      const fromVariables = variableGroups.map(({ cardinality, degreesLessOne, graphs }, g) => {
        const terms = ofVariables.get(cardinality);
        if (!terms) throw unknown(`variables of ${cardinality} states`, [...ofVariables.keys()]);
        const logs = tf.concat2d(
          trajectory.map(({ variables }) => variables[g]),
          1,
        );
        return sumByGraph(terms(tf.mul(tf.mul(tf.exp(logs), logs), degreesLessOne)), graphs, numGraphs);
      });
      return [...fromFactors, ...fromVariables].reduce(
        (sum, part) => tf.add(sum, part),
        tf.zeros<Tf.Rank.R1>([numGraphs]),
      );
    },
  };
}

/** What the factors of one shape add: [numFactors, 1]. @param cardinalities sizes of the axes of their tables. */
function factorTerms(
  { activation, invariant }: BetheLayerShape,
  cardinalities: readonly number[],
  numLayers: number,
  name: string,
  store: ParameterStore,
) {
  const size = cardinalities.reduce((a, b) => a * b);
  const mlp = mlpOf(`${name}/factors/${shapeName(cardinalities)}`, numLayers, 2 * size, activation, store);
  // Inputs come with b ln f of all layers first, the MLP's with both terms of each layer side by side.
  const order = Array.from({ length: 2 * numLayers * size }, (_, at) => {
    const [term, layer, state] = [Math.floor(at / (numLayers * size)), Math.floor(at / size) % numLayers, at % size];
    return (2 * layer + term) * size + state;
  });
  const rows = store.fixedIndices<Tf.Rank.R1>([order.length], order);
  const isLinear = activation === "linear";
  const orders = isLinear ? [meanPermutation(cardinalities)] : axisPermutations(cardinalities).map(permutationMatrix);
  const permutations = (invariant ? orders : []).map((Q) => store.fixed<Tf.Rank.R2>([size, size], Q));
  /** x Q, or Q^T w, state by state. */
  const permute = (x: Tf.Tensor2D, Q: Tf.Tensor2D, transposed: boolean): Tf.Tensor2D =>
    tf.reshape(tf.matMul(tf.reshape<Tf.Rank.R2>(x, [-1, size]), Q, false, transposed), x.shape);

  return ({ tables }: FactorGroupTensors, trajectory: readonly Tf.Tensor2D[]): Tf.Tensor2D => {
    const logs = tf.concat2d([...trajectory], 1);
    const b = tf.exp(logs);
    const energies = tf.mul<Tf.Tensor2D>(b, tf.tile(tables, [1, numLayers]));
    const input = tf.concat2d([energies, tf.neg(tf.mul<Tf.Tensor2D>(b, logs))], 1);
    const first = tf.gather(mlp.first, rows);
    if (isLinear) {
      const weights = tf.matMul<Tf.Tensor2D>(first, mlp.second);
      return regression(mlp, invariant ? permute(weights, permutations[0], true) : weights)(input);
    }
    const whole = regression({ ...mlp, first });
    if (!permutations.length) return whole(input);
    return tf.div(tf.addN(permutations.map((Q) => whole(permute(input, Q, false)))), permutations.length);
  };
}

function unknown(what: string, known: readonly (string | number)[]): RangeError {
  return new RangeError(`this Bethe layer has no MLP for ${what}; it knows [${known.join("], [")}]`);
}

interface BetheMlp {
  readonly activation: BetheActivation;
  readonly first: Tf.Tensor2D;
  readonly firstBias: Tf.Tensor2D;
  readonly second: Tf.Tensor2D;
  readonly secondBias: Tf.Tensor2D;
}

/** Linear(n, n)-[ReLU]-Linear(n, 1) for n = numLayers x width inputs, the sum of the last `width` at the start. */
function mlpOf(
  name: string,
  numLayers: number,
  width: number,
  activation: BetheActivation,
  store: ParameterStore,
): BetheMlp {
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
  return {
    activation,
    first: store.add<Tf.Rank.R2>(`${name}/0/kernel`, [n, hidden], first),
    firstBias: store.constant<Tf.Rank.R2>(`${name}/0/bias`, [1, hidden], 0),
    second: store.add<Tf.Rank.R2>(`${name}/1/kernel`, [hidden, 1], second),
    secondBias: store.constant<Tf.Rank.R2>(`${name}/1/bias`, [1, 1], 0),
  };
}

/**
 * The MLP on rows [count, n]: [count, 1]. @param product of both kernels, where there is no nonlinearity between them
 */
function regression({ activation, first, firstBias, second, secondBias }: BetheMlp, product?: Tf.Tensor2D) {
  return (input: Tf.Tensor2D): Tf.Tensor2D => {
    if (activation === "linear")
      return tf.add(
        tf.matMul(input, product ?? tf.matMul(first, second)),
        tf.add(tf.matMul(firstBias, second), secondBias),
      );
    return tf.add(tf.matMul(tf.relu<Tf.Tensor2D>(tf.add(tf.matMul(input, first), firstBias)), second), secondBias);
  };
}
