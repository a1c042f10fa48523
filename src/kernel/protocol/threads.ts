/**
 * What the kernel's threads say to each other.
 *
 *   main thread      user code and nothing else, evaluated by an inspector session         main.ts, runtime.ts
 *   sockets' thread  ZeroMQ, the protocol, interrupts of the main thread                    worker.ts
 *   (in a process of its own: the TypeScript service                                     language/process.ts)
 *
 * The main thread answers through a ring of bytes (pipe.ts); everything else is messages on ports.
 */
import type { StartedLanguage } from "../language/connection.ts";
import type { LanguagePlace } from "../language/questions.ts";
import type { Snapshots } from "../language/snapshot.ts";
import type { SharedPipe } from "./pipe.ts";

export interface SocketsWorkerData {
  readonly connectionFile: string;
  /** Most bytes that the main thread's heap may hold. */
  readonly heapLimit: number;
  /**
   * The process that started the kernel: by its number when the kernel started, and as Jupyter names it in
   * $JPY_PARENT_PID.
   */
  readonly parent: { readonly atStart: number; readonly named?: number };
  readonly pipe: SharedPipe;
  readonly control: Int32Array<SharedArrayBuffer>;
  /** What the TypeScript service is made of: it has been started. */
  readonly language: readonly [LanguagePlace, Partial<Snapshots>, StartedLanguage];
  /** To the main thread while it waits in `prompt`: takes InputAnswer. */
  readonly inputs: import("node:worker_threads").MessagePort;
}

/** Source of one cell, to be evaluated. */
export interface RunRequest {
  readonly type: "run";
  /** Unique in the session; negative numbers belong to no cell. */
  readonly run: number;
  /** How its frames are named in stack traces, as in "cell [3]". */
  readonly label: string;
  /** What the user wrote. */
  readonly source: string;
  readonly code: string;
  readonly map: string;
  /** The front end takes input requests. */
  readonly allowStdin: boolean;
  readonly userExpressions: Readonly<Record<string, { readonly code: string } | { readonly error: CellError }>>;
}

/** What the user has answered to the input request of that number. */
export interface InputAnswer {
  readonly sequence: number;
  readonly value: string;
}

/** One message on a comm, in either direction. */
export interface CommMessage<Buffers = readonly Uint8Array[]> {
  readonly type: "comm_open" | "comm_msg" | "comm_close";
  readonly id: string;
  /** Known when it is opened; on later messages of the front end's "". */
  readonly target: string;
  readonly data: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
  /** In the pipe as base64. */
  readonly buffers: Buffers;
}

export type ToMain =
  | RunRequest
  | ({ readonly type: "input" } & InputAnswer)
  /** `run` names what its handler prints. */
  | { readonly type: "comm"; readonly run: number; readonly message: CommMessage }
  /**
   * Stop the run, or when none runs, what earlier runs left behind; `forced` when it took a termination to be heard.
   */
  | { readonly type: "interrupt"; readonly sequence: number; readonly forced: boolean; readonly why?: InterruptReason }
  | { readonly type: "ping"; readonly sequence: number }
  /** The next cell imports: while it is checked there is time to prepare for that. */
  | { readonly type: "imports" }
  | { readonly type: "exit"; readonly code: number };

/** Why cells are ended, if not because somebody asked for it. */
export interface InterruptReason {
  readonly ename: string;
  readonly message: string;
}

/** The protocol's error fields. */
export interface CellError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

export interface MimeBundle {
  readonly data: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}

/** What the main thread sends through the pipe beside prints. */
export type FromMain =
  | { readonly type: "display_data" | "update_display_data"; readonly bundle: MimeBundle; readonly displayId?: string }
  | { readonly type: "execute_result"; readonly bundle: MimeBundle }
  | { readonly type: "clear_output"; readonly wait: boolean }
  | CommMessage<readonly string[]>
  | {
      readonly type: "input_request";
      readonly prompt: string;
      readonly password: boolean;
      readonly sequence: number;
      /** The main thread sleeps until the answer is there. */
      readonly waits: boolean;
    }
  /** Of a run that has ended; `what` says how it came to be known. */
  | { readonly type: "late_error"; readonly what: string; readonly error: CellError }
  | {
      readonly type: "done";
      readonly error?: CellError;
      readonly userExpressions: Record<string, unknown>;
    };
