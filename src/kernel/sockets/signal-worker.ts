/**
 * A thread that does nothing but wait for SIGINT. JavaScript's own signal handlers run on the main thread's event loop,
 * which an endless loop never reaches; `breakOnSigint` interrupts a script wherever it runs, so the script here is one
 * that sleeps.
 */
import { Script } from "node:vm";
import { parentPort } from "node:worker_threads";

Object.assign(globalThis, { word: new Int32Array(new SharedArrayBuffer(4)) });
const sleep = new Script("Atomics.wait(word, 0, 0)");

for (;;) {
  try {
    sleep.runInThisContext({ breakOnSigint: true });
  } catch {
    parentPort?.postMessage("SIGINT");
  }
}
