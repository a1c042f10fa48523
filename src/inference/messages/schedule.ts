/**
 * Schedules: in which order messages are updated, and when to stop. They know nothing of what a message is.
 *
 *   parallel    every message from the messages of the iteration before
 *   sequential  unit after unit in index order, each from the newest messages
 *   random      the same in a fresh random order each iteration
 *   residual    always the unit that would change most (Elidan, McGraw & Koller 2006); an iteration is as many updates
 *   as there are units
 *   tree        leaves to root, then root to leaves: exact on a forest after one iteration
 *
 * A unit is what is updated at once: a factor (all its messages to variables) or, in the pairwise form, a variable (all
 * its messages to neighbours). One difference from Elidan et al.: they update single messages; all messages of a unit
 * share most of their work.
 */
import { z } from "zod";
import type { Random } from "../../graph/random.ts";
import { Tournament } from "../tournament.ts";

export const schedules = ["parallel", "sequential", "random", "residual", "tree"] as const;
export type Schedule = (typeof schedules)[number];

/** A set of messages that schedules can drive. Every change is a number in [0, 1], see `relativeChange`. */
export interface MessageKernel {
  readonly numUnits: number;
  /** Updates every message from the present ones at once; returns the largest change. */
  sweep(): number;
  /**
   * Updates units one after the other, each from the newest messages; returns the largest change.
   * @param order units order[first] ... order[end - 1], or without an order first ... end - 1.
   * @param commit false only looks at what would change.
   */
  update(first: number, end: number, order: Int32Array | undefined, commit: boolean): number;
  /** Calls `visit` with each unit that reads messages of `unit`. */
  dependents(unit: number, visit: (dependent: number) => void): void;
  /**
   * Int32Array[numUnits]: every unit after the one between it and the root. @throws RangeError on a graph with cycles.
   */
  treeOrder(): Int32Array;
  /** Whether schedule tree reaches the fixed point in one iteration: no damping, counting numbers 1. */
  readonly isExactOnTrees: boolean;
  /**
   * True once messages are worthless: a contradiction was found, or numbers left the range that the kernel can hold.
   */
  readonly stopped: boolean;
}

/**
 * |p' - p| / (p' + p) for two probabilities given by their natural logs: tanh(|difference| / 2). Infinite differences
 * give 1, two -Infinity 0.
 */
export function relativeChange(logNew: number, logOld: number): number {
  return logNew === logOld ? 0 : Math.tanh(Math.abs(logNew - logOld) / 2);
}

/** Options that all message-passing methods share. */
export const messageOptions = {
  schedule: z.enum(schedules).default("sequential").describe("order of the updates"),
  damping: z.number().min(0).lt(1).default(0).describe("share of the old message that is kept"),
  dampingDomain: z
    .enum(["log", "probability"])
    .default("log")
    .describe("whether damping averages log messages or probabilities"),
  tolerance: z.number().min(0).default(1e-9).describe("converged when no message changes by a larger fraction"),
  maxIterations: z.int().min(0).default(1000).describe("iterations at most"),
  timeLimit: z.number().min(0).optional().describe("seconds at most; iterations are broken off, except parallel ones"),
};

export interface ScheduleOptions {
  readonly schedule: Schedule;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly timeLimit?: number | undefined;
  /** As the kernel's own; residual schedules need to know. */
  readonly damping?: number;
}

/** How messages are damped; see `messageOptions`. */
export interface DampingOptions {
  readonly damping: number;
  readonly dampingDomain: "log" | "probability";
}

export interface Convergence {
  readonly converged: boolean;
  readonly iterations: number;
  /** The largest change of a message in each iteration. */
  readonly maxDelta: readonly number[];
}

/** Runs a kernel until no message changes by more than the tolerance. Uses `random` for the random schedule alone. */
export function runSchedule(kernel: MessageKernel, options: ScheduleOptions, random: Random): Convergence {
  const { schedule, tolerance, maxIterations, timeLimit = Infinity } = options;
  const deadline = performance.now() + 1000 * timeLimit;
  const iterate = iteration(kernel, options, random, deadline);
  const maxDelta: number[] = [];
  while (maxDelta.length < maxIterations && !kernel.stopped) {
    const delta = iterate();
    maxDelta.push(delta);
    // Two sweeps are exact on a forest; a second iteration could only confirm it.
    if (delta <= tolerance || (schedule === "tree" && kernel.isExactOnTrees))
      return { converged: !kernel.stopped, iterations: maxDelta.length, maxDelta };
    if (Number.isNaN(delta) || performance.now() > deadline) break;
  }
  return { converged: false, iterations: maxDelta.length, maxDelta };
}

