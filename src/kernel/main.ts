/**
 * The kernel's process: `node --no-force-async-hooks-checks dist/kernel/main.js <connection file>`.
 *
 * This thread belongs to user code; it starts the others and then does what the sockets' thread asks for.
 */
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { log } from "./log.ts";
import { CellModules } from "./modules.ts";
import { makePipe, PipeWriter } from "./pipe.ts";
import { Runtime } from "./runtime.ts";
import { StackTraces } from "./stacks.ts";
import { NUM_CONTROL_WORDS, type LanguageWorkerData, type SocketsWorkerData, type ToMain } from "./threads.ts";
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

function startThread(file: string, workerData: LanguageWorkerData | SocketsWorkerData, ports: MessagePort[]): Worker {
  const worker = new Worker(new URL(file, import.meta.url), { workerData, transferList: ports });
  worker.on("error", (error) => {
    log(`${path.basename(file)} failed: ${error.stack ?? error.message}`);
    exit(1);
  });
  return worker;
}

const parent = { atStart: process.ppid, named: Number(process.env.JPY_PARENT_PID) || undefined };
const connection = connectionFromArguments();
const folder = process.cwd();
const control = new Int32Array(new SharedArrayBuffer(NUM_CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
const pipe = makePipe();
const { port1: language, port2: port } = new MessageChannel();
const { port1: inputs, port2: answers } = new MessageChannel();

const given = { connection, parent, pipe, control, language, inputs };
const sockets = startThread("./worker.js", given, [language, inputs]);
startThread("./language-worker.js", { folder, packageRoot, control, port }, [port]);

const modules = new CellModules(folder, packageRoot);
const writer = new PipeWriter(pipe, (urgent) => sockets.postMessage(urgent));
const runtime = new Runtime(writer, new StackTraces(folder, modules), modules, control, answers);
sockets.on("message", (message: ToMain) => runtime.handle(message));
