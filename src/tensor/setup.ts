/**
 * Puts the back end in place when it is first imported, for everyone in the process who uses tfjs. MARGINALIA_BACKEND
 * chooses: `marginalia` (the default: native kernels, else WebAssembly), `native`, `wasm` (both insist), `cpu`
 * (tfjs-backend-cpu), `tensorflow` (@tensorflow/tfjs-node, where its library can be had).
 */
import { createRequire } from "node:module";

import { BACKEND_NAME, MarginaliaBackend } from "./backend.ts";
import { registerFiles } from "./files.ts";
import { registerElementwise } from "./kernels/elementwise.ts";
import { registerGradients } from "./kernels/gradients.ts";
import { registerImages } from "./kernels/images.ts";
import { registerIntegerProducts } from "./kernels/integer-products.ts";
import { registerIntegers } from "./kernels/integers.ts";
import { registerIndexed } from "./kernels/indexed.ts";
import { registerLayout } from "./kernels/layout.ts";
import { registerMatMul } from "./kernels/matmul.ts";
import { registerReductions } from "./kernels/reductions.ts";
import { registerFallbacks } from "./kernels/register.ts";
import { loadLibrary } from "./library.ts";
import { registerFactor } from "./ops/factor.ts";
import { registerLogMessages } from "./ops/log-messages.ts";
import { registerTableMlp } from "./ops/table-mlp.ts";
import { registerGru } from "./ops/gru.ts";
import { registerMessage } from "./ops/message.ts";
import { registerSegments } from "./ops/segments.ts";
import { registerSparse } from "./ops/sparse.ts";
import { registerOptimizers } from "./optimizers.ts";
import { tf } from "./tf.ts";

export const backendChoices = ["marginalia", "native", "wasm", "cpu", "tensorflow"] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** Which engine computes tensors in this process, and why. */
export interface BackendDescription {
  /** tfjs's name of the back end in use. */
  backend: "marginalia" | "cpu" | "tensorflow";
  /** Of `marginalia`: which build of the kernels. */
  build?: "native" | "wasm";
  instructionSet?: string;
  threads?: number;
  why: string;
}

function readChoice(): BackendChoice {
  const wanted = process.env.MARGINALIA_BACKEND || "marginalia";
  const choice = backendChoices.find((name) => name === wanted);
  if (!choice)
    throw new RangeError(`MARGINALIA_BACKEND is "${wanted}"; it can be ${backendChoices.join(", ")} or unset`);
  return choice;
}

function useTensorflow(): BackendDescription {
  const { marginaliaEngine } = createRequire(import.meta.url)("@tensorflow/tfjs-node") as {
    marginaliaEngine: { name: string; why: string };
  };
  if (marginaliaEngine.name !== "tensorflow")
    throw new Error(`MARGINALIA_BACKEND=tensorflow, but @tensorflow/tfjs-node is not there: ${marginaliaEngine.why}`);
  void tf.setBackend("tensorflow");
  return { backend: "tensorflow", why: "MARGINALIA_BACKEND=tensorflow" };
}

function install(): () => BackendDescription {
  const choice = readChoice();
  if (choice === "tensorflow") {
    const description = useTensorflow();
    return () => description;
  }
  registerFiles();
  const { library, why } = loadLibrary(choice === "native" || choice === "wasm" ? choice : undefined);
  registerFallbacks();
  registerElementwise();
  registerReductions();
  registerLayout();
  registerIndexed();
  registerMatMul();
  registerIntegers();
  registerIntegerProducts();
  registerImages();
  registerMessage();
  registerGru();
  registerFactor();
  registerLogMessages();
  registerTableMlp();
  registerSegments();
  registerSparse();
  registerOptimizers();
  registerGradients();
  tf.registerBackend(BACKEND_NAME, () => new MarginaliaBackend(library), 10);
  void tf.setBackend(choice === "cpu" ? "cpu" : BACKEND_NAME); // takes effect at once: neither is asynchronous
  if (choice === "cpu") return () => ({ backend: "cpu", why: "MARGINALIA_BACKEND=cpu" });
  return () => ({
    backend: "marginalia",
    build: library.build,
    instructionSet: library.instructionSet,
    threads: library.threads(),
    why,
  });
}

/** Which build of which engine is in use, and why: for `marginalia doctor` and the provenance of results. */
export const describeBackend: () => BackendDescription = install();

/**
 * Sets how many threads large kernels use (at most the cores there are; WebAssembly has one); results do not depend on
 * it.
 */
export function setThreads(count: number): number {
  const backend = tf.findBackend(BACKEND_NAME) as MarginaliaBackend | null;
  return backend instanceof MarginaliaBackend ? backend.library.threads(count) : 1;
}
