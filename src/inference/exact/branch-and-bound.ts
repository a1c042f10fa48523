/**
 * Branch and bound for MAP: the best state with a certificate where the graph is too densely connected for elimination,
 * and a bracket score <= best <= upperBound whenever time runs out.
 *
 * Bounds come from the dual of the linear programming relaxation (map-dual.ts), tightened by frustrated cycles
 * (cycle-clusters.ts). At every node the dual is lowered from where the parent left it; a state whose bound does not
 * exceed the best score is taken out, which often decides most variables. What is left is finished by variable
 * elimination as soon as that is cheap. Otherwise some variables are probed, and the search branches on "x_i = a, or
 * not" where both sides lower the bound most, depth first. (toulbar2, the best of its kind, keeps weaker bounds,
 * equivalence-preserving transformations on single factors, at many more nodes a second: Hurley et al. 2016.)
 */
import { z } from "zod";
import { factorGraph, logScore, scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { Random } from "../../graph/random.ts";
import { defineMethod, formatMethod, parseOptions, type InferenceContext } from "../method.ts";
import type { InferenceResult } from "../result.ts";
import { CycleClusters } from "../variational/cycle-clusters.ts";
import { MapDual, type DualSnapshot } from "../variational/map-dual.ts";
import { fillBuckets } from "./bucket-tree.ts";
import { components } from "./components.ts";
import { incumbent } from "./incumbent.ts";
import { cutsetSearch } from "./cutset-search.ts";
import { TreewidthError } from "./elimination-order.ts";
import { maxElimination } from "./max-elimination.ts";
import { ANY_MODEL_IN_WORDS, asFactorGraph, canBeFactorGraph, type AnyModel } from "./model.ts";
import { planElimination } from "./plan.ts";
import { originalStates, simplify } from "./simplify.ts";

const optionSchema = z.object({
  seconds: z.number().positive().optional().describe("time limit; then the best state and bound so far"),
  cycles: z.int().min(0).default(5000).describe("frustrated cycles to add to the relaxation at most"),
  elimination: z
    .number()
    .min(0)
    .default(2 ** 22)
    .describe("finish by elimination when that takes at most so many table entries"),
  gap: z.number().min(0).default(0).describe("be content with upperBound - score of this"),
  tolerance: z.number().min(0).default(1e-9).describe("scores that differ by a smaller fraction count as equal"),
});

export type BranchAndBoundOptions = z.input<typeof optionSchema>;
type Settings = z.output<typeof optionSchema>;

/** What a search tells about one connected part. */
interface Bracket {
  /** The best state found; absent when none has positive probability as far as known. */
  readonly states?: Int32Array;
  readonly score: number;
  readonly upperBound: number;
  /** Whether nothing was left unexplored, so that upperBound - score is within the gap asked for. */
  readonly isComplete: boolean;
}

const CYCLES_PER_ROUND = 1000;
const SWEEPS_PER_ROUND = 30;
const SWEEPS_BETWEEN_DECODINGS = 5;
const MAX_PROBED_VARIABLES = 6;

class Search {
  readonly #graph: FactorGraph;
  readonly #dual: MapDual;
  readonly #cycles: CycleClusters;
  readonly #settings: Settings;
  readonly #deadline: number;
  readonly #random: Random;
  readonly #slacks: Float64Array;
  readonly #snapshots: { dual: DualSnapshot; cycles: Float64Array }[] = [];
  #probe: { dual: DualSnapshot; cycles: Float64Array } | undefined;
  #best: Int32Array | undefined;
  #bestScore = -Infinity;
  /** Holds for every state, those taken out included. */
  #rootBound = Infinity;
  /** The highest bound of a node that was left unexplored. */
  #open = -Infinity;
  #smallestRefused = Infinity;
  #starts = 0;
  nodes = 0;
  /** Called with every better state. */
  onBetter: (() => void) | undefined;

  constructor(graph: FactorGraph, settings: Settings, deadline: number, random: Random) {
    this.#graph = graph;
    this.#settings = settings;
    this.#deadline = deadline;
    this.#random = random;
    this.#dual = new MapDual(graph);
    this.#dual.deadline = deadline;
    this.#rootBound = this.#dual.bound;
    this.#cycles = new CycleClusters(this.#dual);
    this.#slacks = new Float64Array(graph.cardinalities.reduce((most, cardinality) => Math.max(most, cardinality), 1));
  }

  /** Takes the best state of messages and local search for a start. */
  start(): void {
    const { states } = incumbent(this.#graph, { random: this.#random.split("incumbent"), deadline: this.#deadline });
    this.#offer(states);
  }

  /** What is known by now. */
  get soFar(): Bracket {
    const score = this.#bestScore;
    const upperBound = Math.max(this.#rootBound, score);
    return { ...(this.#best && { states: this.#best }), score, upperBound, isComplete: false };
  }

  run(): Bracket {
    if (this.#relax()) this.#explore(0);
    const score = this.#bestScore;
    // Parts were given up within the gap; those left open have bounds of their own.
    const upperBound = Math.max(this.#open, Math.min(this.#rootBound, score + this.#settings.gap));
    return { ...(this.#best && { states: this.#best }), score, upperBound, isComplete: this.#open === -Infinity };
  }

  /** States must beat this. */
  get #target(): number {
    return this.#bestScore === -Infinity
      ? -Infinity
      : this.#bestScore + Math.max(this.#settings.gap, this.#settings.tolerance * (1 + Math.abs(this.#bestScore)));
  }

  get #isLate(): boolean {
    return performance.now() > this.#deadline;
  }

  #offer(states: Int32Array): void {
    const score = logScore(this.#graph, states);
    if (score <= this.#bestScore) return;
    this.#best = states;
    this.#bestScore = score;
    this.onBetter?.();
  }

  /** The root: lowers the dual, adding cycles, until that gets slow. False when the best state is found and proven. */
  #relax(): boolean {
    const dual = this.#dual;
    for (let slow = 0; slow < 3;) {
      const before = dual.bound;
      const roundStarted = performance.now();
      for (let sweep = 1; sweep <= SWEEPS_PER_ROUND; sweep++) {
        if (!this.#cycles.sweep() || !dual.sweep(this.#target)) return false;
        this.#rootBound = Math.min(this.#rootBound, Math.max(dual.bound, this.#target));
        if (this.#isLate) return true;
        if (sweep % SWEEPS_BETWEEN_DECODINGS !== 0) continue;
        this.#offer(dual.decode());
        if (dual.bound <= this.#target) return false;
      }
      this.#improve(performance.now() - roundStarted);
      if (dual.bound <= this.#target) return false;
      if (this.#finishExactly()) return false;
      const added = this.#cycles.addFrustrated(Math.min(CYCLES_PER_ROUND, this.#settings.cycles - this.#cycles.length));
      if (this.#isLate) return true;
      const gap = dual.bound - this.#target;
      slow = added < 20 && before - dual.bound < 0.05 * gap ? slow + 1 : 0;
    }
    return true;
  }

  /** Looks for better states, from what the dual prefers and from random states in turns. */
  #improve(milliseconds: number): void {
    const { cardinalities } = this.#graph;
    const deadline = Math.min(this.#deadline, performance.now() + milliseconds);
    for (let start = 0; performance.now() < deadline; start++) {
      const random = this.#random.split("improve", this.#starts++);
      const states =
        start === 0 ? this.#dual.decode() : cardinalities.map((cardinality) => random.integer(cardinality));
      const options = { log2Size: 14, iterations: 40, random, deadline };
      this.#offer(cutsetSearch(this.#graph, states, options).states);
    }
  }

  /** Lowers the dual at a node as long as it pays. False when nothing better than the best is left. */
  #propagate(): boolean {
    const dual = this.#dual;
    for (let round = 0; ; round++) {
      const before = dual.bound;
      if (!this.#cycles.sweep() || !dual.sweep(this.#target)) return false;
      const gap = dual.bound - this.#target;
      if (gap <= 0) return false;
      if (round > 0 && before - dual.bound < 0.05 * gap) return true;
      if ((gap === Infinity && round > 3) || this.#isLate) return true;
    }
  }

  #explore(depth: number): void {
    const dual = this.#dual;
    this.nodes++;
    for (;;) {
      if (!this.#propagate()) return;
      this.#offer(dual.decode());
      if (dual.bound <= this.#target) return;
      if (this.#isLate) break;
      if (this.#finishExactly()) return;
      const choice = this.#choose();
      if (choice === "impossible") return;
      if (choice === "decided") continue;
      if (choice === "none") return;
      const saved = this.#save(depth);
      const { bound } = dual;
      dual.assign(choice.variable, choice.state);
      this.#explore(depth + 1);
      this.#restore(saved);
      dual.remove(choice.variable, choice.state);
      if (this.#isLate) {
        this.#open = Math.max(this.#open, bound);
        return;
      }
      if (bound <= this.#target) return;
    }
    this.#open = Math.max(this.#open, dual.bound);
  }

  #save(depth: number): { dual: DualSnapshot; cycles: Float64Array } {
    const earlier = this.#snapshots[depth];
    return (this.#snapshots[depth] = {
      dual: this.#dual.snapshot(earlier?.dual),
      cycles: this.#cycles.snapshot(earlier?.cycles),
    });
  }

  #restore({ dual, cycles }: { dual: DualSnapshot; cycles: Float64Array }): void {
    this.#dual.restore(dual);
    this.#cycles.restore(cycles);
  }

  #numFree(): number {
    return this.#dual.domainSizes.reduce((sum, size) => sum + (size > 1 ? 1 : 0), 0);
  }

  /**
   * Where to branch. Takes out states that probing shows to be worthless: then "decided", and the node is to be
   * propagated again; "impossible" when nothing is left; "none" when every variable has one state.
   */
  #choose(): { variable: number; state: number } | "decided" | "impossible" | "none" {
    const dual = this.#dual;
    const { domains, domainSizes, variableOffsets, core } = dual;
    const candidates: { variable: number; state: number; key: number }[] = [];
    let decided = false;
    for (let variable = 0; variable < core.numVariables; variable++) {
      if (domainSizes[variable] === 1) continue;
      const slacks = this.#slacks;
      dual.slacks(variable, slacks);
      const offset = variableOffsets[variable];
      let best = -1;
      let second = -Infinity;
      for (let position = domainSizes[variable] - 1; position >= 0; position--) {
        const state = domains[offset + position];
        if (dual.bound + slacks[state] <= this.#target) {
          dual.remove(variable, state);
          decided = true;
        } else if (best < 0 || slacks[state] > slacks[best]) {
          if (best >= 0) second = Math.max(second, slacks[best]);
          best = state;
        } else second = Math.max(second, slacks[state]);
      }
      if (domainSizes[variable] === 0) return "impossible";
      if (domainSizes[variable] === 1) continue;
      const degree = core.variableEdgeOffsets[variable + 1] - core.variableEdgeOffsets[variable];
      candidates.push({ variable, state: best, key: (slacks[best] - second) / (degree + 1) });
    }
    if (decided) return "decided";
    if (candidates.length === 0) return "none";
    candidates.sort((a, b) => a.key - b.key);
    let chosen = candidates[0];
    let bestGain = -1;
    const { bound } = dual;
    for (const candidate of candidates.slice(0, MAX_PROBED_VARIABLES)) {
      const { variable, state } = candidate;
      const saved = (this.#probe = {
        dual: dual.snapshot(this.#probe?.dual),
        cycles: this.#cycles.snapshot(this.#probe?.cycles),
      });
      dual.assign(variable, state);
      const with_ = this.#cycles.sweep() && dual.sweep(this.#target) ? bound - dual.bound : Infinity;
      this.#restore(saved);
      dual.remove(variable, state);
      const without = this.#cycles.sweep() && dual.sweep(this.#target) ? bound - dual.bound : Infinity;
      this.#restore(saved);
      if (with_ === Infinity && without === Infinity) return "impossible";
      if (with_ === Infinity) {
        dual.remove(variable, state);
        return "decided";
      }
      if (without === Infinity) {
        dual.assign(variable, state);
        return "decided";
      }
      const gain = Math.min(with_, without) + 0.1 * Math.max(with_, without);
      if (gain > bestGain) {
        bestGain = gain;
        chosen = candidate;
      }
    }
    return chosen;
  }

  /** Finishes the states left by variable elimination if that is cheap. */
  #finishExactly(): boolean {
    const numFree = this.#numFree();
    if (this.#settings.elimination === 0 || this.#isLate || numFree > 0.8 * this.#smallestRefused) return false;
    const { domains, domainSizes, variableOffsets } = this.#dual;
    const graph = this.#graph;
    const factors = Array.from({ length: graph.numFactors }, (_, factor) => ({
      variables: scopeOf(graph, factor),
      logPotentials: tableOf(graph, factor),
    }));
    for (let variable = 0; variable < graph.numVariables; variable++) {
      const allowed = new Float64Array(graph.cardinalities[variable]).fill(-Infinity);
      const offset = variableOffsets[variable];
      for (let at = offset; at < offset + domainSizes[variable]; at++) allowed[domains[at]] = 0;
      if (domainSizes[variable] < allowed.length)
        factors.push({ variables: Int32Array.of(variable), logPotentials: allowed });
    }
    const simplified = simplify(factorGraph(graph.cardinalities, factors));
    if (!simplified.possible) return true;
    try {
      const plan = planElimination(
        simplified.graph,
        "argmaxes",
        { order: "best", orderings: 6, memory: 1 },
        this.#random,
      );
      if (plan.fits && plan.shape.totalSize <= this.#settings.elimination) {
        const { states } = maxElimination(fillBuckets(simplified.graph, plan.shape));
        if (states) this.#offer(originalStates(simplified, states));
        return true;
      }
    } catch (error) {
      if (!(error instanceof TreewidthError)) throw error;
    }
    this.#smallestRefused = numFree;
    return false;
  }
}

/**
 * A most probable state; `map.upperBound` equals `map.score` when it is proven optimal, which `converged` says too.
 * When no state is possible, logZ is -Infinity and there is no map. `report` is told of every better state.
 */
export function branchAndBound(
  model: AnyModel,
  options: BranchAndBoundOptions = {},
  { random = Random.fromSeed(0), report }: InferenceContext = {},
): InferenceResult {
  const settings = parseOptions("branch-and-bound", optionSchema, options);
  const started = performance.now();
  const deadline = started + 1000 * (settings.seconds ?? Infinity);
  const method = formatMethod("branch-and-bound", optionSchema, settings);
  const graph = asFactorGraph(model);
  const simplified = simplify(graph);
  const parts = simplified.possible ? components(simplified.graph) : [];
  const gap = settings.gap / Math.max(1, parts.length);
  parts.sort((a, b) => a.graph.numVariables - b.graph.numVariables);
  const searches = parts.map((part) => new Search(part.graph, { ...settings, gap }, deadline, random));
  const ended = new Map<Search, Bracket>();

  /** All parts put together. */
  const answer = (): InferenceResult => {
    const brackets = searches.map((search) => ended.get(search) ?? search.soFar);
    let upperBound = simplified.possible ? simplified.logConstant : -Infinity;
    for (const bracket of brackets) upperBound += bracket.upperBound;
    const common = {
      method,
      converged: upperBound === -Infinity || brackets.every(({ isComplete }) => isComplete),
      iterations: searches.reduce((sum, { nodes }) => sum + nodes, 0),
      maxDelta: [],
      seconds: (performance.now() - started) / 1000,
    };
    if (upperBound === -Infinity) return { ...common, logZ: -Infinity, bound: "exact" };
    if (!brackets.every(({ states }) => states)) return { ...common, bound: "none" };
    const inner = new Int32Array(simplified.graph.numVariables);
    parts.forEach(({ variables }, at) =>
      variables.forEach((variable, position) => (inner[variable] = brackets[at].states![position])),
    );
    const states = originalStates(simplified, inner);
    const score = logScore(graph, states);
    const isOptimal = brackets.every((bracket) => bracket.upperBound <= bracket.score);
    return {
      ...common,
      bound: "none",
      map: { states, score, upperBound: isOptimal ? score : Math.max(score, upperBound) },
    };
  };

  for (const search of searches) search.start();
  if (report) {
    if (searches.length > 0) report(answer());
    for (const search of searches) search.onBetter = () => report(answer());
  }
  for (const search of searches) {
    const bracket = search.run();
    ended.set(search, bracket);
    if (bracket.upperBound === -Infinity) break;
  }
  return answer();
}

export const branchAndBoundMethod = defineMethod({
  name: "branch-and-bound",
  summary: "exact MAP with certificate for densely connected graphs; a bracket when the time is up",
  options: optionSchema,
  accepts: canBeFactorGraph,
  accepted: ANY_MODEL_IN_WORDS,
  infer: branchAndBound,
});
