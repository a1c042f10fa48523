/** The sockets' thread: binds, listens, and passes cells to the language thread and to the main thread. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { endChildren, signalChildren } from "./children.ts";
import { Execution } from "./execution.ts";
import { Interrupts } from "./interrupts.ts";
import { LanguageService } from "../language/service.ts";
import { log } from "../protocol/log.ts";
import { MemoryGuard } from "./memory-guard.ts";
import { Dispatcher } from "./dispatcher.ts";
import { PipeReader } from "../protocol/pipe.ts";
import { Sockets } from "./sockets.ts";
import { INPUT_ANSWERED_INDEX } from "../protocol/names.ts";
import type { InputAnswer, SocketsWorkerData, ToMain } from "../protocol/threads.ts";
import { readConnectionFile, type ConnectionInfo } from "../protocol/wire.ts";

/** How often the kernel looks whether its front end is still there. */
const ORPHAN_CHECK_MS = 1000; // milliseconds
/** The main thread gets so long to exit by itself. */
const EXIT_GRACE_MS = 400; // milliseconds

if (!parentPort) throw new Error("this file is a thread of the kernel: start dist/kernel/main.js");
const main = parentPort;
const { connectionFile, heapLimit, parent, pipe, control, inputs, language: places } = workerData as SocketsWorkerData;
const language = new LanguageService(...places);
const post = (message: ToMain) => main.postMessage(message);

// A mistake of ours must not end the session of somebody else.
process.on("uncaughtException", (error) => log(`unexpected: ${error.stack}`));
process.on("unhandledRejection", (reason) =>
  log(`unexpected: ${(reason as Error | undefined)?.stack ?? String(reason)}`),
);

async function exit(code: number): Promise<void> {
  post({ type: "exit", code });
  await sleep(EXIT_GRACE_MS);
  process.kill(process.pid, "SIGKILL"); // the main thread is in an endless loop
}

/** Wakes the pump: at once for messages, after some patience for prints, so that they come in few messages. */
function makeBell(): (patience: number) => Promise<void> {
  let wake: ((urgent: boolean) => void) | undefined;
  let missed = false;
  main.on("message", (urgent: boolean) => {
    if (wake) wake(urgent);
    else missed ||= urgent;
  });
  return (patience) =>
    new Promise((resolve) => {
      const open = () => {
        wake = undefined;
        missed = false;
        resolve();
      };
      if (missed) return open();
      wake = (urgent) => {
        if (urgent) return open();
        const timer = setTimeout(open, patience);
        wake = (now) => {
          if (!now) return;
          clearTimeout(timer);
          open();
        };
      };
    });
}

setInterval(() => {
  if (!isOrphan()) return;
  signalChildren("SIGKILL");
  process.kill(process.pid, "SIGKILL");
}, ORPHAN_CHECK_MS);

/** Whether the process that started this one is gone, also when that happened before the first look at its number. */
function isOrphan(): boolean {
  if (process.ppid !== parent.atStart) return true;
  if (parent.atStart !== 1 || parent.named === undefined) return false;
  try {
    process.kill(parent.named, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

async function serve(connection: ConnectionInfo): Promise<void> {
  const session = randomUUID();
  const bell = makeBell();
  const sockets = await Sockets.bind(connection, session).catch((error: Error) => {
    throw new Error(`cannot bind the sockets of the connection file: ${error.message}`, { cause: error });
  });
  const interrupts = new Interrupts(post, control);
  const answerWaiting = (answer: InputAnswer) => {
    inputs.postMessage(answer);
    Atomics.add(control, INPUT_ANSWERED_INDEX, 1);
    Atomics.notify(control, INPUT_ANSWERED_INDEX);
  };
  const memory = new MemoryGuard(
    heapLimit,
    interrupts,
    (message) => void execution.interrupt({ ename: "OutOfMemory", message }),
  );
  const execution = new Execution({ sockets, language, post, interrupts, memory, answerWaiting });
  const leave = async () => {
    await endChildren();
    await sockets.close();
    interrupts.close();
    memory.close();
    language.close();
    await exit(0);
  };
  const dispatcher = new Dispatcher({ sockets, execution, language, exit: leave });
  void execution.pump(new PipeReader(pipe), bell);
  await sockets.publish("status", { execution_state: "starting" }, undefined);
  for (const channel of ["shell", "control"] as const)
    void sockets.receive(channel, (request) => void dispatcher.handle(channel, request));
  void sockets.receive("stdin", (message) => {
    if (message.header.msg_type === "input_reply") execution.takeInput(message);
  });
  // Another thread to start: when the service is ready, which it would delay.
  await language.ready.catch(() => undefined);
  new Worker(new URL("./signal-worker.js", import.meta.url)).on("message", () => void execution.interrupt());
}

try {
  await serve(readConnectionFile(connectionFile));
} catch (error) {
  log((error as Error).message);
  language.close();
  await exit(1);
}
