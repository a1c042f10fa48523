/** Finds the kernel that --kernel names: our own, an installed kernelspec of Jupyter's, or a kernel.json file. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { KERNEL_NAME, kernelSpec, kernelspecFolder } from "../../kernel/install/kernelspec.ts";
import { InputError } from "../../base/input-error.ts";

const specSchema = z.object({
  argv: z.array(z.string()).min(1),
  display_name: z.string(),
  language: z.string(),
  interrupt_mode: z.enum(["signal", "message"]).default("signal"),
  env: z.record(z.string(), z.string()).default({}),
});

/** A kernel that can be started; `resourceFolder` is where its kernel.json lies. */
export interface Kernel extends z.infer<typeof specSchema> {
  readonly name: string;
  readonly resourceFolder: string;
}

/** `which` is a kernelspec's name or the path of a kernel.json. Throws an InputError that lists what there is. */
export function findKernel(which: string = KERNEL_NAME, environment: NodeJS.ProcessEnv = process.env): Kernel {
  if (which === KERNEL_NAME) return { ...specSchema.parse(kernelSpec()), name: which, resourceFolder: "" };
  if (isKernelFile(which)) return readKernel(which, path.basename(path.dirname(path.resolve(which))));
  const folders = kernelFolders(environment);
  for (const folder of folders) {
    // Names are compared in lower case, as Jupyter does.
    const found = namesIn(folder).find((name) => name.toLowerCase() === which.toLowerCase());
    if (found) return readKernel(path.join(folder, found, "kernel.json"), found);
  }
  const known = [...new Set([KERNEL_NAME, ...folders.flatMap(namesIn)])].join(", ");
  throw new InputError(`no kernel "${which}"; there are ${known}, or give the path of a kernel.json`);
}

/** Whether a kernel is given by a file, and not by the name of a kernelspec. */
export function isKernelFile(which: string): boolean {
  return which.endsWith(".json") || /[/\\]/.test(which);
}

function readKernel(file: string, name: string): Kernel {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new InputError(`cannot read the kernelspec ${file}: ${(error as Error).message}`, { cause: error });
  }
  const checked = specSchema.safeParse(content);
  if (!checked.success) throw new InputError(`${file} is no kernelspec: ${z.prettifyError(checked.error)}`);
  return { ...checked.data, name, resourceFolder: path.dirname(path.resolve(file)) };
}

/** Where Jupyter looks for kernelspecs, in its order. */
function kernelFolders(environment: NodeJS.ProcessEnv): string[] {
  const prefixes = [environment.VIRTUAL_ENV, environment.CONDA_PREFIX].filter((prefix) => prefix !== undefined);
  const system =
    process.platform === "win32"
      ? [path.join(environment.PROGRAMDATA ?? "C:\\ProgramData", "jupyter")]
      : ["/usr/local/share/jupyter", "/usr/share/jupyter"];
  return [
    ...(environment.JUPYTER_PATH?.split(path.delimiter) ?? []).map((folder) => path.join(folder, "kernels")),
    path.dirname(kernelspecFolder("user", environment)),
    ...prefixes.map((prefix) => path.join(prefix, "share", "jupyter", "kernels")),
    ...system.map((folder) => path.join(folder, "kernels")),
  ];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // most of the places do not exist
  }
}
