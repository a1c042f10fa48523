/**
 * Which cell the code that now executes belongs to: through awaits, promise chains and timers.
 *
 * Node's AsyncLocalStorage would tell, but it cannot be had here: it keeps a stack of async ids, which a terminated continuation
 * leaves unbalanced, and Node aborts the process for it. V8's own promise hooks keep no stack. Callbacks of other kinds (events,
 * files) carry no mark; they count as the current cell's.
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { promisify } from "node:util";
import { promiseHooks } from "node:v8";

// User code may shadow globals; these stay what they are.
const { Object, Promise, WeakRef } = globalThis;

/** What a cell's code carries with it. */
export interface Tracked {
  /** Its continuations are to be ended. */
  interrupted: boolean;
  /** Timers that its code has made, for stopping them. */
  timers: WeakRef<object>[];
  /** Asks that the promise made next is kept in `evaluations`. */
  keepsNextPromise: boolean;
  readonly evaluations: Set<object>;
}

class Given {
  constructor(promise: object) {
    return promise;
  }
}

/** Puts an invisible private field on promises, which is faster than a WeakMap. */
class Mark extends Given {
  #run: Tracked;
  constructor(promise: object, run: Tracked) {
    super(promise);
    this.#run = run;
  }
  static of(promise: object): Tracked | undefined {
    return #run in promise ? promise.#run : undefined;
  }
}

let current: Tracked | undefined;

/** The run whose code executes now, as far as it is known. */
export function currentRun<Run extends Tracked>(): Run | undefined {
  return current as Run | undefined;
}

/** Calls `work` as code of `run`. */
export function runAs<Result>(run: Tracked | undefined, work: () => Result): Result {
  const before = current;
  current = run;
  try {
    return work();
  } finally {
    current = before; // not reached when terminated: see leaveRun
  }
}

/** Terminated code leaves without tidying up; the kernel's own entry points call this first. */
export function leaveRun(): void {
  current = undefined;
}

/**
 * Starts the tracking.
 *
 * @param stop is called when a continuation of an interrupted run is about to execute
 */
export function trackRuns(stop: (run: Tracked) => void): void {
  promiseHooks.createHook({
    init(promise) {
      if (!current) return;
      new Mark(promise, current);
      if (current.keepsNextPromise) {
        current.keepsNextPromise = false;
        current.evaluations.add(promise);
      }
    },
    before(promise) {
      current = Mark.of(promise);
      if (current?.interrupted) stop(current);
    },
    after() {
      current = undefined;
    },
  });
  trackTimers();
}

type Callback = (...all: unknown[]) => void;
type Timers = Record<"setTimeout" | "setInterval" | "setImmediate", (callback: Callback, ...more: unknown[]) => object>;

/** Replaces the functions that make timers: globally, in node:timers and in node:timers/promises. */
function trackTimers(): void {
  const require = createRequire(import.meta.url);
  const timers = require("node:timers") as Timers;
  const promises = require("node:timers/promises") as Record<string, (...all: unknown[]) => unknown>;
  for (const name of ["setTimeout", "setInterval", "setImmediate"] as const) {
    const original = timers[name];
    const tracked = (callback: Callback, ...more: unknown[]): object => {
      const run = current;
      if (!run || typeof callback !== "function") return original(callback, ...more);
      const timer = original(
        function (this: unknown, ...all: unknown[]) {
          runAs(run, () => callback.apply(this, all));
        },
        ...more,
      );
      if (run.interrupted) stopTimer(timer);
      run.timers.push(new WeakRef(timer));
      if (run.timers.length % 1024 === 0) forgetEndedTimers(run);
      return timer;
    };
    Object.defineProperty(tracked, "name", { value: name });
    timers[name] = tracked;
    Object.defineProperty(globalThis, name, { value: tracked, writable: true, configurable: true, enumerable: true });
    if (name === "setInterval") continue; // an async iterator in node:timers/promises; its awaits are tracked
    const originalPromise = promises[name];
    const delayed = name === "setTimeout" ? 1 : 0;
    const waiting = (...all: unknown[]): unknown => {
      const { signal, ref = true } = (all[delayed + 1] ?? {}) as { signal?: unknown; ref?: boolean };
      if (!current || signal !== undefined) return originalPromise(...all);
      return new Promise((resolve) => {
        const timer = tracked(resolve, ...all.slice(0, delayed + 1)) as NodeJS.Timeout;
        if (!ref) timer.unref();
      });
    };
    promises[name] = waiting;
    Object.defineProperty(tracked, promisify.custom, { value: waiting, enumerable: true });
  }
  syncBuiltinESMExports();
}

export function stopTimers(run: Tracked): void {
  for (const reference of run.timers) {
    const timer = reference.deref();
    if (timer) stopTimer(timer);
  }
  run.timers = [];
}

/** Whether none is left. */
export function forgetEndedTimers(run: Tracked): boolean {
  run.timers = run.timers.filter(
    (each) => (each.deref() as { _destroyed?: boolean } | undefined)?._destroyed === false,
  );
  return run.timers.length === 0;
}

const { clearImmediate, clearTimeout } = globalThis;

function stopTimer(timer: object): void {
  clearTimeout(timer as NodeJS.Timeout);
  clearImmediate(timer as NodeJS.Immediate);
}
