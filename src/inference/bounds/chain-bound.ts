/**
 * One bound on ln sum over the hidden variables of a chain graph's joint, as a function of all its variational
 * parameters (chain-likelihood.ts tells how it comes about): first those of the clusters, then those of the final
 * recursion.
 *
 * A cluster's ln Z_k stands in the joint with a minus, so its bound's parameters and the final bound's pull the same
 * way, and the chain rule through the Boltzmann factor (h, J) that the clusters produce gives the gradient:
 * d bound / d cluster parameter = - E[d(bound on ln Z_k) / d parameter], expectations being the final bound's
 * derivatives by h and J.
 */
import type { BoltzmannMachine, WeightedEdge } from "../../graph/pairwise.ts";
import { boltzmannMachine } from "../../graph/pairwise.ts";
import { Enumerator } from "../exact/enumerator.ts";
import { orderModel, type Elimination, type OrderedModel } from "./elimination.ts";
import { factorisedLower } from "./factorised-lower.ts";
import { entropyOfLogit, sigmoid } from "./logistic.ts";
import { RefinedRecursion } from "./refined-recursion.ts";
import { refinedUpper } from "./refined-upper.ts";

/** A cluster with hidden parents, evidence taken in. */
export interface HiddenCluster {
  /** Biases include the observed parents' weights. */
  readonly machine: BoltzmannMachine;
  /** Int32Array: numbers in the machine of hidden variables. */
  readonly parents: Int32Array;
  /** Float64Array[cluster variables * parents]. */
  readonly parentWeights: Float64Array;
}

/** A bound on -ln Z_k, as a Boltzmann factor in the parents. */
interface ClusterTerm {
  readonly numParameters: number;
  /** Subtracts its Boltzmann factor from the model; returns the constant to add. */
  apply(parameters: Float64Array, first: number, into: MutableModel): number;
  /** The gradient, given the final bound's derivatives by biases and weights. */
  back(parameters: Float64Array, gradient: Float64Array, first: number, expected: Expected): void;
  start(parameters: Float64Array, first: number): void;
  /** The parameters that would be best if the expectations of the last `back` stayed. */
  improve(parameters: Float64Array, first: number): void;
}

interface MutableModel {
  addBias(variable: number, amount: number): void;
  addWeight(i: number, j: number, amount: number): void;
}
interface Expected {
  mean(variable: number): number;
  pair(i: number, j: number): number;
}

/** Larger clusters are bounded below by mean field, not by tangents. */
const MAX_ENUMERATED_CLUSTER = 10;
/** Rounds of improving the clusters' parameters and starting the recursion afresh. */
const STARTING_ROUNDS = 6;

export class ChainBound implements Elimination {
  readonly numParameters: number;
  readonly #side: "lower" | "upper";
  readonly #terms: readonly ClusterTerm[];
  readonly #main: Elimination;
  readonly #ordered: OrderedModel;
  readonly #baseBiases: Float64Array;
  readonly #baseWeights: Float64Array;
  readonly #position: Int32Array;
  /** Places of a pair in the ordered model's weights: for i < j, key i n + j. */
  readonly #places: Map<number, readonly [number, number]>;
  readonly #pairMeans: Float64Array;
  readonly #machine: BoltzmannMachine;
  readonly #mainParameters: Float64Array;
  readonly #mainGradient: Float64Array;
  readonly #numClusterParameters: number;

