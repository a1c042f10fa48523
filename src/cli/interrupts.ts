/**
 * Ctrl-C and kill: the first asks the work to end in order through an AbortSignal, a second one ends the process at
 * once.
 */
import { EXIT } from "./exit-codes.ts";

/** npm passes on a Ctrl-C that the terminal has sent us already: that is one, not two. */
const ONE_KEYSTROKE_MS = 500;

/** Runs `work` and returns its exit code, or the one of the interruption. */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let code: number | undefined;
  let first = 0;
  const stop = (name: NodeJS.Signals) => {
    const again = code !== undefined;
    if (again && performance.now() - first < ONE_KEYSTROKE_MS) return;
    code ??= name === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    if (again) process.exit(code);
    first = performance.now();
    controller.abort();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, stop);
  try {
    const result = await work(controller.signal);
    return code ?? result;
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}
