/** V8's REPL mode, by an inspector session of this thread with itself: what evaluates cells. */
import { Session, type Runtime as Inspector } from "node:inspector";
import { RUNTIME_GLOBAL } from "../protocol/names.ts";

// User code may shadow globals; these stay what they are.
const { BigInt, Error, Number } = globalThis;

export type Evaluated = { result: Inspector.RemoteObject; exceptionDetails?: Inspector.ExceptionDetails };

const OBJECT_GROUP = "cell";

export class Repl {
  readonly #session = new Session();
  #thrown: unknown;

  constructor() {
    this.#session.connect();
  }

  /**
   * `then` is called when the code and its awaits have come to their end, which may be never; with an error when it was
   * terminated.
   */
  evaluate(expression: string, then: (error: Error | null, answer: Evaluated) => void): void {
    const parameters = { expression, replMode: true, awaitPromise: true, objectGroup: OBJECT_GROUP };
    this.#session.post("Runtime.evaluate", parameters, then);
  }

  /** The very value that was thrown: the inspector answers with a remote description of it. */
  thrownValue({ exception, text }: Inspector.ExceptionDetails): unknown {
    if (!exception) return new Error(text);
    const { objectId, unserializableValue } = exception;
    if (unserializableValue !== undefined)
      return /^-?\d+n$/.test(unserializableValue)
        ? BigInt(unserializableValue.slice(0, -1))
        : Number(unserializableValue);
    if (objectId === undefined) return exception.value as unknown;
    const functionDeclaration = `function () { ${RUNTIME_GLOBAL}.thrown(this) }`;
    this.#session.post("Runtime.callFunctionOn", { functionDeclaration, objectId });
    const thrown = this.#thrown;
    this.#thrown = undefined;
    return thrown;
  }

  /** What `thrownValue` lets V8 call with the value. */
  readonly takeThrown = (value: unknown): void => {
    this.#thrown = value;
  };

  /** Ends the JavaScript that runs, up to the event loop. */
  terminate(): void {
    this.#session.post("Runtime.terminateExecution");
  }

  /** Lets go of the values of evaluations. */
  release(): void {
    this.#session.post("Runtime.releaseObjectGroup", { objectGroup: OBJECT_GROUP });
  }
}
