/**
 * The sockets' thread begins here, with what takes longest: it starts the TypeScript service, and only then reads its other modules
 * (worker.ts).
 */
import { workerData } from "node:worker_threads";
import { LanguageService } from "./language.ts";
import type { SocketsWorkerData } from "./threads.ts";

export const language = new LanguageService((workerData as SocketsWorkerData).language);
void import("./worker.ts");
