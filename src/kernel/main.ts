/**
 * The kernel's process: `node --no-force-async-hooks-checks dist/kernel/main.js <connection file>`.
 *
 * This thread belongs to user code. First of all it starts the TypeScript service, which takes longest, and then the
 * sockets' thread.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getHeapStatistics } from "node:v8";
import { MessageChannel, Worker } from "node:worker_threads";
import { startLanguage } from "./language/connection.ts";
import { findSnapshots } from "./language/snapshot.ts";
import { log } from "./protocol/log.ts";
import { makePipe } from "./protocol/pipe.ts";
import { NUM_CONTROL_WORDS } from "./protocol/names.ts";
import type { SocketsWorkerData, ToMain } from "./protocol/threads.ts";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
const exit = process.exit.bind(process);

const [connectionFile, ...more] = process.argv.slice(2);
if (connectionFile === undefined || more.length > 0) {
  log(`got ${process.argv.length - 2} arguments, expected one: the connection file (front ends start this program)`);
  exit(2);
}

const folder = process.cwd();
const libFolder = path.dirname(createRequire(import.meta.url).resolve("typescript"));
const place = { folder, packageRoot, libFolder };
const snapshots = findSnapshots(place);
const language = [place, snapshots, startLanguage(place, snapshots.plain)] as const;

const parent = { atStart: process.ppid, named: Number(process.env.JPY_PARENT_PID) || undefined };
const control = new Int32Array(new SharedArrayBuffer(NUM_CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
const pipe = makePipe();
const { port1: inputs, port2: answers } = new MessageChannel();

const heapLimit = getHeapStatistics().heap_size_limit;
const workerData: SocketsWorkerData = { connectionFile, heapLimit, parent, pipe, control, language, inputs };
const sockets = new Worker(new URL("./sockets/worker.js", import.meta.url), { workerData, transferList: [inputs] });
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
const { makeRuntime } = await import("./user/runtime.ts");
const runtime = makeRuntime({ sockets, folder, packageRoot, pipe, control, answers });
handle = (message) => runtime.handle(message);
for (const message of early.splice(0)) handle(message);
