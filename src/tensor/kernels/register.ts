/**
 * How kernels reach tfjs: every kernel of tfjs-backend-cpu is registered for `marginalia`, then ours take the place of
 * those they speed up, and pass on what they do not cover (complex numbers, strings, some integers) to the one they
 * replaced.
 */
import type { KernelConfig, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs";
import { AllocationError, BACKEND_NAME, type MarginaliaBackend } from "../backend.ts";
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

/** tfjs-backend-cpu's writes into the very tensor that it is given: it gets a copy. */
function onCopy(kernel: Kernel): Kernel {
  return (call) => {
    const { tensor } = call.inputs;
    const values = call.backend.data.get(tensor.dataId) as { values: Float32Array };
    const copy = call.backend.makeTensorInfo(tensor.shape, tensor.dtype, values.values.slice());
    try {
      return kernel({ ...call, inputs: { ...call.inputs, tensor: copy } });
    } finally {
      call.backend.disposeIntermediateTensorInfo(copy);
    }
  };
}

/** Registers all kernels of tfjs-backend-cpu under our name. */
export function registerFallbacks(): void {
  for (const { kernelName, kernelFunc } of getKernelsForBackend("cpu")) {
    const kernel = kernelFunc as unknown as Kernel;
    const own = kernelName === "TensorScatterUpdate" ? onCopy(kernel) : kernel;
    register(kernelName, transparent.has(kernelName) ? own : sharing(own));
  }
}

function register(kernelName: string, kernel: Kernel): void {
  if (getKernel(kernelName, BACKEND_NAME)) unregisterKernel(kernelName, BACKEND_NAME); // else tfjs warns
  registerKernel({
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: kernel as unknown as KernelConfig["kernelFunc"],
  });
}

function named<Result>(kernelName: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw new AllocationError(`${kernelName}: ${error.message}`, { cause: error.cause });
  }
}

/** Puts `kernel` in the place of tfjs-backend-cpu's; returning undefined hands the call on to that one. */
export function accelerate(
  kernelName: string,
  kernel: (call: KernelCall) => TensorInfo | TensorInfo[] | undefined,
): void {
  const replaced = getKernel(kernelName, BACKEND_NAME)?.kernelFunc as unknown as Kernel | undefined;
  register(kernelName, (call) => {
    const result = named(kernelName, () => kernel(call)) ?? replaced?.(call);
    if (result === undefined)
      throw new Error(
        `kernel ${kernelName} has no form for ${Object.values(call.inputs)
          .map((tensor) => `${tensor?.dtype} [${tensor?.shape.join(", ")}]`)
          .join(" and ")}`,
      );
    return result;
  });
}
