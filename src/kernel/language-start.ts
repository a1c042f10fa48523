/** Starts the TypeScript service as soon as the sockets' thread loads this, which is before it loads the rest: it takes longest. */
import { workerData } from "node:worker_threads";
import { LanguageService } from "./language.ts";
import type { SocketsWorkerData } from "./threads.ts";

export const language = new LanguageService((workerData as SocketsWorkerData).language);
