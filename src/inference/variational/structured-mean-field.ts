/**
 * Structured mean field: q(x) = prod_C q_C(x_C) over disjoint clusters of variables, each q_C exact within its cluster
 * (Saul & Jordan 1996).
 *
 *   ln Z >= L(q) = sum_f <ln psi_f>_q + sum_C H(q_C),      q_C(x_C) ~ exp sum_{f touching C} <ln psi_f | x_C>_q
 *
 * An update of q_C takes every factor that touches C, averaged over its variables outside, as a factor on those inside,
 * and infers exactly on the bucket tree of the cluster; that maximises L over q_C, so L never falls. It begins where
 * naive mean field ends, so it is at least as tight. Clusters of tree kind are grown edge by edge, strongest
 * interaction first, as long as each stays a tree.
 */
import { z } from "zod";
import { fromArrays, scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { fillBuckets, restrictionIndices, type TreeShape } from "../exact/bucket-tree.ts";
import { asFactorGraph } from "../exact/model.ts";
import { planElimination, refusal, type PlanOptions } from "../exact/plan.ts";
import { originalVariableMarginals, simplify, type SimplifiedGraph } from "../exact/simplify.ts";
import { answerOnTree } from "../exact/tree-answer.ts";
import { DISCRETE_MODELS, isDiscreteModel } from "../messages/belief-propagation.ts";
import { expectation } from "../messages/free-energy.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import { Marginals, secondsSince } from "../result.ts";
import type { FactorisedDistribution } from "./factorised-distribution.ts";
import { fitFactorised, meanFieldOptions, type MeanFieldResult } from "./naive-mean-field.ts";
import { numbered, treeClusters } from "./tree-clusters.ts";

const schema = z.object({
  clusters: z
    .union([z.enum(["tree"]), z.array(z.array(z.int().min(0)))])
    .default("tree")
    .describe("trees of strong interactions, or lists of variables (others stay alone)"),
  ...meanFieldOptions,
});

export type StructuredMeanFieldOptions = z.input<typeof schema>;
type Answer = Omit<MeanFieldResult, "method" | "seconds">;

const planOptions: PlanOptions = { order: "best", orderings: 20, memory: 1 };

/**
 * Structured mean field. `logZ` is a lower bound ("exact" when no factor joins two clusters), `marginals` those of q.
 * @throws RangeError for a wrong option, naming a variable that is in two clusters or does not exist.
 * @throws TreewidthError when a given cluster is too densely connected for exact inference.
 */
export function structuredMeanField(
  model: FactorGraph | PairwiseBinaryModel,
  options: StructuredMeanFieldOptions = {},
  { random = Random.fromSeed(0) }: InferenceContext = {},
): MeanFieldResult {
  const settings = parseOptions("structured-mean-field", schema, options);
  const started = performance.now();
  const deadline = started + 1000 * (settings.seconds ?? Infinity);
  const graph = asFactorGraph(model);
  const clusters = settings.clusters === "tree" ? undefined : checkedClusters(settings.clusters, graph.numVariables);
  const answer = run(simplify(graph), clusters, settings, deadline, random);
  return {
    method: formatMethod("structured-mean-field", schema, settings),
    ...answer,
    seconds: secondsSince(started),
  };
}

function run(
  simplified: SimplifiedGraph,
  given: readonly (readonly number[])[] | undefined,
  settings: z.output<typeof schema>,
  deadline: number,
  random: Random,
): Answer {
  const none = { logZ: -Infinity, iterations: 0, maxDelta: [], lowerBounds: [] };
  if (!simplified.possible) return { ...none, bound: "exact", converged: true };
  const { graph, logConstant } = simplified;
  const naive = fitFactorised(graph, settings, random);
  if (naive === "impossible") return { ...none, bound: "exact", converged: true };
  if (!naive) return { ...none, bound: "lower", converged: false };

  const clusterOf = given ? clustersOfSimplified(simplified, given) : treeClusters(graph);
  const distribution = new ClusterDistribution(graph, clusterOf, naive.distribution, random);
  const maxDelta: number[] = [];
  const lowerBounds: number[] = [];
  let converged = false;
  let logZ = naive.bound;
  while (!converged && maxDelta.length < settings.maxIterations && performance.now() < deadline) {
    maxDelta.push(distribution.sweep(settings.schedule === "random" ? random.split("clusters", maxDelta.length) : undefined)); // prettier-ignore
    logZ = distribution.lowerBound();
    lowerBounds.push(logZ + logConstant);
    converged = distribution.isExact || maxDelta[maxDelta.length - 1] <= settings.tolerance;
  }
  return {
    logZ: logZ + logConstant,
    bound: distribution.isExact && converged ? "exact" : "lower",
    marginals: originalVariableMarginals(simplified, distribution.marginals()),
    converged,
    iterations: maxDelta.length,
    maxDelta,
    lowerBounds,
  };
}

/** Checks given clusters. */
function checkedClusters(
  clusters: readonly (readonly number[])[],
  numVariables: number,
): readonly (readonly number[])[] {
  const seen = new Set<number>();
  for (const variable of clusters.flat()) {
    if (variable >= numVariables)
      throw new RangeError(`clusters name variable ${variable}, expected 0 to ${numVariables - 1}`);
    if (seen.has(variable)) throw new RangeError(`variable ${variable} stands in two clusters; clusters are disjoint`);
    seen.add(variable);
  }
  return clusters;
}

/** Int32Array[numVariables]: the cluster of each variable of the simplified graph, numbered from 0. */
function clustersOfSimplified({ variables }: SimplifiedGraph, clusters: readonly (readonly number[])[]): Int32Array {
  const clusterOf = new Map(
    clusters.flatMap((cluster, index) => cluster.map((variable) => [variable, index] as const)),
  );
  return numbered(Array.from(variables, (variable) => clusterOf.get(variable) ?? `alone ${variable}`));
}

/** A factor's variables in one cluster. */
interface FactorPart {
  readonly factor: number;
  /** Int32Array: for each entry of the factor's table, where its states in this cluster stand in a table over them. */
  readonly indices: Int32Array;
  /** Float64Array: q_C over the factor's variables in the cluster. */
  readonly joint: Float64Array;
  /** Where this part's averaged factor stands in the cluster's tables. */
  readonly tableOffset: number;
}

interface Cluster {
  readonly graph: FactorGraph;
  readonly shape: TreeShape;
  readonly variables: readonly number[];
  readonly parts: readonly FactorPart[];
  entropy: number;
}

class ClusterDistribution {
  /** Whether no factor joins two clusters. */
  readonly isExact: boolean;
  readonly #graph: FactorGraph;
  readonly #clusters: readonly Cluster[];
  readonly #partsOf: readonly FactorPart[][];
  readonly #marginals: Marginals;

  constructor(graph: FactorGraph, clusterOf: Int32Array, start: FactorisedDistribution, random: Random) {
    this.#graph = graph;
    const { values, offsets } = start.marginals();
    this.#marginals = new Marginals(values.slice(), offsets);
    const partsOf = Array.from({ length: graph.numFactors }, (): FactorPart[] => []);
    const variablesOf: number[][] = [];
    clusterOf.forEach((cluster, variable) => (variablesOf[cluster] ??= []).push(variable));
    const rank = new Int32Array(graph.numVariables);
    for (const variables of variablesOf) variables.forEach((variable, index) => (rank[variable] = index));
    const touching = variablesOf.map((): number[] => []);
    for (let factor = 0; factor < graph.numFactors; factor++)
      for (const cluster of new Set(Array.from(scopeOf(graph, factor), (variable) => clusterOf[variable])))
        touching[cluster].push(factor);
    this.#clusters = variablesOf.map((variables, cluster) => {
      const scopes = touching[cluster].map((factor) => scopeOf(graph, factor).filter((variable) => clusterOf[variable] === cluster)); // prettier-ignore
      const sizes = scopes.map((scope) => scope.reduce((size, variable) => size * graph.cardinalities[variable], 1));
      const scopeOffsets = new Int32Array(scopes.length + 1);
      const tableOffsets = new Float64Array(scopes.length + 1);
      scopes.forEach((scope, at) => {
        scopeOffsets[at + 1] = scopeOffsets[at] + scope.length;
        tableOffsets[at + 1] = tableOffsets[at] + sizes[at];
      });
      const inner = fromArrays(
        Int32Array.from(variables, (variable) => graph.cardinalities[variable]),
        scopeOffsets,
        Int32Array.from(scopes.flatMap((scope) => Array.from(scope, (variable) => rank[variable]))),
        tableOffsets,
        new Float64Array(tableOffsets[scopes.length]),
      );
      const plan = planElimination(inner, "messages", planOptions, random);
      if (!plan.fits) throw refusal(plan, planOptions, " in one cluster");
      const parts = touching[cluster].map((factor, at): FactorPart => {
        const joint = new Float64Array(sizes[at]).fill(1);
        for (const variable of scopes[at]) {
          const own = restrictionIndices(scopes[at], [variable], graph.cardinalities);
          const q = this.#marginals.of(variable);
          for (let index = 0; index < joint.length; index++) joint[index] *= q[own[index]];
        }
        const indices = restrictionIndices(scopeOf(graph, factor), scopes[at], graph.cardinalities);
        const part = { factor, indices, joint, tableOffset: tableOffsets[at] };
        partsOf[factor].push(part);
        return part;
      });
      let entropy = 0;
      for (const variable of variables)
        for (const probability of this.#marginals.of(variable))
          if (probability > 0) entropy -= probability * Math.log(probability);
      return { graph: inner, shape: plan.shape, variables, parts, entropy };
    });
    this.#partsOf = partsOf;
    this.isExact = partsOf.every((parts) => parts.length <= 1);
  }

  marginals(): Marginals {
    return this.#marginals;
  }

  /** Updates every q_C once, in order or at random; returns the largest change of a variable's probability. */
  sweep(random?: Random): number {
    const order = random?.permutation(this.#clusters.length);
    let largest = 0;
    for (let at = 0; at < this.#clusters.length; at++)
      largest = Math.max(largest, this.#update(this.#clusters[order ? order[at] : at]));
    return largest;
  }

  #update(cluster: Cluster): number {
    const { graph, parts } = cluster;
    const tables = graph.logPotentials;
    for (const part of parts) this.#average(part, tables);
    const wanted = { logZ: true, marginals: true, map: false };
    const { logZ, marginals, factorMarginals } = answerOnTree(graph, fillBuckets(graph, cluster.shape), wanted);
    // Not reached from inside the support, where every update leaves a state possible.
    if (!marginals || !factorMarginals) return 0;
    cluster.entropy = logZ!;
    parts.forEach((part, at) => {
      part.joint.set(factorMarginals.of(at));
      const table = tables.subarray(part.tableOffset, part.tableOffset + part.joint.length);
      cluster.entropy -= expectation(part.joint, table, 0, table.length);
    });
    let largest = 0;
    cluster.variables.forEach((variable, at) => {
      const own = this.#marginals.of(variable);
      const fresh = marginals.of(at);
      for (let state = 0; state < own.length; state++) largest = Math.max(largest, Math.abs(own[state] - fresh[state]));
      own.set(fresh);
    });
    return largest;
  }

  /** A factor averaged over its variables outside the part's cluster, into `tables`. */
  #average({ factor, indices, joint, tableOffset }: FactorPart, tables: Float64Array): void {
    const table = tableOf(this.#graph, factor);
    const others = this.#partsOf[factor].filter((part) => part.joint !== joint);
    tables.fill(0, tableOffset, tableOffset + joint.length);
    for (let entry = 0; entry < table.length; entry++) {
      let weight = 1;
      let isInside = true;
      for (const other of others) {
        const probability = other.joint[other.indices[entry]];
        weight *= probability;
        isInside &&= probability > 0;
      }
      if (isInside)
        tables[tableOffset + indices[entry]] += table[entry] === -Infinity ? -Infinity : weight * table[entry];
    }
  }

  /** L(q), natural log. */
  lowerBound(): number {
    let total = 0;
    for (const { entropy } of this.#clusters) total += entropy;
    for (let factor = 0; factor < this.#graph.numFactors; factor++) {
      const table = tableOf(this.#graph, factor);
      const parts = this.#partsOf[factor];
      if (parts.length === 0) total += table[0];
      else
        for (let entry = 0; entry < table.length; entry++) {
          let weight = 1;
          let isInside = true;
          for (const { joint, indices } of parts) {
            weight *= joint[indices[entry]];
            isInside &&= joint[indices[entry]] > 0;
          }
          if (isInside) total += table[entry] === -Infinity ? -Infinity : weight * table[entry];
        }
    }
    return total;
  }
}

export const structuredMeanFieldMethod = defineMethod({
  name: "structured-mean-field",
  summary:
    "mean field over clusters, trees or given ones, exact within each: a lower bound on ln Z at least as tight as mean-field",
  options: schema,
  accepts: isDiscreteModel,
  accepted: DISCRETE_MODELS,
  infer: (model, options, context) => structuredMeanField(model, options, context),
});
