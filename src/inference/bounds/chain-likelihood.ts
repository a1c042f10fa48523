/**
 * Brackets on the likelihood of evidence in a chain graph (Jaakkola & Jordan 1996, section 3, Eqs. 15-19).
 *
 * ln P(S) = sum_k [h~_k S_k + S_k J_k S_k - ln Z_k(h~_k)]. Bounding each ln Z_k from the other side by a Boltzmann
 * factor in the cluster's parents makes the joint one Boltzmann factor, whose sum over the hidden variables the
 * recursions bound:
 *
 *   upper  ln Z_k(h~) >= ln Z_k(t) + m(t) (h~ - t), m = grad ln Z_k: linear in the parents. Enumerated clusters; for
 *   one variable
 *          Eq. 18 with mu = sigmoid(t). Clusters of more than 10 variables: mean field, mu_i = sigmoid(t_i), likewise
 *          linear. Then the refined recursion.
 *   lower  ln Z_k(h~) <= the refined recursion on the cluster with its parents standing by: quadratic in the parents;
 *   for one variable
 *          Eq. 19. Then the factorised recursion.
 *
 * All parameters of all clusters and of the final recursion are optimised jointly, with analytic gradients. What is
 * exact is done so: clusters without observed variables or descendants drop out, evidence is taken in first, clusters
 * without hidden parents are constants, and a written-out factor graph of treewidth <= exactWidth goes to variable
 * elimination.
 */
import { clamp } from "../../graph/clamp.ts";
import { chainFactorGraph, withFields, type ChainGraph, type Cluster } from "../../graph/chain-graph.ts";
import { condition, type Evidence } from "../../graph/condition.ts";
import { boltzmannMachine, type BoltzmannMachine, type WeightedEdge } from "../../graph/pairwise.ts";
import { Random } from "../../graph/random.ts";
import { eliminateVariables } from "../exact/variable-elimination.ts";
import { eliminationOrder, TreewidthError } from "../exact/elimination-order.ts";
import { parseOptions } from "../method.ts";
import { secondsSince } from "../result.ts";
import { boundSequence, bracketSchema, roundingMargin, type BracketOptions, type BracketSettings } from "./bracket.ts";
import { ChainBound, type HiddenCluster } from "./chain-bound.ts";
import { optimise } from "./optimise.ts";
import { logSum, ratio, type Ends, type Interval } from "./ratio.ts";
import { handOverCandidates } from "./recursion.ts";

export interface LikelihoodBracket {
  /** ln of a number at most P(evidence). */
  readonly lower: number;
  /** ln of a number at least P(evidence); never above 0. */
  readonly upper: number;
  readonly isExact: boolean;
  readonly seconds: number;
}

/**
 * ln P(evidence), from both sides. Deterministic for a given budget up to where time cuts it off; more budget never
 * widens it.
 * @throws RangeError for unknown options, variables or states.
 */
export function chainLikelihood(
  chain: ChainGraph,
  evidence: Evidence,
  { random = Random.fromSeed(0), ...raw }: BracketOptions = {},
): LikelihoodBracket {
  const started = performance.now();
  const settings = parseOptions("bounds", bracketSchema, raw);
  const result = likelihood(chain, evidence, settings, random, started);
  return { ...result, seconds: secondsSince(started) };
}

/**
 * An interval on P(query | given) in a chain graph, within [0, 1], from brackets on the likelihoods of both and of the
 * alternatives.
 * @throws RangeError for unknown options, variables or states.
 */
