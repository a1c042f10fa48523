/**
 * Runs of cells on the main thread: evaluation by V8's REPL mode, results, errors, interrupts.
 *
 * A run ends once, in one of three ways: its code has ended, its code has thrown, or it was interrupted. Code that was
 * terminated never calls back; so the thread that terminated it sends "interrupt", which ends the run from here.
 */
import { randomUUID } from "node:crypto";
import process from "node:process";
import type { MessagePort, Worker } from "node:worker_threads";
import { installCellGlobals } from "./cell-globals.ts";
import { startChildrenWithTypeScript } from "./modules/child-modules.ts";
import { Comms } from "./display/comms.ts";
import { installDisplay, isDisplayHandle, mimeBundle } from "./display/display.ts";
import { Input, type AskingRun } from "./input.ts";
import { CellModules } from "./modules/modules.ts";
import { redirectOutput } from "./output/output.ts";
import { PipeWriter, type SharedPipe } from "../protocol/pipe.ts";
import { installProgress } from "./display/progress.ts";
import { Repl, type Evaluated } from "./repl.ts";
import {
  currentRun,
  forgetEndedTimers,
  leaveRun,
  runAs,
  runThatMade,
  runThatThrew,
  stopTimers,
  trackRuns,
  type Tracked,
} from "./run-context.ts";
import { CELL_SCRIPT, StackTraces } from "./stacks.ts";
import { ACKNOWLEDGED_INDEX, WAITS_FOR_CHILD } from "../protocol/names.ts";
import type { CellError, FromMain, CommMessage, InterruptReason, RunRequest, ToMain } from "../protocol/threads.ts";
import { Widgets } from "./display/widgets.ts";

// User code may shadow globals; these stay what they are.
const { Atomics, Error, Number, Object, Promise, Set, setImmediate, setTimeout } = globalThis;

/** An interrupted run may go on after an await; for so long every step it takes is terminated. */
const INTERRUPT_SETTLING_MS = 60; // milliseconds

interface Run extends AskingRun {
  readonly id: number;
  readonly label: string;
  /** The value of the last expression. */
  result: unknown;
  /** Why it was interrupted, if not because somebody asked for it. */
  why: InterruptReason | undefined;
  /** Displays that are still being made. */
  readonly pending: Set<Promise<void>>;
}

function newRun(id: number, label: string, allowStdin: boolean): Run {
  return {
    id,
    label,
    allowStdin,
    settled: false,
    ended: false,
    interrupted: false,
    why: undefined,
    result: undefined,
    timers: [],
    pending: new Set(),
    keepsNextPromise: false,
    evaluations: new Set(),
  };
}

interface Place {
  readonly sockets: Worker;
  /** The notebook's folder. */
  readonly folder: string;
  readonly packageRoot: string;
  readonly pipe: SharedPipe;
  readonly control: Int32Array;
  /** Gives the answers to `prompt`. */
  readonly answers: MessagePort;
}

export function makeRuntime({ sockets, folder, packageRoot, pipe, control, answers }: Place): Runtime {
  const modules = new CellModules(folder, packageRoot);
  const writer = new PipeWriter(pipe, (urgent) => sockets.postMessage(urgent));
  return new Runtime(writer, new StackTraces(folder, modules), modules, control, answers);
}

export class Runtime {
  readonly #repl = new Repl();
  readonly #pipe: PipeWriter;
  readonly #stacks: StackTraces;
  readonly #modules: CellModules;
  readonly #control: Int32Array;
  readonly #comms = new Comms((message) => this.#pipe.message(this.#owner(), message));
  readonly #input: Input;
  readonly #all = new Set<Run>();
  /** Runs whose code has not come to its end, and may never. */
  readonly #unsettled = new Set<Run>();
  /** Cells that run, each of a shell of its own. */
  readonly #running = new Set<Run>();
  #last = 0;

