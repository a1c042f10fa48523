/**
 * Which cell the code that now executes belongs to: through awaits, promise chains, timers, ticks, and the events of
 * what it has made.
 *
 * Node's AsyncLocalStorage would tell, but it cannot be had here: it keeps a stack of async ids, which a terminated
 * continuation leaves unbalanced, and Node aborts the process for it. V8's own promise hooks keep no stack. Callbacks
 * of other kinds (of node:fs and the like) carry no mark; they count as the current cell's, and what they throw is its
 * whose code stands in the stack.
 */
import { EventEmitter } from "node:events";
import { createRequire, syncBuiltinESMExports } from "node:module";
import process from "node:process";
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

/** Puts an invisible private field on promises and emitters of events, which is faster than a WeakMap. */
class Mark extends Given {
  #run: Tracked;
  constructor(marked: object, run: Tracked) {
    super(marked);
    this.#run = run;
  }
  static of(marked: object): Tracked | undefined {
    return #run in marked ? marked.#run : undefined;
  }
}

let current: Tracked | undefined;
/** What was thrown last, and by whose code: that is left again when Node tells of an uncaught error. */
let thrown: { readonly error: unknown; readonly run: Tracked } | undefined;

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
  } catch (error) {
    if (run) thrown = { error, run };
    throw error;
  } finally {
    current = before; // not reached when terminated: see leaveRun
  }
}

/** The run whose callback has thrown `error` to the event loop, as far as it is known. */
export function runThatThrew<Run extends Tracked>(error: unknown): Run | undefined {
  const last = thrown;
  thrown = undefined;
  return last && Object.is(last.error, error) ? (last.run as Run) : undefined;
}

/** The run whose code has made `promise`, as far as it is known. */
export function runThatMade<Run extends Tracked>(promise: object): Run | undefined {
  return Mark.of(promise) as Run | undefined;
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
  trackTicks();
  trackEvents();
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

function trackTicks(): void {
  const owners = [
    [process, "nextTick"],
    [globalThis, "queueMicrotask"],
  ] as const;
  for (const [owner, name] of owners) {
    const functions = owner as unknown as Record<string, (callback: Callback, ...more: unknown[]) => void>;
    const original = functions[name];
    const tracked = (callback: Callback, ...more: unknown[]): void => {
      const run = current;
      if (!run || typeof callback !== "function") return original.call(owner, callback, ...more);
      original.call(owner, () => runAs(run, () => callback(...more)));
    };
    Object.defineProperty(tracked, "name", { value: name });
    functions[name] = tracked;
  }
}

/**
 * What listens to an emitter when nobody's code executes, as to a socket, is called as code of the run that has made
 * the emitter.
 */
function trackEvents(): void {
  const emitters = EventEmitter as unknown as { init: (this: object, options?: unknown) => void };
  const { init } = emitters;
  emitters.init = function (options) {
    // an emitter may be made by two constructors, as a Duplex is
    if (current && !Mark.of(this)) new Mark(this, current);
    init.call(this, options);
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it gets its object below
  const { emit } = EventEmitter.prototype;
  EventEmitter.prototype.emit = function (this: EventEmitter, ...all: Parameters<typeof emit>): boolean {
    const run = current ? undefined : Mark.of(this);
    return run ? runAs(run, () => emit.apply(this, all)) : emit.apply(this, all);
  };
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