  /**
   * @param eliminated variables that the final recursion eliminates, in order. @throws RangeError when the rest is too
   *   dense.
   */
  constructor(
    side: "lower" | "upper",
    machine: BoltzmannMachine,
    clusters: readonly HiddenCluster[],
    eliminated: Int32Array,
  ) {
    const n = machine.numVariables;
    this.#machine = machine;
    this.#side = side;
    this.#terms = clusters.map((cluster) => (side === "lower" ? quadraticTerm(cluster) : linearTerm(cluster)));
    // Structure first: every pair that may get a weight, as if it had one.
    const weights = new Map<number, number>();
    const key = (i: number, j: number): number => Math.min(i, j) * n + Math.max(i, j);
    machine.weights.forEach((weight, edge) =>
      weights.set(key(machine.edgeSources[edge], machine.edgeTargets[edge]), weight),
    );
    if (side === "lower")
      for (const { parents } of clusters)
        for (const i of parents)
          for (const j of parents) if (i < j && !weights.has(key(i, j))) weights.set(key(i, j), 0);
    const edges = Array.from(weights.keys(), (at): WeightedEdge => [Math.floor(at / n), at % n, 1]);
    const isEliminated = new Set(eliminated);
    const order = Int32Array.of(
      ...eliminated,
      ...Array.from({ length: n }, (_, i) => i).filter((i) => !isEliminated.has(i)),
    );
    this.#ordered = orderModel(boltzmannMachine(machine.biases, edges, machine.logConstant), order, eliminated.length);
    this.#position = new Int32Array(n);
    order.forEach((variable, p) => (this.#position[variable] = p));
    this.#baseBiases = this.#ordered.biases.slice();
    this.#baseWeights = new Float64Array(this.#ordered.weights.length);
    this.#places = new Map();
    const { offsets, targets } = this.#ordered;
    for (let p = 0; p < n; p++)
      for (let at = offsets[p]; at < offsets[p + 1]; at++) {
        const q = targets[at];
        this.#baseWeights[at] = weights.get(key(order[p], order[q]))!;
        if (p > q) continue;
        let back = offsets[q];
        while (targets[back] !== p) back++;
        this.#places.set(key(order[p], order[q]), [at, back]);
      }
    this.#pairMeans = new Float64Array(targets.length);
    this.#main = (side === "lower" ? factorisedLower : refinedUpper)(this.#ordered);
    this.#numClusterParameters = this.#terms.reduce((sum, term) => sum + term.numParameters, 0);
    this.#mainParameters = new Float64Array(this.#main.numParameters);
    this.#mainGradient = new Float64Array(this.#main.numParameters);
    this.numParameters = this.#numClusterParameters + this.#main.numParameters;
  }

  /** By position of the final recursion. */
  get means(): Float64Array {
    return this.#main.means;
  }

  #applyTerms(parameters: Float64Array): number {
    const { biases, weights } = this.#ordered;
    biases.set(this.#baseBiases);
    weights.set(this.#baseWeights);
    const into: MutableModel = {
      addBias: (i, amount) => (biases[this.#position[i]] += amount),
      addWeight: (i, j, amount) => {
        const [at, back] = this.#placesOf(i, j);
        weights[at] += amount;
        weights[back] += amount;
      },
    };
    let constant = 0;
    let first = 0;
    for (const term of this.#terms) {
      constant += term.apply(parameters, first, into);
      first += term.numParameters;
    }
    return constant;
  }

  #placesOf(i: number, j: number): readonly [number, number] {
    return this.#places.get(Math.min(i, j) * this.#machine.numVariables + Math.max(i, j))!;
  }

  evaluate(parameters: Float64Array, gradient: Float64Array): number {
    const constant = this.#applyTerms(parameters);
    this.#mainParameters.set(parameters.subarray(this.#numClusterParameters));
    const value = constant + this.#main.evaluate(this.#mainParameters, this.#mainGradient);
    if (!Number.isFinite(value)) {
      gradient.fill(0);
      return this.#side === "lower" ? -Infinity : Infinity;
    }
    gradient.set(this.#mainGradient, this.#numClusterParameters);
    this.#main.pairMeans!(this.#pairMeans);
    const expected: Expected = {
      mean: (i) => this.#main.means[this.#position[i]],
      pair: (i, j) => this.#pairMeans[this.#placesOf(i, j)[0]],
    };
    let first = 0;
    for (const term of this.#terms) {
      term.back(parameters, gradient, first, expected);
      first += term.numParameters;
    }
    return value;
  }

  /** Alternates: the recursion's own start, then the clusters' best parameters for its expectations. */
  start(parameters: Float64Array): void {
    let first = 0;
    for (const term of this.#terms) {
      term.start(parameters, first);
      first += term.numParameters;
    }
    const gradient = new Float64Array(this.numParameters);
    for (let round = 0; ; round++) {
      this.#applyTerms(parameters);
      this.#main.start(this.#mainParameters);
      parameters.set(this.#mainParameters, this.#numClusterParameters);
      if (round === STARTING_ROUNDS) return;
      if (!Number.isFinite(this.evaluate(parameters, gradient))) return;
      first = 0;
      for (const term of this.#terms) {
        term.improve(parameters, first);
        first += term.numParameters;
      }
    }
  }

  /** The Boltzmann factor at the clusters' starting parameters: what a search for a hand-over looks at. */
  typicalMachine(): BoltzmannMachine {
    const parameters = new Float64Array(this.numParameters);
    this.start(parameters);
    this.#applyTerms(parameters);
    const { biases, weights } = this.#ordered;
    const n = this.#machine.numVariables;
    const edges = Array.from(this.#places, ([key, [at]]): WeightedEdge => [
      Math.floor(key / n),
      key % n,
      weights[at] === 0 ? 1e-12 : weights[at],
    ]);
    return boltzmannMachine(
      Array.from({ length: n }, (_, i) => biases[this.#position[i]]),
      edges,
    );
  }

  describe(parameters: Float64Array): Float64Array[] {
    return this.#main.describe(parameters.subarray(this.#numClusterParameters));
  }
}

/** -ln Z_k >= -(refined recursion): parameters ln xi, one a variable of the cluster. */
function quadraticTerm({ machine, parents, parentWeights }: HiddenCluster): ClusterTerm {
  const [c, p] = [machine.numVariables, parents.length];
  const n = c + p;
  const recursion = new RefinedRecursion(n, c);
  const original = new Float64Array(recursion.state.length);
  original.set(machine.biases);
  machine.weights.forEach((weight, edge) => {
    original[n + machine.edgeSources[edge] * n + machine.edgeTargets[edge]] = weight;
  });
  for (let v = 0; v < c; v++) for (let k = 0; k < p; k++) original[n + v * n + c + k] = parentWeights[v * p + k];
  return {
    numParameters: c,
    apply(parameters, first, into) {
      recursion.state.set(original);
      const constant = recursion.forward(parameters, first);
      for (let a = 0; a < p; a++) {
        into.addBias(parents[a], -recursion.state[c + a]);
        for (let b = a + 1; b < p; b++)
          into.addWeight(parents[a], parents[b], -recursion.state[n + (c + a) * n + c + b]);
      }
      return -constant;
    },
    back(parameters, gradient, first, expected) {
      const { adjoint } = recursion;
      for (let a = 0; a < p; a++) {
        adjoint[c + a] = expected.mean(parents[a]);
        for (let b = a + 1; b < p; b++) adjoint[n + (c + a) * n + c + b] = expected.pair(parents[a], parents[b]);
      }
      recursion.backward(parameters, gradient, first);
      for (let v = 0; v < c; v++) gradient[first + v] = -gradient[first + v];
    },
    /** xi large enough to keep the weights from growing, or sqrt E[x^2] at fair parents for a single variable. */
    start(parameters, first) {
      recursion.state.set(original);
      for (let v = 0; v < c; v++) {
        let [mean, variance, largest] = [recursion.state[v], 0, Math.abs(recursion.state[v])];
        for (let j = v + 1; j < n; j++) {
          const weight = recursion.state[n + v * n + j];
          mean += weight / 2;
          variance += weight ** 2 / 4;
          largest += Math.abs(weight);
        }
        const xi = c === 1 ? Math.hypot(mean, Math.sqrt(variance)) : largest;
        parameters[first + v] = Math.min(300, Math.max(-7, Math.log(xi)));
        recursion.eliminate(v, Math.exp(parameters[first + v]));
      }
    },
    improve(parameters, first) {
      for (let v = 0; v < c; v++)
        if (Number.isFinite(recursion.stationary[v])) parameters[first + v] = Math.max(-7, recursion.stationary[v]);
    },
  };
}

/** A cluster's hidden variables under fields t, exactly or by mean field. */
interface ClusterAtFields {
  /** m(t) of the last `run`: one probability a variable. */
  readonly means: Float64Array;
  /** Sets the means; ln Z_k(t) + m(t) (h - t), or its mean-field bound, h the cluster's own biases. */
  run(parameters: Float64Array, first: number): number;
  /** Adds to E[h~], at the means, what the cluster's own weights give. */
  addOwnFields(fields: Float64Array): void;
  /** gradient = d/dt of the bound at E[h~] = `fields`. */
  back(parameters: Float64Array, gradient: Float64Array, first: number, fields: Float64Array): void;
}

/** ln Z_k(t), means and covariances by visiting all states of the cluster. */
function enumeratedCluster(machine: BoltzmannMachine): ClusterAtFields {
  const c = machine.numVariables;
  const enumerator = new Enumerator(c);
  const enumerated = new Float64Array(c + c * c);
  machine.weights.forEach((weight, edge) => {
    enumerated[c + machine.edgeSources[edge] * c + machine.edgeTargets[edge]] = weight;
  });
  const means = new Float64Array(c);
  const covariance = new Float64Array(c * c);
  return {
    means,
    run(parameters, first) {
      for (let v = 0; v < c; v++) enumerated[v] = parameters[first + v];
      const { logZ, joint } = enumerator.run(enumerated, 0, c, c);
      let constant = logZ;
      for (let v = 0; v < c; v++) means[v] = joint[4 * (v * c + v) + 3];
      for (let v = 0; v < c; v++) {
        constant += means[v] * (machine.biases[v] - parameters[first + v]);
        covariance[v * c + v] = means[v] * joint[4 * (v * c + v)];
        for (let w = v + 1; w < c; w++)
          covariance[v * c + w] = covariance[w * c + v] = joint[4 * (v * c + w) + 3] - means[v] * means[w];
      }
      return constant;
    },
    addOwnFields() {
      // The weights are in ln Z_k(t) already.
    },
    back(parameters, gradient, first, fields) {
      for (let v = 0; v < c; v++) {
        gradient[first + v] = 0;
        for (let w = 0; w < c; w++) gradient[first + v] -= covariance[v * c + w] * (fields[w] - parameters[first + w]);
      }
    },
  };
}

/** Means sigmoid(t): the cluster's variables as if independent, its weights at their means. */
function meanFieldCluster(machine: BoltzmannMachine): ClusterAtFields {
  const c = machine.numVariables;
  const means = new Float64Array(c);
  return {
    means,
    run(parameters, first) {
      let constant = 0;
      for (let v = 0; v < c; v++) {
        means[v] = sigmoid(parameters[first + v]);
        constant += means[v] * machine.biases[v] + entropyOfLogit(parameters[first + v]);
      }
      machine.weights.forEach((weight, edge) => {
        constant += weight * means[machine.edgeSources[edge]] * means[machine.edgeTargets[edge]];
      });
      return constant;
    },
    addOwnFields(fields) {
      machine.weights.forEach((weight, edge) => {
        const [v, w] = [machine.edgeSources[edge], machine.edgeTargets[edge]];
        fields[v] += weight * means[w];
        fields[w] += weight * means[v];
      });
    },
    back(parameters, gradient, first, fields) {
      for (let v = 0; v < c; v++)
        gradient[first + v] = -means[v] * (1 - means[v]) * (fields[v] - parameters[first + v]);
    },
  };
}

/** -ln Z_k <= -(ln Z_k(t) + m(t) (h~ - t)), or with mean field: parameters t, one a variable of the cluster. */
function linearTerm({ machine, parents, parentWeights }: HiddenCluster): ClusterTerm {
  const [c, p] = [machine.numVariables, parents.length];
  const cluster = c <= MAX_ENUMERATED_CLUSTER && c > 1 ? enumeratedCluster(machine) : meanFieldCluster(machine);
  const { means } = cluster;
  const fields = new Float64Array(c); // E[h~] of the last `back`, for mean field with the neighbours' part
  return {
    numParameters: c,
    apply(parameters, first, into) {
      const constant = cluster.run(parameters, first);
      for (let a = 0; a < p; a++) {
        let sum = 0;
        for (let v = 0; v < c; v++) sum += means[v] * parentWeights[v * p + a];
        into.addBias(parents[a], -sum);
      }
      return -constant;
    },
    back(parameters, gradient, first, expected) {
      for (let v = 0; v < c; v++) {
        fields[v] = machine.biases[v];
        for (let a = 0; a < p; a++) fields[v] += parentWeights[v * p + a] * expected.mean(parents[a]);
      }
      cluster.addOwnFields(fields);
      cluster.back(parameters, gradient, first, fields);
    },
    start(parameters, first) {
      for (let v = 0; v < c; v++) {
        parameters[first + v] = machine.biases[v];
        for (let a = 0; a < p; a++) parameters[first + v] += parentWeights[v * p + a] / 2;
      }
    },
    improve(parameters, first) {
      for (let v = 0; v < c; v++) parameters[first + v] = fields[v];
    },
  };
}
