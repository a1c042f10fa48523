/**
 * The kernels that are compared: ours from dist/, and the peers that can be had.
 *
 * tslab and deno (both from npm) are looked for in `$MARGINALIA_KERNEL_PEERS/node_modules/.bin`, else on the PATH;
 * ipykernel in `$MARGINALIA_PYTHON`, else in `python3`.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { findKernel, type Kernel } from "../../src/runner/client/kernelspecs.ts";

export interface Contender {
  readonly name: string;
  /** The kernel with how it is started; undefined when it is not installed. */
  readonly kernel: Kernel | undefined;
  readonly language: "typescript" | "python";
}

function onPath(command: string): string | undefined {
  const peers = process.env.MARGINALIA_KERNEL_PEERS;
  const folders = [
    ...(peers ? [path.join(peers, "node_modules", ".bin")] : []),
    ...(process.env.PATH ?? "").split(path.delimiter),
  ];
  return folders.map((folder) => path.join(folder, command)).find((file) => existsSync(file));
}

function pythonWith(module: string): string | undefined {
  const python = process.env.MARGINALIA_PYTHON ?? "python3";
  try {
    execFileSync(python, ["-c", `import ${module}`], { stdio: "ignore" });
    return python;
  } catch {
    return undefined;
  }
}

function kernel(name: string, command: string | undefined, more: readonly string[]): Kernel | undefined {
  if (!command) return undefined;
  const argv = [command, ...more];
  return { name, argv, display_name: name, language: "", interrupt_mode: "signal", env: {}, resourceFolder: "" };
}

export function contenders(): Contender[] {
  const file = "{connection_file}";
  return [
    { name: "marginalia", kernel: findKernel(), language: "typescript" },
    {
      name: "deno",
      kernel: kernel("deno", onPath("deno"), ["jupyter", "--kernel", "--conn", file]),
      language: "typescript",
    },
    {
      name: "tslab",
      kernel: kernel("tslab", onPath("tslab"), ["kernel", "--config-path", file]),
      language: "typescript",
    },
    {
      name: "ipykernel",
      kernel: kernel("ipykernel", pythonWith("ipykernel"), ["-m", "ipykernel_launcher", "-f", file]),
      language: "python",
    },
  ];
}
