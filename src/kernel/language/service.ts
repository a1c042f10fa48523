/**
 * The sockets' thread's side of the TypeScript service, which lives in a process of its own: only a process can start
 * from a snapshot (language/snapshot.ts), and a check that takes too long is ended with it. The cells that have run are
 * told to the next one; so a session begins with the small snapshot and goes over to the large one when a cell imports
 * this package.
 */
import { LanguageConnection, startLanguage, type StartedLanguage } from "./connection.ts";
import { findSnapshots, makeSnapshots, type Snapshots } from "./snapshot.ts";
import { log } from "../protocol/log.ts";
import type { LanguagePlace, LanguageQuestions, LanguageReply, LanguageRequest } from "./questions.ts";

/** The check was ended by an interrupt. */
export class CheckCancelled extends Error {
  override readonly name = "CheckCancelled";
}

interface Waiting {
  readonly request: LanguageRequest;
  /** The process that was asked before has ended. */
  askedAgain: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** A cell that imports this package, as notebooks about it do. */
const IMPORTS_OWN = /["']marginalia["'/]/;

/** So many processes may fail one after another before none is started any more. */
const MAX_FAILURES = 5;

export class LanguageService {
  /** Resolves when the service has begun to listen; rejects when none is to be had. */
  readonly ready: Promise<void>;
  #isReady!: () => void;
  #isGone!: (why: Error) => void;
  readonly #place: LanguagePlace;
  readonly #waiting = new Map<number, Waiting>();
  /** Cells that have run. */
  readonly #cells: string[] = [];
  #prepared: string | undefined;
  #process: LanguageConnection;
  #snapshot: string | undefined;
  /** Of a process that knows this package's declarations, until that is used. */
  #ownSnapshot: string | undefined;
  /** Lets go of the process before, when that has answered all that it was asked. */
  #leave: (() => void) | undefined;
  #last = 0;
  #failures = 0;
  /** Why no service is to be had any more. */
  #gone: Error | undefined;
  readonly #end = new AbortController();

  /**
   * @param snapshots those that there are
   * @param first a process that has been started already
   */
  constructor(
    place: LanguagePlace,
    snapshots: Partial<Snapshots> = findSnapshots(place),
    first: StartedLanguage = startLanguage(place, snapshots.plain),
  ) {
    this.#place = place;
    const { plain, own } = snapshots;
    this.#snapshot = plain;
    this.#ownSnapshot = own;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isGone = reject;
    });
    this.#process = this.#connect(first);
    // For the kernels to come; later, since this one has work to do first.
    this.ready.then(
      () => (plain && own ? undefined : makeSnapshots(place, this.#end.signal)),
      () => undefined, // questions say why
    );
  }

  ask<Name extends keyof LanguageQuestions>(
    name: Name,
    ...parameters: Parameters<LanguageQuestions[Name]>
  ): Promise<ReturnType<LanguageQuestions[Name]>> {
    if (name === "prepare") {
      this.#prepared = parameters[0] as string;
      if (IMPORTS_OWN.test(this.#prepared)) this.#useOwnSnapshot();
    }
    if (name === "commit" && this.#prepared !== undefined) this.#cells.push(this.#prepared);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      const request = { id, name, parameters } as LanguageRequest;
      this.#waiting.set(id, { request, askedAgain: false, resolve, reject });
      this.#process.send(request); // what cannot be sent is sent again by #failed
    });
  }

  /** Ends the questions that are being answered or wait. */
  cancel(): void {
    if (this.#waiting.size > 0) this.#replace(new CheckCancelled("the type check was interrupted"));
  }

  close(): void {
    this.#end.abort();
    this.#process.kill();
  }

  #connect(started: StartedLanguage): LanguageConnection {
    const take = ({ id, value, failure }: LanguageReply) => {
      this.#failures = 0;
      this.#isReady();
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure !== undefined) waiting?.reject(new Error(failure));
      else waiting?.resolve(value as never);
      this.#leave?.();
    };
    const connection: LanguageConnection = new LanguageConnection(started, take, () => this.#failed(connection));
    return connection;
  }

  #failed(connection: LanguageConnection): void {
    if (connection !== this.#process || this.#end.signal.aborted) return;
    if (this.#snapshot)
      this.#snapshot = undefined; // perhaps of another Node
    else if (++this.#failures > MAX_FAILURES) {
      this.#gone = new Error("the TypeScript service does not start; restart the kernel");
      log(this.#gone.message);
      this.#isGone(this.#gone);
      for (const { reject } of this.#waiting.values()) reject(this.#gone);
      return this.#waiting.clear();
    }
    this.#askAgain();
  }

  /**
   * Asks a new process what the one that has ended was asked; but once only, since the question may be what ended it.
   */
  #askAgain(): void {
    const asked = [...this.#waiting];
    this.#waiting.clear();
    this.#startAgain();
    for (const [id, waiting] of asked) {
      if (waiting.request.name === "restore") continue; // the new process has been told
      if (waiting.askedAgain) waiting.reject(new Error("the TypeScript service has ended twice over this question"));
      else {
        this.#waiting.set(id, { ...waiting, askedAgain: true });
        this.#process.send(waiting.request);
      }
    }
  }

  #replace(reason: Error): void {
    const failed = [...this.#waiting.values()];
    this.#waiting.clear();
    const old = this.#process;
    this.#startAgain();
    old.kill();
    for (const { reject } of failed) reject(reason);
  }

  #startAgain(): void {
    this.#process = this.#connect(startLanguage(this.#place, this.#snapshot));
    void this.ask("restore", this.#cells).catch((error: Error) => log(error.message));
  }

  /** The process before answers what it has been asked. */
  #useOwnSnapshot(): void {
    if (!this.#ownSnapshot) return;
    this.#snapshot = this.#ownSnapshot;
    this.#ownSnapshot = undefined;
    const old = this.#process;
    const last = this.#last;
    this.#startAgain();
    this.#leave = () => {
      for (const id of this.#waiting.keys()) if (id <= last) return;
      this.#leave = undefined;
      old.kill();
    };
    this.#leave();
  }
}