export function chainProbability(
  chain: ChainGraph,
  query: Evidence,
  given: Evidence,
  options: BracketOptions = {},
): Interval {
  for (const states of [query, given]) checked(chain, states);
  const open = [...query].filter(([variable]) => !given.has(variable));
  if ([...query].some(([variable, state]) => given.has(variable) && given.get(variable) !== state)) return [0, 0];
  if (open.length === 0) return [1, 1];
  const parts = open.length + 1;
  const settings = options.seconds === undefined ? options : { ...options, seconds: options.seconds / parts };
  const bracketOf = (states: readonly (readonly [number, number])[]): Ends =>
    chainLikelihood(chain, new Map([...given, ...states]), settings);
  const others = open.map(([variable, state], at) => bracketOf([...open.slice(0, at), [variable, 1 - state]]));
  const outside = { lower: logSum(others.map((one) => one.lower)), upper: logSum(others.map((one) => one.upper)) };
  return ratio(bracketOf(open), outside, [-Infinity, 0]);
}

function checked({ numVariables }: ChainGraph, evidence: Evidence): void {
  clamp(boltzmannMachine(new Float64Array(numVariables)), evidence);
}

function likelihood(
  chain: ChainGraph,
  evidence: Evidence,
  settings: BracketSettings,
  random: Random,
  started: number,
): Omit<LikelihoodBracket, "seconds"> {
  checked(chain, evidence);
  const relevant = withoutBarren(chain, evidence);
  if (relevant.length === 0) return { lower: 0, upper: 0, isExact: true };
  const exact = exactLikelihood(chain, relevant, evidence, settings.exactWidth);
  if (exact !== undefined) {
    const margin = 1e-12 * (1 + Math.abs(exact));
    return { lower: exact - margin, upper: Math.min(0, exact + margin), isExact: true };
  }
  const deadline = started + 1000 * (settings.seconds ?? Infinity);
  const problem = prepare(chain, relevant, evidence, settings, random);
  let lower = -Infinity;
  let upper = 0;
  const widths = [0, 2, 4, 8, 12, 16].filter((width) => width < settings.exactWidth);
  for (const width of [...widths, settings.exactWidth]) {
    if (lower > -Infinity && performance.now() > deadline) break;
    lower = Math.max(lower, problem.lowerConstant + oneBound("lower", problem, width, settings, deadline));
    if (upper < 0 && performance.now() > deadline) break;
    upper = Math.min(upper, problem.upperConstant + oneBound("upper", problem, width, settings, deadline));
  }
  return { lower, upper, isExact: false };
}

/** Indices of the clusters that matter: observed ones and their ancestors. The others sum to one. */
function withoutBarren({ clusters, clusterOf }: ChainGraph, evidence: Evidence): number[] {
  const isNeeded = new Uint8Array(clusters.length);
  for (const variable of evidence.keys()) isNeeded[clusterOf[variable]] = 1;
  for (let k = clusters.length - 1; k >= 0; k--)
    if (isNeeded[k]) for (const parent of clusters[k].parents) isNeeded[clusterOf[parent]] = 1;
  return Array.from(clusters.keys()).filter((k) => isNeeded[k]);
}

function exactLikelihood(
  chain: ChainGraph,
  relevant: readonly number[],
  evidence: Evidence,
  exactWidth: number,
): number | undefined {
  const clusters = relevant.map((k) => chain.clusters[k]);
  if (clusters.some(({ variables, parents }) => variables.length + parents.length > Math.max(exactWidth, 1) + 1))
    return undefined;
  const { graph } = condition(chainFactorGraph({ ...chain, clusters }), evidence);
  try {
    if (eliminationOrder(graph).width > exactWidth) return undefined;
  } catch (error) {
    if (error instanceof TreewidthError) return undefined;
    throw error;
  }
  // Variables of the clusters left out are in no factor: each counts for both of its states.
  const counted = new Set(clusters.flatMap(({ variables }) => [...variables]));
  let loose = 0;
  for (let i = 0; i < chain.numVariables; i++) if (!counted.has(i) && !evidence.has(i)) loose++;
  return eliminateVariables(graph).logZ! - loose * Math.LN2;
}

interface Problem {
  /** The numerators of all clusters over the hidden variables, evidence taken in. */
  readonly machine: BoltzmannMachine;
  readonly hiddenClusters: readonly HiddenCluster[];
  /** Of clusters without hidden parents, and rounding. */
  readonly lowerConstant: number;
  readonly upperConstant: number;
}