/**
 * The schedule to run on a forest in place of `options.schedule`. Index order can need as many iterations as a path is
 * long; from the leaves to the roots and back, one gives the fixed point itself, not only within the tolerance.
 */
export function onForest<Options extends ScheduleOptions>(options: Options, isForest: boolean): Options {
  return isForest && options.schedule === "sequential" && !options.damping ? { ...options, schedule: "tree" } : options;
}

/**
 * Brings the messages of a converged forest from within the tolerance to the fixed point, so that what is read from
 * them is exact to rounding.
 * @param undamped makes a kernel without damping.
 */
export function atFixedPoint<Kernel extends MessageKernel, Undamped extends MessageKernel>(
  kernel: Kernel,
  { schedule }: ScheduleOptions,
  undamped: () => Undamped,
): Kernel | Undamped {
  if (schedule === "tree" && kernel.isExactOnTrees) return kernel;
  const exact = undamped();
  treeIteration(exact)();
  return exact;
}

/** One iteration of a schedule: returns its largest change. */
function iteration(kernel: MessageKernel, options: ScheduleOptions, random: Random, deadline: number): () => number {
  switch (options.schedule) {
    case "parallel":
      return () => kernel.sweep();
    case "sequential":
      return () => updateInTime(kernel, undefined, deadline);
    case "random": {
      const order = Int32Array.from({ length: kernel.numUnits }, (_, unit) => unit);
      return () => updateInTime(kernel, random.shuffle(order), deadline);
    }
    case "tree":
      return treeIteration(kernel);
    case "residual":
      return residualIteration(kernel, options, deadline);
  }
}

function treeIteration(kernel: MessageKernel): () => number {
  const fromRoot = kernel.treeOrder();
  const toRoot = fromRoot.slice().reverse();
  return () => Math.max(...[toRoot, fromRoot].map((order) => kernel.update(0, kernel.numUnits, order, true)));
}

const UPDATES_PER_CLOCK_CHECK = 16;

/** Updates every unit; returns the largest change, 1 where the deadline left units out: theirs is unknown. */
function updateInTime(kernel: MessageKernel, order: Int32Array | undefined, deadline: number): number {
  const { numUnits } = kernel;
  if (deadline === Infinity) return kernel.update(0, numUnits, order, true);
  let largest = 0;
  for (let first = 0; first < numUnits && !kernel.stopped; first += UPDATES_PER_CLOCK_CHECK) {
    largest = Math.max(largest, kernel.update(first, Math.min(numUnits, first + UPDATES_PER_CLOCK_CHECK), order, true));
    if (first + UPDATES_PER_CLOCK_CHECK < numUnits && performance.now() > deadline) return 1;
  }
  return largest;
}

/**
 * Minus each unit's residual, as a Tournament wants it; those that the deadline leaves out count as the largest there
 * are.
 */
function residualsInTime(numUnits: number, residual: (unit: number) => number, deadline: number): Float64Array {
  const costs = new Float64Array(numUnits).fill(-1);
  for (let unit = 0; unit < numUnits; unit++) {
    costs[unit] = -residual(unit);
    if (unit % UPDATES_PER_CLOCK_CHECK === 0 && performance.now() > deadline) break;
  }
  return costs;
}

function residualIteration(
  kernel: MessageKernel,
  { tolerance, damping = 0 }: ScheduleOptions,
  deadline: number,
): () => number {
  const { numUnits } = kernel;
  const residual = (unit: number): number => kernel.update(unit, unit + 1, undefined, false);
  let units: Tournament | undefined;
  const look = (unit: number): void => units?.set(unit, -residual(unit));
  return () => {
    if (numUnits === 0) return 0;
    units ??= new Tournament(residualsInTime(numUnits, residual, deadline));
    for (let updates = 0; updates < numUnits && -units.costs[units.least] > tolerance && !kernel.stopped; updates++) {
      const unit = units.least;
      kernel.update(unit, unit + 1, undefined, true);
      units.set(unit, damping === 0 ? 0 : -residual(unit));
      kernel.dependents(unit, look);
      // Around a hub a single update has as many dependents as there are units.
      if (updates % UPDATES_PER_CLOCK_CHECK === 0 && performance.now() > deadline) break;
    }
    return -units.costs[units.least];
  };
}
