/**
 * The kernel's process: `node --no-force-async-hooks-checks dist/kernel/main.js <connection file>`.
 *
 * This thread belongs to user code. First of all it starts the sockets' thread, which starts the TypeScript service: that takes longest.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getHeapStatistics } from "node:v8";
import { MessageChannel, Worker } from "node:worker_threads";
import { log } from "./log.ts";
import { makePipe } from "./pipe.ts";
import { NUM_CONTROL_WORDS, type SocketsWorkerData, type ToMain } from "./threads.ts";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
const exit = process.exit.bind(process);

const [connectionFile, ...more] = process.argv.slice(2);
if (connectionFile === undefined || more.length > 0) {
  log(`got ${process.argv.length - 2} arguments, expected one: the connection file (front ends start this program)`);
  exit(2);
}

const parent = { atStart: process.ppid, named: Number(process.env.JPY_PARENT_PID) || undefined };
const folder = process.cwd();
const control = new Int32Array(new SharedArrayBuffer(NUM_CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
const pipe = makePipe();
const { port1: inputs, port2: answers } = new MessageChannel();

const libFolder = path.dirname(createRequire(import.meta.url).resolve("typescript"));
const language = { folder, packageRoot, libFolder };
const heapLimit = getHeapStatistics().heap_size_limit;
const workerData: SocketsWorkerData = { connectionFile, heapLimit, parent, pipe, control, language, inputs };
const sockets = new Worker(new URL("./language-start.js", import.meta.url), { workerData, transferList: [inputs] });
sockets.on("error", (error) => {
  log(`the sockets' thread failed: ${error.stack ?? error.message}`);
  exit(1);
});

/** What the sockets' thread says before this one is ready to listen. */
const early: ToMain[] = [];
let handle = (message: ToMain): void => {
  if (message.type === "exit") exit(message.code);
  early.push(message);
};
sockets.on("message", (message: ToMain) => handle(message));

// Two threads that start at once hinder each other, and the other one's work takes longer.
await once(sockets, "online");
const { makeRuntime } = await import("./runtime.ts");
const runtime = makeRuntime({ sockets, folder, packageRoot, pipe, control, answers });
handle = (message) => runtime.handle(message);
for (const message of early.splice(0)) handle(message);
