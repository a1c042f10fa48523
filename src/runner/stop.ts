import type { KernelClient } from "./client/kernel-client.ts";

const INTERRUPT_INTERVAL_MS = 1000;

export interface StopOptions {
  /** Seconds that a cell may take; no limit unless told. */
  readonly cellTimeout?: number;
  /** Seconds that the whole notebook may take; no limit unless told. */
  readonly notebookTimeout?: number;
  /** Seconds between interrupting a kernel and killing it; 5 unless told. */
  readonly grace?: number;
  /** Aborting interrupts the running cell. */
  readonly signal?: AbortSignal;
}

export type StopReason = "cell timeout" | "notebook timeout" | "abort";

/** Stops a cell that takes too long or is no longer wanted: interrupts the kernel, and kills it after the grace. */
export class Stop {
  reason: StopReason | undefined;
  readonly #kernel: KernelClient;
  readonly #options: StopOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #onAbort = () => this.#stop("abort");

  /** `secondsGone`: what the notebook has taken before this cell. */
  constructor(kernel: KernelClient, options: StopOptions, secondsGone: number) {
    this.#kernel = kernel;
    this.#options = options;
    const { cellTimeout, notebookTimeout, signal } = options;
    if (cellTimeout !== undefined) this.#after(cellTimeout, "cell timeout");
    if (notebookTimeout !== undefined) this.#after(Math.max(0, notebookTimeout - secondsGone), "notebook timeout");
    signal?.addEventListener("abort", this.#onAbort);
  }

  end(): void {
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  #after(seconds: number, reason: StopReason): void {
    this.#timers.push(setTimeout(() => this.#stop(reason), seconds * 1000));
  }

  #stop(reason: StopReason): void {
    if (this.reason) return;
    this.reason = reason;
    const interrupt = () => void this.#kernel.interrupt().catch(() => undefined);
    interrupt();
    // Asked again, since a kernel may have been about to begin the cell when it was asked first.
    this.#timers.push(setInterval(interrupt, INTERRUPT_INTERVAL_MS));
    this.#timers.push(setTimeout(() => void this.#kernel.kill(), (this.#options.grace ?? 5) * 1000));
  }
}
