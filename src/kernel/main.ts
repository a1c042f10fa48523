/**
 * The kernel's process: `node --no-force-async-hooks-checks dist/kernel/main.js <connection file>`.
 *
 * This thread belongs to user code; it starts the others and then does what the sockets' thread asks for.
 */
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { log } from "./log.ts";
import { CellModules } from "./modules.ts";
import { makePipe, PipeWriter } from "./pipe.ts";
import { Runtime } from "./runtime.ts";
import { StackTraces } from "./stacks.ts";
import { NUM_CONTROL_WORDS, type SocketsWorkerData, type ToMain } from "./threads.ts";
import { readConnectionFile, type ConnectionInfo } from "./wire.ts";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
const exit = process.exit.bind(process);

function connectionFromArguments(): ConnectionInfo {
  const [file, ...more] = process.argv.slice(2);
  if (file === undefined || more.length > 0) {
    log(`got ${process.argv.length - 2} arguments, expected one: the connection file (front ends start this program)`);
    exit(2);
  }
  try {
    return readConnectionFile(file);
  } catch (error) {
    log((error as Error).message);
    return exit(1);
  }
}

function startSocketsThread(workerData: SocketsWorkerData): Worker {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData, transferList: [workerData.inputs] });
  worker.on("error", (error) => {
    log(`the sockets' thread failed: ${error.stack ?? error.message}`);
    exit(1);
  });
  return worker;
}

const parent = { atStart: process.ppid, named: Number(process.env.JPY_PARENT_PID) || undefined };
const connection = connectionFromArguments();
const folder = process.cwd();
const control = new Int32Array(new SharedArrayBuffer(NUM_CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
const pipe = makePipe();
const { port1: inputs, port2: answers } = new MessageChannel();

const libFolder = path.dirname(createRequire(import.meta.url).resolve("typescript"));
const language = { folder, packageRoot, libFolder };
const sockets = startSocketsThread({ connection, parent, pipe, control, language, inputs });

const modules = new CellModules(folder, packageRoot);
const writer = new PipeWriter(pipe, (urgent) => sockets.postMessage(urgent));
const runtime = new Runtime(writer, new StackTraces(folder, modules), modules, control, answers);
sockets.on("message", (message: ToMain) => runtime.handle(message));