function prepare(
  chain: ChainGraph,
  relevant: readonly number[],
  evidence: Evidence,
  settings: BracketSettings,
  random: Random,
): Problem {
  const biases = new Float64Array(chain.numVariables);
  const edges: WeightedEdge[] = [];
  for (const k of relevant) {
    const { variables, parents, machine, parentWeights } = chain.clusters[k];
    variables.forEach((i, v) => {
      biases[i] = machine.biases[v];
      parents.forEach((parent, p) => {
        const weight = parentWeights[v * parents.length + p];
        if (weight !== 0) edges.push([parent, i, weight]);
      });
    });
    machine.weights.forEach((weight, edge) =>
      edges.push([variables[machine.edgeSources[edge]], variables[machine.edgeTargets[edge]], weight]),
    );
  }
  const outside = new Map<number, number>(); // of clusters that do not matter
  const isRelevant = new Set(relevant);
  chain.clusterOf.forEach((cluster, i) => {
    if (!isRelevant.has(cluster)) outside.set(i, 0);
  });
  const { model: machine, variables } = clamp(boltzmannMachine(biases, edges), new Map([...outside, ...evidence]));
  const numbers = new Map(Array.from(variables, (variable, i) => [variable, i]));
  const margin = roundingMargin(machine) * 4;
  let lowerConstant = -margin;
  let upperConstant = margin;
  const hiddenClusters: HiddenCluster[] = [];
  for (const k of relevant) {
    const cluster = chain.clusters[k];
    const given = withFields(
      cluster,
      Array.from(cluster.parents, (parent) => evidence.get(parent) ?? 0),
    );
    const open = Array.from(cluster.parents.keys()).filter((p) => !evidence.has(cluster.parents[p]));
    if (open.length > 0) {
      const numParents = cluster.parents.length;
      hiddenClusters.push({
        machine: given,
        parents: Int32Array.from(open, (p) => numbers.get(cluster.parents[p])!),
        parentWeights: Float64Array.from({ length: given.numVariables * open.length }, (_, at) =>
          weightOf(cluster, Math.floor(at / open.length), open[at % open.length], numParents),
        ),
      });
      continue;
    }
    const pair = [...boundSequence(given, { ...settings, seconds: undefined }, random, performance.now())].at(-1)!;
    lowerConstant -= pair.upper!.value;
    upperConstant -= pair.lower!.value;
  }
  return { machine, hiddenClusters, lowerConstant, upperConstant };
}

function weightOf({ parentWeights }: Cluster, v: number, p: number, numParents: number): number {
  return parentWeights[v * numParents + p];
}

function oneBound(
  side: "lower" | "upper",
  { machine, hiddenClusters }: Problem,
  width: number,
  { tolerance, maxIterations }: BracketSettings,
  deadline: number,
): number {
  const sign = side === "upper" ? 1 : -1;
  const name = side === "upper" ? "refined-upper" : "factorised-lower";
  const probe = new ChainBound(side, machine, hiddenClusters, Int32Array.from(machine.biases.keys()));
  const typical = probe.typicalMachine();
  for (let k = width; ; k--) {
    let best: { bound: ChainBound; start: Float64Array; value: number } | undefined;
    for (const eliminated of handOverCandidates(typical, name, k)) {
      try {
        const bound = new ChainBound(side, machine, hiddenClusters, eliminated);
        const start = new Float64Array(bound.numParameters);
        bound.start(start);
        const value = sign * bound.evaluate(start, new Float64Array(bound.numParameters));
        if (!best || value < best.value) best = { bound, start, value };
      } catch (error) {
        if (!(error instanceof RangeError) || k === 0) throw error;
      }
      if (best && performance.now() > deadline) break;
    }
    if (best) return optimise(best.bound, sign, best.start, tolerance, maxIterations, deadline).value;
  }
}