  constructor(pipe: PipeWriter, stacks: StackTraces, modules: CellModules, control: Int32Array, answers: MessagePort) {
    this.#pipe = pipe;
    this.#stacks = stacks;
    this.#modules = modules;
    this.#control = control;
    const waits = (forChild: boolean) => void Atomics.store(control, WAITS_FOR_CHILD, Number(forChild));
    redirectOutput(pipe, () => this.#owner(), waits);
    const send = (message: FromMain) => pipe.message(this.#owner(), message);
    installDisplay(send, (work) => currentRun<Run>()?.pending.add(work), this.#comms);
    installProgress(new Widgets(this.#comms), (data) => {
      const displayId = randomUUID();
      send({ type: "display_data", bundle: { data, metadata: {} }, displayId });
      return (renewed) => send({ type: "update_display_data", bundle: { data: renewed, metadata: {} }, displayId });
    });
    this.#input = new Input({ send, running: () => this.#latest(), control, answers });
    const showResult = (value: unknown) => {
      const run = currentRun<Run>() ?? this.#latest();
      if (run) run.result = value;
    };
    const calls = { result: showResult, thrown: this.#repl.takeThrown };
    installCellGlobals(modules, calls, (callee) => stacks.isCalledByCell(callee));
    startChildrenWithTypeScript();
    trackRuns((run) => this.#stopContinuation(run));
    process.on("uncaughtException", (error) => this.#uncaught("Uncaught", error, runThatThrew<Run>(error)));
    process.on("unhandledRejection", (reason, promise) =>
      this.#uncaught("Unhandled rejection of a promise", reason, runThatMade<Run>(promise)),
    );
    process.on("SIGINT", () => undefined); // signals are the sockets' thread's business
  }

  handle(message: ToMain): void {
    leaveRun();
    Atomics.store(this.#control, WAITS_FOR_CHILD, 0);
    switch (message.type) {
      case "run":
        return this.#start(message);
      case "interrupt":
        Atomics.store(this.#control, ACKNOWLEDGED_INDEX, message.sequence);
        return this.#interrupt(message.forced, message.why);
      case "input":
        return this.#input.answer(message);
      case "comm":
        return this.#comm(message.run, message.message);
      case "imports":
        return this.#modules.start();
      case "ping":
        Atomics.store(this.#control, ACKNOWLEDGED_INDEX, message.sequence);
        return;
      case "exit":
        process.removeAllListeners("uncaughtException");
        (process as unknown as { reallyExit: (code: number) => void }).reallyExit(message.code);
        return;
    }
  }

  /** The run to which the code now executing belongs, else the latest. */
  #owner(): number {
    return (currentRun<Run>() ?? this.#latest())?.id ?? this.#last;
  }

  /** Of the cells that run the one that was started last. */
  #latest(): Run | undefined {
    let latest: Run | undefined;
    for (const run of this.#running) latest = run;
    return latest;
  }

  #start(request: RunRequest): void {
    const { run: id, label, source, map } = request;
    const run = newRun(id, label, request.allowStdin);
    this.#running.add(run);
    this.#last = id;
    this.#all.add(run);
    this.#input.begin();
    const script = `${CELL_SCRIPT}${id}`;
    this.#stacks.addCell(script, id, label, source, map);
    this.#evaluate(run, `${request.code}\n//# sourceURL=${script}`, (error, answer) => {
      run.settled = true;
      void this.#complete(run, request, error, answer);
    });
  }

  /** Hands a message to its comm, as a run of its own that ends when the handler returns. */
  #comm(id: number, message: CommMessage): void {
    const run = newRun(id, "a widget's message", false);
    this.#all.add(run);
    try {
      runAs(run, () => this.#comms.handle(message));
    } catch (error) {
      runAs(run, () => process.stderr.write(`${this.#describe(error).traceback.join("\n")}\n`));
    }
    this.#end(run);
  }

  #evaluate(run: Run, expression: string, then: (error: Error | null, answer: Evaluated) => void): void {
    // The first promise of an evaluation is its own. When one that never settles is collected as garbage, V8's
    // inspector reports that in the midst of the collection, which aborts the process (Node 22); so it is kept.
    run.keepsNextPromise = true;
    this.#unsettled.add(run);
    runAs(run, () =>
      this.#repl.evaluate(expression, (error, answer) => {
        this.#unsettled.delete(run);
        then(error, answer);
      }),
    );
  }

  async #complete(run: Run, request: RunRequest, error: Error | null, answer: Evaluated): Promise<void> {
    if (run.ended || run.interrupted) return;
    if (error) return this.#interrupt(false); // it was terminated, and the message that says so is on its way
    let failure: CellError | undefined;
    if (answer.exceptionDetails) failure = this.#describe(this.#repl.thrownValue(answer.exceptionDetails));
    else failure = await this.#show(run);
    const results: Record<string, unknown> = {};
    if (!failure)
      for (const [name, expression] of Object.entries(request.userExpressions))
        results[name] = await this.#userExpression(run, expression);
    // One turn of the event loop, so that a promise nobody waits for can fail in the cell that made it.
    await new Promise((resolve) => setImmediate(resolve));
    this.#end(run, failure, results);
  }

  async #show(run: Run): Promise<CellError | undefined> {
    const { result } = run;
    run.result = undefined;
    try {
      if (result !== undefined && !isDisplayHandle(result)) {
        const bundle = await runAs(run, () => mimeBundle(result));
        if (!run.ended) this.#send(run, { type: "execute_result", bundle });
      }
      for (const work of run.pending) await work;
      return undefined;
    } catch (error) {
      return this.#describe(error);
    }
  }

  #userExpression(run: Run, expression: RunRequest["userExpressions"][string]): Promise<unknown> {
    if ("error" in expression) return Promise.resolve({ status: "error", ...expression.error });
    return new Promise((resolve) =>
      this.#evaluate(run, expression.code, (error, answer) => {
        const { result } = run;
        run.result = undefined;
        if (error || answer.exceptionDetails) {
          const thrown = error ?? this.#repl.thrownValue(answer.exceptionDetails!);
          return resolve({ status: "error", ...this.#describe(thrown) });
        }
        Promise.resolve(runAs(run, () => mimeBundle(result))).then(
          (bundle) => resolve({ status: "ok", ...bundle }),
          (failure: unknown) => resolve({ status: "error", ...this.#describe(failure) }),
        );
      }),
    );
  }

  #end(run: Run, error?: CellError, userExpressions: Record<string, unknown> = {}): void {
    if (run.ended) return;
    run.ended = true;
    if (this.#running.delete(run)) this.#input.forget(run);
    this.#repl.release();
    this.#forget();
    this.#send(run, { type: "done", error, userExpressions });
  }

  #send(run: Run, message: FromMain): void {
    this.#pipe.message(run.id, message);
  }

  #describe(thrown: unknown): CellError {
    // Reading the stack formats it, which is when the places in the user's text become known.
    if (thrown instanceof Error) void thrown.stack;
    return this.#stacks.describe(thrown);
  }

