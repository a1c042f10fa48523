/** The language thread: answers questions to the TypeScript service one after another. */
import { workerData } from "node:worker_threads";
import { complete, inspect, isComplete } from "./cell-assist.ts";
import { CellProgram } from "./cell-program.ts";
import {
  CANCEL_CHECK,
  type LanguageQuestions,
  type LanguageReply,
  type LanguageRequest,
  type LanguageWorkerData,
} from "./threads.ts";
import { log } from "./log.ts";

const { folder, packageRoot, control, port } = workerData as LanguageWorkerData;
const program = new CellProgram(folder, packageRoot, () => Atomics.load(control, CANCEL_CHECK) !== 0);
for (const problem of program.problems) log(problem);

const answers: LanguageQuestions = {
  prepare: (code) => program.prepare(code),
  commit: () => program.commit(),
  isComplete,
  complete: (code, cursor) => complete(program, code, cursor),
  inspect: (code, cursor) => inspect(program, code, cursor),
};

port.on("message", ({ id, name, parameters }: LanguageRequest) => {
  let reply: LanguageReply;
  try {
    reply = { id, value: (answers[name] as (...all: unknown[]) => unknown)(...parameters) };
  } catch (error) {
    const cancelled = Atomics.load(control, CANCEL_CHECK) !== 0;
    reply = { id, failure: cancelled ? "cancelled" : String((error as Error).stack ?? error) };
  }
  port.postMessage(reply);
});

// Loads the library's types while the front end is still connecting: the first cell then waits less.
program.prepare("console.log(process.version)");
