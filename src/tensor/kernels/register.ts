/**
 * How kernels reach tfjs: every kernel of tfjs-backend-cpu is registered for `marginalia`, then ours take the place of those
 * they speed up, and pass on what they do not cover (complex numbers, strings, some integers) to the one they replaced.
 */
import type { KernelConfig, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs";
import { backendName, type MarginaliaBackend } from "../backend.ts";
import { tf } from "../tf.ts";

const { getKernel, getKernelsForBackend, registerKernel, unregisterKernel } = tf;

/** `inputs` may also be a list, as Concat and AddN have it. */
export interface KernelCall {
  inputs: Record<string, TensorInfo>;
  attrs: NamedAttrMap;
  backend: MarginaliaBackend;
}

export type Kernel = (call: KernelCall) => TensorInfo | TensorInfo[];

/** These hand on the tensor's data without looking at it, so its array stays ours. */
const transparent = new Set(["Identity", "Reshape", "ExpandDims"]);

function sharing(kernel: Kernel): Kernel {
  return (call) => {
    for (const tensor of Object.values(call.inputs)) if (tensor) call.backend.share(tensor);
    return kernel(call);
  };
}

/** Registers all kernels of tfjs-backend-cpu under our name. */
export function registerFallbacks(): void {
  for (const { kernelName, kernelFunc } of getKernelsForBackend("cpu")) {
    const kernel = kernelFunc as unknown as Kernel;
    register(kernelName, transparent.has(kernelName) ? kernel : sharing(kernel));
  }
}

function register(kernelName: string, kernel: Kernel): void {
  if (getKernel(kernelName, backendName)) unregisterKernel(kernelName, backendName); // else tfjs warns
  registerKernel({ kernelName, backendName, kernelFunc: kernel as unknown as KernelConfig["kernelFunc"] });
}

/** Puts `kernel` in the place of tfjs-backend-cpu's; returning undefined hands the call on to that one. */
export function accelerate(
  kernelName: string,
  kernel: (call: KernelCall) => TensorInfo | TensorInfo[] | undefined,
): void {
  const replaced = getKernel(kernelName, backendName)?.kernelFunc as unknown as Kernel | undefined;
  register(kernelName, (call) => {
    const result = kernel(call) ?? replaced?.(call);
    if (result === undefined)
      throw new Error(
        `kernel ${kernelName} has no form for ${Object.values(call.inputs)
          .map((tensor) => `${tensor?.dtype} [${tensor?.shape.join(", ")}]`)
          .join(" and ")}`,
      );
    return result;
  });
}