  // --- Interrupts ---

  #interrupt(forced: boolean, why?: InterruptReason): void {
    // Nothing runs, or the loop that had to be terminated may be an earlier run's timer: stop what all runs left
    // behind.
    if (forced || this.#running.size === 0) for (const each of this.#all) stopTimers(each);
    for (const run of this.#running) {
      run.why ??= why;
      if (!run.interrupted) this.#interruptRun(run);
    }
  }

  #interruptRun(run: Run): void {
    run.interrupted = true;
    stopTimers(run);
    setTimeout(() => {
      const { why } = run;
      const ename = why?.ename ?? "KeyboardInterrupt";
      const evalue = why
        ? `${run.label} was ended: ${why.message}`
        : `${run.label} was interrupted; its variables are kept`;
      this.#end(run, { ename, evalue, traceback: [`${ename}: ${evalue}`] });
    }, INTERRUPT_SETTLING_MS);
  }

  /** An interrupted run goes on after an await: ends the step it takes, unless that might hit a run that followed. */
  #stopContinuation(run: Tracked): void {
    for (const other of this.#running) if (other !== run && !other.interrupted) return;
    this.#repl.terminate();
  }

  /** Runs that have ended and left no timer behind need not be remembered. */
  #forget(): void {
    for (const run of this.#all) if (run.ended && forgetEndedTimers(run)) this.#all.delete(run);
  }

  // --- What cells leave behind ---

  /** What nobody has caught ends the cell whose code it comes from, or is told as that cell's when it has ended. */
  #uncaught(what: string, thrown: unknown, maker: Run | undefined): void {
    const failure = this.#describe(thrown);
    const id = maker?.id ?? this.#stacks.runOf(thrown) ?? this.#owner();
    const run = maker ?? [...this.#running].find((each) => each.id === id);
    if (run?.interrupted) return;
    if (run && !run.ended) {
      stopTimers(run);
      return this.#end(run, failure);
    }
    this.#pipe.message(id, { type: "late_error", what, error: failure });
  }
}
